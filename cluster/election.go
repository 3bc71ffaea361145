package cluster

import (
	"time"

	"regent/cluster/bully"
	"regent/cluster/peer"
	"regent/engine"
	"regent/engine/config"
)

// The driver of the election: every input goes through do, one at a time, and
// what the node asks for is carried out in the order persist (keep.go), revoke,
// send, act. The lock is the queue: the goroutine that brings an input carries it through
// itself, so that an acknowledgement reaches the barrier without a change of
// goroutine.

// A lease is until when this node may answer as the leader of an epoch.
type lease struct {
	epoch int64
	until int64 // Host.Mono, ns
	ticks int64 // the same moment on Host.Ticks, ns: cheaper to compare
}

// logEnd is what the election was last told of the log.
type logEnd struct {
	pos     bully.Position
	durable int64
}

func nothing(time.Duration) bully.Output { return bully.Output{} }

// do brings one input to the election. f is called under mu.
func (c *Cluster) do(f func(now time.Duration) bully.Output) {
	if c.bring(f) {
		c.advanced()
		if c.following.Load() {
			poke(c.apply)
		}
	}
}

// bring is do for a caller that sees to what is committed by itself: it reports whether
// that, or the lease, moved.
func (c *Cluster) bring(f func(now time.Duration) bully.Output) (moved bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.node == nil {
		return false
	}
	now := c.now()
	c.refresh(now)
	c.carry(f(now))
	return c.publish()
}

// advanced lets others see that the commit offset or the lease moved.
func (c *Cluster) advanced() {
	c.opts.Advanced()
	c.stirs.stir()
	c.engine.LeaseMoved()
	if c.following.Load() {
		return
	}
	for _, m := range c.others() {
		if s := m.sender.Load(); s != nil {
			s.CommitMoved()
		}
	}
}

// readLog reads the log's ends. The epoch is read around the end, so that an
// epoch whose record is just being written is not told with the end before.
func (c *Cluster) readLog() logEnd {
	s := c.opts.Stream
	for {
		epoch := s.LastEpoch()
		durable, end := s.Durable(), s.End()
		if !c.kept.loose.Load() {
			durable = min(durable, c.opts.Log.Synced()) // the state file says so
		}
		if s.LastEpoch() == epoch {
			return logEnd{bully.Position{Epoch: epoch, Offset: end}, min(durable, end)}
		}
	}
}

// refresh tells the election where the log is, and that it is durable as far as the mark
// covers it. The caller holds mu.
func (c *Cluster) refresh(now time.Duration) {
	at := c.readLog()
	if at.durable = min(at.durable, c.marks.covered.Load()); at != c.told {
		c.told = at
		c.loosen()
		c.carry(c.node.Appended(now, at.pos, at.durable))
	}
}

// carry does what the election asks. The caller holds mu.
func (c *Cluster) carry(o bully.Output) {
	write := o.Persist != nil
	if write {
		c.state.hard = *o.Persist
	}
	if st := c.node.Status(); st.Role == bully.Leader {
		id := c.state.cluster.lead(st.Epoch, c.opts.Host.Rand)
		id.confirmed = id.confirmed || st.Serving
		write = c.setID(id) || write
	}
	if write {
		c.persist()
	}
	if o.Deposed || o.Revoke || c.muted {
		c.revoke(o)
	}
	c.tell(o)
	c.mark(o)
	for i := range o.Messages {
		c.send(o.Messages[i])
	}
	if o.Changed {
		c.stirs.stir()
		close(c.changes)
		c.changes = make(chan struct{})
		poke(c.chores)
		c.adoptKept()
		c.judge()
	}
}

// mute keeps this node silent until persist has done its work. The caller
// holds mu.
func (c *Cluster) mute(err error) {
	if c.muted {
		return
	}
	c.muted, c.kept.late = true, nil
	c.opts.Host.Logf(engine.LevelWarning, "The cluster state file can't be written, this node takes no part until it can: %v", err)
	c.carry(c.node.Disk(c.now(), false))
}

// loosen notes in the state file, before anything is acknowledged on the
// strength of it, whether acknowledgements wait for an fsync: appendfsync may
// change. The caller holds mu.
func (c *Cluster) loosen() {
	switch loose := !c.fsyncs(); {
	case c.ctx.Err() != nil || loose == c.state.loose:
	case loose || c.opts.Log.Synced() >= c.told.durable:
		c.state.loose = loose
		c.persist()
	}
}

// setID changes the cluster's ID and reports whether it must be written.
func (c *Cluster) setID(id clusterID) bool {
	if id == c.state.cluster {
		return false
	}
	c.state.cluster = id
	return true
}

// shareID lets this node speak of the cluster's ID that is on disk.
func (c *Cluster) shareID() {
	text := c.kept.cluster.String()
	c.idText.Store(&text)
}

