package engine

import (
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"regent/engine/spec"
	"regent/resp"
)

// Scripts take turns, and may take long. While one runs it has every shard locked, and
// nobody else may wait for those in a mutex: an event loop that did would serve none of
// its clients for as long.
//
//	a script            turn, running ─► every shard ─► is somebody in a mutex behind it? yes: once more
//	another command     TryLock ─► a script runs? no: Lock
//	                                              yes: tries some more ─► parked, woken by the script's end
//
// What is long is noticed by the script itself (Script.Interrupt):
//
//	after firstLook            runs in a loop, nothing done yet: begins anew in the background
//	after busy-reply-threshold everything that is parked, and comes now, is answered -BUSY;
//	                           SCRIPT KILL and SHUTDOWN NOSAVE are carried out
//
// # Invariants
//
//   - What waits in the mutex of a shard while scripts.running is set had come before that:
//     it has said so in scripts.waiting, and the script lets it pass. Both words are
//     written before the other is read, so one of the two sees the other.
//   - A script that has written cannot be killed, and one that was killed writes nothing: both
//     is decided by one word (state).
//
// Heartbeats, the election, the barrier and the log take no shard's lock. A change of role does,
// and waits for the script's end.

// Times of a script in ticks (ns).
const (
	// firstLook is for how long a script runs in the loop of its client at most, as long as
	// it may begin anew elsewhere; and how often it looks at the clock.
	firstLook = int64(2 * time.Millisecond)
	// busyEnd is until when others are answered -BUSY at most, unless the script ends.
	busyEnd = int64(365 * 24 * time.Hour / time.Millisecond)
)

// turnTries is how often a command tries to get its shards, or a script its turn, before
// it is parked: most scripts end while it does.
const turnTries = 64

// What has become of the script that runs, in scripts.state beside its number.
const (
	scriptClean = iota
	scriptWrote
	scriptKilled
	scriptStates
)

// scriptState is what the engine knows of scripts.
type scriptState struct {
	cached, bytes atomic.Int64

	turn     sync.Mutex           // the script's that runs
	running  atomic.Bool          // one runs, or is about to
	waiting  atomic.Int64         // how many may be in the mutex of a shard, of those that must not for long
	state    atomic.Uint64        // the script's number times scriptStates, and what has become of it
	busy     atomic.Bool          // it is over busy-reply-threshold
	function atomic.Bool          // it is a function
	slow     atomic.Pointer[Busy] // it, while busy is set
	ending   atomic.Bool          // the server ends: so do scripts
	// denyNothing is DEBUG SET-DISABLE-DENY-SCRIPTS: scripts may call any command.
	denyNothing atomic.Bool

	parked atomic.Int64 // how many are in held
	mu     sync.Mutex
	held   map[*Session]struct{} // nil: nobody
}

// writes notes that the script is about to write; false: it was killed.
func (t *scriptState) writes() bool {
	at := t.state.Load()
	return at%scriptStates == scriptClean && t.state.CompareAndSwap(at, at+scriptWrote) || t.state.Load()%scriptStates == scriptWrote
}

// lockShard locks a shard for a command; false: a script runs, and it is not locked.
func (e *Engine) lockShard(sh *shard) bool {
	return sh.mu.TryLock() || e.lockShardSlowly(sh)
}

func (e *Engine) lockShardSlowly(sh *shard) bool {
	t := &e.scripts
	for range turnTries {
		t.waiting.Add(1)
		if !t.running.Load() {
			sh.mu.Lock()
			t.waiting.Add(-1)
			return true
		}
		t.waiting.Add(-1)
		runtime.Gosched()
		if sh.mu.TryLock() {
			return true
		}
	}
	return false
}

// lockShards is lockShard for several: none is locked where it returns false.
func (e *Engine) lockShards(set *lockSet) bool {
	ok := true
	var got lockSet
	set.each(func(i int) {
		if ok = ok && e.lockShard(&e.shards[i]); ok {
			got.add(uint32(i))
		}
	})
	if !ok {
		e.unlockSet(&got)
	}
	return ok
}

// beginTurn gives a script its turn, with all shards locked. Who may wait, waits; another gets
// false after some tries.
func (e *Engine) beginTurn(wait bool) bool {
	t := &e.scripts
	if wait {
		t.turn.Lock()
	} else {
		for i := 0; !t.turn.TryLock(); i++ {
			if i == turnTries {
				return false
			}
			runtime.Gosched()
		}
	}
	t.state.Store(t.state.Load() - t.state.Load()%scriptStates + scriptStates)
	t.running.Store(true)
	for {
		e.lockAll()
		if t.waiting.Load() == 0 {
			return true
		}
		e.unlockAll()
		runtime.Gosched()
	}
}

