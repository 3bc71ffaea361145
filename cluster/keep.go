package cluster

import (
	"slices"
	"sync/atomic"
	"time"

	"regent/cluster/bully"
	"regent/engine"
)

// The state file is written by a goroutine of its own, with no lock held: an
// fsync may take longer than the election timeout, and a node that is deaf
// meanwhile would think its leader dead, or be thought dead itself.
//
//	carry, under mu          state ──► want          message that rests on it ──► late
//	keep, without a lock             write, fsync, rename, fsync
//	carry again, under mu    have ──► late leaves, acknowledgements count, epochs begin
//
// What waits for the disk, and what does not:
//
//   - Epoch and vote: whatever leaves this node. A stream of the epoch is not taken,
//     acknowledged or begun before.
//   - A tentative ID of the cluster: what is acknowledged of a stream, and the beginning of
//     an epoch. What leaves this node tells of the ID that is on disk.
//   - The configuration: answers and questions of the election. An ACK says which one is
//     on disk, and a leader counts itself once its own is (bully's Saved). Its heartbeats go on:
//     which node leads and which are members are told apart.
//   - fsynced no: until it is there the log counts as far as it is fsynced (readLog).
//   - A position from which the log is to be shortened: the cut (shorten).
//   - That nothing was lost, and that the cluster's ID is confirmed: nothing. A
//     node that forgets either learns it again.
//
// A message that leaves late was made at its moment, as if the network had kept it
// so long. One that is replaced before it could leave was lost there.

// keeping is what the state file holds and what waits for it, under mu.
type keeping struct {
	want  uint64 // number of the newest state that is to be on disk
	begun uint64 // of the last one that the writer has taken
	have  uint64 // of the one that is on disk

	hard    bully.HardState // that is on disk
	cluster clusterID
	loose   atomic.Bool
	members bully.Configuration // without its lists

	late  []lateMessage
	wake  chan struct{} // for the writer
	ended chan struct{} // closed and replaced when a write has ended, well or not
}

// A lateMessage leaves when a state is on disk.
type lateMessage struct {
	bully.Message
	state uint64
}

// took notes that a state is on disk, of which the lists of members are those of conf. The
// caller holds mu, or nothing runs yet.
func (k *keeping) took(d *durable, conf *bully.Configuration) {
	k.hard, k.cluster = d.hard, d.cluster
	k.loose.Store(d.loose)
	k.members = bully.Configuration{Epoch: conf.Epoch, Version: conf.Version}
}

// persist asks for the state to be written. While it cannot be, this node is
// mute. The caller holds mu.
func (c *Cluster) persist() {
	c.kept.want++
	poke(c.kept.wake)
}

// keep is the writer. It ends with the cluster.
func (c *Cluster) keep() {
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.kept.wake:
		}
		for c.ctx.Err() == nil && c.keepOnce() {
		}
	}
}

// keepOnce writes the newest state and lets go what waited for it. It returns
// whether there is a newer one by now.
func (c *Cluster) keepOnce() (again bool) {
	k := &c.kept
	m := &c.marks
	m.mu.Lock()
	c.mu.Lock()
	if k.want == k.have {
		c.mu.Unlock()
		m.mu.Unlock()
		return false
	}
	torn, at := m.reached.bad != nil, m.reached.at
	if torn && !m.shortening {
		at = c.reachedBy(c.told)
	}
	c.state.reached = at
	d, n, conf := c.state, k.want, c.node.Status().Members
	k.begun = n
	c.mu.Unlock()
	m.mu.Unlock()

	err := d.saveOn(c.opts.Disk, c.opts.Dir)
	if err == nil && torn {
		err = c.mendMark(at)
	}

	c.mu.Lock()
	defer func() {
		close(k.ended)
		k.ended = make(chan struct{})
		c.mu.Unlock()
		if err == nil {
			c.settled(d.hard)
		}
	}()
	if err != nil {
		c.mute(err)
		return false
	}
	k.have = n
	k.took(&d, &conf)
	c.shareID()
	if c.muted {
		c.muted = false
		c.opts.Host.Logf(engine.LevelNotice, "The cluster state file can be written again")
	}
	c.sendLate()
	c.adoptKept()
	return k.want != k.have
}

