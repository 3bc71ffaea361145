package cluster

import (
	"fmt"
	"time"

	"regent/cluster/bully"
	"regent/engine"
)

// The role worker carries out what a change of role means for the keyspace, the
// log and the clients: the slow part, on one goroutine, one change after the
// other, however fast the election goes.
//
//	          elected                 record committed
//	 follow ───────────► begin ──────────────────────────► take over
//	    ▲                  │ apply the rest of the log,        │ Freeze: View.Leading
//	    │                  │ senders, BeginEpoch               │
//	    └──────────────────┴──────────── step down ◄───────────┘
//	                                     Freeze: not View.Leading,
//	                                     senders end, waiting replies are uncertain

// sealWait is how long a deposed leader waits for others to seal what they
// appended, when it cannot do so itself.
const sealWait = 100 * time.Millisecond

// roleWorker runs until the cluster stops.
func (c *Cluster) roleWorker() {
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.chores:
			c.settle()
		}
	}
}

// settle makes what this node does agree with what the election says it is.
func (c *Cluster) settle() {
	for {
		st, want := c.standing()
		leading := c.view.Load().Leading
		switch {
		case c.lead.epoch != 0 && (st.Role != bully.Leader || st.Epoch != c.lead.epoch):
			c.stepDown()
		case st.Role == bully.Leader && c.lead.epoch == 0 && c.keeps(st.Epoch):
			if err := c.begin(st.Epoch); err != nil {
				c.opts.Host.Logf(engine.LevelWarning, "Can't begin epoch %d: %v", st.Epoch, err)
				c.DiskFailed(err)
			}
		case st.Role == bully.Leader && st.Serving && !leading:
			c.takeOver(st)
		default:
			c.tendSenders()
			select {
			case c.follow.turn <- struct{}{}:
				c.forgetPart()
				<-c.follow.turn
			default: // a receiver that runs sees to it at its end
			}
			c.show(st)
			if c.hold(want); st.Handover == bully.Holding && !c.opts.Witness {
				c.held()
			}
			return
		}
	}
}

// keeps reports whether an epoch is on disk: the log must not know a later one.
func (c *Cluster) keeps(epoch int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept.hard.Epoch == epoch && c.rooted()
}

func (c *Cluster) status() bully.Status {
	st, _ := c.standing()
	return st
}

// standing is what this node is, and whether commands are to be held.
func (c *Cluster) standing() (st bully.Status, hold bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.node.Status(), c.handing || c.rising
}

// begin starts this node's epoch: its whole log counts now, so it applies the
// rest of it, and appends the epoch's record. Readers wait from before the
// first uncommitted record is applied.
func (c *Cluster) begin(epoch int64) error {
	c.lead.epoch = epoch
	c.startSenders(epoch)
	c.logMu.Lock()
	defer c.logMu.Unlock()
	c.following.Store(false)
	end := c.opts.Stream.End()
	c.engine.Freeze(func() { c.engine.SetFloor(end) })
	if err := c.applier.To(end, func() bool { return c.leads(epoch) }); err != nil {
		return fmt.Errorf("can't apply the log: %w", err)
	}
	if !c.leads(epoch) {
		return nil
	}
	if at := c.applier.Applied(); at != end {
		return fmt.Errorf("the log ends at %d inside a record that begins at %d", end, at)
	}
	c.applier.Cut() // a reader would keep the log from here for as long as this node leads
	after, err := c.opts.Stream.BeginEpoch(epoch, c.id)
	if err != nil {
		return err
	}
	c.lead.ahead = true
	c.begun.Store(epoch)
	c.doLog(func(now time.Duration) bully.Output { return c.node.EpochBegun(now, epoch, after) })
	c.Sealed()
	return nil
}

func (c *Cluster) leads(epoch int64) bool {
	st := c.status()
	return st.Role == bully.Leader && st.Epoch == epoch
}

// takeOver opens this node to clients as the leader.
func (c *Cluster) takeOver(st bully.Status) {
	v := c.compose(st, true)
	c.engine.Freeze(func() { c.view.Store(v) })
	c.carriers.lookAt(v)
	c.stirs.stir()
	c.engine.LookAgain()
	c.opts.Host.Logf(engine.LevelNotice, "Leading epoch %d", st.Epoch)
	c.opts.Changed(true)
	c.engine.ReplicaAcked()
}

// stepDown ends this node's time as leader, served or not. What it computed
// ahead of the log's commitment stays in the keyspace until the next leader's
// log says what of it holds: see Cut.
func (c *Cluster) stepDown() {
	epoch, served := c.lead.epoch, c.view.Load().Leading
	c.endSenders()
	c.begun.Store(0)
	v := c.compose(c.status(), false)
	c.engine.Freeze(func() { c.view.Store(v) })
	c.carriers.lookAt(v)
	c.engine.LeaseMoved()
	c.engine.LookAgain()
	if c.lead.ahead {
		end := c.sealed()
		// Whatever follows comes from another leader, whose epoch's record
		// stands before its first SELECT, or after a cut, which asks the log.
		c.applier.Reset(end, 0)
	}
	c.lead.epoch, c.lead.ahead = 0, false
	c.following.Store(true)
	c.announceChange()
	if served {
		c.opts.Host.Logf(engine.LevelNotice, "No longer leading epoch %d", epoch)
		h := c.handed.Load()
		c.planned.Store(h != nil && h.epoch == epoch)
		c.opts.Changed(false)
		c.engine.ReplicaAcked()
	}
}

// announceChange wakes what waits for this node's role.
func (c *Cluster) announceChange() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changes)
	c.changes = make(chan struct{})
	c.stirs.stir()
}

// sealed hands everything that was appended to the operating system and
// returns the log's end. Nobody appends: the engine has left the leader's role.
// What cannot be sealed is not in the log, and the keyspace is ahead of it.
func (c *Cluster) sealed() int64 {
	end := c.opts.Log.End()
	if c.opts.Seal != nil {
		if err := c.opts.Seal(end); err != nil {
			c.opts.Host.Logf(engine.LevelWarning, "The end of the log was not written: %v", err)
		}
		return end
	}
	over := time.NewTimer(sealWait)
	defer over.Stop()
	for {
		moved := c.opts.Stream.Notify()
		if c.opts.Stream.End() >= end {
			return end
		}
		select {
		case <-moved:
		case <-over.C:
			return end
		}
	}
}

// show publishes a view that does not change the role.
func (c *Cluster) show(st bully.Status) {
	old := c.view.Load()
	v := c.compose(st, old.Leading)
	c.view.Store(v)
	c.carriers.lookAt(v)
	c.engine.LookAgain()
	if old.Unfilled && !v.Unfilled {
		c.applier.Await(0) // a leader may wait until readers see what is applied
	}
	if old.Recovering && !v.Recovering {
		c.vouchAgain()
	}
	c.stirs.stir()
}

// applyLoop applies what is committed while this node follows.
func (c *Cluster) applyLoop() {
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.apply:
		}
		limit := min(c.commit.Load(), c.opts.Stream.End())
		if err := c.applier.To(limit, c.mayApply); err != nil {
			c.opts.Host.Logf(engine.LevelWarning, "The log can't be applied, this node takes no part from now on: %v", err)
			c.DiskFailed(err)
		}
	}
}

func (c *Cluster) mayApply() bool { return c.following.Load() && c.ctx.Err() == nil }
