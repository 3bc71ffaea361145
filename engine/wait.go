package engine

import (
	"fmt"
	"math"
	"math/big"

	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/resp"
)

// WAIT parks its session until enough other nodes hold what the session last
// wrote. The cluster calls ReplicaAcked when acknowledgements have moved;
// every waiting session is then woken and looks for itself. WAITAOF asks for
// what has been fsynced, here and there.

func waitCommands() []Command {
	return []Command{
		{Do: doWait, Command: spec.Command{
			Name: "wait", Arity: 3, Flags: spec.NoScript, Since: "3.0.0", Complex: "O(1)",
			Summary: "Waits until other nodes hold all earlier writes of this connection.",
			Tips:    []string{"request_policy:all_shards", "response_policy:agg_min"},
			Args:    spec.Args{spec.Integer("numreplicas"), spec.Integer("timeout")},
		}},
		{Do: doWaitAOF, Command: spec.Command{
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
	e.addAckWaiter(s) // before looking: an acknowledgement in between wakes it
	if n := e.cluster.AckedBy(off); int64(n) >= want {
		e.dropAckWaiter(s)
		c.answerWait(v, int64(n))
		return
	}
	c.Park(Parking{
		Deadline: deadline,
		Resume: func(c *Ctx, timedOut bool) bool {
			v := e.cluster.View()
			if !v.Leading {
				// As Redis does: the client is to look for the leader.
				c.Err(resp.ErrUnblockedRole)
				s.closeAfterReply()
				return true
			}
			n := int64(e.cluster.AckedBy(off))
			if n < want && !timedOut {
				return false
			}
			c.answerWait(v, n)
			return true
		},
		Cancel: func() { e.dropAckWaiter(s) },
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
	case local > 0 && e.log == nil:
		c.Err(resp.ErrWaitAOFOff)
		return
	}
	s, off := c.s, c.s.LastWriteEnd
	look := func() (here, there int64, done bool) {
		if e.log != nil && e.log.Synced() >= off {
			here = 1
		}
		there = int64(e.cluster.SyncedBy(off))
		return here, there, here >= local && there >= want
	}
	e.addAckWaiter(s)
	e.syncWaiters.Add(1) // before looking: an fsync in between wakes it
	leave := func() {
		e.syncWaiters.Add(-1)
		e.dropAckWaiter(s)
	}
	if here, there, done := look(); done {
		leave()
		c.answerSynced(here, there)
		return
	}
	c.Park(Parking{
		Deadline: deadline,
		Resume: func(c *Ctx, timedOut bool) bool {
			if !e.cluster.View().Leading {
				c.Err(resp.ErrUnblockedRole)
				s.closeAfterReply()
				return true
			}
			here, there, done := look()
			if !done && !timedOut {
				return false
			}
			c.answerSynced(here, there)
			return true
		},
		Cancel: leave,
	})
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
	if e.syncWaiters.Load() > 0 {
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

// waitDeadline turns a timeout in milliseconds into wall ms; 0 means none.
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
	return c.Now + ms, true
}

func (e *Engine) addAckWaiter(s *Session) {
	e.ackMu.Lock()
	defer e.ackMu.Unlock()
	e.ackWaiters[s] = struct{}{}
}

func (e *Engine) dropAckWaiter(s *Session) {
	e.ackMu.Lock()
	defer e.ackMu.Unlock()
	delete(e.ackWaiters, s)
}

// ReplicaAcked wakes the sessions that wait for other nodes. The cluster
// calls it when acknowledgements or the role have moved; it never blocks.
func (e *Engine) ReplicaAcked() {
	if e.blocked.n.Load() > 0 && !e.cluster.View().Leading {
		e.blocked.wake()
	}
	e.ackMu.Lock()
	defer e.ackMu.Unlock()
	for s := range e.ackWaiters {
		s.Conn.Wake()
	}
}

// TimeoutArg turns a timeout in seconds into wall ms, 0: none; false: the
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
	return c.Now + int64(ms), true
}
