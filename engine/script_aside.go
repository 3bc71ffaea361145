package engine

import (
	"iter"
	"sync/atomic"
)

// Scripts in the background. What takes long does not run in the event loop of its client, which
// would serve nobody meanwhile: its session is parked, and another goroutine carries the command
// out, for a session that stands in for it.
//
//	run ─► Command.Course? ─► park ─► ...................... ─► Resume ─► its reply, its barrier
//	          │    │  aside      │                              ▲
//	     else │    │             └► AfterFunc ─► tryRun ─► Wake ┘
//	          │    │ leaves                        │
//	          │    └► a stack of its own: tryRun   │ over firstLook: the same stack, in another goroutine
//	          │               └────────────────────┘
//	          └► in the loop; too long, nothing done yet: begins anew in the background
//
// A script that has been short so far and ends, as far as its source tells, runs in the loop. One that
// may not end, or is not known yet, begins there on a stack of its own (a coroutine): the loop goes on
// when it ends, or leaves. Most are over by then, and have cost two changes of stacks; and a script that is
// long is not held up, nor needs to be such that it can begin anew. If a script that runs in the loop
// as it is should be long all of a sudden, and has written, it stays there.

// A stand in for a session: what its command does there the session takes over.
type standIn struct {
	Session
	fate  atomic.Uint32
	taken bool // the session has what it has done
	late  bool // it did not run: a pause, or the lease
	large bool // the reply was over its bound

	args [][]byte // of the command
	room []byte   // memory for them, of one that begins in the loop
}

// What becomes of a stand-in. Which of the others comes first decides which ends the
// transaction.
const (
	standInRuns  = iota
	standInDone  // it has carried the command out
	standInAlone // its session has ended
)

// keptStandIn is how many bytes of room for replies and for arguments a stand-in keeps for the next
// script, of each.
const keptStandIn = 16 << 10

// dress makes in what stands for c's session, which has no transaction until takeOver.
func (in *standIn) dress(c *Ctx) {
	s, w, ctx := c.s, in.W, in.ctx
	in.Session = Session{
		ID: s.ID, conn: s.conn, created: s.created, db: s.db, Authenticated: s.Authenticated, readonlyMode: s.readonlyMode,
		Acks: s.Acks, LastWriteEnd: s.LastWriteEnd, noTouch: s.noTouch, caching: s.caching, tx: s.tx, face: s.face, W: w, ctx: ctx,
	}
	in.taken, in.late, in.large = false, false, false
	in.setUser(s.user)
	in.Shared.tracker.Store(s.Shared.tracker.Load())
	in.Shared.attrs.Store(s.Shared.attrs.Load())
	in.W.Truncate(0)
	in.W.SetProto(s.W.Proto())
	in.W.SetBound(c.e.ReplyBound(0))
	s.tx = nil
	ic := in.context()
	ic.e, ic.s, ic.Cmd, ic.Args, ic.W, ic.full = c.e, &in.Session, c.Cmd, in.args, &in.W, c.full
	ic.aside, ic.late, ic.stalled, ic.moved, ic.leave = true, false, false, false, nil
	ic.course = c.course &^ CourseLeaves
	ic.clock.left = 1 // of quick commands that it calls some are timed, as in a batch
}

// carryOut carries the command out.
func (in *standIn) carryOut() {
	c := in.ctx
	c.Now = c.e.host.Now()
	c.e.tryRun(c)
	c.e.countUp(c)
	c.leave = nil
	in.late, in.large = c.late, in.W.Overflowed()
}

