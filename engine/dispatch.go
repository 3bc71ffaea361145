package engine

import (
	"math/bits"

	"regent/engine/decimal"
	"regent/engine/dict"
	"regent/engine/slots"
)

// The dispatcher: one command's way from its arguments to its reply and its
// effects.
//
//	Execute ─► look up ─► admit ─► hold? ─► lock shards ─► gateLocked ─► Do ─► record ─► unlock
//	             table    gates.go  pause.go               gates.go            the log
//
// A handler may park its session (park.go); Resume lets it go on. Locks are
// taken here, and shard by shard by the walks of LockEach (keyspace_all.go).

// lockSet is a set of shards; bit i of the words stands for shard i.
type lockSet [maxShards / 64]uint64

// Execute carries out one command of s, which must not be parked. The reply is
// appended to s.W, the effects go to the log, s.Barrier and s.LeaderEpoch say
// what the reply depends on. Unless s is parked afterwards the reply is
// complete. A line of an HTTP request has none: the connection is killed. The
// arguments are not kept.
func (e *Engine) Execute(s *Session, args [][]byte) {
	if s.parked != nil {
		panic("engine: a command for a session that waits inside another")
	}
	start := s.W.Len()
	cmd, known := s.table.Asked(args)
	if cmd == nil && speaksHTTP(args[0]) {
		e.abort(s)
		return
	}
	c := s.context()
	if cmd != nil && s.table.renames {
		c.said = args[0]
		args[0] = s.table.nameIn(args[0], cmd) // what it is called in the log
	}
	c.e, c.s, c.Cmd, c.Args, c.W = e, s, cmd, args, &s.W
	if c.clock.due() {
		c.Now = e.host.Now()
	}
	if s.ReplyMode == replySkipNext {
		s.ReplyMode = replySkip
	}
	if s.tx != nil && c.shownLater() {
		c.unshown = true
	} else {
		s.Shared.noteCommand(cmd, c.Now)
	}
	if msg := e.admit(c, known); msg == "" && c.room != spaceSoon && e.pause.mode.Load() == pauseNone {
		e.run(c)
	} else {
		e.admitted(c, msg)
	}
	e.endTurn(c, start)
}

// endTurn is what follows a handler, or a parked one's going on.
func (e *Engine) endTurn(c *Ctx, start int) {
	s := c.s
	if c.clock.left <= 0 || s.parked != nil {
		e.showTurn(c)
	}
	if s.parked != nil {
		e.arm(s)
		return
	}
	if s.tx != nil && s.tx.over {
		e.endTransaction(s)
	}
	if s.caching != cachingUnsaid {
		s.forgetCaching(c.Cmd)
	}
	e.finishReply(s, start)
}

// showTurn lets others see what c's session has done: what it counts, its last command, and what it
// has queued.
func (e *Engine) showTurn(c *Ctx) {
	e.countUp(c)
	c.unshown = false
	c.s.Shared.noteCommand(c.Cmd, c.Now)
	c.s.showQueue()
}

// refuse answers a command that does not run.
func (e *Engine) refuse(c *Ctx, msg string) {
	if msg == carriedAway {
		c.carryAway()
		return
	}
	c.Err(e.queueRefused(c, msg))
	c.failed = false // it did not run
	if c.Cmd != nil {
		e.stats.stripes[uint32(c.s.ID)&e.mask].perCmd[c.Cmd.Index()].rejected.Add(1)
	}
}

// finishReply drops what a client that said CLIENT REPLY does not want.
func (e *Engine) finishReply(s *Session, start int) {
	switch s.ReplyMode {
	case replyOff:
		s.W.Truncate(start)
	case replySkip:
		s.W.Truncate(start)
		s.ReplyMode = ReplyOn
	default:
		return
	}
	if r := s.seldom; r != nil {
		s.W.Raw(r.always)
		r.always = nil
	}
}

// run carries the command out, or holds it if a pause has begun since that was
// asked last, or the lease has run out. Between MULTI and EXEC it is queued.
func (e *Engine) run(c *Ctx) {
	if c.s.inMulti() && !c.Cmd.atOnce {
		e.enqueue(c)
		return
	}
	for {
		c.late = false
		e.tryRun(c)
		if !c.late || e.later(c) {
			return
		}
	}
}

// later has a command wait that did nothing; false: it may run now.
func (e *Engine) later(c *Ctx) bool {
	stalled, moved := c.stalled, c.moved
	c.stalled, c.moved = false, false
	switch {
	case moved && c.course&CourseLeaves != 0:
		return e.tryHere(c)
	case moved:
		e.goAside(c)
		return true
	case stalled:
		return e.awaitScript(c)
	}
	return e.hold(c)
}

// stall has a command wait for a script's end.
func (c *Ctx) stall() { c.late, c.stalled = true, true }

