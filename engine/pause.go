package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"regent/engine/spec"
)

// Pauses: commands are held at the last gate, in their sessions, and go on
// from the first gate when the pause is over. CLIENT PAUSE begins one, and so
// does a leader that hands over: each has an end of its own, and the
// strictest in force counts. While there is one nothing expires or is evicted
// either: the data stands still.
//
// A leader whose lease has run out holds commands on data as well, until the
// others have renewed it or elected another. That is no pause that begins and
// ends: each command looks for itself, and LeaseMoved has those that wait look
// again.

// What a pause holds, from the mildest on.
const (
	pauseNone   = iota
	pauseBusy   // nothing: a script takes long, and others are told so
	pauseWrites // what may change data
	pauseData   // what reads or changes data
	pauseAll    // every command
)

// Who asks for pauses.
const (
	pauseByClient   = iota // CLIENT PAUSE
	pauseByHandover        // HoldData
	pauseByEnd             // HoldWrites
	pauseBySleep           // DEBUG SLEEP
	pauseByScript          // a script that takes long
	pausePurposes
)

// pausing is the state of pauses. mode is read at every command; the rest is
// under mu.
type pausing struct {
	mode     atomic.Uint32
	leases   atomic.Bool // somebody may wait for the lease
	handover atomic.Bool // one of the pauses is HoldData's
	sleep    atomic.Bool // one of the pauses is DEBUG SLEEP's

	mu        sync.Mutex
	by        [pausePurposes]pauseOrder
	held      map[*Session]uint64 // in which of the turns
	turns     uint64
	stopTimer func() bool // nil: no pause is in force
}

// A pauseOrder is what one purpose asks for.
type pauseOrder struct {
	mode uint32
	end  int64 // ms of Host.Ticks: a wall clock that is set ends no pause, and makes none longer
}

func newPausing() pausing { return pausing{held: map[*Session]uint64{}} }

// pauseUntil begins a pause, or makes one of the same purpose longer and
// stricter, as Redis does. end is in ms of Host.Ticks.
func (e *Engine) pauseUntil(purpose int, mode uint32, end int64) {
	p := &e.pause
	p.mu.Lock()
	defer p.mu.Unlock()
	o := &p.by[purpose]
	o.mode, o.end = max(o.mode, mode), max(o.end, end)
	e.settlePause()
}

// endPause ends a purpose's pause.
func (e *Engine) endPause(purpose int) {
	p := &e.pause
	p.mu.Lock()
	defer p.mu.Unlock()
	p.by[purpose] = pauseOrder{}
	e.settlePause()
}

// settlePause brings the mode and the timer in line with the orders, and wakes
// what is held when the mode has become milder. The caller holds pause.mu.
func (e *Engine) settlePause() {
	p := &e.pause
	now, mode, next := e.ticks(), uint32(pauseNone), int64(0)
	for i := range p.by {
		o := &p.by[i]
		if o.end <= now {
			*o = pauseOrder{}
			continue
		}
		mode = max(mode, o.mode)
		if next == 0 || o.end < next {
			next = o.end
		}
	}
	if p.stopTimer != nil {
		p.stopTimer()
		p.stopTimer = nil
	}
	if mode != pauseNone {
		left := time.Duration(min(next-now, longestWait)) * time.Millisecond
		p.stopTimer = e.host.AfterFunc(left, e.pauseEnds)
	}
	p.handover.Store(p.by[pauseByHandover].mode != pauseNone)
	p.sleep.Store(p.by[pauseBySleep].mode != pauseNone)
	if p.mode.Swap(mode) > mode {
		for s := range p.held {
			s.conn.Wake()
		}
	}
}

// pauseEnds is the timer's: an order may have run out.
func (e *Engine) pauseEnds() {
	e.pause.mu.Lock()
	defer e.pause.mu.Unlock()
	e.settlePause()
}

// HoldData holds whatever reads or changes data in its session until
// ReleaseData, and at most for d: while leadership moves. It takes no lock but
// the pauses' own; after a Freeze nothing of that kind runs any more.
func (e *Engine) HoldData(d time.Duration) {
	e.pauseUntil(pauseByHandover, pauseData, e.ticks()+d.Milliseconds())
}

// ReleaseData ends HoldData: what was held passes the gates anew, and is
// redirected where leadership has moved.
func (e *Engine) ReleaseData() { e.endPause(pauseByHandover) }

