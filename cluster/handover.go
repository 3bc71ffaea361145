package cluster

import (
	"errors"
	"time"

	"regent/cluster/bully"
	"regent/engine"
	"regent/engine/config"
)

// A planned change of leader, as this node carries it out; bully/handover.go
// has the protocol.
//
//	Output.Hold ──► the role worker: commands on data stay in their sessions, the
//	                last one that ran has ended, its record is sealed ──► Held
//	Output.Revoke ─► handed: what ran before and is committed may still be
//	                answered; then no lease, then the token leaves
//	Release ──────► the held commands pass the gates again: MOVED, or they run
//
// What was answered by right of a leadership that has been handed over. A
// reply that rests on an offset that is committed stays true whichever node leads; a
// value that was read was the value if the lease held afterwards. So
// replies that were computed before the token left, and that the network or
// their goroutines are slow with, need not be taken back: nothing runs here
// between HoldData and the end of the handover.
type handed struct {
	epoch, off int64
}

// Limits of a handover.
const (
	// holdTimes bounds in T how long commands are held whatever happens.
	holdTimes = 10
	// retireTimes bounds in T how long an orderly end looks for a successor.
	retireTimes = 4
	// lastAnswers is left for the answers to what was held, before connections
	// are closed.
	lastAnswers = 20 * time.Millisecond
)

// revoke is Output.Revoke and Deposed: nothing is answered any more by right of
// this leadership, but for what a handover leaves. The caller holds mu.
func (c *Cluster) revoke(o bully.Output) {
	l := c.lease.Load()
	if o.Revoke && l != nil && (c.verified || c.Leased() && c.stilled < l.until) {
		c.raise(c.node.Status().Commit)
		c.handed.Store(&handed{l.epoch, min(c.told.pos.Offset, c.Committed())})
	} else if o.Revoke && !c.opts.Witness {
		c.opts.Host.Logf(engine.LevelNotice, "Handing over after the lease has run out: the last replies are uncertain")
	}
	c.lease.Store(nil)
}

// Handed reports whether a reply that rests on an epoch and an offset was due
// before that leadership was handed over.
func (c *Cluster) Handed(epoch, off int64) bool {
	h := c.handed.Load()
	return h != nil && h.epoch == epoch && off <= h.off
}

// HandedOver reports whether this node has led last until it handed over as planned.
func (c *Cluster) HandedOver() bool { return c.planned.Load() }

// mark has commands on data held from now on when leadership moves: here,
// because this node hands over, or to here, because it is elected and does not
// serve yet, or has no lease yet. It is done before the message leaves that sends clients here.
// The caller holds mu.
func (c *Cluster) mark(o bully.Output) {
	if o.Hold || o.Release {
		c.handing = o.Hold
		c.stirs.stir()
		poke(c.chores)
	}
	st := c.node.Status()
	rising := st.Role == bully.Leader && st.Handover == bully.NoHandover &&
		(!st.Serving || c.rising && !c.node.LeaseValid(c.now()))
	switch {
	case o.Hold:
		c.engine.HoldData(c.timeout * holdTimes)
	case rising && !c.rising:
		c.engine.HoldData(c.timeout)
	}
	if c.rising && !rising {
		poke(c.chores)
	}
	if c.rising != rising {
		c.rising = rising
		c.stirs.stir()
	}
	if c.handing || c.rising {
		c.holds.Store(true)
	}
}

// hold ends what mark began, after View names the leader; it is the role worker's.
func (c *Cluster) hold(want bool) {
	if want || !c.holds.Load() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.handing && !c.rising { // not begun anew meanwhile
		c.engine.ReleaseData()
		c.holds.Store(false)
		c.stirs.stir()
	}
}

// held sees to it that nothing runs any more which is to be held for a
// handover, and says so to the election; it is the role worker's.
func (c *Cluster) held() {
	c.engine.Freeze(func() {})
	c.mu.Lock()
	c.stilled, c.verified = c.opts.Host.Mono(), false
	c.mu.Unlock()
	end := c.sealed()
	// With write-acks all the last replies wait for more than the election
	// asks for.
	c.until(c.timeout*holdTimes, func() bool {
		return c.opts.Config.WriteAcks.Get() != config.AcksAll || c.Committed() >= end || !c.wantsHold()
	})
	if !c.Leased() {
		c.verify()
	}
	c.doLog(func(now time.Duration) bully.Output { return c.node.Held(now) })
}

// verify has a round prove what the lease does elsewhere: that what was read
// before was read by the leader.
func (c *Cluster) verify() {
	round := c.Round()
	c.until(c.timeout*holdTimes, func() bool { return c.Confirmed() >= round || !c.wantsHold() })
	if c.Confirmed() < round {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.verified = true
}

func (c *Cluster) wantsHold() bool {
	_, want := c.standing()
	return want
}

// Handover begins to hand leadership over to a node, 0: the best.
func (c *Cluster) Handover(to int64, limit time.Duration) (err error) {
	if c.opts.Config.Takeover.Get() == config.TakeoverOff {
		return engine.ErrNoTarget
	}
	return c.handOver(func(now time.Duration) (bully.Output, error) { return c.node.Handover(now, to, now+limit) })
}

// giveAway is Handover of a leader that is about to end or to be removed.
func (c *Cluster) giveAway(limit time.Duration) error {
	return c.handOver(func(now time.Duration) (bully.Output, error) { return c.node.Retire(now, now+limit) })
}

func (c *Cluster) handOver(begin func(now time.Duration) (bully.Output, error)) (err error) {
	err = engine.ErrNotLeading
	c.do(func(now time.Duration) (o bully.Output) {
		o, err = begin(now)
		return o
	})
	switch {
	case errors.Is(err, bully.ErrHandoverRuns):
		return engine.ErrHandoverRuns
	case errors.Is(err, bully.ErrNoTarget):
		return engine.ErrNoTarget
	case err != nil:
		return engine.ErrNotLeading
	}
	return nil
}

// AbortHandover ends a handover and reports whether there was one.
func (c *Cluster) AbortHandover() (was bool) {
	c.do(func(now time.Duration) (o bully.Output) {
		o, was = c.node.AbortHandover(now)
		return o
	})
	return was
}

// AskHandover asks the leader to hand over to this node.
func (c *Cluster) AskHandover() error {
	var err error
	if c.opts.Config.Takeover.Get() == config.TakeoverOff {
		return engine.ErrNoTarget
	}
	c.do(func(now time.Duration) (o bully.Output) {
		o, err = c.node.AskHandover(now)
		return o
	})
	if err != nil {
		return engine.ErrNoLeader
	}
	return nil
}

// retire hands over before an orderly end, if somebody can take over.
func (c *Cluster) retire() {
	limit := c.timeout * retireTimes
	if c.giveAway(limit) != nil {
		return
	}
	c.opts.Host.Logf(engine.LevelNotice, "Handing over before the end")
	c.until(limit+c.timeout, func() bool {
		st, held := c.standing()
		return (st.Role != bully.Leader || st.Handover == bully.NoHandover) && !held && !c.holds.Load()
	})
	time.Sleep(lastAnswers)
}

// handoverState is how far a handover is, for INFO.
func handoverState(s bully.Stage) string {
	switch s {
	case bully.Catching, bully.Holding:
		return engine.HandoverWaiting
	case bully.Passed, bully.Resuming:
		return engine.HandoverRuns
	}
	return ""
}
