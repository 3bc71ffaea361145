package cluster

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"regent/cluster/bully"
	"regent/cluster/peer"
	"regent/cluster/repl"
	"regent/engine"
	"regent/engine/config"
)

// The leader's side: a stream to each peer, and what the hot path asks.

// leading is the role worker's own state; nobody else looks at it.
type leading struct {
	epoch int64 // that this node leads, 0: none
	ahead bool  // the keyspace may hold more than is committed

	ctx     context.Context // of the senders
	cancel  context.CancelFunc
	senders map[*member]context.CancelFunc
	wg      sync.WaitGroup
}

// startSenders opens a stream to each peer, for ever.
func (c *Cluster) startSenders(epoch int64) {
	c.lead.ctx, c.lead.cancel = context.WithCancel(c.ctx)
	c.lead.senders = map[*member]context.CancelFunc{}
	c.awaited.Store(0)
	c.openRounds(epoch)
	c.tendSenders()
}

// tendSenders opens the streams that are missing and ends those to nodes that
// are members no more.
func (c *Cluster) tendSenders() {
	if c.lead.cancel == nil {
		return
	}
	epoch, others := c.lead.epoch, c.others()
	for _, m := range others {
		if c.lead.senders[m] != nil {
			continue
		}
		ctx, end := context.WithCancel(c.lead.ctx)
		c.lead.senders[m] = end
		m.lost.Store(max(c.opts.Host.Mono(), 1))
		m.synced.Store(0)
		m.applied.Store(0)
		c.lead.wg.Go(func() { c.stream(ctx, m, epoch) })
	}
	for m, end := range c.lead.senders {
		if !slices.Contains(others, m) {
			end()
			delete(c.lead.senders, m)
		}
	}
}

// endSenders ends them and waits.
func (c *Cluster) endSenders() {
	if c.lead.cancel != nil {
		c.lead.cancel()
		c.lead.wg.Wait()
		c.lead.cancel = nil
	}
}

// stream keeps one peer's stream up until ctx ends.
func (c *Cluster) stream(ctx context.Context, m *member, epoch int64) {
	defer m.reserve(nil)
	pause := peer.NewBackoff(c.opts.Host.Rand)
	var copied copyPause
	said := ""
	for pause.Wait(ctx, m.kick) {
		conn, err := m.dialer.Dial(ctx, m.Addr(), c.hello(m, peer.Stream))
		if err == nil {
			s := repl.NewSender(c.senderConfig(m, epoch), conn)
			m.sender.Store(s)
			err = s.Run(ctx)
			m.sender.Store(nil)
			m.lost.CompareAndSwap(0, c.opts.Host.Mono())
			c.wakeSenders() // one that was spare may be needed now
			pause.Lost(time.Since(conn.Since))
		}
		if errors.Is(err, repl.ErrCopy) {
			err = c.copyTo(ctx, m, epoch)
			if copied.after(ctx, err); err == nil {
				poke(m.kick)
				continue
			}
		}
		if ctx.Err() != nil {
			return
		}
		if text := err.Error(); text != said {
			said = text
			c.opts.Host.Logf(engine.LevelNotice, "No stream to node %d: %s", m.ID, text)
		}
	}
}

// watched has the listener look for acknowledgements, if there is one that does. Its loop
// does not wait for the election: while that is at work ready is called again.
func (c *Cluster) watched() func(fd int, ready func() bool, tend func(bool)) bool {
	if c.opts.Watch == nil {
		return nil
	}
	return func(fd int, ready func() bool, tend func(bool)) bool {
		return c.opts.Watch(fd, func() bool {
			if !c.mu.TryLock() {
				return true
			}
			c.mu.Unlock()
			return ready()
		}, tend)
	}
}

func (c *Cluster) senderConfig(m *member, epoch int64) repl.SenderConfig {
	return repl.SenderConfig{
		Stream: c.opts.Stream, Self: c.id, Peer: m.ID, Epoch: epoch,
		Cluster: c.clusterText, Commit: c.commit.Load, Patience: c.timeout,
		Opened: func(off int64) {
			c.opts.Host.Logf(engine.LevelNotice, "Node %d follows from offset %d", m.ID, off)
			if !m.copied.Swap(false) { // else it goes on behind its full copy
				c.engine.CountSync(engine.SyncPartial)
			}
			m.offset.Store(off)
			m.applied.Store(0) // it may have begun anew
			m.lost.Store(0)
			m.reserve(nil) // the stream reads from there on
			poke(c.chores)
		},
		Held:     func(p repl.Progress) { c.heldBy(m, epoch, p) },
		Asked:    c.asked,
		Answered: func(round, synced int64) { c.answered(m, epoch, round, synced) },
		Awaited:  c.awaited.Load,
		Leisure:  c.leisure,
		Spare:    func() bool { return c.spare(m) },
		Watch:    c.watched(),
		Sent:     c.engine.CountReplOutput,
		Applied: func(off int64) {
			m.raiseApplied(off)
			c.engine.ReplicaAcked()
		},
	}
}