// tryRun locks what the command touches, passes the gates that need the lock,
// and calls the handler. c.late: it did nothing, because of a pause or the lease.
func (e *Engine) tryRun(c *Ctx) {
	cmd, s := c.Cmd, c.s
	c.failed, c.strayed = false, false
	kind, key := cmd.shapeFor(c.Args)
	c.watch.on = false
	var weight int64
	if cmd.Locks == lockQueued {
		weight = c.weighExec()
	} else {
		weight = c.clock.weigh(cmd, kind, len(c.Args))
	}
	if weight != 0 || e.slowMayBeQuick() {
		c.startWatch(weight)
	}
	if n := c.tally.last; n == nil || n.cmd != cmd {
		if !c.quick() { // it may be INFO
			e.countUp(c)
		}
		if _, fresh := e.counted(c, cmd); fresh && !c.watch.on && e.stats.latency.unknown(s.ID, cmd.Index()) && e.Config.LatencyTracking.Get() {
			c.startWatch(1) // the first call is timed: INFO shows every command that has run
		}
	}
	switch kind {
	case shapeSingle:
		slot := slots.Of(c.Args[key])
		at := uint32(slot) & e.mask
		sh := &e.shards[at]
		if !sh.mu.TryLock() && !e.lockShardSlowly(sh) {
			c.stall()
			return
		}
		if sh.queue.also > 0 && e.mustWiden(c) {
			sh.mu.Unlock()
			e.handleWide(c)
			break
		}
		c.home = at + 1
		e.handle(c, sh, e.markOf(slot))
		c.home = 0
		sh.mu.Unlock()
	case shapeNone:
		e.handle(c, nil, anyKey)
	case shapeAll:
		if cmd.Scripts != noScripts {
			e.handleScript(c)
		} else if all := e.everyShard(); e.lockShards(&all) {
			c.held.all()
			e.handleAll(c)
			e.unlockAll()
		} else {
			c.stall()
		}
	case shapeEach:
		e.handleEach(c)
	case shapeSlot:
		sh := &e.shards[e.slotShard(c.Args)]
		if !e.lockShard(sh) {
			c.stall()
			return
		}
		e.handle(c, sh, anyKey)
		sh.mu.Unlock()
	default:
		e.handleWide(c)
	}
	if c.late {
		return
	}
	if len(c.served) > 0 {
		c.wakeServed()
	}
	if c.cared && e.monitors.n.Load() != 0 {
		e.monitors.show(c)
	}
	n := c.tally.last
	if n == nil || n.cmd != cmd { // it has called others
		n, _ = e.counted(c, cmd)
	}
	n.calls++
	if c.failed {
		n.failed++
	}
	if !c.watch.on {
		return
	}
	took := e.host.Ticks() - c.watch.began
	e.stats.stripes[uint32(s.ID)&e.mask].perCmd[cmd.Index()].nanos.Add(c.watch.weight * took)
	if s.parked == nil { // what waits is noted when it is carried out
		e.noteTook(c, took, c.watch.weight)
	}
}

// handle runs the handler with one shard or none locked; mark is that of its
// only key.
func (e *Engine) handle(c *Ctx, sh *shard, mark int) {
	ran, wrote, end := e.do(c)
	if sh == nil || !ran {
		return
	}
	if wrote {
		if c.wide {
			mark = anyKey
		}
		sh.marks.wrote(mark, end)
		sh.noteWritten(c)
	}
	c.s.Barrier = max(c.s.Barrier, sh.marks.seen(mark))
}

// handleWide locks the shards of the command's keys, and those that are wanted by
// what waits for a key of them, and runs the handler.
func (e *Engine) handleWide(c *Ctx) {
	if c.Cmd.Locks == lockQueued && c.s.inMulti() && (c.s.tx.scripts || c.s.tx.aside) {
		e.handleScript(c)
		return
	}
	set := &c.held
	*set = lockSet{}
	if c.Cmd.Locks == lockQueued {
		e.collectQueued(set, c.s)
	} else {
		e.collect(set, c.Cmd, c.Args)
	}
	if !e.lockShards(set) || !e.widen(c, set) {
		c.stall()
		return
	}
	e.handleSet(c, set)
	e.unlockSet(set)
}

// handleAll runs the handler with all shards locked.
func (e *Engine) handleAll(c *Ctx) {
	ran, _, end := e.do(c)
	if !ran {
		return
	}
	for i := range e.shards {
		sh := &e.shards[i]
		sh.marks.wrote(anyKey, end)
		if c.strayed || c.Cmd.Scripts == noScripts {
			sh.noteUsed()
		} else {
			sh.noteUsedIn(c.s.db)
		}
		c.s.Barrier = max(c.s.Barrier, sh.marks.seen(anyKey))
	}
}

// handleEach runs a handler whose walks lock one shard after the other. When a
// pause, a change of role or of whole databases comes between two shards, what
// was seen before does not fit what comes after: the reply is dropped, and the
// command is held, or runs anew with all shards locked, where nothing comes
// between.
func (e *Engine) handleEach(c *Ctx) {
	s, start := c.s, c.W.Len()
	barrier, epoch := s.Barrier, s.LeaderEpoch
	c.walk = walk{each: true, stand: e.stand()}
	e.do(c)
	broken := c.walk.broken
	c.walk = walk{}
	if !broken {
		return
	}
	c.W.Truncate(start)
	c.failed = false
	s.Barrier, s.LeaderEpoch = barrier, epoch
	if c.late {
		return
	}
	all := e.everyShard()
	if !e.lockShards(&all) {
		c.stall()
		return
	}
	c.held.all()
	e.handleAll(c)
	e.unlockAll()
}

