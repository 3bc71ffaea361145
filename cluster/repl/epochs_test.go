package repl_test

import (
	"context"
	"net"
	"testing"

	"regent/cluster/clustertest"
	"regent/cluster/peer"
	"regent/cluster/repl"
)

// TestAnotherEpochEndsAStream: what a follower says of another epoch counts for nothing, and
// nothing that follows it in the stream does.
func TestAnotherEpochEndsAStream(t *testing.T) {
	for name, at := range map[string]int64{"an epoch before": epoch - 1, "a later one": epoch + 1} {
		t.Run(name, func(t *testing.T) {
			atLeader, atFollower := sockets(t)
			conn, other := peer.Pair(atLeader, atFollower, leader, follower)
			defer other.Close()
			log := leaderLog(t, epoch)
			held := make(chan struct{}, 1)
			s := repl.NewSender(repl.SenderConfig{
				Stream: log.Stream(), Self: leader, Peer: follower, Epoch: epoch, Patience: patience * 60,
				Cluster: func() string { return peer.Unknown }, Commit: log.End,
				Opened: func(int64) {}, Asked: func() int64 { return 0 }, Answered: func(int64, int64) {},
				Awaited: func() int64 { return 0 }, Applied: func(int64) {}, Held: func(repl.Progress) { held <- struct{}{} },
				Leisure: func() bool { return false },
			}, conn)
			say := func(f peer.Frame) {
				f.Cluster, f.From, f.To = peer.Unknown, follower, leader
				if _, err := other.Write(peer.AppendFrame(nil, &f)); err != nil {
					t.Fatal(err)
				}
			}
			ended := make(chan error)
			go func() { ended <- s.Run(context.Background()) }()
			var f peer.Frame
			if err := other.Next(&f); err != nil || f.Type != peer.Open {
				t.Fatal(f.Type, err)
			}
			say(peer.Frame{Type: peer.Ready, Epoch: epoch, Args: [][]byte{[]byte("0")}})
			takeLog(t, other, nil, log.End())
			say(peer.Frame{Type: peer.Held, Epoch: at, Args: [][]byte{[]byte("1"), []byte("1"), []byte("0")}})
			select {
			case err := <-ended:
				if err == nil {
					t.Error("the stream ended without a reason")
				}
			case <-held:
				t.Errorf("an acknowledgement of epoch %d was taken", at)
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
