package engine

import (
	"cmp"
	"runtime"
	"sync"
	"sync/atomic"

	"regent/engine/config"
	"regent/engine/spec"
	"regent/resp"
)

// Waiting for room. A command that needs memory while the background evicts is held in
// its session, like one in a pause, and goes on from the first gate when memory is
// below maxmemory, or when nothing is left to delete.
//
//	Execute ─► admit ─► evictAsAsked: spaceSoon ─► awaitRoom parks ─► ... ─► Resume ─► admit
//	                       │ startEvictor                          ▲
//	                       └────────────► evictInBackground ───────┘ wakes all

// roomState is the background's, and the sessions that wait for it.
type roomState struct {
	working atomic.Bool

	mu    sync.Mutex
	held  map[*Session]uint64 // at which of the turns it was parked; nil: nobody
	turns uint64
}

// startEvictor has the background make room, unless it does.
func (e *Engine) startEvictor() {
	if e.room.working.CompareAndSwap(false, true) {
		e.host.AfterFunc(0, e.evictInBackground)
	}
}

// keepRoom is for memory that grew, or a limit that was lowered, without a command
// that asks. It is called regularly.
func (e *Engine) keepRoom() {
	if e.overLimit() && e.cluster.View().Leading && e.Config.MaxMemoryPolicy.Get() != config.NoEviction && e.pause.mode.Load() == pauseNone {
		e.startEvictor()
	}
}

// evictInBackground ends with spaceNo where this node does not lead any more, or a
// pause has begun.
func (e *Engine) evictInBackground() {
	for e.evictFor(evictSlice) == spaceSoon {
		runtime.Gosched()
	}
	r := &e.room
	r.mu.Lock()
	defer r.mu.Unlock()
	r.working.Store(false)
	for s := range r.held {
		s.conn.Wake()
	}
}

// awaitRoom parks a command that was told spaceSoon; false: the background has
// ended meanwhile.
func (e *Engine) awaitRoom(c *Ctx) bool {
	r, s := &e.room, c.s
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.working.Load() {
		return false
	}
	if r.held == nil {
		r.held = map[*Session]uint64{}
	}
	r.turns++
	turn := r.turns
	r.held[s] = turn
	args := CloneArgs(c.Args)
	c.park(parking{
		held: true,
		resume: func(c *Ctx, _ bool) bool {
			if r.working.Load() {
				return false
			}
			c.Args = args
			e.admitted(c, e.admit(c, true)) // which may wait anew
			return true
		},
		cancel: func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.held[s] == turn { // the session may be held anew already
				delete(r.held, s)
			}
		},
	})
	return true
}

// admitted goes on with a command that the first gates have answered with msg, "":
// they let it pass.
func (e *Engine) admitted(c *Ctx, msg string) {
	switch {
	case msg != "" || e.scripts.busy.Load() && e.busyScript(c) != "":
		e.refuse(c, cmp.Or(msg, e.busyScript(c)))
	case c.room == spaceSoon && e.awaitRoom(c):
	case e.pause.mode.Load() == pauseNone || !e.hold(c):
		e.run(c)
	}
}

// gateMemory refuses what needs memory when there is none, and notes in c.room when it is
// being made. Followers hold what their leader holds, and do not judge. Other writes
// help to make room, as in Redis: what they change may take more memory than before.
func (e *Engine) gateMemory(c *Ctx) string {
	if e.Config.MaxMemory.Get() == 0 {
		return ""
	}
	if v := e.cluster.View(); !v.Leading || e.elsewhere(c, v) != "" {
		return ""
	}
	got := e.evictAsAsked()
	script := c.Cmd.Scripts != noScripts
	c.full = got == spaceNo // a script's commands are refused for that
	if !script && c.flags()&spec.DenyOOM == 0 || script && c.full {
		return ""
	}
	if got == spaceNo {
		return resp.ErrOOM
	}
	c.room = got
	return ""
}