// learn takes the cluster's ID from a frame; an error says that the frame is
// from another cluster.
func (c *Cluster) learn(f *peer.Frame) error {
	if f.Cluster == c.clusterText() {
		return nil
	}
	theirs, err := parseClusterID(f.Cluster)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	merged, err := c.state.cluster.merge(theirs)
	if err != nil {
		return err
	}
	if c.setID(merged) {
		c.persist()
	}
	return nil
}

// publish lets the hot path see the election's state, and reports whether
// waiting replies should look again. The caller holds mu.
func (c *Cluster) publish() (moved bool) {
	st := c.node.Status()
	old := c.lease.Load()
	switch {
	case st.Role != bully.Leader || !st.Serving || c.muted:
		if old != nil {
			c.lease.Store(nil)
		}
	case old == nil || old.epoch != st.Epoch || old.until != int64(st.LeaseUntil):
		c.handed.Store(nil) // commands run again
		ticks := int64(st.LeaseUntil)
		if st.LeaseUntil != bully.Never {
			ticks = c.opts.Host.Ticks() + int64(st.LeaseUntil-c.now())
		}
		c.lease.Store(&lease{st.Epoch, int64(st.LeaseUntil), ticks})
		moved = true
	}
	if st.LeaseLate != c.leaseLate.Load() {
		c.leaseLate.Store(st.LeaseLate)
		moved = true // what waits for the lease is to ask for a round, or the other way round
	}
	if c.raise(st.Commit) {
		moved = true
		if st.Role == bully.Leader {
			c.roster.Load().chooseFirst()
		}
		if st.Role != bully.Leader && c.served.Load() != st.Epoch {
			poke(c.chores) // for View.Serves
		}
	}
	if next := int64(c.node.NextTick()); next < c.nextTick.Load() {
		poke(c.tick)
	}
	return moved
}

// raise lets the hot path see what is committed. The caller holds mu.
func (c *Cluster) raise(commit int64) (moved bool) {
	all := commit
	r := c.roster.Load()
	for _, m := range r.others {
		held := c.node.AckedOffset(m.ID)
		m.held.Store(held)
		if r.votes(m.ID) {
			all = min(all, held)
		}
	}
	if commit > c.commit.Load() {
		c.commit.Store(commit)
		moved = true
	}
	if all > c.all.Load() {
		c.all.Store(all)
		moved = true
	}
	return moved
}

// calmBeats is how many beats pass between two rounds of chores that nobody asked for,
// while nothing is under way: each takes some changes of threads.
const calmBeats = 4

// steady reports whether nothing is under way that goes on at each beat: this node leads
// and serves, or follows such a leader. The caller holds mu.
func (c *Cluster) steady() bool {
	st, v := c.node.Status(), c.view.Load()
	return !c.opts.Witness && !c.muted && !c.handing && !c.rising &&
		st.Handover == bully.NoHandover && !st.Recovering && len(st.Members.Learners) == 0 && len(c.roster.Load().conf.Learners) == 0 &&
		v.Epoch == st.Epoch && v.LeaderID == st.Leader && v.Serves && v.LinkUp && !v.Unfilled && !v.Electing && !v.SyncProgress
}

// clock lets time pass for the election, and does what is due regularly.
func (c *Cluster) clock() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var probed, tended time.Duration
	for {
		c.mu.Lock()
		steady, wait := c.steady(), c.beat
		if steady && c.node.Status().Role == bully.Follower {
			wait *= calmBeats
		}
		next := min(c.node.NextTick(), c.now()+wait)
		c.nextTick.Store(int64(next))
		c.mu.Unlock()
		timer.Reset(max(next-c.now(), 0))
		select {
		case <-c.ctx.Done():
			return
		case <-timer.C:
		case <-c.tick:
		}
		if c.readLog().durable > c.marks.covered.Load() {
			poke(c.unmarked)
		}
		c.do(func(now time.Duration) bully.Output {
			c.node.SetTakeover(c.opts.Config.Takeover.Get() == config.TakeoverAuto)
			if now < c.node.NextTick() {
				return bully.Output{}
			}
			return c.node.Tick(now)
		})
		if len(c.roster.Load().conf.Learners) > 0 {
			c.do(c.promote)
		}
		if c.opts.Witness {
			c.keepTail()
		}
		if now := c.now(); !steady || now-tended >= calmBeats*c.beat {
			tended = now
			poke(c.chores)
		}
		if c.askSynced.Swap(false) && c.begun.Load() != 0 {
			c.Round()
		}
		if now := c.now(); now-probed >= probeEvery {
			probed = now
			c.probe()
		}
	}
}

// probe tries a state file that could not be written again.
func (c *Cluster) probe() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.muted {
		c.persist()
	}
}
