package cluster_test

import (
	"testing"
	"time"
)

// TestRounds: a leader with a majority proves it again and again; one that is
// cut off cannot, however good its lease may look, and what it asked for is
// not confirmed by what it asks as a leader later.
func TestRounds(t *testing.T) {
	w := newNetwork(t, 3)
	for _, x := range w.nodes {
		x.config.ReadLease.Set(false)
	}
	w.start()
	w.followed(w.leader())
	leader := w.leader()
	for range 50 {
		round := leader.cluster.Round()
		w.until("a round is confirmed", func() bool { return leader.cluster.Confirmed() >= round })
	}
	asked := make([]int64, 100)
	for i := range asked {
		asked[i] = leader.cluster.Round()
	}
	if first, last := asked[0], asked[len(asked)-1]; last-first > 50 {
		t.Errorf("a hundred questions at once took rounds %d to %d", first, last)
	}
	leader = w.leader()
	w.isolate(leader, true)
	time.Sleep(10 * time.Millisecond)
	alone := leader.cluster.Round()
	epoch := leader.cluster.View().Epoch
	next := w.leader(w.others(leader)...)
	round := next.cluster.Round()
	w.until("the next leader proves it", func() bool { return next.cluster.Confirmed() >= round })
	if leader.cluster.View().Epoch == epoch && leader.cluster.Confirmed() >= alone {
		t.Error("a leader without a majority has confirmed a round")
	}
	w.isolate(leader, false)
	w.until("it follows", func() bool { return leader.cluster.View().LinkUp })
}
