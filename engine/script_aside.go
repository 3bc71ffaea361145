package engine

import (
	"sync/atomic"
)

// Scripts in the background. What may take long does not run in the event loop of its
// client, which would serve nobody meanwhile: its session is parked, and another goroutine
// carries the command out, for a session that stands in for it.
//
//	run ─► Command.Aside? ─► park ─► ...................... ─► Resume ─► its reply, its barrier
//	            │              │                              ▲
//	            │ no           └► AfterFunc ─► tryRun ─► Wake ┘
//	            └► in the loop; too long, nothing done yet ─┘ begins anew
//
// A script that has been short so far runs in the loop (Command.Aside is the room's, which knows
// it). If it is long all of a sudden, and has written, it stays there.

// A stand in for a session: what its command does there the session takes over.
type standIn struct {
	Session
	fate  atomic.Uint32
	taken bool // the session has what it has done
	late  bool // it did not run: a pause, or the lease
	large bool // the reply was over its bound
}

// What becomes of a stand-in. Which of the others comes first decides who ends the
// transaction.
const (
	standInRuns  = iota
	standInDone  // it has carried the command out
	standInAlone // its session has ended
)

// goAside has c's command carried out in the background.
func (e *Engine) goAside(c *Ctx) {
	s, cmd, args := c.s, c.Cmd, CloneArgs(c.Args)
	in := &standIn{Session: Session{
		ID: s.ID, conn: s.conn, created: s.created, db: s.db, Authenticated: s.Authenticated, readonlyMode: s.readonlyMode,
		Acks: s.Acks, LastWriteEnd: s.LastWriteEnd, noTouch: s.noTouch, caching: s.caching, tx: s.tx, face: s.face,
	}}
	in.setUser(s.user)
	in.Shared.tracker.Store(s.Shared.tracker.Load())
	in.Shared.setAttributes(func(a *clientAttrs) { *a = s.Shared.attributes() })
	in.W.SetProto(s.W.Proto())
	in.W.SetBound(e.ReplyBound(0))
	full := c.full
	s.tx = nil
	c.park(parking{
		held: true, script: true,
		resume: func(c *Ctx, _ bool) bool {
			if in.fate.Load() != standInDone {
				return false
			}
			in.takeOver(c, args)
			return true
		},
		cancel: func() {
			if !in.taken && !in.fate.CompareAndSwap(standInRuns, standInAlone) {
				s.tx = in.tx // which ends with the session
			}
		},
	})
	e.host.AfterFunc(0, func() { e.runAside(in, cmd, args, full) })
}

// runAside carries the command out.
func (e *Engine) runAside(in *standIn, cmd *Command, args [][]byte, full bool) {
	c := &in.ctx
	c.e, c.s, c.Cmd, c.Args, c.W, c.Now, c.aside, c.full = e, &in.Session, cmd, args, &in.W, e.host.Now(), true, full
	e.tryRun(c)
	e.countUp(&in.Session)
	in.late, in.large = c.late, in.W.Overflowed()
	if !in.fate.CompareAndSwap(standInRuns, standInDone) && in.tx != nil {
		e.endTransaction(&in.Session)
	}
	in.conn.Wake()
}

// takeOver gives the session what its stand-in has done.
func (in *standIn) takeOver(c *Ctx, args [][]byte) {
	e, s := c.e, c.s
	s.tx, in.taken = in.tx, true
	if in.late { // it has to wait, as any other command
		c.Args = args
		e.admitted(c, e.admit(c, true))
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