// mendMark makes a mark that could not be moved anew.
func (c *Cluster) mendMark(at bully.Position) error {
	mended, err := newMark(c.opts.Disk, c.opts.Dir, at)
	if err != nil {
		return err
	}
	m := &c.marks
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reached.page.close()
	m.reached = mended
	if m.shortening {
		return nil
	}
	log := c.readLog()
	if err := mended.set(c.reachedBy(log)); err != nil {
		return err
	}
	m.covered.Store(log.durable)
	return nil
}

// settled goes on with what waited for a state that is on disk by now.
func (c *Cluster) settled(h bully.HardState) {
	c.do(func(now time.Duration) bully.Output { return c.node.Saved(now, h) })
	c.mu.Lock()
	mended := !c.muted && c.logBad == nil && c.node.Status().Suspended
	c.mu.Unlock()
	if mended {
		c.do(func(now time.Duration) bully.Output { return c.node.Disk(now, true) })
	}
	c.announceChange()
	c.vouchAgain()
	poke(c.chores)
}

// promised reports whether epoch and vote are on disk: what leaves this node rests on
// them. The caller holds mu.
func (c *Cluster) promised() bool {
	k, s := &c.kept, &c.state
	return k.hard.Epoch == s.hard.Epoch && k.hard.VoteFor == s.hard.VoteFor
}

// rooted is promised, and the cluster's ID is on disk as far as it could be another:
// a log rests on both. The caller holds mu.
func (c *Cluster) rooted() bool {
	k, s := &c.kept, &c.state
	return c.promised() && (k.cluster == s.cluster || s.cluster.confirmed && k.cluster.hex == s.cluster.hex)
}

// send sends a message, once what it rests on is on disk. The caller holds mu.
func (c *Cluster) send(m bully.Message) {
	k := &c.kept
	asks := m.Kind == bully.Election || m.Kind == bully.OK
	switch {
	case c.muted:
	case !c.promised() || asks && !m.Members.Is(&k.members):
		// What is being written says nothing of it. A later one of its kind takes the
		// place of one that waits for the same write, so that few wait.
		i := slices.IndexFunc(k.late, func(l lateMessage) bool {
			return l.state > k.begun && l.To == m.To && l.Kind == m.Kind && l.Phase == m.Phase
		})
		if i >= 0 {
			k.late = slices.Delete(k.late, i, i+1)
		}
		k.late = append(k.late, lateMessage{m, k.want})
	default:
		c.post(m)
	}
}

// post hands a message to its link. An ACK tells of the configuration that is on
// disk. The caller holds mu.
func (c *Cluster) post(m bully.Message) {
	if m.Kind == bully.Ack && !m.Members.Is(&c.kept.members) {
		m.Members = c.kept.members
	}
	if to := c.member(m.To); to != nil {
		to.link.Send(m)
	}
}

// sendLate sends what rests on the state that is on disk by now. The caller holds
// mu.
func (c *Cluster) sendLate() {
	k := &c.kept
	late := k.late
	k.late = nil
	for _, l := range late {
		if l.state <= k.have {
			c.post(l.Message)
		} else {
			k.late = append(k.late, l)
		}
	}
}

// adoptKept has the roster follow the configuration, once that is on disk. The
// caller holds mu.
func (c *Cluster) adoptKept() {
	conf := c.node.Status().Members
	if !conf.Is(&c.roster.Load().conf) && conf.Is(&c.kept.members) {
		c.adopt(conf)
	}
}

// awaitKept waits until what persist has asked for last is on disk; it returns false if
// it could not be written. The caller holds mu, which is not held meanwhile.
func (c *Cluster) awaitKept() bool {
	n := c.kept.want
	for c.kept.have < n && !c.muted && c.ctx.Err() == nil {
		ended := c.kept.ended
		c.mu.Unlock()
		select {
		case <-ended:
		case <-c.ctx.Done():
		}
		c.mu.Lock()
	}
	return c.kept.have >= n
}
