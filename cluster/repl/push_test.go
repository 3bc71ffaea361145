package repl_test

import (
	"bytes"
	"context"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"regent/cluster/peer"
	"regent/cluster/repl"
)

// sockets is a TCP connection.
func sockets(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// TestPushWaitsForNobody: those that write the log send it, however many they are, whether
// the follower reads or stands still; and the follower gets every byte once, in order.
func TestPushWaitsForNobody(t *testing.T) {
	t.Run("hurried", func(t *testing.T) { push(t, false, nil) })
	t.Run("at leisure", func(t *testing.T) { push(t, true, nil) })
	t.Run("watched", func(t *testing.T) { push(t, false, watch) })
	t.Run("watched by one that does not look", func(t *testing.T) {
		push(t, false, func(int, func() bool, func(bool)) bool { return true })
	})
}

// watch looks again and again.
func watch(_ int, ready func() bool, tend func(bool)) bool {
	go func() {
		for ready() {
			tend(false)
			time.Sleep(time.Millisecond)
		}
	}()
	return true
}

func push(t *testing.T, leisure bool, watch func(int, func() bool, func(bool)) bool) {
	atLeader, atFollower := sockets(t)
	conn, other := peer.Pair(atLeader, atFollower, leader, follower)
	log := leaderLog(t, epoch)
	held := make(chan int64, 1)
	s := repl.NewSender(repl.SenderConfig{
		Stream: log.Stream(), Self: leader, Peer: follower, Epoch: epoch, Patience: patience * 60,
		Cluster: func() string { return peer.Unknown }, Commit: log.End,
		Opened: func(int64) {}, Asked: func() int64 { return 0 }, Answered: func(int64, int64) {},
		Awaited: func() int64 { return 0 }, Applied: func(int64) {}, Held: func(p repl.Progress) { held <- p.Received },
		Leisure: func() bool { return leisure }, Watch: watch,
	}, conn)
	defer runs(t, s, other)()
	got := takeLog(t, other, nil, log.End()) // from now on everything is sent as it is written
	for range 100 {
		add(t, log, 64, false)
		s.Push()
		got = takeLog(t, other, got, log.End())
	}
	// Nobody reads while this is written: more than the sockets hold, less than a window.
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for range 60 {
				add(t, log, 100<<10, false)
				s.Push()
			}
		})
	}
	writers.Wait()
	if got = takeLog(t, other, got, log.End()); !bytes.Equal(got, log.Bytes()) {
		t.Fatal("the follower has other bytes than the leader")
	}
	for _, off := range []int64{1, log.End() / 2, log.End()} {
		out := peer.AppendHead(nil, &peer.Frame{Type: peer.Held, Cluster: peer.Unknown, From: follower, To: leader, Epoch: epoch}, 3)
		for range 3 {
			out = peer.AppendInt(out, off)
		}
		for _, part := range [][]byte{out[:len(out)/2], out[len(out)/2:]} {
			if _, err := other.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		if got := <-held; got != off {
			t.Fatalf("%d is held, where %d was acknowledged", got, off)
		}
	}
}

// TestStreamEndsThoughNobodyLooks: the loop that watches the connection may stand still, and
// the leadership ends all the same.
func TestStreamEndsThoughNobodyLooks(t *testing.T) {
	atLeader, atFollower := sockets(t)
	conn, other := peer.Pair(atLeader, atFollower, leader, follower)
	defer other.Close()
	log := leaderLog(t, epoch)
	opened := make(chan struct{})
	s := repl.NewSender(repl.SenderConfig{
		Stream: log.Stream(), Self: leader, Peer: follower, Epoch: epoch, Patience: patience * 60,
		Cluster: func() string { return peer.Unknown }, Commit: log.End,
		Opened: func(int64) { close(opened) }, Asked: func() int64 { return 0 }, Answered: func(int64, int64) {},
		Awaited: func() int64 { return 0 }, Applied: func(int64) {}, Held: func(repl.Progress) {},
		Watch: func(int, func() bool, func(bool)) bool { return true },
	}, conn)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	var f peer.Frame
	if err := other.Next(&f); err != nil || f.Type != peer.Open {
		t.Fatal(f.Type, err)
	}
	ready := peer.Frame{Type: peer.Ready, Cluster: peer.Unknown, From: follower, To: leader, Epoch: epoch, Args: [][]byte{[]byte("0")}}
	if _, err := other.Write(peer.AppendFrame(nil, &ready)); err != nil {
		t.Fatal(err)
	}
	<-opened
	cancel()
	if err := <-ended; err == nil {
		t.Fatal("the stream ended without a reason")
	}
}

