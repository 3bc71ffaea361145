package cluster

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"regent/cluster/bully"
	"regent/cluster/peer"
	"regent/cluster/repl"
	"regent/engine"
)

// The follower's side: one stream at a time, written under logMu.

// following is the state of the stream this node takes.
type following struct {
	turn chan struct{} // one token: of the receiver that runs, for as long as the disk takes
	part repl.Part     // of an incomplete unit, under turn
	// receiver is what runs; nil: nothing.
	receiver atomic.Pointer[repl.Receiver]

	mu   sync.Mutex
	conn *peer.Conn // of the newest stream
	said string     // the last complaint logged

	up     atomic.Bool
	downAt atomic.Int64 // wall ms
	lastIO atomic.Int64 // wall ms
	epoch  atomic.Int64
	bytes  atomic.Int64 // taken since the start
}

// takeOver makes conn the newest stream and ends the one before.
func (f *following) takeOver(conn *peer.Conn) {
	f.mu.Lock()
	old := f.conn
	f.conn = conn
	f.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
}

// drop ends the stream, if any.
func (f *following) drop() { f.takeOver(nil) }

// newest reports whether no newer stream has come.
func (f *following) newest(conn *peer.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.conn == conn
}

// receive takes the stream of a node that says it leads.
func (c *Cluster) receive(conn *peer.Conn) {
	conn.Own(c.opts.KeepProcessor)
	c.taking(conn, func(enter repl.Enter) error {
		r := &repl.Receiver{
			Conn: conn, Stream: c.opts.Stream, Node: (*follower)(c), Self: c.id,
			Cluster: c.clusterText, Learn: c.learn, Patience: c.timeout, Part: &c.follow.part,
		}
		r.Enter = func(epoch int64) (ok bool, own int64) {
			if ok, own = enter(epoch); ok {
				c.follow.receiver.Store(r)
			}
			return ok, own
		}
		return r.Run()
	})
}

// vouchAgain tells the leader what this node holds, since it vouches for it now.
func (c *Cluster) vouchAgain() {
	if r := c.follow.receiver.Load(); r != nil {
		c.wg.Go(func() { _ = r.Tell() }) // an error is the stream's end, which Run finds out
	}
}

// taking runs what takes the log from another node over conn. run calls enter when it knows
// the epoch in which the other leads: the newest alone goes on, after the one before has
// ended. A leader that does not know yet that it is deposed ends nobody's stream.
func (c *Cluster) taking(conn *peer.Conn, run func(enter repl.Enter) error) {
	entered := false
	err := run(func(epoch int64) (ok bool, own int64) {
		if own = c.status().Epoch; epoch < own {
			return false, own
		}
		c.follow.takeOver(conn)
		c.follow.turn <- struct{}{}
		entered = true
		return c.follow.newest(conn) && c.ctx.Err() == nil, 0
	})
	if entered {
		c.follow.receiver.Store(nil)
		c.forgetPart()
		if c.follow.up.Swap(false) {
			c.follow.downAt.Store(c.opts.Host.Now())
			poke(c.chores)
		}
		<-c.follow.turn
	}
	if c.ctx.Err() == nil && err != nil {
		c.streamEnded(conn, err)
	}
}

// forgetPart drops what is held of an incomplete unit, unless it is of this epoch. The
// caller has the turn.
func (c *Cluster) forgetPart() {
	if held := c.follow.part.Epoch(); held != 0 && held != c.status().Epoch {
		c.follow.part.Drop()
	}
}

// streamEnded logs why, once per change.
func (c *Cluster) streamEnded(conn *peer.Conn, err error) {
	text := fmt.Sprintf("The stream from node %d ended: %v", conn.Peer, err)
	c.follow.mu.Lock()
	changed := text != c.follow.said
	c.follow.said = text
	c.follow.mu.Unlock()
	if changed {
		c.opts.Host.Logf(engine.LevelNotice, "%s", text)
	}
}

// follower is this node as its receiver sees it.
type follower Cluster

var _ repl.Node = (*follower)(nil)

// errOver says that this node has turned away from a leader.
var errOver = errors.New("this node does not follow that leader any more")