// heldBy takes a follower's acknowledgement: the hot path of every write.
func (c *Cluster) heldBy(m *member, epoch int64, p repl.Progress) {
	m.offset.Store(p.Received)
	m.raiseApplied(p.Applied)
	m.moved.Store(c.opts.Host.Ticks())
	ahead := false
	c.tryRemark() // a client's event loop may be here
	c.do(func(now time.Duration) bully.Output {
		ahead = p.Durable > c.told.durable
		return c.node.Acked(now, m.ID, epoch, p.Durable)
	})
	if ahead {
		// The follower's disk was faster than this one. Sealed will tell.
		c.behind.Store(true)
		if c.opts.Stream.Durable() > p.Durable {
			c.doLog(nothing)
		}
	}
	c.engine.ReplicaAcked()
}

// Moving is when a follower has last taken, or worked on, a part of what stands in the
// log from start to end, in ticks, or it was read for one; 0: none is at that.
func (c *Cluster) Moving(start, end int64) (last int64) {
	for _, m := range c.others() {
		if s := m.sender.Load(); s != nil && s.Reads(start, end) {
			return c.opts.Host.Ticks()
		}
		if off := m.offset.Load(); off > start && off <= end && m.held.Load() < end && m.lost.Load() == 0 {
			last = max(last, m.moved.Load())
		}
	}
	return last
}

// Sealed tells that the log moved: it was written or synced. What was written is sent to
// the followers at once, as far as their connections take it. It waits for nothing.
func (c *Cluster) Sealed() {
	for _, m := range c.others() {
		if s := m.sender.Load(); s != nil {
			s.Push()
		}
	}
	if c.behind.Load() {
		poke(c.unmarked)
	}
}

// Leads reports whether this node leads and its lease holds at this moment.
func (c *Cluster) Leads() bool {
	v, l := c.view.Load(), c.lease.Load()
	return v.Leading && l != nil && l.epoch == v.Epoch && c.opts.Host.Mono() < l.until
}

// MustHold reports whether this node leads but must run no command as leader: its
// lease has run out, or it was deposed a moment ago. It is asked for each
// command and so looks at the cheaper clock; Leads is asked again before the
// reply leaves. Where rounds prove what was read, the lease is not needed.
func (c *Cluster) MustHold() bool {
	revoked, over := c.lapsed()
	return revoked || over && c.Leased()
}

// LeaseOver reports whether this node leads, as far as it knows, and its lease
// has run out: others may have elected another by now. Where the lease is never
// in time that says nothing; such a leader resigns after the election timeout.
func (c *Cluster) LeaseOver() bool {
	revoked, over := c.lapsed()
	return revoked || over && !c.leaseLate.Load()
}

// lapsed reports of a node that leads whether it has no lease any more, and
// whether the one it has is over.
func (c *Cluster) lapsed() (revoked, over bool) {
	v, l := c.view.Load(), c.lease.Load()
	if !v.Leading {
		return false, false
	}
	if l == nil || l.epoch != v.Epoch {
		return true, false
	}
	return false, c.opts.Host.Ticks() >= l.ticks
}

// Committed is the offset up to which replies may leave.
func (c *Cluster) Committed() int64 {
	if !c.view.Load().Leading {
		return c.commit.Load()
	}
	switch c.opts.Config.WriteAcks.Get() {
	case config.AcksLeader:
		return c.opts.Stream.Durable()
	case config.AcksAll:
		return c.all.Load()
	}
	return c.commit.Load()
}

