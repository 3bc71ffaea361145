package repl_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"regent/cluster/clustertest"
	"regent/cluster/peer"
	"regent/cluster/repl"
	"regent/engine"
	"regent/resp"
)

// patience of the streams in these tests.
const patience = time.Second

// fill writes n bytes that say where they are.
func fill(n int, seed byte) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i>>12) ^ byte(i)*5 + seed
	}
	return p
}

// add appends a unit to a leader's log: SET of a value, or two in a transaction.
func add(t rapid.TB, log *clustertest.Log, size int, two bool) {
	t.Helper()
	e := &engine.Effects{}
	for i := range 2 {
		e.Buf = resp.AppendCommand(e.Buf, []byte("SET"), []byte("k"), fill(size, byte(i)))
		e.Recs = append(e.Recs, engine.Effect{End: len(e.Buf)})
		if !two {
			break
		}
	}
	log.Append(e)
	if err := log.Seal(); err != nil {
		t.Fatal(err)
	}
}

func leaderLog(t rapid.TB, at int64) *clustertest.Log {
	t.Helper()
	log := clustertest.NewLog()
	if _, err := log.Stream().BeginEpoch(at, leader); err != nil {
		t.Fatal(err)
	}
	return log
}

// A breaking connection ends after so many bytes were written to it.
type breaking struct {
	net.Conn
	left atomic.Int64
}

func (b *breaking) Write(p []byte) (n int, err error) {
	left := b.left.Add(-int64(len(p)))
	if left >= 0 {
		return b.Conn.Write(p)
	}
	n, _ = b.Conn.Write(p[:max(0, int64(len(p))+left)])
	_ = b.Conn.Close()
	return n, io.ErrClosedPipe
}

// A follower that streams come to, one after the other.
type replica struct {
	node node
	part repl.Part
}

func newReplica() *replica {
	return &replica{node: newNode(clustertest.NewLog())}
}

