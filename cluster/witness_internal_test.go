package cluster

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"regent/cluster/bully"
	"regent/cluster/clustertest"
	"regent/engine"
)

func blank(o *Options) { o.Witness, o.KeepStep = true, 1 }

// TestAWitnessLeadsNobody: it may be elected, a majority may have its epoch's record, and no
// View says then that it leads: neither its own nor another node's.
func TestAWitnessLeadsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newLoner(t, clustertest.NewLog(), blank)
		epoch := x.elected()
		x.hear(bully.Message{
			Kind: bully.Ack, From: 2, Epoch: epoch, Seq: 1 << 40, SentAt: x.now(), Promise: time.Second,
			Position: bully.Position{Epoch: epoch, Offset: x.log.End()}, Durable: x.log.End(),
		})
		if st := x.status(); st.Role != bully.Leader || x.commit.Load() != x.log.End() {
			t.Fatalf("it is %v, and %d of %d is committed: nothing was tried", st.Role, x.commit.Load(), x.log.End())
		}
		if v := x.View(); v.Leading || v.LeaderID != 0 || v.Serves || x.Leads() {
			t.Errorf("a witness leads clients: %+v", v)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		x := newLoner(t, clustertest.NewLog())
		x.hear(bully.Message{Kind: bully.Coordinator, From: 3, Epoch: 1, Addr: "198.51.100.3:1", Witness: true})
		if st := x.status(); st.Leader != 3 {
			t.Fatalf("node %d leads: nothing was tried", st.Leader)
		}
		if v := x.View(); v.LeaderID != 0 || v.Leader != "" || !v.Electing || v.Serves {
			t.Errorf("a witness is named as the leader: %+v", v)
		}
	})
}

// TestAWitnessAppliesNothing, shows nothing, and gives no copy of what it has not got.
func TestAWitnessAppliesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newLoner(t, clustertest.NewLog(), blank)
		x.ledBy(2, 1)
		x.append(1, epochRecord(1, 2), 0)
		x.append(1, command("SET", "k", "1"), 0)
		x.append(1, nil, x.log.End())
		if x.commit.Load() != x.log.End() {
			t.Fatalf("%d of %d is committed: nothing was tried", x.commit.Load(), x.log.End())
		}
		if at := (*follower)(x.Cluster).Applied(); at != 0 {
			t.Errorf("it shows the log up to %d, as it says", at)
		}
		if n := x.keyspace.Keys(); n != 0 {
			t.Errorf("a witness has %d keys", n)
		}
		if err := x.copyTo(context.Background(), x.member(2), 1); !errors.Is(err, errNoData) {
			t.Errorf("a copy from a witness: %v", err)
		}
	})
}

// TestAWitnessKeepsWhatNodesWithDataLack: it reserves the log from where the leader says
// that they all hold it, and follows that. What a log forgets is what is not reserved.
func TestAWitnessKeepsWhatNodesWithDataLack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newLoner(t, clustertest.NewLog(), blank)
		x.ledBy(2, 1)
		x.append(1, epochRecord(1, 2), 0)
		for seq := range uint64(3) {
			held := x.log.End()
			x.append(1, command("SET", "k", "1"), held)
			x.hear(bully.Message{Kind: bully.Heartbeat, From: 2, Epoch: 1, Seq: 10 + seq, Addr: "198.51.100.9:1", Commit: held, Held: held})
			x.keepTail()
			x.log.Forget(x.log.End())
			if at := x.opts.Stream.Start(); at != held {
				t.Errorf("the log begins at %d; nodes with data hold it up to %d", at, held)
			}
		}
	})
}

// TestWhereAWitnessBegins: where all voters with data hold the leader's log, as far back as
// there is something left of it. What a witness and a learner hold does not count.
func TestWhereAWitnessBegins(t *testing.T) {
	log := clustertest.NewLog()
	c := hotPath(t, engine.View{Clustered: true, Leading: true, Epoch: 7})
	c.opts.Stream = log.Stream()
	if err := c.opts.Stream.AppendRaw(0, command("SET", "k", "a value of some length, so that there are offsets in it")); err != nil {
		t.Fatal(err)
	}
	end := log.End()
	node := func(id, held int64, witness bool) *member {
		m := &member{ID: id}
		m.held.Store(held)
		m.witness.Store(witness)
		return m
	}
	c.roster.Store(&roster{
		conf:   bully.Configuration{Voters: []int64{1, 2, 3, 4}, Learners: []int64{5}},
		others: []*member{node(2, end-10, false), node(3, end-20, false), node(4, 0, true), node(5, 0, false)},
	})
	if at := c.heldByData(); at != end-20 {
		t.Errorf("at %d of %d, want %d", at, end, end-20)
	}
	log.Forget(end - 15)
	if at := c.heldByData(); at != end-15 {
		t.Errorf("at %d of %d, where only what follows %d is left", at, end, end-15)
	}
}