// CommittedFor is Committed for replies to clients that ask for something else
// than write-acks says.
func (c *Cluster) CommittedFor(acks engine.AckSet) int64 {
	if acks == engine.AcksDefault.Set() || !c.view.Load().Leading {
		return c.Committed()
	}
	if acks.Has(engine.AcksQuorum) || acks.Has(engine.AcksAll) {
		c.hurried.Store(c.opts.Host.Ticks())
	}
	off := int64(math.MaxInt64)
	if acks.Has(engine.AcksDefault) {
		off = c.Committed()
	}
	if acks.Has(engine.AcksLeader) {
		off = min(off, c.opts.Stream.Durable())
	}
	if acks.Has(engine.AcksQuorum) {
		off = min(off, c.commit.Load())
	}
	if acks.Has(engine.AcksAll) {
		off = min(off, c.all.Load())
	}
	return off
}

// leisureAfter is for how long a client that has asked for more acknowledgements than
// write-acks is thought to go on, in ns.
const leisureAfter = int64(time.Second)

// leisure reports whether nobody waits for acknowledgements: the leader's own disk is
// enough for all clients, and no handover is under way. It is asked after a client's wish has become known, since that is
// before what it wrote is sealed.
func (c *Cluster) leisure() bool {
	return c.opts.Config.WriteAcks.Get() == config.AcksLeader && c.unhurried()
}

// unhurried reports whether this node leads, no handover is under way, and no client has
// asked for more than write-acks for a while.
func (c *Cluster) unhurried() bool {
	if !c.view.Load().Leading || c.holds.Load() {
		return false
	}
	at := c.hurried.Load()
	return at == 0 || c.opts.Host.Ticks()-at > leisureAfter
}

// spare reports whether clients wait for others than m: with write-acks quorum as many
// followers as make a majority with this node are sent everything at once, those that were
// the quickest to acknowledge the last that was committed. The rest get it a moment later, in fewer
// frames, and say at once that they have it, so that one of them is among the first next
// time if it has become quicker. With fsyncs, which vary, all are asked at once.
func (c *Cluster) spare(m *member) bool {
	if m.first.Load() || c.opts.Config.WriteAcks.Get() != config.AcksQuorum || c.fsyncs() || !c.unhurried() {
		return false
	}
	r := c.roster.Load()
	need := len(r.conf.Voters) / 2
	for _, o := range r.others {
		if o != m && o.first.Load() && o.lost.Load() == 0 {
			need--
		}
	}
	return need <= 0
}

// chooseFirst chooses whom clients wait for: see spare. The caller holds mu.
func (r *roster) chooseFirst() {
	most := len(r.conf.Voters) / 2
	for i, m := range r.others {
		first, before := m.first.Load(), 0
		for j, o := range r.others {
			if j != i && r.votes(o.ID) && o.quicker(m, first, j < i) {
				before++
			}
		}
		if now := before < most && r.votes(m.ID); now != first {
			m.first.Store(now)
		}
	}
}

// quicker reports whether o comes before m, which is among the first or not. Of equals
// those stay first that are, and at last their order decides.
func (o *member) quicker(m *member, first, lower bool) bool {
	held, than := o.held.Load(), m.held.Load()
	if held != than {
		return held > than
	}
	if is := o.first.Load(); is != first {
		return is
	}
	return lower
}

// SyncedBy is how many other nodes have fsynced the log up to off, as they said
// last. They are asked again at the next beat.
func (c *Cluster) SyncedBy(off int64) (n int) {
	c.askSynced.Store(true)
	for _, m := range c.others() {
		if synced := m.synced.Load(); !m.witness.Load() && synced > 0 && synced >= off {
			n++
		}
	}
	return n
}

// AckedBy is how many other nodes hold the log durably up to off and show it to
// their readers. Those that do not are asked to tell when they do.
func (c *Cluster) AckedBy(off int64) (n int) {
	others := c.others()
	for _, m := range others {
		if held := m.held.Load(); !m.witness.Load() && held > 0 && held >= off && m.applied.Load() >= off {
			n++
		}
	}
	if n < len(others) {
		c.awaitApplied(off)
	}
	return n
}

// awaitApplied has the followers tell as soon as they have applied the log up to off.
func (c *Cluster) awaitApplied(off int64) {
	for {
		old := c.awaited.Load()
		if off <= old {
			return
		}
		if c.awaited.CompareAndSwap(old, off) {
			break
		}
	}
	c.wakeSenders()
}

func (c *Cluster) wakeSenders() {
	for _, m := range c.others() {
		if s := m.sender.Load(); s != nil {
			s.Wake()
		}
	}
}

// raiseApplied takes what a follower says that it has applied: it says so from
// two goroutines.
func (m *member) raiseApplied(off int64) {
	for {
		old := m.applied.Load()
		if off <= old || m.applied.CompareAndSwap(old, off) {
			return
		}
	}
}
