package cluster_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"regent/cluster/peer"
	"regent/cluster/repl"
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

// TestAnOldOpeningCutsNothing: a stream or a full copy that the leader began before the one
// that runs, and that is looked at later since the machine was busy, says of the leader's log
// what was so then. What the follower has got since stays: it has acknowledged that.
func TestAnOldOpeningCutsNothing(t *testing.T) {
	w := newNetwork(t, 3).patient()
	w.start()
	leader := w.leader()
	w.write("SET", "k", "1")
	follower := w.others(leader)[0]
	w.followed(leader)
	log, epoch := leader.log.Stream(), follower.epochOf()
	then := log.End()
	w.write("SET", "k", "2")
	w.followed(leader)
	last := log.History()[len(log.History())-1]
	history := fmt.Sprintf("%d:%d:%d", last.Epoch, last.Leader, last.Offset)
	dial := func(kind string) *peer.Conn {
		d := peer.Dialer{Limit: time.Minute, Secrets: peer.NewSecrets("s")}
		conn, err := d.Dial(context.Background(), follower.addr(),
			peer.Hello{Cluster: peer.Unknown, From: leader.id, To: follower.id, Kind: kind, Process: peer.NewProcess()})
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	head := peer.Frame{Cluster: follower.cluster.View().ClusterID, From: leader.id, To: follower.id, Epoch: epoch}

	conn := dial(peer.Stream)
	defer conn.Close()
	open := head
	open.Type, open.Args = peer.Open, words("0", fmt.Sprint(then), fmt.Sprint(then), "1", history)
	if _, err := conn.Write(peer.AppendFrame(nil, &open)); err != nil {
		t.Fatal(err)
	}
	var f peer.Frame
	if err := conn.Next(&f); err == nil {
		t.Errorf("the old stream is answered %v", f.Type)
	}
	follower.sees("k", "2")

	// What is here and not known to be committed counts as well.
	w.write("SET", "k", "3")
	follower.sees("k", "3")
	w.followed(leader)
	third := w.others(leader)[1]
	third.kill()
	w.cut(follower, leader, true)
	then = follower.log.End()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		leader.try(time.Millisecond, "SET", "k", "unacknowledged")
	}()
	w.until("it has come", func() bool { return follower.log.End() > then })
	<-answered
	to := repl.NewCopySender(dial(peer.Copying), head)
	defer to.Close()
	if err := to.Begin(repl.Place{Offset: then, History: log.History()}, 0); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	if err := to.Done(ctx); err == nil {
		t.Error("the old copy is installed")
	}
	if end := follower.log.End(); end <= then {
		t.Errorf("the follower's log ends at %d, and did at %d", end, log.End())
	}
	w.cut(follower, leader, false)
	third.start()
	w.write("SET", "k", "4")
	follower.sees("k", "4")
}

func words(list ...string) (out [][]byte) {
	for _, s := range list {
		out = append(out, []byte(s))
	}
	return out
}
