package engine

import (
	"math/bits"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"regent/engine/slots"
	"regent/engine/spec"
	"regent/resp"
)

// A script has what it touches locked from its beginning to its end, and may take long. Nobody
// else may wait for that in a mutex: an event loop that did would serve none of its clients for
// as long. Which shards a script has is its course:
//
//	wide    every shard; such scripts take turns
//	keyed   the shards of its keys, as any command has them; such scripts run side by side
//
//	a wide script       turn, running ─► every shard ─► is somebody in a mutex behind it? yes: once more
//	a keyed script      its shards ─► marks them ─► is somebody in the mutex of one? yes: once more
//	another command     TryLock ─► has a script the shard? no: Lock
//	                                                       yes: tries some more ─► parked, woken by the script's end
//
// What is long is noticed by the script itself (Script.Interrupt):
//
//	after firstLook            on a stack of its own: goes on in the background (script_aside.go)
//	                           else, or with the shards of its keys alone, and nothing done yet: begins
//	                           anew in the background
//	after busy-reply-threshold everything that is parked, and comes now, is answered -BUSY;
//	                           SCRIPT KILL and SHUTDOWN NOSAVE are carried out
//
// # Which scripts are keyed
//
// A script that has written can neither be undone nor begin anew, and one that has some shards
// must not wait for others: two that did might wait for each other. So a script runs keyed only if
// it is certain before it begins that it touches no keys but its own: its source says so, whatever
// its arguments are (engine/lua, trace.go; engine/commands/scripting, keys.go). All other
// scripts are wide, and so are scripts in transactions. Script.Call looks again at each command (strays): what
// that finds would be a mistake of this reasoning, and ends the script, or has it begin anew, before
// another shard's data is touched.
//
// # Invariants
//
//   - Nobody waits for a lock in a circle. Commands and keyed scripts lock shards in ascending order,
//     and nothing more once they have begun. A wide script has its turn before it locks any, also
//     in ascending order, and waits for no turn while it has one. In a loop neither
//     kind waits for a shard that a script has, but gives back what it has, and is parked or goes aside.
//   - What waits in the mutex of a shard while a script has it had come before:
//     it has said so in waiting (of scripts, and of the shard), and the script lets it pass. The script
//     writes running, or the shard's scripts, before it reads waiting, the others write
//     waiting before they read those, so one of the two sees the other.
//   - What is parked for a script is woken: it counts itself in parked before it looks whether a
//     script runs, and each script ends to be seen before it reads parked.
//   - A wide script that has written cannot be killed, and one that was killed writes nothing: both
//     is decided by one word (state). A keyed one that is long has written: it would have begun anew
//     with every shard otherwise (mayBeginAnew, mustBeWide).
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

	turn     sync.Mutex    // the script's that runs
	running  atomic.Bool   // it runs, or is about to
	waiting  atomic.Int64  // how many may be in the mutex of a shard, of those that must not for long
	state    atomic.Uint64 // the script's number times scriptStates, and what has become of it
	function atomic.Bool   // it is a function
	ending   atomic.Bool   // the server ends: so do scripts

	busy    atomic.Bool          // a script is over busy-reply-threshold
	slow    atomic.Pointer[Busy] // it, while busy is set
	keyed   atomic.Int32         // keyed scripts that are
	overdue int                  // scripts that are, under mu

	// denyNothing is DEBUG SET-DISABLE-DENY-SCRIPTS: scripts may call any command.
	denyNothing atomic.Bool

	parked atomic.Int64 // how many are in held, which wait for a script's end
	mu     sync.Mutex
	held   map[*Session]uint64 // at which of the turns it was parked
	turns  uint64
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
		sh.waiting.Add(1)
		free := !t.running.Load() && sh.scripts.Load() == 0
		if free {
			sh.mu.Lock()
		}
		sh.waiting.Add(-1)
		t.waiting.Add(-1)
		if free {
			return true
		}
		runtime.Gosched()
		if sh.mu.TryLock() {
			return true
		}
	}
	return false
}

// lockShards is lockShard for several: none is locked where it returns false.
func (e *Engine) lockShards(set *lockSet) bool {
	for w, word := range set {
		for ; word != 0; word &= word - 1 {
			if e.lockShard(&e.shards[w*64+bits.TrailingZeros64(word)]) {
				continue
			}
			got := *set // those before it
			got[w] &^= word
			clear(got[w+1:])
			e.unlockSet(&got)
			return false
		}
	}
	return true
}

// handleScript runs the handler of a command that carries out scripts.
func (e *Engine) handleScript(c *Ctx) {
	if !c.aside {
		c.course = CourseWide | CourseLeaves
		if c.Cmd.Course != nil {
			c.course = c.Cmd.Course(c.Args)
		}
		if c.Cmd.Locks == lockQueued && c.s.tx.aside {
			c.course = CourseAside
		}
		if c.course == CourseAside || c.course&CourseLeaves != 0 {
			c.late, c.moved = true, true
			return
		}
	}
	if c.course == courseKeys && e.handleKeyed(c) {
		return
	}
	if c.course == CourseAside {
		e.awaitTurn()
	} else if got, crowded := e.tryTurn(); crowded {
		c.late, c.moved = true, true
		return
	} else if !got {
		c.stall()
		return
	}
	c.held.all()
	start := c.W.Len()
	e.handleAll(c)
	e.endScriptTurn()
	e.endScript(c, start)
}

