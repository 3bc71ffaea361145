package repl_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"regent/cluster/bully"
	"regent/cluster/clustertest"
	"regent/cluster/peer"
	"regent/cluster/repl"
	"regent/resp"
)

const (
	leader   = 1
	follower = 2
	epoch    = 7
)

// A node follows its leader whatever comes, and holds what it is given.
type node struct {
	log     *clustertest.Log
	applied *atomic.Int64
	moved   chan struct{}
	unsure  *atomic.Bool  // it vouches for nothing that it holds
	turned  *atomic.Bool  // it follows another by now
	forgot  *atomic.Bool  // it does not vouch for its answers
	behind  *atomic.Int64 // how much of its log is not durable
	appends *atomic.Int64 // how often it was given records
	commit  *atomic.Int64 // the highest it was told
}

func newNode(log *clustertest.Log) node {
	return node{log, &atomic.Int64{}, make(chan struct{}, 1), &atomic.Bool{}, &atomic.Bool{}, &atomic.Bool{}, &atomic.Int64{}, &atomic.Int64{}, &atomic.Int64{}}
}

func (n node) Await(int64) (bool, int64) { return true, epoch }
func (n node) Cut(_, off int64) error    { return n.log.Stream().Truncate(off) }
func (n node) Append(_, off int64, records []byte, commit int64) (int64, bool, error) {
	if n.turned.Load() {
		return 0, false, nil
	}
	n.commit.Store(max(commit, n.commit.Load())) // one goroutine at a time
	if len(records) > 0 {
		n.appends.Add(1)
		if err := n.log.Stream().AppendRaw(off, records); err != nil {
			return 0, false, err
		}
	}
	return n.Durable(epoch), true, nil
}
func (n node) Apply(bool) {}
func (n node) Durable(int64) int64 {
	if n.unsure.Load() {
		return 0
	}
	return n.log.End() - n.behind.Load()
}
func (n node) Vouches() bool { return !n.forgot.Load() }

func (n node) Broken(int64) (bool, error) { return false, nil }

func (n node) Applied() int64 { return n.applied.Load() }
func (n node) Synced() int64  { return 0 }
func (n node) Opened(int64)   {}
func (n node) Heard()         {}
func (n node) AwaitApplied(int64) <-chan struct{} {
	n.tell()
	return n.moved
}

func (n node) tell() {
	select {
	case n.moved <- struct{}{}:
	default:
	}
}

// A stream is the leader's end of one to a receiver with an empty log, opened.
type stream struct {
	t    *testing.T
	conn *peer.Conn
	node node
	r    *repl.Receiver
}

func open(t *testing.T) *stream { return openAs(t, false) }

// openAs is open over a connection that is the receiver's own, or not.
func openAs(t *testing.T, own bool) *stream {
	t.Helper()
	s := openWith(t, own, clustertest.NewLog(), "0", "0", "0", "1", "")
	if f := s.next(); f.Type != peer.Ready {
		t.Fatalf("%s in answer to OPEN", f.Type)
	}
	return s
}

// openOn begins a stream to a receiver that has a log.
func openOn(t *testing.T, log *clustertest.Log, openArgs ...string) *stream {
	return openWith(t, false, log, openArgs...)
}

func openWith(t *testing.T, own bool, log *clustertest.Log, openArgs ...string) *stream {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const limit = 5 * time.Second
	opened := make(chan *peer.Conn, 1)
	go func() {
		defer close(opened)
		raw, err := l.Accept()
		if err != nil {
			return
		}
		v, err := resp.NewReader(raw, resp.DefaultLimits()).Read()
		if err != nil {
			return
		}
		var words [][]byte
		for _, e := range v.Elems {
			words = append(words, e.Text)
		}
		h, nonce, err := peer.ParseHello(words)
		if err != nil {
			return
		}
		a := peer.Acceptor{Cluster: peer.Unknown, Limit: limit, Proved: func() (string, *bully.Configuration) { return "", nil }}
		if conn, err := a.Accept(raw, nil, h, nonce); err == nil {
			opened <- conn
		}
	}()
	d := peer.Dialer{Limit: limit}
	conn, err := d.Dial(context.Background(), l.Addr().String(),
		peer.Hello{Cluster: peer.Unknown, From: leader, To: follower, Kind: peer.Stream, Process: peer.NewProcess()})
	if err != nil {
		t.Fatal(err)
	}
	n := newNode(log)
	in := <-opened
	if own {
		in.Own(true)
	}
	r := &repl.Receiver{
		Conn: in, Stream: log.Stream(), Node: n, Self: follower,
		Cluster: func() string { return peer.Unknown }, Learn: func(*peer.Frame) error { return nil }, Patience: limit,
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Run() }()
	t.Cleanup(func() {
		conn.Close()
		if err := <-ended; err != io.EOF && !t.Failed() && !n.turned.Load() {
			t.Errorf("the receiver ended: %v", err)
		}
	})
	s := &stream{t, conn, n, r}
	s.send(s.frame(peer.Open, openArgs...))
	return s
}