// take runs one stream of a leader's log until the follower holds it, or until
// so many bytes of the leader's were sent. It returns how many were.
func (r *replica) take(t rapid.TB, log *clustertest.Log, at int64, bytes int64) (sent int64) {
	t.Helper()
	atLeader, atFollower := net.Pipe()
	cut := &breaking{Conn: atLeader}
	cut.left.Store(bytes)
	conn, other := peer.Pair(cut, atFollower, leader, follower)
	recv := repl.Receiver{
		Conn: other, Stream: r.node.log.Stream(), Node: r.node, Self: follower, Part: &r.part,
		Cluster: func() string { return peer.Unknown }, Learn: func(*peer.Frame) error { return nil }, Patience: patience,
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	s := repl.NewSender(repl.SenderConfig{
		Stream: log.Stream(), Self: leader, Peer: follower, Epoch: at, Patience: patience,
		Cluster: func() string { return peer.Unknown }, Commit: func() int64 { return 0 },
		Opened: func(int64) {}, Asked: func() int64 { return 0 }, Answered: func(int64, int64) {},
		Awaited: func() int64 { return 0 }, Applied: func(int64) {},
		Held: func(p repl.Progress) {
			if p.Durable == log.End() {
				stop()
			}
		},
	}, conn)
	ended := make(chan error, 1)
	go func() { ended <- recv.Run() }()
	_ = s.Run(ctx)
	<-ended
	return bytes - cut.left.Load()
}

// TestStreamsGoOnInsideAUnit: however often and wherever a stream breaks, the follower
// gets the leader's bytes, and what it held is not sent again.
func TestStreamsGoOnInsideAUnit(t *testing.T) {
	const frame = 256<<10 + 600 // the most that can be lost with a stream, in bytes
	rapid.Check(t, func(t *rapid.T) {
		log, r := leaderLog(t, epoch), newReplica()
		defer r.part.Drop()
		sizes := rapid.OneOf(rapid.IntRange(0, 100), rapid.IntRange(200<<10, 300<<10), rapid.IntRange(1<<20, 3<<20))
		for range rapid.IntRange(1, 4).Draw(t, "units") {
			add(t, log, sizes.Draw(t, "size"), rapid.Bool().Draw(t, "transaction"))
		}
		for n := 0; r.node.log.End() < log.End(); n++ {
			limit := rapid.OneOf(rapid.Int64Range(0, 2000), rapid.Int64Range(0, 1<<20), rapid.Int64Range(frame+1000, frame+5000)).Draw(t, "bytes")
			if most := 22 + int(log.End()/frame); n > most {
				t.Fatalf("%d streams, and the follower has %d of %d bytes", n, r.node.log.End(), log.End())
			}
			if n > 20 {
				limit = 2 * frame // a stream that sends that much gets on
			}
			before := r.node.log.End() + int64(r.part.Len())
			cut := r.take(t, log, epoch, limit) >= limit // not so if a starved machine ends it first
			if now := r.node.log.End() + int64(r.part.Len()); now < before || cut && now-before < limit-frame-2000 && now < log.End() {
				t.Fatalf("a stream of %d bytes has brought the follower from %d to %d", limit, before, now)
			}
		}
		if !bytes.Equal(r.node.log.Bytes(), log.Bytes()) {
			t.Fatal("the follower holds other bytes than the leader")
		}
		if r.part.Len() > 0 {
			t.Fatalf("%d bytes are held of nothing", r.part.Len())
		}
	})
}

// TestAPartIsNotJoinedToSomethingElse: another leader's bytes, or fewer of them, do not
// become the rest of what is held.
func TestAPartIsNotJoinedToSomethingElse(t *testing.T) {
	const size, cut = 2 << 20, 1 << 20
	for name, c := range map[string]struct {
		epoch  int64 // of the second stream
		other  func(t *testing.T, log *clustertest.Log) *clustertest.Log
		goesOn bool
	}{
		"the same": {epoch, func(_ *testing.T, log *clustertest.Log) *clustertest.Log { return log }, true},
		"more than before": {epoch, func(t *testing.T, log *clustertest.Log) *clustertest.Log {
			add(t, log, 5, false)
			return log
		}, true},
		"another epoch": {epoch + 1, func(t *testing.T, log *clustertest.Log) *clustertest.Log {
			if _, err := log.Stream().BeginEpoch(epoch+1, leader); err != nil {
				t.Fatal(err)
			}
			return log
		}, false},
		"one bit differs": {epoch, func(t *testing.T, _ *clustertest.Log) *clustertest.Log {
			log := leaderLog(t, epoch)
			value := fill(size, 0)
			value[cut/2] ^= 1
			e := &engine.Effects{Buf: resp.AppendCommand(nil, []byte("SET"), []byte("k"), value)}
			e.Recs = []engine.Effect{{End: len(e.Buf)}}
			log.Append(e)
			if err := log.Seal(); err != nil {
				t.Fatal(err)
			}
			return log
		}, false},
		"another unit": {epoch, func(t *testing.T, _ *clustertest.Log) *clustertest.Log {
			log := leaderLog(t, epoch)
			for range 4 {
				add(t, log, cut/2, false)
			}
			return log
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			log, r := leaderLog(t, epoch), newReplica()
			defer r.part.Drop()
			add(t, log, size, false)
			r.take(t, log, epoch, cut)
			held := int64(r.part.Len())
			if held < cut/2 {
				t.Fatalf("%d bytes are held", held)
			}
			log = c.other(t, log)
			sent := r.take(t, log, c.epoch, 1<<30)
			if !bytes.Equal(r.node.log.Bytes(), log.Bytes()) {
				t.Fatalf("the follower holds other bytes than the leader: %d of %d, and %d of a part", r.node.log.End(), log.End(), r.part.Len())
			}
			if again := sent > log.End()-held+4000; again == c.goesOn {
				t.Errorf("%d bytes were sent, %d of %d were held", sent, held, log.End())
			}
			if r.part.Len() > 0 {
				t.Errorf("%d bytes are held of nothing", r.part.Len())
			}
		})
	}
}

// A slow node takes its time to append, or to be asked.
type slow struct {
	node
	takes time.Duration
}

func (s slow) Append(epoch, off int64, records []byte, commit int64) (int64, bool, error) {
	if len(records) > 0 {
		time.Sleep(s.takes)
	}
	return s.node.Append(epoch, off, records, commit)
}

// A full connection takes nothing more than so many bytes before they are read, as a
// socket does.
func pipe(buffer int) (net.Conn, net.Conn) {
	a, b := net.Pipe()
	return a, &buffered{Conn: b, room: make(chan []byte, buffer>>16), done: make(chan struct{})}
}

type buffered struct {
	net.Conn
	room chan []byte
	rest []byte
	done chan struct{}
	once sync.Once
}

func (b *buffered) Close() error {
	b.once.Do(func() { close(b.done) })
	return b.Conn.Close()
}

// fills reads ahead until the room is full.
func (b *buffered) fills() {
	for {
		p := make([]byte, 64<<10)
		n, err := b.Conn.Read(p)
		if n > 0 {
			select {
			case b.room <- p[:n]:
			case <-b.done:
				return
			}
		}
		if err != nil {
			close(b.room)
			return
		}
	}
}

func (b *buffered) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		next, ok := <-b.room
		if !ok {
			return 0, io.EOF
		}
		b.rest = next
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *buffered) SetReadDeadline(time.Time) error { return nil }