// lastSaveLimit is how long writes are held for the last save at most.
const lastSaveLimit = time.Hour

// HoldWrites holds whatever may change data in its session until ReleaseWrites:
// while the data is saved for the last time. What was written after that would be
// acknowledged and lost.
func (e *Engine) HoldWrites() {
	e.pauseUntil(pauseByEnd, pauseWrites, e.ticks()+lastSaveLimit.Milliseconds())
}

// ReleaseWrites ends HoldWrites: the data could not be saved, and the server goes
// on.
func (e *Engine) ReleaseWrites() { e.endPause(pauseByEnd) }

// stops reports whether c's command is held now.
func (p *pausing) stops(c *Ctx) bool {
	switch p.mode.Load() {
	case pauseAll:
		return true
	case pauseWrites:
		return c.flags()&mayChange != 0 && !c.onlyReads()
	case pauseData:
		return c.touchesData()
	}
	return false
}

// mayChange is what a pause of writes holds.
const mayChange = spec.Write | spec.MayReplicate

// onlyReads reports whether all of c's command that would be held runs scripts that say
// that they do not write.
func (c *Ctx) onlyReads() bool {
	if c.Cmd.Locks != lockQueued || !c.s.inMulti() {
		return c.Cmd.onlyReads(c.Args)
	}
	all := true
	c.s.tx.each(func(q *queued, args [][]byte) {
		if q.cmd.lead&mayChange != 0 && !q.cmd.onlyReads(args) {
			all = false
		}
	})
	return all
}

// leaseTimes bounds in election timeouts how long a command waits for the
// lease: a leader that gets none resigns after one.
const leaseTimes = 2

// leaseless reports whether a command must wait because this node leads and its
// lease has run out.
func (e *Engine) leaseless(c *Ctx, v *View) bool {
	if !v.Leading || !v.Clustered || !c.touchesData() || !e.cluster.MustHold() {
		return false
	}
	e.pause.leases.Store(true) // before looking again: what has moved since then wakes it
	return e.cluster.MustHold()
}

// LeaseMoved has the commands that wait for the lease look again: it was
// renewed, or this node leads no more. It takes no lock of the shards.
func (e *Engine) LeaseMoved() {
	p := &e.pause
	if !p.leases.Swap(false) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.held {
		s.conn.Wake()
	}
}

// held reports whether a command must not run now, because of a pause or of
// the lease. What another node must
// carry out is not held, so that its client learns that at once; but while
// leadership is handed over nobody else leads yet, and then it is. A server that
// sleeps answers nothing.
func (e *Engine) held(c *Ctx) bool {
	if c.s.face == FaceSentinel {
		return e.pause.sleep.Load()
	}
	v := e.cluster.View()
	if e.leaseless(c, v) {
		return true
	}
	if !e.pause.stops(c) {
		return false
	}
	if e.pause.sleep.Load() {
		return true
	}
	msg := e.elsewhere(c, v)
	return msg == "" || msg == c.s.face.Down() && e.pause.handover.Load()
}

// hold parks a command that must not run now; false: it may.
func (e *Engine) hold(c *Ctx) bool {
	p, s := &e.pause, c.s
	p.mu.Lock()
	defer p.mu.Unlock()
	if !e.held(c) {
		return false
	}
	p.turns++
	turn := p.turns
	p.held[s] = turn
	args := CloneArgs(c.Args)
	var deadline int64
	if e.leaseless(c, e.cluster.View()) {
		deadline = e.ticks() + leaseTimes*e.Config.ElectionTimeout.Get()
	}
	c.park(parking{
		held: true, deadline: deadline,
		resume: func(c *Ctx, late bool) bool {
			c.Args = args
			switch {
			case !e.held(c):
			case e.pause.stops(c) || deadline != 0 && !late:
				return false
			case deadline != 0:
				e.refuse(c, c.s.face.Down())
				return true
			case e.hold(c): // the pause is over, and the lease as well
				return true
			}
			e.admitted(c, e.admit(c, true)) // which may be held anew
			return true
		},
		cancel: func() { e.unhold(s, turn) },
	})
	return true
}

// unhold forgets what was held at a turn; the session may be held anew already.
func (e *Engine) unhold(s *Session, turn uint64) {
	e.pause.mu.Lock()
	defer e.pause.mu.Unlock()
	if e.pause.held[s] == turn {
		delete(e.pause.held, s)
	}
}