func (s *stream) frame(t peer.Type, args ...string) []byte {
	f := peer.Frame{Type: t, Cluster: peer.Unknown, From: leader, To: follower, Epoch: epoch}
	for _, a := range args {
		f.Args = append(f.Args, []byte(a))
	}
	return peer.AppendFrame(nil, &f)
}

// send sends frames in one piece, as they arrive when the follower was slow.
func (s *stream) send(frames ...[]byte) {
	s.t.Helper()
	var all []byte
	for _, f := range frames {
		all = append(all, f...)
	}
	if _, err := s.conn.Write(all); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stream) next() *peer.Frame {
	s.t.Helper()
	_ = s.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	var f peer.Frame
	if err := s.conn.Next(&f); err != nil {
		s.t.Fatal(err)
	}
	return &f
}

// held waits for an acknowledgement up to an offset, and passes over others.
func (s *stream) held(upto string) {
	s.t.Helper()
	for {
		f := s.next()
		if f.Type == peer.Held && string(f.Args[0]) == upto {
			return
		}
	}
}

// TestEveryPieceIsAcknowledged: what is read together with something else than
// data is acknowledged as well, and at once: a handover waits for it, and
// nothing more may come.
func TestEveryPieceIsAcknowledged(t *testing.T) {
	set := string(resp.AppendCommand(nil, "SET", "k", "v"))
	const size = "27" // of it in bytes
	t.Run("alone", func(t *testing.T) {
		s := open(t)
		s.send(s.frame(peer.Data, "0", "0", set))
		s.held(size)
	})
	t.Run("two pieces", func(t *testing.T) {
		s := open(t)
		s.send(s.frame(peer.Data, "0", "0", set), s.frame(peer.Data, size, "0", set))
		s.held("54")
	})
	t.Run("and a commit offset", func(t *testing.T) {
		s := open(t)
		s.send(s.frame(peer.Data, "0", "0", set), s.frame(peer.Commit, "0"))
		s.held(size)
	})
	t.Run("and a question", func(t *testing.T) {
		s := open(t)
		s.send(s.frame(peer.Data, "0", "0", set), s.frame(peer.Ask, "1"))
		s.held(size)
	})
	t.Run("part of a record, and a commit offset", func(t *testing.T) {
		s := open(t)
		s.send(s.frame(peer.Data, "0", "0", set[:9]), s.frame(peer.Commit, "0"))
		s.held("9")
	})
}

// TestPiecesAreJoined: what has come together is appended together, and what came with it
// counts all the same.
func TestPiecesAreJoined(t *testing.T) {
	set := string(resp.AppendCommand(nil, "SET", "k", "v")) // 27 bytes
	data := func(s *stream, off, commit int) []byte {
		return s.frame(peer.Data, fmt.Sprint(off), fmt.Sprint(commit), set)
	}
	t.Run("pieces", func(t *testing.T) {
		s := open(t)
		const rounds = 50
		for i := range rounds {
			at := i * 81
			s.send(data(s, at, at), data(s, at+27, at+27), data(s, at+54, at+54))
			s.held(fmt.Sprint(at + 81))
		}
		if n := s.node.appends.Load(); n >= 3*rounds {
			t.Errorf("%d appends of %d pieces", n, 3*rounds)
		}
		if at := s.node.commit.Load(); at != 50*81-27 {
			t.Errorf("committed up to %d, it says", at)
		}
	})
	t.Run("a part of a record among them", func(t *testing.T) {
		s := open(t)
		s.send(s.frame(peer.Data, "0", "0", set+set[:9]), s.frame(peer.Data, "36", "0", set[9:]+set), data(s, 81, 0))
		s.held("108")
		if end := s.node.log.End(); end != 108 {
			t.Errorf("the log ends at %d", end)
		}
	})
	t.Run("a question behind them", func(t *testing.T) {
		s := open(t)
		s.send(data(s, 0, 0), data(s, 27, 27), s.frame(peer.Ask, "1"))
		if f := s.next(); f.Type != peer.Answer {
			t.Fatal(f.Type)
		}
		if end, commit := s.node.log.End(), s.node.commit.Load(); end != 54 || commit != 27 {
			t.Errorf("when it is answered the log ends at %d, committed up to %d", end, commit)
		}
		s.held("54")
	})
	t.Run("more than is joined", func(t *testing.T) {
		s := open(t)
		long := string(resp.AppendCommand(nil, "SET", "k", strings.Repeat("x", 20<<10)))
		var frames [][]byte
		for i := range 10 {
			frames = append(frames, s.frame(peer.Data, fmt.Sprint(i*len(long)), "0", long))
		}
		s.send(frames...)
		s.held(fmt.Sprint(10 * len(long)))
	})
}