// tryHere carries c's command out on a stack of its own, and reports whether that is over as far as
// the loop is concerned: done, parked or refused; false: it did nothing, and may run now.
func (e *Engine) tryHere(c *Ctx) bool {
	in, _ := e.standIns.Get().(*standIn)
	if in == nil {
		in = &standIn{}
	}
	in.keep(c.Args)
	in.dress(c)
	resume, _ := iter.Pull(func(leave func(struct{}) bool) {
		in.ctx.leave = func() {
			in.ctx.leave = nil
			leave(struct{}{})
		}
		growStack(0)
		in.carryOut()
	})
	if _, left := resume(); left {
		e.parkFor(c, in)
		e.host.AfterFunc(0, func() {
			resume()
			in.end()
		})
		return true
	}
	ic := in.ctx
	if !in.late {
		in.takeOver(c)
		e.standIns.Put(in.idle())
		return true
	}
	c.s.tx, c.late, c.course = in.tx, true, CourseAside
	c.stalled, c.moved = ic.stalled, ic.moved
	e.standIns.Put(in.idle())
	return e.later(c)
}

// scriptStack is about how many bytes of stack a script needs, with the commands that it calls.
const scriptStack = 10 << 10

// growStack has a new stack grow while it is empty: it would be copied again and again on the
// way, which took a third of a short script's time.
//
//go:noinline
func growStack(at int) byte {
	var room [scriptStack]byte
	return room[at]
}

// keep copies the arguments to memory of in's own.
func (in *standIn) keep(args [][]byte) {
	if n := sumLengths(args); cap(in.room) < n {
		in.room = make([]byte, 0, n)
	}
	in.args, in.room = in.args[:0], in.room[:0]
	for _, arg := range args {
		from := len(in.room)
		in.room = append(in.room, arg...)
		in.args = append(in.args, in.room[from:len(in.room):len(in.room)])
	}
}

// idle is in without what it need not keep for the next script.
func (in *standIn) idle() *standIn {
	if in.conn, in.tx, in.ctx.Args = nil, nil, nil; cap(in.room) > keptStandIn {
		in.room = nil
	}
	if cap(in.W.Bytes()) > keptStandIn {
		in.W.Take(nil)
	}
	return in
}

// goAside has c's command carried out in the background.
func (e *Engine) goAside(c *Ctx) {
	in := &standIn{args: CloneArgs(c.Args)}
	c.course = CourseAside
	in.dress(c)
	e.parkFor(c, in)
	e.host.AfterFunc(0, func() {
		in.carryOut()
		in.end()
	})
}

// parkFor parks c's session until its stand-in is done.
func (e *Engine) parkFor(c *Ctx, in *standIn) {
	s := c.s
	c.park(parking{
		held: true, script: true,
		resume: func(c *Ctx, _ bool) bool {
			if in.fate.Load() != standInDone {
				return false
			}
			in.takeOver(c)
			return true
		},
		cancel: func() {
			if !in.taken && !in.fate.CompareAndSwap(standInRuns, standInAlone) {
				s.tx = in.tx // which ends with the session
			}
		},
	})
}

// end says that in is done, in the background.
func (in *standIn) end() {
	if !in.fate.CompareAndSwap(standInRuns, standInDone) && in.tx != nil {
		in.ctx.e.endTransaction(&in.Session)
	}
	in.conn.Wake()
}

// takeOver gives the session what its stand-in has done.
func (in *standIn) takeOver(c *Ctx) {
	e, s := c.e, c.s
	s.tx, in.taken = in.tx, true
	if in.late { // it has to wait, as any other command: a new stand-in would be late as well
		c.Args = in.args
		if msg := e.admit(c, true); msg != "" || c.room == spaceSoon || !e.hold(c) {
			e.admitted(c, msg)
		}
		return
	}
	if s.W.Raw(in.W.Bytes()); in.large {
		s.W.Overflow()
	}
	s.Barrier, s.LastWriteEnd = max(s.Barrier, in.Barrier), max(s.LastWriteEnd, in.LastWriteEnd)
	if in.LeaderEpoch != 0 {
		s.claim(in.LeaderEpoch)
	}
	c.failed = in.ctx.failed
}

// RunsScript reports whether the session waits for a script of its own that runs in the
// background.
func (s *Session) RunsScript() bool { return s.parked != nil && s.parked.script }
