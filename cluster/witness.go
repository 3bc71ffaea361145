package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"regent/cluster/peer"
	"regent/cluster/repl"
	"regent/engine"
)

// A witness is a node with a vote and the log, and no keyspace. What that means for the
// election is in bully's doc.go; here is the rest of it:
//
//   - It takes the log as any follower, acknowledges it, and applies nothing.
//   - It begins without a full copy. The leader tells it a place in its log from which
//     to go on: where all nodes with data are, if the leader still has that (beginWitness).
//   - It keeps the log from there on where not all nodes with data hold it durably, which
//     the leader tells it with each heartbeat (keepTail); at most as much as any node
//     keeps for one that is behind (aof.ReservedBytes).
//   - The View of no node calls it a leader (view.go), and it is not among the nodes
//     that WAIT counts (lead.go).
//
// The bytes that it has dropped, all nodes with data have, so whichever of them is left
// beside it can be brought up to its end. Where the bound was reached, or the witness came
// while a node was away, this need not be so: if the other nodes are gone then, that
// node and the witness have no leader. Nothing that was acknowledged is lost by that, since
// the one cannot be elected over the other's log, and that one gives no copy.

// tail is what a witness keeps of the log for nodes with data.
type tail struct {
	from    int64  // it is reserved from here on
	release func() // ends the reservation
	short   bool   // it was said that it is not enough

	begun atomic.Bool // the leader has said where to begin, since the start
}

// keepStep is by how many bytes the others must have gone on before the witness' reservation
// follows them, unless Options.KeepStep says so.
const keepStep = 1 << 20

// skipLeast is how many bytes a leader's log has at least for a witness that has nothing to
// ask where to begin, instead of taking all of it.
const skipLeast = 1 << 20

// skips reports whether this node is a witness without a log, that is to begin where the
// leader says.
func (c *Cluster) skips(end int64) bool {
	return c.opts.Witness && end >= skipLeast && c.opts.Stream.End() == 0 && !c.tail.begun.Load()
}

var errNoData = errors.New("this node is a witness: it has no data to copy, and has dropped what that node lacks of the log. A node that has it must come back")

// isWitness notes what a member said of itself, in the state file too.
func (c *Cluster) isWitness(m *member, is bool) {
	if m.witness.Swap(is) == is {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	without := slices.DeleteFunc(slices.Clone(c.state.witnesses), func(id int64) bool { return id == m.ID })
	if is {
		without = append(without, m.ID)
		slices.Sort(without)
	}
	c.state.witnesses = without
	if c.node != nil {
		c.node.PeerIsWitness(m.ID, is)
	}
	c.persist()
	poke(c.chores)
}

// ledLast is the node with data that led last, as the log has it; 0: there was none.
func (c *Cluster) ledLast() int64 {
	for _, e := range slices.Backward(c.opts.Stream.History()) {
		if !(c.opts.Witness && e.Leader == c.id) && !slices.Contains(c.state.witnesses, e.Leader) {
			return e.Leader
		}
	}
	return 0
}

// keepTail has the log kept from where not all nodes with data hold it. It is the clock's.
func (c *Cluster) keepTail() {
	t := &c.tail
	held := c.status().Held
	if t.release == nil || held < t.from || held >= t.from+cmp.Or(c.opts.KeepStep, keepStep) {
		release, err := c.opts.Stream.Reserve(held)
		if err != nil {
			return // it is tried again, and the old reservation holds
		}
		if t.release != nil {
			t.release()
		}
		t.from, t.release = held, release
	}
	start := c.opts.Stream.Start()
	switch short := held > 0 && held < start; {
	case short && !t.short:
		c.opts.Host.Logf(engine.LevelWarning, "A node with data holds the log up to %d only, and this witness has it from %d on: while no other node with data is up, that one and this one have no leader", held, start)
		t.short = true
	case !short:
		t.short = false
	}
}

// heldByData is from where on a leader has what not all nodes with data hold durably, as far
// back as there is something left.
func (c *Cluster) heldByData() int64 {
	at := c.opts.Stream.End()
	r := c.roster.Load()
	for _, o := range r.others {
		if r.votes(o.ID) && !o.witness.Load() {
			at = min(at, o.held.Load())
		}
	}
	return max(at, c.opts.Stream.Start())
}

// beginWitness has a witness begin its log at a place in this one.
func (c *Cluster) beginWitness(ctx context.Context, m *member, epoch int64) error {
	at := c.heldByData()
	if m.behind {
		at = max(at, c.commit.Load()) // it knows of so much that is committed
	}
	m.behind = !m.behind
	release, err := c.opts.Stream.Reserve(at)
	if err != nil {
		return err
	}
	db, err := c.opts.Stream.DBAt(at)
	if err == nil {
		history := slices.DeleteFunc(slices.Clone(c.opts.Stream.History()), func(e engine.EpochStart) bool { return e.Offset >= at })
		err = c.sendPlace(ctx, m, epoch, repl.Place{Offset: at, DB: db, History: history})
	}
	if err != nil {
		release()
		return fmt.Errorf("begin the log of a witness at offset %d: %w", at, err)
	}
	m.behind = false
	m.reserve(release)
	c.opts.Host.AfterFunc(copyReserved, release)
	return nil
}

// sendPlace is a full copy of nothing at a place.
func (c *Cluster) sendPlace(ctx context.Context, m *member, epoch int64, at repl.Place) error {
	conn, err := m.dialer.Dial(ctx, m.Addr(), c.hello(m, peer.Copying))
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	out := repl.NewCopySender(conn, peer.Frame{Cluster: c.clusterText(), From: c.id, To: m.ID, Epoch: epoch})
	defer out.Close()
	began := time.Now()
	if err := out.Begin(at, 0); err != nil {
		return err
	}
	if err := out.Done(ctx); err != nil {
		return err
	}
	c.opts.Host.Logf(engine.LevelNotice, "%s, a witness, begins at offset %d: %.3f seconds", c.nameOf(m.ID), at.Offset, time.Since(began).Seconds())
	return nil
}