// TestWhatNobodyWaitsForIsAcknowledgedLater: by one HELD for many pieces, although nothing
// more comes; and at once when somebody waits, or for a piece that is waited for.
func TestWhatNobodyWaitsForIsAcknowledgedLater(t *testing.T) {
	t.Run("by a timer", func(t *testing.T) { acknowledgedLater(t, false) })
	t.Run("by the receiver itself", func(t *testing.T) { acknowledgedLater(t, true) })
}

func acknowledgedLater(t *testing.T, own bool) {
	set := string(resp.AppendCommand(nil, "SET", "k", "v")) // 27 bytes
	// more sends pieces up to 27 n, each when the one before is in the log.
	more := func(s *stream, from, n int) {
		for i := from; i < n; i++ {
			f := peer.Frame{Type: peer.Data, Seq: 1, Cluster: peer.Unknown, From: leader, To: follower, Epoch: epoch}
			f.Args = [][]byte{[]byte(fmt.Sprint(27 * i)), []byte("0"), []byte(set)}
			s.send(peer.AppendFrame(nil, &f))
			for s.node.log.End() < int64(27*(i+1)) {
				runtime.Gosched()
			}
		}
	}
	t.Run("and nothing more comes", func(t *testing.T) {
		s := openAs(t, own)
		more(s, 0, 100)
		s.held("2700")
	})
	t.Run("somebody asks", func(t *testing.T) {
		s := openAs(t, own)
		more(s, 0, 100)
		s.send(s.frame(peer.Await, "2700"))
		s.node.applied.Store(2700)
		s.node.tell()
		for last := ""; ; {
			switch f := s.next(); {
			case f.Type == peer.Held:
				last = string(f.Args[0])
			case f.Type == peer.Applied && last != "2700":
				t.Fatalf("applied is told, and held up to %s", last)
			case f.Type == peer.Applied && string(f.Args[0]) == "2700":
				return
			}
		}
	})
	t.Run("a piece that is waited for", func(t *testing.T) {
		s := openAs(t, own)
		more(s, 0, 50)
		s.send(s.frame(peer.Data, "1350", "0", set))
		s.held("1377")
		more(s, 51, 60)
		s.held("1620")
	})
	t.Run("they never say less", func(t *testing.T) {
		s := openAs(t, own)
		go more(s, 0, 2000)
		for last := 0; last < 54000; {
			f := s.next()
			n, err := strconv.Atoi(string(f.Args[0]))
			if f.Type != peer.Held || err != nil || n < last {
				t.Fatalf("%s %s after %d", f.Type, f.Args[0], last)
			}
			last = n
		}
	})
}

// TestAwaitedIsTold: what is applied is told as soon as it is, to a leader that
// waits for it, until it has got there, and to no other.
func TestAwaitedIsTold(t *testing.T) {
	s := open(t)
	told := func(want string) {
		t.Helper()
		if f := s.next(); f.Type != peer.Applied || string(f.Args[0]) != want {
			t.Fatalf("%s %q where APPLIED %s should stand", f.Type, f.Args, want)
		}
	}
	apply := func(off int64) { s.node.applied.Store(off); s.node.tell() }
	apply(5) // before anybody asks
	s.send(s.frame(peer.Await, "20"))
	told("5")
	apply(12)
	told("12")
	s.send(s.frame(peer.Await, "30"))
	apply(21)
	told("21")
	apply(30)
	told("30")
	apply(40) // nobody waits for that
	s.send(s.frame(peer.Ask, "1"))
	if f := s.next(); f.Type != peer.Answer {
		t.Fatalf("%s %q that nobody asked for", f.Type, f.Args)
	}
	s.send(s.frame(peer.Await, "40"))
	told("40")
}