// errOld says that a leader's words were overtaken by later ones of its own.
var errOld = errors.New("it began before another one of this epoch, and says of the leader's log what is so no more")

// hasMore reports whether this log, which works, holds what the leader of an epoch had not
// when its log ended at off. In its epoch that log only grows, so what was acknowledged
// since would be lost. The caller holds logMu.
func (c *Cluster) hasMore(epoch, off int64) bool {
	s := c.opts.Stream
	return off < s.End() && s.LastEpoch() == epoch
}

// Await waits up to T until this node follows epoch, and has ceased to lead
// itself: the stream may be faster than COORDINATOR.
func (f *follower) Await(epoch int64) (ok bool, own int64) {
	c := (*Cluster)(f)
	limit := time.NewTimer(c.timeout)
	defer limit.Stop()
	for {
		c.mu.Lock()
		ok, own = c.follows(epoch), c.node.Status().Epoch
		changed := c.changes
		c.mu.Unlock()
		if ok && c.following.Load() || own > epoch {
			return ok, own
		}
		select {
		case <-changed:
		case <-limit.C:
			return false, own
		case <-c.ctx.Done():
			return false, own
		}
	}
}

// Cut makes the log end at off. A keyspace that holds more than that is
// rebuilt from what is left.
func (f *follower) Cut(epoch, off int64) error {
	c := (*Cluster)(f)
	c.logMu.Lock()
	defer c.logMu.Unlock()
	if !f.follows(epoch) {
		return errOver
	}
	end := max(c.opts.Stream.End(), c.opts.Log.End())
	if off == end && c.applier.Applied() <= off {
		return nil
	}
	switch {
	case c.hasMore(epoch, off):
		return errOld
	case off < c.commit.Load():
		return fmt.Errorf("the log is not cut back to %d: up to %d it is committed", off, c.commit.Load())
	}
	c.opts.Host.Logf(engine.LevelNotice, "Cutting the log from %d back to %d, where %s, the leader of epoch %d, agrees", end, off, c.leaderName(), epoch)
	if err := c.truncate(off); err != nil {
		if !errors.Is(err, engine.ErrUntouched) {
			c.DiskFailed(err)
		}
		return fmt.Errorf("can't cut the log at %d: %w", off, err)
	}
	c.doLog(nothing) // tells the election where the log ends now
	if c.applier.Applied() <= off {
		c.applier.Cut()
		return nil
	}
	return f.rebuild(off)
}

// truncate cuts the log, and the mark before it.
func (c *Cluster) truncate(off int64) error {
	if err := c.shorten(bully.Position{Epoch: epochAt(c.opts.Stream.History(), off), Offset: off}); err != nil {
		return err
	}
	defer c.shortened()
	return c.opts.Stream.Truncate(off)
}

// rebuild brings the keyspace back to off, which is where the log ends.
func (f *follower) rebuild(off int64) (err error) {
	c := (*Cluster)(f)
	began := time.Now()
	applier := c.applier.Suspend()
	db, err := c.opts.Stream.DBAt(off)
	if err == nil {
		err = c.opts.Rebuild(off)
	}
	if err != nil {
		applier.Lost()
		c.DiskFailed(err)
		return fmt.Errorf("can't rebuild the keyspace up to %d: %w", off, err)
	}
	applier.Replaced(off, db)
	c.opts.Host.Logf(engine.LevelNotice, "Keyspace rebuilt from the log up to %d: %.3f seconds", off, time.Since(began).Seconds())
	return nil
}

// AtRest calls f while the keyspace does not follow the log by itself. reached,
// which f may ask with the engine frozen, is the offset that the keyspace holds
// the log up to: all of it at a leader, what is applied at a follower. It is not
// known, and ok is false, while this node changes from one to the other.
func (c *Cluster) AtRest(f func(reached func() (off int64, ok bool))) {
	c.logMu.Lock() // a keyspace that is rebuilt belongs to no offset
	defer c.logMu.Unlock()
	c.applier.AtRest(func() {
		f(func() (int64, bool) {
			if c.view.Load().Leading || c.begun.Load() != 0 {
				return c.opts.Log.End(), true
			}
			return c.applier.Applied(), c.following.Load()
		})
	})
}

