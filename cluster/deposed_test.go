package cluster_test

import (
	"context"
	"testing"
	"time"

	"regent/cluster/peer"
)

// TestALateStreamEndsNobodysStream: a leader that does not know yet that it is deposed opens
// a stream, or begins a full copy, to a follower of the next one. It is told the epoch, and
// the stream of the leader goes on.
func TestALateStreamEndsNobodysStream(t *testing.T) {
	w := newNetwork(t, 3).patient()
	w.start()
	first := w.leader()
	w.write("SET", "k", "1")
	follower := w.others(first)[0]
	w.followed(first)
	old := w.others(first)[1]
	old.kill()
	stream, epoch := follower.cluster.Stream(), follower.epochOf()
	for kind, open := range map[string]peer.Frame{
		peer.Stream:  {Type: peer.Open, Args: words("0", "0", "0", "0", "")},
		peer.Copying: {Type: peer.Base, Args: words("0", "0", "0", "")},
	} {
		d := peer.Dialer{Limit: time.Minute, Secrets: peer.NewSecrets("s")}
		conn, err := d.Dial(context.Background(), follower.addr(),
			peer.Hello{Cluster: peer.Unknown, From: old.id, To: follower.id, Kind: kind, Process: peer.NewProcess()})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		open.Cluster, open.From, open.To, open.Epoch = follower.cluster.View().ClusterID, old.id, follower.id, epoch-1
		if _, err := conn.Write(peer.AppendFrame(nil, &open)); err != nil {
			t.Fatal(err)
		}
		var f peer.Frame
		if err := conn.Next(&f); err != nil || f.Type != peer.Refuse || f.Epoch != epoch {
			t.Errorf("%s of epoch %d is answered %v of epoch %d, %v; want REFUSE of epoch %d", kind, epoch-1, f.Type, f.Epoch, err, epoch)
		}
	}
	w.write("SET", "k", "2")
	follower.sees("k", "2")
	if follower.cluster.Stream() != stream {
		t.Error("the leader's stream has ended")
	}
}

func words(list ...string) (out [][]byte) {
	for _, s := range list {
		out = append(out, []byte(s))
	}
	return out
}