// handleKeyed runs a script with the shards of its keys locked. false: it needs more of them.
func (e *Engine) handleKeyed(c *Ctx) bool {
	set := &c.held
	*set = lockSet{}
	keys, _ := c.Cmd.GetKeys(c.Args)
	for _, i := range keys {
		set.add(e.shardIndex(c.Args[i]))
	}
	if !e.holdShards(set) {
		c.stall()
		return true
	}
	if c.writes() && e.wanted(c, set) != *set {
		e.leaveShards(set)
		return false
	}
	c.keyed = true
	start := c.W.Len()
	if len(keys) == 1 {
		slot := slots.Of(c.Args[keys[0]])
		at := uint32(slot) & e.mask
		c.home = at + 1
		e.handle(c, &e.shards[at], e.markOf(slot))
		c.home = 0
	} else {
		e.handleSet(c, set)
	}
	e.leaveShards(set)
	e.endScript(c, start)
	return true
}

// endScript is what follows a script whose locks are given back.
func (e *Engine) endScript(c *Ctx, start int) {
	t, keyed := &e.scripts, c.keyed
	c.keyed = false
	if c.overdue {
		c.overdue = false
		e.noLongerBusy(keyed)
	}
	if t.parked.Load() > 0 {
		t.wake()
	}
	if c.moved { // nothing was done, and it begins anew
		c.W.Truncate(start)
		c.failed, c.late = false, true
	}
}

// holdShards locks the shards of a keyed script; false: another script has one, and none is
// locked.
func (e *Engine) holdShards(set *lockSet) bool {
	ok := true
	var got lockSet
	set.each(func(i int) {
		if ok = ok && e.holdShard(&e.shards[i]); ok {
			got.add(uint32(i))
		}
	})
	if !ok {
		e.leaveShards(&got)
	}
	return ok
}

func (e *Engine) holdShard(sh *shard) bool {
	for range turnTries {
		if !e.lockShard(sh) {
			return false
		}
		sh.scripts.Add(1)
		if sh.waiting.Load() == 0 {
			return true
		}
		sh.scripts.Add(-1)
		sh.mu.Unlock()
		runtime.Gosched()
	}
	return false
}

// leaveShards gives back what holdShards has locked.
func (e *Engine) leaveShards(set *lockSet) {
	set.each(func(i int) {
		e.shards[i].scripts.Add(-1)
		e.shards[i].mu.Unlock()
	})
}

// strays reports whether a command of a keyed script needs a shard that is not locked.
func (c *Ctx) strays(cmd *Command, args [][]byte) bool {
	if cmd.Locks != lockKeys {
		return true
	}
	if kind, key := cmd.shapeFor(args); kind == shapeSingle {
		return !c.held.has(c.e.shardIndex(args[key]))
	}
	var set lockSet
	c.e.collect(&set, cmd, args)
	for w := range set {
		if set[w]&^c.held[w] != 0 {
			return true
		}
	}
	return false
}

// awaitTurn gives a wide script its turn, with all shards locked.
func (e *Engine) awaitTurn() {
	t := &e.scripts
	t.turn.Lock()
	t.begin()
	for {
		e.lockAll()
		if t.waiting.Load() == 0 {
			return
		}
		e.unlockAll()
		runtime.Gosched()
	}
}

// tryTurn is awaitTurn in an event loop, which gives up after some tries. crowded: nobody has the
// turn, but there is no getting all shards from those who come and go.
func (e *Engine) tryTurn() (got, crowded bool) {
	t := &e.scripts
	for i := 0; !t.turn.TryLock(); i++ {
		if i == turnTries {
			return false, false
		}
		runtime.Gosched()
	}
	t.begin()
	for range turnTries {
		n := e.tryAll()
		if n == len(e.shards) && t.waiting.Load() == 0 {
			return true, false
		}
		for i := range n {
			e.shards[i].mu.Unlock()
		}
		runtime.Gosched()
	}
	t.running.Store(false)
	t.turn.Unlock()
	if t.parked.Load() > 0 {
		t.wake()
	}
	return false, true
}

// tryAll locks the first n shards, and stops at one that it does not get.
func (e *Engine) tryAll() (n int) {
	for n < len(e.shards) && e.shards[n].mu.TryLock() {
		n++
	}
	return n
}

// begin begins a turn.
func (t *scriptState) begin() {
	t.state.Store(t.state.Load() - t.state.Load()%scriptStates + scriptStates)
	t.running.Store(true)
}

// endScriptTurn ends it. Nothing is locked then.
func (e *Engine) endScriptTurn() {
	e.unlockAll()
	e.scripts.running.Store(false)
	e.scripts.turn.Unlock()
}