// TestProgressKeepsAStream: a follower that appends for long is waited for, as long as
// it says so, and one that says nothing is not.
func TestProgressKeepsAStream(t *testing.T) {
	for name, c := range map[string]struct {
		takes time.Duration
		keeps bool
	}{
		"at once":                  {0, true},
		"ten times the patience":   {10 * patience, true},
		"longer than anybody says": {10 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := leaderLog(t, epoch)
				for range 12 { // so that there is something to send meanwhile
					add(t, log, 1<<20, false)
				}
				r := newReplica()
				a, b := pipe(1 << 20)
				go b.(*buffered).fills()
				conn, other := peer.Pair(a, b, leader, follower)
				recv := repl.Receiver{
					Conn: other, Stream: r.node.log.Stream(), Node: slow{r.node, c.takes}, Self: follower,
					Cluster: func() string { return peer.Unknown }, Learn: func(*peer.Frame) error { return nil }, Patience: patience,
				}
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				said := 0
				s := repl.NewSender(repl.SenderConfig{
					Stream: log.Stream(), Self: leader, Peer: follower, Epoch: epoch, Patience: patience,
					Cluster: func() string { return peer.Unknown }, Commit: func() int64 { return 0 },
					Opened: func(int64) {}, Asked: func() int64 { return 0 }, Answered: func(int64, int64) {},
					Awaited: func() int64 { return 0 }, Applied: func(int64) {},
					Held: func(p repl.Progress) {
						if said++; p.Durable == log.End() {
							stop()
						}
					},
				}, conn)
				ended := make(chan error, 1)
				go func() { ended <- recv.Run() }()
				began := time.Now()
				err := s.Run(ctx)
				whole := bytes.Equal(r.node.log.Bytes(), log.Bytes())
				if !c.keeps && errors.Is(err, context.Canceled) || whole != c.keeps {
					t.Errorf("ended after %v, all held: %v: %v", time.Since(began), whole, err)
				}
				if c.takes > patience && said < int(c.takes/patience) && c.keeps {
					t.Errorf("%d words in %v", said, time.Since(began))
				}
				_ = b.Close()
				<-ended
			})
		})
	}
}

// TestASilentFollowerIsGivenUp: it takes nothing and says nothing.
func TestASilentFollowerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := leaderLog(t, epoch)
		add(t, log, 4<<20, false)
		a, b := net.Pipe()
		conn, other := peer.Pair(a, b, leader, follower)
		s := repl.NewSender(repl.SenderConfig{
			Stream: log.Stream(), Self: leader, Peer: follower, Epoch: epoch, Patience: patience,
			Cluster: func() string { return peer.Unknown }, Commit: func() int64 { return 0 },
			Opened: func(int64) {}, Asked: func() int64 { return 0 }, Answered: func(int64, int64) {},
			Awaited: func() int64 { return 0 }, Applied: func(int64) {}, Held: func(repl.Progress) {},
		}, conn)
		ended := make(chan error, 1)
		go func() { ended <- s.Run(t.Context()) }()
		var f peer.Frame
		if err := other.Next(&f); err != nil || f.Type != peer.Open {
			t.Fatal(f.Type, err)
		}
		ready := peer.Frame{Type: peer.Ready, Cluster: peer.Unknown, From: follower, To: leader, Epoch: epoch, Args: [][]byte{[]byte("0")}}
		if _, err := other.Write(peer.AppendFrame(nil, &ready)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := <-ended; err == nil || time.Since(began) != patience {
			t.Errorf("given up after %v: %v", time.Since(began), err)
		}
	})
}

// A thorough stream takes its time before it gives the first byte.
type thorough struct {
	engine.Stream
	takes time.Duration
}

func (s thorough) NewReader(off int64) (engine.StreamReader, error) {
	r, err := s.Stream.NewReader(off)
	return thoroughReader{r, s.takes}, err
}

type thoroughReader struct {
	engine.StreamReader
	takes time.Duration
}

func (r thoroughReader) Read(p []byte) (int, error) {
	time.Sleep(r.takes)
	return r.StreamReader.Read(p)
}

// TestASenderTellsThatItReads: what is read, as long as that is work.
func TestASenderTellsThatItReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := leaderLog(t, epoch)
		start := log.End()
		add(t, log, 1<<20, false)
		end := log.End()
		a, b := net.Pipe()
		conn, other := peer.Pair(a, b, leader, follower)
		s := repl.NewSender(repl.SenderConfig{
			Stream: thorough{log.Stream(), 3 * time.Minute}, Self: leader, Peer: follower, Epoch: epoch, Patience: patience,
			Cluster: func() string { return peer.Unknown }, Commit: func() int64 { return 0 },
			Opened: func(int64) {}, Asked: func() int64 { return 0 }, Answered: func(int64, int64) {},
			Awaited: func() int64 { return 0 }, Applied: func(int64) {}, Held: func(repl.Progress) {},
		}, conn)
		ended := make(chan error, 1)
		go func() { ended <- s.Run(t.Context()) }()
		var f peer.Frame
		if err := other.Next(&f); err != nil || f.Type != peer.Open {
			t.Fatal(f.Type, err)
		}
		ready := peer.Frame{Type: peer.Ready, Cluster: peer.Unknown, From: follower, To: leader, Epoch: epoch, Args: [][]byte{strconv.AppendInt(nil, start, 10)}}
		if _, err := other.Write(peer.AppendFrame(nil, &ready)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(30 * time.Second)
		if !s.Reads(start, end) || s.Reads(0, start) || s.Reads(start+1, end) {
			t.Errorf("what is read is not told: %v, %v, %v", s.Reads(start, end), s.Reads(0, start), s.Reads(start+1, end))
		}
		time.Sleep(time.Minute)
		if s.Reads(start, end) {
			t.Error("a disk that hangs is taken for work")
		}
		_ = other.Close()
		<-ended
		if s.Reads(start, end) {
			t.Error("it reads after its end")
		}
	})
}
