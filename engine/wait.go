package engine

import (
	"container/heap"
	"fmt"
	"math"
	"math/big"
	"sync"
	"sync/atomic"

	"regent/engine/config"
	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/resp"
)

// WAIT parks its session until enough other nodes hold what the session last
// wrote and show it to their readers. WAITAOF asks for what has been fsynced,
// here and there. The cluster calls ReplicaAcked when acknowledgements have
// moved, and the sessions whose wait is over are woken: they stand in one heap by
// offset for each question, so that an acknowledgement costs one look per
// question, however many wait.

func waitCommands() []Command {
	return []Command{
		{Do: doWait, atLeader: true, Command: spec.Command{
			Name: "wait", Arity: 3, Flags: spec.NoScript, Since: "3.0.0", Complex: "O(1)",
			Summary: "Waits until other nodes hold all earlier writes of this connection.",
			Tips:    []string{"request_policy:all_shards", "response_policy:agg_min"},
			Args:    spec.Args{spec.Integer("numreplicas"), spec.Integer("timeout")},
		}},
		{Do: doWaitAOF, atLeader: true, Command: spec.Command{
			Name: "waitaof", Arity: 4, Flags: spec.NoScript, Since: "7.2.0", Complex: "O(1)",
			Summary: "Waits until this node and other nodes have all earlier writes of this connection on disk.",
			Tips:    []string{"request_policy:all_shards", "response_policy:agg_min"},
			Args:    spec.Args{spec.Integer("numlocal"), spec.Integer("numreplicas"), spec.Integer("timeout")},
		}},
	}
}

func doWait(c *Ctx) {
	e := c.e
	v := e.cluster.View()
	if !v.Leading {
		c.Err(resp.ErrWaitReplica)
		return
	}
	want, ok := c.IntArg(c.Args[1])
	if !ok {
		return
	}
	deadline, ok := c.waitDeadline(c.Args[2])
	if !ok {
		return
	}
	s, off := c.s, c.s.LastWriteEnd
	w := newAckWaiter(s, off, ackQuestion{nodes: want})
	e.acks.add(w) // before looking: an acknowledgement in between wakes it
	if n := e.cluster.AckedBy(off); int64(n) >= want || c.nested {
		e.acks.drop(w)
		c.answerWait(v, int64(n))
		return
	}
	c.park(parking{
		deadline: deadline,
		resume: func(c *Ctx, timedOut bool) bool {
			v := e.cluster.View()
			if !v.Leading {
				// As Redis does: the client is to look for the leader.
				c.unblockRole()
				return true
			}
			e.acks.add(w)
			n := int64(e.cluster.AckedBy(off))
			if n < want && !timedOut {
				return false
			}
			c.answerWait(v, n)
			return true
		},
		cancel: func() { e.acks.drop(w) },
	})
}

func doWaitAOF(c *Ctx) {
	e := c.e
	local, ok := c.IntArg(c.Args[1])
	if !ok {
		return
	}
	if local < 0 || local > 1 {
		c.Err(fmt.Sprintf(resp.ErrBetween, 0, 1))
		return
	}
	want, ok := c.IntArg(c.Args[2])
	if !ok {
		return
	}
	if want < 0 {
		c.Err(resp.ErrMustBePositive)
		return
	}
	deadline, ok := c.waitDeadline(c.Args[3])
	if !ok {
		return
	}
	switch {
	case !e.cluster.View().Leading:
		c.Err(resp.ErrWaitAOFReplica)
		return
	case local > 0 && !e.keepsLog():
		c.Err(resp.ErrWaitAOFOff)
		return
	}
	s, off := c.s, c.s.LastWriteEnd
	w := newAckWaiter(s, off, ackQuestion{fsync: true, local: local, nodes: want})
	look := func() (here, there int64, done bool) {
		e.acks.add(w) // before looking: an fsync in between wakes it
		here, there = e.syncedBy(off)
		return here, there, here >= local && there >= want
	}
	if here, there, done := look(); done || c.nested {
		e.acks.drop(w)
		c.answerSynced(here, there)
		return
	}
	c.park(parking{
		deadline: deadline,
		resume: func(c *Ctx, timedOut bool) bool {
			if !e.cluster.View().Leading {
				c.unblockRole()
				return true
			}
			here, there, done := look()
			if !done && !timedOut {
				return false
			}
			c.answerSynced(here, there)
			return true
		},
		cancel: func() { e.acks.drop(w) },
	})
}

// keepsLog reports whether there is a log on disk.
func (e *Engine) keepsLog() bool {
	log := e.log()
	return log != nil && log.Synced() >= 0
}

// syncedBy is how many nodes have fsynced the log up to off: 1 or 0 for this
// one, and the others.
func (e *Engine) syncedBy(off int64) (here, there int64) {
	if log := e.log(); log != nil && log.Synced() >= off {
		here = 1
	}
	return here, int64(e.cluster.SyncedBy(off))
}

// answerSynced is answerWait for WAITAOF's two numbers.
func (c *Ctx) answerSynced(here, there int64) {
	if v := c.e.cluster.View(); v.Clustered {
		c.s.claim(v.Epoch)
	}
	c.W.Array(2)
	c.W.Int(here)
	c.W.Int(there)
}

// LogSynced tells that the log was fsynced further.
func (e *Engine) LogSynced() {
	if e.acks.local.Load() > 0 {
		e.ReplicaAcked()
	}
}

// answerWait says how many nodes hold the writes, which only a leader knows:
// the answer must not leave a node that has been deposed meanwhile.
func (c *Ctx) answerWait(v *View, n int64) {
	if v.Clustered {
		c.s.claim(v.Epoch)
	}
	c.W.Int(n)
}