// handleSet runs the handler with the shards of several keys locked.
func (e *Engine) handleSet(c *Ctx, set *lockSet) {
	ran, wrote, end := e.do(c)
	if !ran {
		return
	}
	for w, word := range set {
		for ; word != 0; word &= word - 1 {
			sh := &e.shards[w*64+bits.TrailingZeros64(word)]
			if wrote {
				sh.marks.wrote(anyKey, end)
				sh.noteWritten(c)
			}
			c.s.Barrier = max(c.s.Barrier, sh.marks.seen(anyKey))
		}
	}
}

// do passes the gates that need the lock, calls the handler and hands its
// effects to the log, which end at offset end.
func (e *Engine) do(c *Ctx) (ran, wrote bool, end int64) {
	if e.pause.mode.Load() != pauseNone && e.held(c) {
		c.late = true
		return false, false, 0
	}
	refusal := e.gateLocked(c)
	if c.late {
		return false, false, 0
	}
	if refusal != "" {
		e.refuse(c, refusal)
		return false, false, 0
	}
	c.wide = false
	c.spare.used = [dict.Forms]uint8{}
	c.look()
	c.Cmd.Do(c)
	if c.cared {
		c.remember(c.Cmd, c.Args)
	}
	if len(c.ready) > 0 {
		e.serve(c)
	}
	wrote = len(c.eff.Recs) > 0
	end = e.record(c)
	if len(c.happened) > 0 {
		c.tellHappened(end)
	}
	if len(c.invalid) > 0 {
		c.tellInvalidated(end)
	}
	c.handOver(end)
	return true, wrote, end
}

// gates asks what must be asked inside the lock: the refusal, or "". c.late: the
// command must wait.
func (e *Engine) gates(c *Ctx) (refusal string) {
	if c.late = e.pause.mode.Load() != pauseNone && e.held(c); c.late {
		return ""
	}
	return e.gateLocked(c)
}

// record hands the command's effects to the log, inside the lock, and
// returns the offset after them, 0 without effects.
func (e *Engine) record(c *Ctx) int64 {
	if len(c.eff.Recs) == 0 {
		return 0
	}
	var end int64
	c.tally.changes += c.changes
	c.changes = 0
	if log := e.log(); log != nil {
		end = log.Append(&c.eff)
		c.s.LastWriteEnd = end
	}
	if len(c.eff.Lent) > 0 {
		c.eff.Lent, c.s.lent = nil, end
	}
	c.eff.Buf, c.eff.Recs = c.eff.Buf[:0], c.eff.Recs[:0]
	if cap(c.eff.Buf) > maxEffectScratch {
		c.eff.Buf = nil
	}
	return end
}

// maxEffectScratch is how many bytes of effect buffer a session keeps.
const maxEffectScratch = 16 << 10

// collect puts the shards that a command needs with these arguments into set.
func (e *Engine) collect(set *lockSet, cmd *Command, args [][]byte) {
	switch {
	case cmd.Locks == LockAll, cmd.Locks == LockEach, cmd.Wide != nil && cmd.Wide(args):
		*set = e.everyShard()
		return
	case cmd.Locks == LockSlot:
		set.add(e.slotShard(args))
		return
	case cmd.GetKeys != nil:
		keys, _ := cmd.GetKeys(args)
		for _, i := range keys {
			set.add(e.shardIndex(args[i]))
		}
		return
	}
	for i := range cmd.Keys {
		first, last, step, ok := cmd.Keys[i].Bounds(args)
		if !ok {
			return
		}
		for at := first; at <= last; at += step {
			set.add(e.shardIndex(args[at]))
		}
	}
}

func (set *lockSet) add(shard uint32) { set[shard/64] |= 1 << (shard % 64) }

func (set *lockSet) has(shard uint32) bool { return set[shard/64]>>(shard%64)&1 != 0 }

// all puts every shard there may be into set.
func (set *lockSet) all() {
	for w := range set {
		set[w] = ^uint64(0)
	}
}

func (set *lockSet) each(f func(i int)) {
	for w, word := range set {
		for word != 0 {
			f(w*64 + bits.TrailingZeros64(word))
			word &= word - 1
		}
	}
}

func (e *Engine) lockSet(set *lockSet) { set.each(func(i int) { e.shards[i].mu.Lock() }) }

func (e *Engine) unlockSet(set *lockSet) {
	for w, word := range set {
		for ; word != 0; word &= word - 1 {
			e.shards[w*64+bits.TrailingZeros64(word)].mu.Unlock()
		}
	}
}

// slotShard is the shard of the slot that a LockSlot command names: any will
// do when it names none, for then the handler refuses.
func (e *Engine) slotShard(args [][]byte) uint32 {
	if len(args) <= SlotArg {
		return 0
	}
	slot, _ := decimal.Parse(args[SlotArg])
	return uint32(slot) & e.mask
}
