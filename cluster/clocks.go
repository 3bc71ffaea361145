package cluster

import (
	"fmt"
	"sync"
	"time"

	"regent/cluster/peer"
	"regent/engine"
)

// Wall clocks. When a key ends is an absolute time that the leader has written,
// and each node asks its own wall clock whether it is over: a follower whose
// clock is ahead hides keys early, and deletes them early once it leads. Nothing
// in the election or the replication rests on wall clocks, so a difference does
// no other harm, and it is told, not mended.
//
// Every PING carries its sender's wall clock and gives back what the last one
// in the other direction said (peer.Clock). From the four times follows the
// difference, and half of what the round trip took bounds the error, however
// long anything waited on the way:
//
//	this node   Echo            arrived
//	              │ ╲            ▲
//	              ▼   ╲        ╱ │
//	other node        Heard  Sent
//
// If a clock is set while a round is on its way, that counts as time on the way
// and widens the error.

const (
	// clockApart is what clocks may differ by, beyond the error, without a word.
	clockApart = 500 // ms
	// clockGrain is the error of four times in whole ms.
	clockGrain = 3 // ms
	// clockBest is how long a round with a small error is worth more than a
	// newer one with a larger.
	clockBest = 8 * time.Second
	// clockKept is how long a difference is known.
	clockKept = time.Minute
	// clockTellEvery is how often is warned of one node, as long as the same of
	// the two leads.
	clockTellEvery = 10 * time.Minute
)

// A clockDiff is how far another node's wall clock is ahead of this one's.
type clockDiff struct {
	ahead  int64         // ms; less than 0: it is behind
	within int64         // ms: the error's bound
	at     time.Duration // on this node's monotonic clock
}

// clockRound computes a difference from what a PING told and when it arrived.
// ok is false when it tells of no round, or of none that can have been.
func clockRound(told peer.Clock, arrived int64) (d clockDiff, ok bool) {
	if told.Sent == 0 || told.Echo == 0 || told.Heard == 0 {
		return d, false
	}
	way := (arrived - told.Echo) - (told.Sent - told.Heard)
	if way < -2 { // whole ms may say so much less
		return d, false
	}
	d.ahead = ((told.Heard - told.Echo) + (told.Sent - arrived)) / 2
	d.within = (max(way, 0)+1)/2 + clockGrain
	return d, true
}

// apart reports whether clocks differ for certain, and by more than they may.
func (d clockDiff) apart() bool { return max(d.ahead, -d.ahead)-d.within > clockApart }

// close reports whether they certainly do not. Between the two nothing is said.
func (d clockDiff) close() bool { return max(d.ahead, -d.ahead)+d.within <= clockApart }

// excludes reports whether two differences cannot both be true.
func (d clockDiff) excludes(other clockDiff) bool {
	return max(d.ahead-other.ahead, other.ahead-d.ahead) > d.within+other.within
}

// A peerClock is what a node knows of another's wall clock.
type peerClock struct {
	mu     sync.Mutex
	sent   int64 // what its last PING said, ms
	heard  int64 // when that arrived here, ms
	diff   clockDiff
	warned time.Duration // mono time of the last warning, 0: none
	led    bool          // this node led then
	told   bool          // that they are apart, and nothing else since
}

// tell is what a PING says that leaves now.
func (p *peerClock) tell(now int64) peer.Clock {
	p.mu.Lock()
	defer p.mu.Unlock()
	return peer.Clock{Sent: now, Echo: p.sent, Heard: p.heard}
}

// take takes what a PING told that arrived at a moment of this node's wall clock.
func (p *peerClock) take(told peer.Clock, arrived int64, mono time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent, p.heard = told.Sent, arrived
	d, ok := clockRound(told, arrived)
	if !ok {
		return
	}
	d.at = mono
	if old := p.diff; old.within == 0 || d.within <= old.within || mono-old.at > clockBest || d.excludes(old) {
		p.diff = d
	}
}

// known is the difference, if there is one that is not too old.
func (p *peerClock) known(mono time.Duration) (clockDiff, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.diff, p.diff.within != 0 && mono-p.diff.at <= clockKept
}

// news is what there is to say: that the clocks are apart, or are no more.
func (p *peerClock) news(mono time.Duration, leading bool) (d clockDiff, apart, again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch d = p.diff; {
	case d.within == 0:
	case d.apart() && (p.warned == 0 || p.led != leading || mono-p.warned >= clockTellEvery):
		p.warned, p.led, p.told, apart = max(mono, 1), leading, true, true
	case d.close() && p.told:
		p.told, again = false, true
	}
	return d, apart, again
}

// compareClock takes what a PING told of its sender's wall clock, and says so if
// that differs from this node's and one of the two leads.
func (c *Cluster) compareClock(m *member, told peer.Clock, arrived int64) {
	now := c.now()
	m.clock.take(told, arrived, now)
	v := c.view.Load()
	if !v.Leading && v.LeaderID != m.ID {
		return
	}
	d, apart, again := m.clock.news(now, v.Leading)
	switch {
	case apart:
		c.tellApart(m, d, v.Leading)
	case again:
		c.opts.Host.Logf(engine.LevelNotice, "The wall clocks of node %d and this node agree again (%d ms apart)", m.ID, max(d.ahead, -d.ahead))
	}
}

// tellApart warns of the follower's clock, at either of the two.
func (c *Cluster) tellApart(m *member, d clockDiff, leading bool) {
	ahead, mine, leads := d.ahead, "Node %d's wall clock is %s this node's, which leads", "it"
	if !leading {
		ahead, mine, leads = -d.ahead, "This node's wall clock is %[2]s that of node %[1]d, which leads", "this node"
	}
	side := fmt.Sprintf("%d ms (within %d ms) ahead of", ahead, d.within)
	follows := fmt.Sprintf("its readers see keys end that much too early, and everybody does once %s leads", leads)
	if ahead < 0 {
		side = fmt.Sprintf("%d ms (within %d ms) behind", -ahead, d.within)
		follows = fmt.Sprintf("keys end that much too late once %s leads", leads)
	}
	c.opts.Host.Logf(engine.LevelWarning, mine+": %[3]s. Set the clocks, and have NTP keep them (chrony, systemd-timesyncd)", m.ID, side, follows)
}