// scriptRuns reports whether any script has locked anything.
func (e *Engine) scriptRuns() bool {
	if e.scripts.running.Load() {
		return true
	}
	for i := range e.shards {
		if e.shards[i].scripts.Load() > 0 {
			return true
		}
	}
	return false
}

// nowBusy says that the script is over busy-reply-threshold, and noLongerBusy that one is no more.
func (s *Script) nowBusy() {
	c, t := s.c, &s.c.e.scripts
	c.overdue = true
	if c.keyed {
		t.keyed.Add(1)
	}
	t.mu.Lock()
	t.overdue++
	t.slow.Store(&Busy{Function: s.name, Args: CloneArgs(c.Args), began: s.began})
	t.busy.Store(true)
	t.mu.Unlock()
	c.e.pauseUntil(pauseByScript, pauseBusy, c.e.ticks()+busyEnd)
	t.wake()
}

func (e *Engine) noLongerBusy(keyed bool) {
	t := &e.scripts
	if keyed {
		t.keyed.Add(-1)
	}
	t.mu.Lock()
	t.overdue--
	last := t.overdue == 0
	if last {
		t.busy.Store(false)
		t.slow.Store(nil)
	}
	t.mu.Unlock()
	if last {
		e.endPause(pauseByScript)
	}
}

// wake wakes those that are parked, once: one that has to wait on parks anew.
func (t *scriptState) wake() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for s := range t.held {
		s.conn.Wake()
	}
	clear(t.held)
	t.parked.Store(0)
}

// parkForScript has s woken when a script ends; 0: none runs.
func (e *Engine) parkForScript(s *Session) (turn uint64) {
	t := &e.scripts
	t.mu.Lock()
	t.turns++
	turn = t.turns
	if t.held == nil {
		t.held = map[*Session]uint64{}
	}
	t.held[s] = turn
	t.parked.Store(int64(len(t.held)))
	t.mu.Unlock()
	if e.scriptRuns() {
		return turn
	}
	t.unpark(s, turn)
	return 0
}

// unpark forgets what was parked at a turn; the session may be parked anew already.
func (t *scriptState) unpark(s *Session, turn uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held[s] == turn {
		delete(t.held, s)
		t.parked.Store(int64(len(t.held)))
	}
}

// awaitScript parks a command that a script keeps from its shards; false: it has ended.
func (e *Engine) awaitScript(c *Ctx) bool {
	t, s := &e.scripts, c.s
	if msg := e.busyScript(c); msg != "" {
		e.refuse(c, msg)
		return true
	}
	turn := e.parkForScript(s)
	if turn == 0 {
		return false
	}
	args := CloneArgs(c.Args)
	c.park(parking{
		held: true,
		resume: func(c *Ctx, _ bool) bool {
			if t.running.Load() && !t.busy.Load() {
				if turn = e.parkForScript(s); turn != 0 {
					return false
				}
			}
			c.Args = args
			e.admitted(c, e.admit(c, true)) // which may wait anew
			return true
		},
		cancel: func() { t.unpark(s, turn) },
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
	if b := e.scripts.slow.Load(); b != nil && b.Function != "" {
		return resp.ErrBusyFunction
	}
	return resp.ErrBusyScript
}

// Interrupt is asked while the script runs, and says why it must end, if it must.
func (s *Script) Interrupt() string {
	e := s.c.e
	t := &e.scripts
	switch {
	case !s.c.keyed && t.state.Load()%scriptStates == scriptKilled:
		return resp.ErrScriptKilled
	case t.ending.Load(), s.c.moved:
		return resp.ErrScriptKilled
	}
	now := e.host.Ticks()
	if now < s.next {
		return ""
	}
	s.next = now + firstLook
	if s.c.moved = s.mayBeginAnew(); s.c.moved {
		return resp.ErrScriptKilled
	}
	if s.c.leave != nil {
		s.c.leave()
	}
	if limit := e.Config.BusyReplyThreshold.Get(); limit > 0 && now-s.began > limit*int64(time.Millisecond) && !s.told {
		e.host.Logf(LevelWarning, "Slow script detected: still in execution after %d milliseconds. You can try killing the script using the %s KILL command.",
			(now-s.began)/int64(time.Millisecond), map[bool]string{false: "SCRIPT", true: "FUNCTION"}[s.name != ""])
		if s.told = true; !s.c.applying { // else clients are told that the data is loaded
			s.nowBusy()
		}
	}
	return s.memory()
}

// mayBeginAnew reports whether the script is to begin anew in the background now that it is long: nothing
// else frees the loop that it runs in, or nobody could kill it.
func (s *Script) mayBeginAnew() bool {
	c := s.c
	switch {
	case s.acted, c.applying:
		return false
	case c.aside:
		return c.leave != nil && c.keyed
	}
	return !c.nested && c.Cmd.Course != nil
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
	case t.keyed.Load() > 0:
		return resp.ErrUnkillable
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

// Keyed reports whether the command is a script that has the shards of its keys alone.
func (c *Ctx) Keyed() bool { return c.keyed }

// BeginAnew has a script that has done nothing yet begin anew in the background, with every shard
// locked: it is not what Command.Course took it for.
func (c *Ctx) BeginAnew() { c.moved = true }
