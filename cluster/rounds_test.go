package cluster_test

import (
	"testing"
	"time"

	"regent/cluster"
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

// TestRoundsAreCounted: a round is confirmed once, by a majority of the voters that has answered
// it, and not an earlier one, nor one of another epoch.
func TestRoundsAreCounted(t *testing.T) {
	type answer struct {
		epoch, from, round int64
		confirms           bool
	}
	for name, c := range map[string]struct {
		voters  []int64
		answers []answer
	}{
		"three nodes":         {[]int64{1, 2, 3}, []answer{{7, 2, 5, true}, {7, 3, 5, false}}},
		"five nodes":          {[]int64{1, 2, 3, 4, 5}, []answer{{7, 2, 5, false}, {7, 2, 5, false}, {7, 3, 5, true}}},
		"an earlier round":    {[]int64{1, 2, 3}, []answer{{7, 2, 4, false}, {7, 3, 4, false}, {7, 3, 5, true}}},
		"a round to come":     {[]int64{1, 2, 3}, []answer{{7, 2, 6, false}, {7, 2, 5, true}}},
		"an epoch before":     {[]int64{1, 2, 3}, []answer{{6, 2, 5, false}, {6, 3, 5, false}}},
		"a learner":           {[]int64{1, 2, 3}, []answer{{7, 4, 5, false}, {7, 3, 5, true}}},
		"one that is removed": {[]int64{2, 3, 4}, []answer{{7, 2, 5, false}, {7, 3, 5, true}}},
	} {
		t.Run(name, func(t *testing.T) {
			var tally cluster.Tally
			tally.Begin(7, 5)
			for _, a := range c.answers {
				if got := tally.Count(a.epoch, a.from, a.round, c.voters...); got != a.confirms {
					t.Errorf("node %d answers round %d of epoch %d: %v", a.from, a.round, a.epoch, got)
				}
			}
		})
	}
}

// TestADeposedLeaderConfirmsNothing: a node that follows another leader does not count for
// itself any more, however late an answer of its own epoch comes.
func TestADeposedLeaderConfirmsNothing(t *testing.T) {
	w := newNetwork(t, 3)
	for _, x := range w.nodes {
		x.config.ReadLease.Set(false)
	}
	w.start()
	old := w.leader()
	w.followed(old)
	epoch := old.cluster.View().Epoch
	w.isolate(old, true)
	w.leader(w.others(old)...)
	w.isolate(old, false)
	w.until("it follows", func() bool { v := old.cluster.View(); return v.LinkUp && v.Epoch > epoch })
	asked := old.cluster.Round()
	for _, x := range w.others(old) {
		old.cluster.Answered(x.id, epoch)
	}
	if old.cluster.Confirmed() >= asked {
		t.Error("a node that follows has confirmed a round")
	}
}
