package cluster

import (
	"sync"
	"sync/atomic"

	"regent/cluster/bully"
)

// Rounds: how a leader knows that it still leads without a clock: with
// read-lease no, and where the network is so slow that no lease holds
// (bully.Status.LeaseLate), since there a lease would keep clients waiting for
// ever. A round is a question to every follower over its stream, which it
// answers only while it follows this epoch: asked after the command ran, and
// answered by a majority, it proves that no later epoch had one by then, so
// what the command read was the newest there was.
//
//	commands that wait:   a b      c d e        f
//	rounds:               [── 1 ──][──── 2 ────][── 3 ──]
//	                      a         b c d e      f
//
// One round runs at a time, and those that come meanwhile share the next, so
// the price is two round trips at most, however many read.

// rounds is a leader's count of them.
type rounds struct {
	confirmed atomic.Int64

	mu     sync.Mutex
	epoch  int64 // of the leadership that asks
	begun  int64
	wanted int64
	by     map[int64]int64 // node: the latest round it has answered
}

// Leased reports whether replies rest on the lease rather than on rounds.
func (c *Cluster) Leased() bool { return c.opts.Config.ReadLease.Get() && !c.leaseLate.Load() }

// Round is the number of a round that begins after now. Confirmed tells when a
// majority has answered one.
func (c *Cluster) Round() int64 {
	r := &c.rounds
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wanted == r.begun {
		r.wanted++
	}
	want := r.wanted
	c.nextRound()
	return want
}

// Confirmed is the latest round that a majority has answered.
func (c *Cluster) Confirmed() int64 { return c.rounds.confirmed.Load() }

// nextRound begins a round if one is wanted and none runs. The caller holds
// rounds.mu.
func (c *Cluster) nextRound() {
	r := &c.rounds
	if r.wanted == r.begun || r.confirmed.Load() < r.begun {
		return
	}
	r.begun++
	if c.roster.Load().lone() {
		r.confirmed.Store(r.begun) // nobody else can lead
		c.stirs.stir()
		c.opts.Host.AfterFunc(0, c.opts.Advanced)
		return
	}
	for _, m := range c.others() {
		if s := m.sender.Load(); s != nil {
			s.Ask(r.begun)
		}
	}
}

// asked is the round that a follower whose stream has just begun is asked for.
func (c *Cluster) asked() int64 {
	c.rounds.mu.Lock()
	defer c.rounds.mu.Unlock()
	return c.rounds.begun
}

// answered takes a follower's answer to a round of an epoch. This node counts
// for itself as long as it has promised nobody a later one.
func (c *Cluster) answered(m *member, epoch, round, synced int64) {
	r := &c.rounds
	m.synced.Store(synced)
	defer c.engine.ReplicaAcked()
	if st := c.status(); st.Role != bully.Leader || st.Epoch != epoch {
		return
	}
	r.mu.Lock()
	moved := r.count(epoch, m.ID, round, c.id, c.roster.Load().conf.Voters)
	if moved {
		c.nextRound()
	}
	r.mu.Unlock()
	if moved {
		c.stirs.stir()
		c.opts.Advanced()
	}
}

// count takes node from's answer to a round of an epoch, and reports whether the round that
// runs is confirmed by it: a majority of the voters, self among them, has answered that one.
// The caller holds mu.
func (r *rounds) count(epoch, from, round, self int64, voters []int64) bool {
	if r.epoch == epoch && round <= r.begun {
		r.by[from] = max(r.by[from], round)
	}
	n := 0
	for _, id := range voters {
		if id == self || r.by[id] >= r.begun {
			n++
		}
	}
	if r.confirmed.Load() >= r.begun || n <= len(voters)/2 {
		return false
	}
	r.confirmed.Store(r.begun)
	return true
}

// openRounds counts for a new leadership: answers to an older one say nothing,
// and neither do rounds that were asked for then, whose replies are lost.
func (c *Cluster) openRounds(epoch int64) {
	r := &c.rounds
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epoch = epoch
	r.by = map[int64]int64{}
	r.wanted++
	r.begun = r.wanted
	r.confirmed.Store(r.begun)
}