// endScriptTurn ends it, and wakes those that were parked meanwhile. Nothing is locked then.
func (e *Engine) endScriptTurn() {
	t := &e.scripts
	e.unlockAll()
	t.running.Store(false)
	if t.busy.Swap(false) {
		t.slow.Store(nil)
		e.endPause(pauseByScript)
	}
	t.turn.Unlock()
	if t.parked.Load() > 0 {
		t.wake()
	}
}

func (t *scriptState) wake() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for s := range t.held {
		s.conn.Wake()
	}
}

// awaitScript parks a command that a script keeps from its shards; false: it has ended.
func (e *Engine) awaitScript(c *Ctx) bool {
	t, s := &e.scripts, c.s
	if msg := e.busyScript(c); msg != "" {
		e.refuse(c, msg)
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parked.Add(1)
	if !t.running.Load() {
		t.parked.Add(-1)
		return false
	}
	if t.held == nil {
		t.held = map[*Session]struct{}{}
	}
	t.held[s] = struct{}{}
	args := CloneArgs(c.Args)
	c.park(parking{
		held: true,
		resume: func(c *Ctx, _ bool) bool {
			if t.running.Load() && !t.busy.Load() {
				return false
			}
			c.Args = args
			e.admitted(c, e.admit(c, true)) // which may wait anew
			return true
		},
		cancel: func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			if _, in := t.held[s]; in {
				delete(t.held, s)
				t.parked.Add(-1)
			}
		},
	})
	return true
}

// busyScript is what a command is answered while a script takes too long, "": it may run.
func (e *Engine) busyScript(c *Ctx) string {
	if !e.scripts.busy.Load() || c.Cmd.Has(spec.AllowBusy) {
		return ""
	}
	return e.busyText()
}

func (e *Engine) busyText() string {
	if e.scripts.function.Load() {
		return resp.ErrBusyFunction
	}
	return resp.ErrBusyScript
}

// Interrupt is asked while the script runs, and says why it must end, if it must.
func (s *Script) Interrupt() string {
	e := s.c.e
	t := &e.scripts
	switch {
	case t.state.Load()%scriptStates == scriptKilled:
		return resp.ErrScriptKilled
	case t.ending.Load():
		return resp.ErrScriptKilled
	}
	now := e.host.Ticks()
	if now < s.next {
		return ""
	}
	s.next = now + firstLook
	if !s.c.aside && !s.acted && !s.c.nested && s.c.Cmd.Aside != nil {
		s.c.moved = true
		return resp.ErrScriptKilled
	}
	if limit := e.Config.BusyReplyThreshold.Get(); limit > 0 && now-s.began > limit*int64(time.Millisecond) && !t.busy.Load() {
		e.host.Logf(LevelWarning, "Slow script detected: still in execution after %d milliseconds. You can try killing the script using the %s KILL command.",
			(now-s.began)/int64(time.Millisecond), map[bool]string{false: "SCRIPT", true: "FUNCTION"}[t.function.Load()])
		t.slow.Store(&Busy{Function: s.name, Args: CloneArgs(s.c.Args), began: s.began})
		t.busy.Store(true)
		e.pauseUntil(pauseByScript, pauseBusy, e.host.Now()+busyEnd)
		t.wake()
	}
	return s.memory()
}

// maxScriptHeap is by how many bytes the process's heap may grow while a script runs.
const maxScriptHeap = 256 << 20

// memory ends a script that fills the memory. What the process holds is known as of the last
// collection, and anew after it has doubled: so a script may take twice as much.
func (s *Script) memory() string {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	n := int64(live[0].Value.Uint64())
	if s.heap == 0 {
		s.heap = max(n, 1)
	}
	if n-s.heap > maxScriptHeap {
		return resp.ErrScriptMemory
	}
	return ""
}

// KillScript ends the script that is running, and says why it cannot be ended. function: it
// is asked of functions.
func (c *Ctx) KillScript(function bool) string {
	t := &c.e.scripts
	at := t.state.Load()
	switch {
	case !t.running.Load():
		return resp.ErrNotBusy
	case at%scriptStates == scriptWrote:
		return resp.ErrUnkillable
	case t.function.Load() && !function:
		return resp.ErrBusyFunction
	case !t.function.Load() && function:
		return resp.ErrBusyScript
	case !t.state.CompareAndSwap(at, at-at%scriptStates+scriptKilled):
		return resp.ErrUnkillable
	}
	c.e.host.Logf(LevelWarning, "Lua script killed by user with SCRIPT KILL.")
	return ""
}

// endScripts ends the script that runs, whatever it has done, and those that come: the
// server ends without a save.
func (e *Engine) endScripts() { e.scripts.ending.Store(true) }

// CountScripts says how many scripts are in the cache, and how many bytes they have.
func (c *Ctx) CountScripts(n int, bytes int64) {
	c.e.scripts.cached.Store(int64(n))
	c.e.scripts.bytes.Store(bytes)
}

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

// What becomes of a stand-in. Which of the others comes first decides which ends the
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
	if in.late { // it has to wait, as any other command: a new stand-in would be late as well
		c.Args = args
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
