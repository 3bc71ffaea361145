package repl_test

import (
	"context"
	"fmt"
	"net"
	"testing"

	"regent/cluster/clustertest"
	"regent/cluster/peer"
	"regent/cluster/repl"
)

// TestWrongWordsEndAStream: an acknowledgement of another epoch, of less than the one before, or
// of more than was received counts for nothing, and nothing that follows it does.
func TestWrongWordsEndAStream(t *testing.T) {
	type held struct{ epoch, received, durable int64 }
	for name, says := range map[string][]held{
		"of an epoch before":     {{epoch, 2, 2}, {epoch - 1, 3, 3}},
		"of a later epoch":       {{epoch, 2, 2}, {epoch + 1, 3, 3}},
		"of less than before":    {{epoch, 2, 2}, {epoch, 1, 1}},
		"of more than it has":    {{epoch, 2, 2}, {epoch, 3, 4}},
		"of more from the start": {{epoch, 3, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			atLeader, atFollower := sockets(t)
			conn, other := peer.Pair(atLeader, atFollower, leader, follower)
			defer other.Close()
			log := leaderLog(t, epoch)
			taken := make(chan int64, len(says))
			s := repl.NewSender(repl.SenderConfig{
				Stream: log.Stream(), Self: leader, Peer: follower, Epoch: epoch, Patience: patience * 60,
				Cluster: func() string { return peer.Unknown }, Commit: log.End,
				Opened: func(int64) {}, Asked: func() int64 { return 0 }, Answered: func(int64, int64) {},
				Awaited: func() int64 { return 0 }, Applied: func(int64) {}, Held: func(p repl.Progress) { taken <- p.Received },
				Leisure: func() bool { return false },
			}, conn)
			say := func(f peer.Frame) {
				f.Cluster, f.From, f.To = peer.Unknown, follower, leader
				if _, err := other.Write(peer.AppendFrame(nil, &f)); err != nil {
					t.Fatal(err)
				}
			}
			ended := make(chan error, 1)
			go func() { ended <- s.Run(context.Background()) }()
			var f peer.Frame
			if err := other.Next(&f); err != nil || f.Type != peer.Open {
				t.Fatal(f.Type, err)
			}
			say(peer.Frame{Type: peer.Ready, Epoch: epoch, Args: args("0")})
			takeLog(t, other, nil, log.End())
			for i, h := range says {
				say(peer.Frame{Type: peer.Held, Epoch: h.epoch, Args: args(fmt.Sprint(h.received), fmt.Sprint(h.durable), "0")})
				if i < len(says)-1 {
					<-taken
				}
			}
			select {
			case err := <-ended:
				if err == nil {
					t.Error("the stream ended without a reason")
				}
			case at := <-taken:
				t.Errorf("the last acknowledgement was taken, up to %d", at)
				_ = other.Close()
				<-ended
			}
		})
	}
}

// TestAStreamThatMayNotBegin: the leader is told the later epoch, if there is one, and nothing
// that it sends is taken.
func TestAStreamThatMayNotBegin(t *testing.T) {
	for name, own := range map[string]int64{"a later epoch": epoch + 2, "a newer stream of the same": 0} {
		t.Run(name, func(t *testing.T) {
			atLeader, atFollower := net.Pipe()
			conn, other := peer.Pair(atLeader, atFollower, leader, follower)
			n := newNode(clustertest.NewLog())
			asked := int64(0)
			r := repl.Receiver{
				Conn: other, Stream: n.log.Stream(), Node: n, Self: follower, Part: &repl.Part{},
				Cluster: func() string { return peer.Unknown }, Learn: func(*peer.Frame) error { return nil }, Patience: patience * 60,
				Enter: func(epoch int64) (bool, int64) { asked = epoch; return false, own },
			}
			ended := make(chan error, 1)
			go func() {
				ended <- r.Run()
				_ = other.Close()
			}()
			open := peer.Frame{Type: peer.Open, Cluster: peer.Unknown, From: leader, To: follower, Epoch: epoch, Args: args("0", "0", "0", "1", "")}
			if _, err := conn.Write(peer.AppendFrame(nil, &open)); err != nil {
				t.Fatal(err)
			}
			var f peer.Frame
			err := conn.Next(&f)
			if told := err == nil && f.Type == peer.Refuse && f.Epoch == own; told != (own != 0) {
				t.Errorf("it says %s of epoch %d, %v", f.Type, f.Epoch, err)
			}
			_ = conn.Close()
			if err := <-ended; err == nil || asked != epoch {
				t.Errorf("the stream began, asked for epoch %d: %v", asked, err)
			}
		})
	}
}

func args(list ...string) (out [][]byte) {
	for _, s := range list {
		out = append(out, []byte(s))
	}
	return out
}
