package engine

import (
	"sync/atomic"
	"time"

	"regent/resp"
)

// Waiting. A handler never blocks its goroutine: it parks its session, and
// the connection stops taking commands from its input until Resume says that
// the wait is over.
//
//	handler ─► Ctx.Park ─► ... ─► Conn.Wake ─► Resume ─► Parking.Resume ─► done? reply
//	              │                  ▲   ▲                     │ no
//	              │ Deadline         │   │                     ▼
//	              └► AfterFunc ──────┘   └── what is waited   waits on
//	                                         for; CLIENT UNBLOCK
//
// Whatever wakes a session only asks for its turn: the wait looks for itself
// whether it is over, so a wake-up too many does no harm. What may happen from
// other goroutines, the deadline and CLIENT UNBLOCK, leaves a word in ask.

// A parking is why a session waits and how it goes on.
type parking struct {
	// deadline in milliseconds of Host.Ticks, 0: none. A wall clock that is set makes no wait
	// shorter or longer.
	deadline int64
	// resume is called on the session's turn after a Wake or at the deadline
	// and reports whether the wait is over, in which case it has written the
	// reply, or has parked the session anew. It runs like a handler that
	// locks nothing; Ctx.Args are gone by then.
	resume func(c *Ctx, timedOut bool) (done bool)
	// cancel undoes what Park registered when the wait or the connection
	// ends; may be nil.
	cancel func()

	// held marks what CLIENT UNBLOCK does not end: a command that has not
	// begun (CLIENT PAUSE), or one that is at work elsewhere.
	held bool
	// script: it waits for a script of its own (script.go).
	script bool
}

// A wait is a Parking in force.
type wait struct {
	parking
	ask       atomic.Uint32
	stopTimer func() bool // nil: no timer was armed
}

// What a wait has been asked from outside; the first asker wins.
const (
	askNothing = iota
	askTimeout // the deadline has come, or CLIENT UNBLOCK ... TIMEOUT
	askError   // CLIENT UNBLOCK ... ERROR
	askTaken   // a writer is carrying out what the session waits to do (block.go)
	askServed  // it has done so
	askOver    // the wait has ended
)

// park makes the session wait after the handler returns; the handler has
// written no reply. See parking. As part of a transaction it may not wait, and is
// refused.
func (c *Ctx) park(p parking) {
	if c.nested {
		c.Err(resp.ErrNoMulti)
		return
	}
	c.s.parked = &wait{parking: p}
}

// Parked reports whether the session waits inside a command.
func (s *Session) Parked() bool { return s.parked != nil }

// InBackground parks the session while another goroutine does what may take
// long, and ends with finish, which writes the reply. work sees nothing of c. As part of a
// transaction that is carried out there it is done at once, with every shard locked: others wait
// for that as for a script. As part of any other it is refused.
func (c *Ctx) InBackground(work func() error, finish func(c *Ctx, err error)) {
	switch {
	case c.waitsAside():
		finish(c, work())
		return
	case c.nested:
		c.Err(resp.ErrNoMulti)
		return
	}
	var done atomic.Pointer[error]
	conn, ended := c.s.conn, c.timed()
	c.e.host.AfterFunc(0, func() {
		err := work()
		done.Store(&err)
		conn.Wake()
	})
	c.park(parking{
		held: true,
		resume: func(c *Ctx, _ bool) bool {
			err := done.Load()
			if err != nil {
				finish(c, *err)
				ended(c)
			}
			return err != nil
		},
	})
}

// Always is Command.Aside of a command that waits whatever its arguments are.
func Always(*Ctx) bool { return true }

// waitsAside reports whether c's command is part of a transaction that is carried out in the
// background, since that waits for more than locks.
func (c *Ctx) waitsAside() bool {
	return c.nested && !c.called && c.aside && c.course == CourseAside && c.s.tx != nil && c.s.tx.aside
}

// timed has the time of a command that parks and is at work all the while counted: in
// commandstats, by LATENCY, and in the slow log. ended is called when it has ended.
func (c *Ctx) timed() (ended func(c *Ctx)) {
	args, began := CloneArgs(c.Args), c.e.host.Ticks()
	return func(c *Ctx) {
		took := c.e.host.Ticks() - began
		c.e.stats.stripes[uint32(c.s.ID)&c.e.mask].perCmd[c.Cmd.Index()].nanos.Add(took)
		c.Args = args
		c.e.noteTook(c, took, 1)
		c.Args = nil
	}
}

// ticks is Host.Ticks in milliseconds: the clock of what ends after a time.
func (e *Engine) ticks() int64 { return e.host.Ticks() / int64(time.Millisecond) }

// arm completes what Park began: the timer, and what other sessions see.
func (e *Engine) arm(s *Session) {
	w := s.parked
	c := s.ctx
	s.Shared.argBytes.Store(int64(sumLengths(c.Args)))
	c.Args = nil
	s.Shared.setFlag(clientBlocked, true)
	if !w.held {
		s.Shared.waiting.Store(w)
	}
	if w.deadline == 0 {
		return
	}
	left := time.Duration(max(w.deadline-e.ticks(), 0)) * time.Millisecond
	w.stopTimer = e.host.AfterFunc(left, func() {
		w.ask.CompareAndSwap(askNothing, askTimeout)
		s.conn.Wake()
	})
}

// Resume lets a parked session go on after a wake-up, and reports whether it
// is still parked.
func (e *Engine) Resume(s *Session) (parked bool) {
	w := s.parked
	if w == nil {
		return false
	}
	start := s.W.Len()
	c := s.ctx
	c.Now = e.host.Now()
	s.parked = nil // it may park anew
	if !w.goOn(c) {
		s.parked = w
		return true
	}
	e.endWait(s, w)
	e.endErrand(s)
	e.endTurn(c, start)
	e.showTurn(c)
	return s.parked != nil
}

// goOn looks whether the wait is over.
func (w *wait) goOn(c *Ctx) bool {
	if w.deadline != 0 && c.e.ticks() >= w.deadline {
		w.ask.CompareAndSwap(askNothing, askTimeout)
	}
	ask := w.ask.Load()
	if ask == askError {
		c.Err(resp.ErrUnblocked)
		c.e.stats.stripes[uint32(c.s.ID)&c.e.mask].perCmd[c.Cmd.Index()].failed.Add(1)
		return true
	}
	return w.parking.resume(c, ask == askTimeout)
}

// endWait undoes what Park and arm did.
func (e *Engine) endWait(s *Session, w *wait) {
	w.ask.Store(askOver)
	s.Shared.waiting.Store(nil)
	s.Shared.setFlag(clientBlocked, false)
	s.Shared.argBytes.Store(0)
	if w.stopTimer != nil {
		w.stopTimer()
	}
	if w.cancel != nil {
		w.cancel()
	}
}

// unpark ends the wait of a session that is going.
func (e *Engine) unpark(s *Session) {
	if w := s.parked; w != nil {
		s.parked = nil
		e.endWait(s, w)
		e.endErrand(s)
	}
}

// unblock ends another session's wait, with an error or as its timeout would,
// and reports whether it waited.
func (s *Session) unblock(how uint32) bool {
	w := s.Shared.waiting.Load()
	if w == nil || !w.ask.CompareAndSwap(askNothing, how) {
		return false
	}
	s.conn.Wake()
	return true
}