// TestWhatIsVouchedForLaterIsTold: a follower that holds the log and did not vouch for it
// tells the leader once it does. Clients wait for that, and no more data may come.
func TestWhatIsVouchedForLaterIsTold(t *testing.T) {
	set := string(resp.AppendCommand(nil, "SET", "k", "v"))
	const size = "27" // of it in bytes
	for name, tell := range map[string]func(s *stream) error{
		"when it knows":       func(s *stream) error { return s.r.Tell() },
		"when somebody waits": func(s *stream) error { s.send(s.frame(peer.Await, size)); return nil },
		"and it is told once": func(s *stream) error { return errors.Join(s.r.Tell(), s.r.Tell()) },
		"and no more than that": func(s *stream) error {
			return errors.Join(s.node.log.Stream().AppendRaw(27, resp.AppendCommand(nil, "PING")), s.r.Tell())
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			s.node.unsure.Store(true)
			s.send(s.frame(peer.Data, "0", "0", set))
			if f := s.next(); f.Type != peer.Held || string(f.Args[0]) != size || string(f.Args[1]) != "0" {
				t.Fatalf("%s %q, and it vouches for nothing", f.Type, f.Args)
			}
			s.node.unsure.Store(false)
			if err := tell(s); err != nil {
				t.Fatal(err)
			}
			for {
				f := s.next()
				if f.Type != peer.Held {
					continue
				}
				if string(f.Args[0]) != size || string(f.Args[1]) != size {
					t.Fatalf("HELD %q, want %s, durably", f.Args, size)
				}
				break
			}
			s.send(s.frame(peer.Ask, "1"))
			for f := s.next(); f.Type != peer.Answer; f = s.next() {
				if f.Type == peer.Held {
					t.Fatal("it is told twice")
				}
			}
		})
	}
}

// TestWhatIsNotDurableIsNotSaidToBe: an acknowledgement tells what was received, and of that
// what is durable.
func TestWhatIsNotDurableIsNotSaidToBe(t *testing.T) {
	set := string(resp.AppendCommand(nil, "SET", "k", "v")) // 27 bytes
	s := open(t)
	s.node.behind.Store(7)
	s.send(s.frame(peer.Data, "0", "0", set))
	if f := s.next(); f.Type != peer.Held || string(f.Args[0]) != "27" || string(f.Args[1]) != "20" {
		t.Errorf("%s %q, and 20 of 27 bytes are durable", f.Type, f.Args)
	}
}

// TestWhoAnswersARound: a follower of this leader that vouches for what it says, and no other.
func TestWhoAnswersARound(t *testing.T) {
	t.Run("one that does not vouch is silent", func(t *testing.T) {
		s := open(t)
		s.node.forgot.Store(true)
		s.send(s.frame(peer.Ask, "1"), s.frame(peer.Data, "0", "0", string(resp.AppendCommand(nil, "PING"))))
		if f := s.next(); f.Type != peer.Held {
			t.Errorf("%s %q", f.Type, f.Args)
		}
	})
	t.Run("one that has turned away says so", func(t *testing.T) {
		s := open(t)
		s.node.turned.Store(true)
		s.send(s.frame(peer.Ask, "1"))
		if f := s.next(); f.Type != peer.Refuse {
			t.Errorf("%s %q", f.Type, f.Args)
		}
	})
}

// TestAPieceThatDoesNotFollow ends the stream, and nothing of it is held.
func TestAPieceThatDoesNotFollow(t *testing.T) {
	ping := string(resp.AppendCommand(nil, "PING"))
	for _, at := range []string{"1", "0"} {
		t.Run("at "+at, func(t *testing.T) {
			s := open(t)
			s.send(s.frame(peer.Data, "0", "0", ping))
			s.held(strconv.Itoa(len(ping)))
			s.send(s.frame(peer.Data, at, "0", ping))
			var f peer.Frame
			_ = s.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			if err := s.conn.Next(&f); err != io.EOF {
				t.Errorf("%s %q, %v", f.Type, f.Args, err)
			}
			s.node.turned.Store(true) // the stream has ended with an error, as is due
		})
	}
}

// TestAStreamBeginsAtTheCommonPoint: what the leader does not have is cut off before READY.
func TestAStreamBeginsAtTheCommonPoint(t *testing.T) {
	log := clustertest.NewLog()
	common, err := log.Stream().BeginEpoch(1, leader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Stream().BeginEpoch(2, follower); err != nil { // of which nobody heard
		t.Fatal(err)
	}
	end := strconv.FormatInt(common, 10)
	s := openOn(t, log, "0", end, "0", "1", fmt.Sprintf("1:%d:0", leader))
	f := s.next()
	if f.Type != peer.Ready || string(f.Args[0]) != end || log.End() != common {
		t.Errorf("%s %q, and the log ends at %d; both have the log up to %d", f.Type, f.Args, log.End(), common)
	}
}