// takeLog reads DATA until the log is there up to end.
func takeLog(t *testing.T, c *peer.Conn, have []byte, end int64) []byte {
	t.Helper()
	var f peer.Frame
	for int64(len(have)) < end {
		if err := c.Next(&f); err != nil {
			t.Fatal(err)
		}
		switch off, err := f.Int(0); {
		case f.Type == peer.Commit:
		case f.Type != peer.Data || err != nil || off != int64(len(have)):
			t.Fatalf("%s at %d after %d bytes: %v", f.Type, off, len(have), err)
		default:
			have = append(have, f.Args[2]...)
		}
	}
	return have
}

// TestLoopsTend: what is put off is sent by a loop that tends, at the latest when it rests:
// the log's end that waited for more, and the commit offset when no data have carried it.
func TestLoopsTend(t *testing.T) {
	yes := func() bool { return true }
	t.Run("nobody waits", func(t *testing.T) { loopsTend(t, yes, nil, 1) })
	t.Run("others are waited for", func(t *testing.T) { loopsTend(t, nil, yes, 0) })
}

// loopsTend is TestLoopsTend for a follower that nobody waits for, or that is spare: whose
// DATA have Seq.
func loopsTend(t *testing.T, leisure, spare func() bool, seq uint64) {
	atLeader, atFollower := sockets(t)
	conn, other := peer.Pair(atLeader, atFollower, leader, follower)
	log := leaderLog(t, epoch)
	tends := make(chan func(bool), 1)
	s := repl.NewSender(repl.SenderConfig{
		Stream: log.Stream(), Self: leader, Peer: follower, Epoch: epoch, Patience: patience * 60,
		Cluster: func() string { return peer.Unknown }, Commit: log.End,
		Opened: func(int64) {}, Asked: func() int64 { return 0 }, Answered: func(int64, int64) {},
		Awaited: func() int64 { return 0 }, Applied: func(int64) {}, Held: func(repl.Progress) {},
		Leisure: leisure, Spare: spare,
		Watch: func(_ int, _ func() bool, tend func(bool)) bool {
			tends <- tend
			return true
		},
	}, conn)
	defer runs(t, s, other)()
	tend := <-tends
	got := takeLog(t, other, nil, log.End())
	for !s.Level() {
		runtime.Gosched()
	}
	for range 20 {
		for range 3 { // the first is sent, those that follow at once may wait
			add(t, log, 64, false)
			s.Push()
		}
		tend(false)
		tend(true)
		got = takeLog(t, other, got, log.End())
	}
	add(t, log, 64, false)
	s.Push()
	committed := func() int64 {
		var last int64
		for last < log.End() {
			var f peer.Frame
			if err := other.Next(&f); err != nil {
				t.Fatal(err)
			}
			at := 0
			if f.Type == peer.Data {
				if f.Seq != seq {
					t.Fatalf("DATA with %d, want %d", f.Seq, seq)
				}
				at = 1
				got = append(got, f.Args[2]...)
			}
			var err error
			if last, err = f.Int(at); err != nil {
				t.Fatal(err)
			}
		}
		return last
	}
	for range 100 { // far from as long as the timer takes that looks after the loops
		tend(true)
		runtime.Gosched()
	}
	if s.Owes() {
		t.Fatal("a loop that rests leaves something put off")
	}
	if at := committed(); at != log.End() || !bytes.Equal(got, log.Bytes()) {
		t.Fatalf("told that %d of %d is committed", at, log.End())
	}
}

// runs has a sender run whose follower, at the other end, has an empty log; stop ends it.
func runs(t *testing.T, s *repl.Sender, other *peer.Conn) (stop func()) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Run(context.Background()) // ends with the connection
	}()
	var f peer.Frame
	if err := other.Next(&f); err != nil || f.Type != peer.Open {
		t.Fatal(f.Type, err)
	}
	ready := peer.Frame{Type: peer.Ready, Cluster: peer.Unknown, From: follower, To: leader, Epoch: epoch, Args: [][]byte{[]byte("0")}}
	if _, err := other.Write(peer.AppendFrame(nil, &ready)); err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = other.Close()
		<-ended
	}
}