func (f *follower) follows(epoch int64) bool {
	c := (*Cluster)(f)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.follows(epoch)
}

// follows reports whether bytes of an epoch may be taken: the election allows it,
// and that epoch is on disk, or the log would be newer than the state file. The caller
// holds mu.
func (c *Cluster) follows(epoch int64) bool {
	return c.node.Follows(epoch) && c.kept.hard.Epoch == epoch
}

// Append writes whole records of the leader's and takes its commit offset.
func (f *follower) Append(epoch, off int64, records []byte, commit int64) (durable int64, ok bool, err error) {
	c := (*Cluster)(f)
	c.logMu.Lock()
	defer c.logMu.Unlock()
	if !f.follows(epoch) || !c.following.Load() {
		return 0, false, nil
	}
	if len(records) > 0 {
		if err := c.opts.Stream.AppendRaw(off, records); err != nil {
			c.DiskFailed(err)
			return 0, false, fmt.Errorf("can't append at %d: %w", off, err)
		}
		c.follow.bytes.Add(int64(len(records)))
		c.engine.CountReplInput(len(records))
	}
	c.remark()
	moved := c.bring(func(now time.Duration) bully.Output {
		o := c.node.Committed(now, epoch, commit)
		durable, ok = c.told.durable, c.node.Follows(epoch)
		if !c.vouches() {
			durable = 0
		}
		return o
	})
	if moved {
		c.advanced()
	}
	return durable, ok, nil
}

// applyBetween is how much is applied, in bytes, although more is waiting to be appended:
// it takes less than to wake a goroutine for it.
const applyBetween = 16 << 10

// Apply applies what is committed: on the receiver's goroutine, which is awake, if that is
// quickly done, and on the one that is there for it otherwise. While more is to be appended
// both are at work, if there is enough for both.
func (f *follower) Apply(more bool) {
	c := (*Cluster)(f)
	limit := min(c.commit.Load(), c.opts.Stream.End())
	left := limit - c.applier.Applied()
	if left <= 0 || (!more || left <= applyBetween) && c.mayApply() && c.applier.Quickly(limit) {
		return
	}
	poke(c.apply)
}

// Durable is how far the log is durable, as far as this node vouches for it.
func (f *follower) Durable(epoch int64) int64 {
	c := (*Cluster)(f)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.node.Follows(epoch) || !c.vouches() {
		return 0
	}
	return c.told.durable
}

// Vouches reports whether what this node answers may count.
func (f *follower) Vouches() bool {
	c := (*Cluster)(f)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.vouches()
}

// vouches is Vouches. The caller holds mu.
func (c *Cluster) vouches() bool { return c.node.Vouches() && c.rooted() && !c.muted }

// Applied is how far readers can see: not at all while they are told that this
// node loads.
func (f *follower) Applied() int64 {
	c := (*Cluster)(f)
	if c.view.Load().Unfilled || c.opts.Witness {
		return 0
	}
	return c.applier.Applied()
}

// AwaitApplied is the applier's Await.
func (f *follower) AwaitApplied(off int64) <-chan struct{} { return (*Cluster)(f).applier.Await(off) }

// Synced is how far the log is fsynced.
func (f *follower) Synced() int64 { return (*Cluster)(f).opts.Log.Synced() }

// Opened tells that the stream runs.
func (f *follower) Opened(epoch int64) {
	c := (*Cluster)(f)
	f.Heard()
	c.follow.epoch.Store(epoch)
	c.follow.downAt.Store(0)
	c.follow.up.Store(true)
	c.follow.mu.Lock()
	c.follow.said = ""
	c.follow.mu.Unlock()
	c.opts.Host.Logf(engine.LevelNotice, "Following %s, the leader of epoch %d, from offset %d", c.leaderName(), epoch, c.opts.Stream.End())
	poke(c.chores)
	poke(c.apply)
}

// Heard tells that bytes came.
func (f *follower) Heard() { c := (*Cluster)(f); c.follow.lastIO.Store(c.opts.Host.Now()) }