// longestWait is from how many milliseconds on a timeout is as good as none.
const longestWait = 100 * 365 * 24 * 3600 * 1000

// waitDeadline turns a timeout in milliseconds into a deadline (parking); 0 means none.
// false: the error was written.
func (c *Ctx) waitDeadline(raw []byte) (at int64, ok bool) {
	ms, ok := decimal.Parse(raw)
	switch {
	case !ok:
		c.Err(resp.ErrTimeoutInt)
		return 0, false
	case ms < 0:
		c.Err(resp.ErrTimeoutNeg)
		return 0, false
	case ms == 0 || ms > longestWait:
		return 0, true
	}
	return c.e.ticks() + ms, true
}

// ackWaiters are the sessions that wait for other nodes, or for an fsync.
type ackWaiters struct {
	n     atomic.Int32 // how many: acknowledgements that nobody waits for take no lock
	local atomic.Int32 // those of them that ask for this node's fsync

	mu     sync.Mutex
	queues map[ackQuestion]*ackQueue
}

// An ackQuestion is what a session asks about an offset.
type ackQuestion struct {
	fsync bool  // is it on disk, rather than seen by readers
	local int64 // on this node, too: 1
	nodes int64 // on so many others
}

// An ackWaiter is a session in a queue.
type ackWaiter struct {
	s    *Session
	off  int64
	asks ackQuestion
	at   int // in the queue; -1: it is in none
}

// newAckWaiter is in no queue yet. Nodes beyond what a cluster can have are as
// good as one too many: so there are few queues, whatever clients ask for.
func newAckWaiter(s *Session, off int64, asks ackQuestion) *ackWaiter {
	asks.nodes = max(min(asks.nodes, config.MaxPeers), 0)
	return &ackWaiter{s: s, off: off, asks: asks, at: -1}
}

func newAckWaiters() ackWaiters { return ackWaiters{queues: map[ackQuestion]*ackQueue{}} }

// add puts w in its queue, unless it is there: what wakes it takes it out.
func (a *ackWaiters) add(w *ackWaiter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w.at >= 0 {
		return
	}
	q := a.queues[w.asks]
	if q == nil {
		q = &ackQueue{}
		a.queues[w.asks] = q
	}
	heap.Push(q, w)
	a.n.Add(1)
	a.local.Add(int32(w.asks.local))
}

// drop takes w out of its queue, if it is there.
func (a *ackWaiters) drop(w *ackWaiter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w.at >= 0 {
		a.remove(w)
	}
}

func (a *ackWaiters) remove(w *ackWaiter) {
	q := a.queues[w.asks]
	heap.Remove(q, w.at)
	if len(*q) == 0 {
		delete(a.queues, w.asks)
	}
	a.n.Add(-1)
	a.local.Add(-int32(w.asks.local))
}

// wake wakes those whose wait is over, as far as is known.
func (a *ackWaiters) wake(over func(w *ackWaiter) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, q := range a.queues {
		for len(*q) > 0 && over((*q)[0]) {
			w := (*q)[0]
			a.remove(w)
			w.s.conn.Wake()
		}
	}
}

// ackQueue is a heap by offset.
type ackQueue []*ackWaiter

func (q ackQueue) Len() int           { return len(q) }
func (q ackQueue) Less(i, j int) bool { return q[i].off < q[j].off }
func (q ackQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

// Push is heap.Interface's.
func (q *ackQueue) Push(x any) {
	w := x.(*ackWaiter)
	w.at = len(*q)
	*q = append(*q, w)
}

// Pop is heap.Interface's.
func (q *ackQueue) Pop() any {
	old := *q
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	w.at = -1
	return w
}

// ReplicaAcked wakes the sessions whose wait for other nodes is over. The cluster
// calls it when acknowledgements or the role have moved; it never blocks.
func (e *Engine) ReplicaAcked() {
	leads := e.cluster.View().Leading
	if e.blocked.n.Load() > 0 && !leads {
		e.blocked.wake()
	}
	if e.acks.n.Load() == 0 {
		return
	}
	e.acks.wake(func(w *ackWaiter) bool {
		switch {
		case !leads:
			return true
		case w.asks.fsync:
			here, there := e.syncedBy(w.off)
			return here >= w.asks.local && there >= w.asks.nodes
		}
		return int64(e.cluster.AckedBy(w.off)) >= w.asks.nodes
	})
}

// MillisArg turns a timeout in milliseconds into a deadline for Block, 0: none; false: the
// error was written.
func (c *Ctx) MillisArg(raw []byte) (at int64, ok bool) {
	ms, ok := decimal.Parse(raw)
	switch {
	case !ok:
		c.Err(resp.ErrTimeoutInt)
		return 0, false
	case ms < 0:
		c.Err(resp.ErrTimeoutNeg)
		return 0, false
	case ms == 0, ms > longestWait:
		return 0, true
	}
	return c.e.ticks() + ms, true
}

// TimeoutArg turns a timeout in seconds into a deadline for Block, 0: none; false: the
// error was written. What does not fit comes out negative in Redis.
func (c *Ctx) TimeoutArg(raw []byte) (at int64, ok bool) {
	f, ok := decimal.ParseFloat(raw)
	if !ok {
		c.Err(resp.ErrTimeoutFloat)
		return 0, false
	}
	// As Redis in long doubles, whose mantissa holds any int64.
	exact := new(big.Float).SetPrec(64).Mul(f, big.NewFloat(1000))
	rounded, _ := exact.Float64()
	ms := math.Ceil(rounded)
	switch {
	case ms < 0, exact.Cmp(big.NewFloat(1<<63)) >= 0:
		c.Err(resp.ErrTimeoutNeg)
		return 0, false
	case ms == 0, ms > longestWait:
		return 0, true
	}
	return c.e.ticks() + int64(ms), true
}
