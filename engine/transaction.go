package engine

import (
	"fmt"
	"strings"
	"sync/atomic"

	"regent/engine/dict"
	"regent/engine/spec"
	"regent/engine/units"
	"regent/resp"
)

// Transactions: MULTI, EXEC, DISCARD. What a session says after MULTI passes the
// gates and is queued; EXEC is one command that carries out all of it:
//
//	MULTI   SET a 1   INCR b   EXEC
//	           │         │       │
//	           └─ gates ─┴─► queue ──► shards of all its keys and of what is watched
//	                                   gates, once for all
//	                                   is what was watched as it was?
//	                                   Call, Call                      one array of replies
//	                                   record: MULTI SET INCR EXEC     one unit of the log
//
// # Invariants
//
//   - Nobody sees a part of it: all shards that it touches are locked from its
//     first command to its last, here and where a follower applies it.
//   - The log has all of it or nothing: its effects are one unit, which neither a
//     crash, a stream nor a failover tears apart. So the reply waits for the end of
//     that unit, whatever its commands were.
//   - It is carried out by one leader. Where leadership has moved since WATCH, what
//     was watched may have been changed elsewhere, and counts as changed.
//   - Nothing waits inside: what would park answers as Redis does where blocking is
//     denied, or is refused (Ctx.Park). With what waits for the disk or the listener (Command.Aside) the
//     whole transaction is carried out in the background, as a script that takes long is: others
//     wait for it meanwhile, and no event loop does.
//
// As in Redis an error of one command undoes nothing. A command that was refused
// when it should have been queued ends all at EXEC.
//
// # What is bounded
//
// A queue may take as many bytes as a query (client-query-buffer-limit), and a unit
// units.MaxRecords records: beyond those a command is refused.

// A transaction is what a session has said since MULTI, and what it watches.
type transaction struct {
	open    bool       // MULTI was said
	over    bool       // it has ended, and what is watched is to be forgotten
	aborted bool       // a command was refused
	flags   spec.Flags // of all commands in the queue
	scripts bool       // there are scripts in the queue
	strays  bool       // so is what touches more than keys of the session's database
	aside   bool       // so is what waits for more than locks (Command.Aside)
	slow    bool       // so is what is not quick, or has several keys
	begun   [2]bool    // it has begun a rewrite of the log, a save
	shards  lockSet    // of the queue's keys
	queue   []queued
	args    []byte   // of all of them, one after the other
	ends    []int    // of each argument in args
	said    [][]byte // memory for those of one command

	watched []watchedKey
	changed atomic.Bool // something that is watched
	stand   watchStand
}

// A queued command has the next argc arguments of the transaction.
type queued struct {
	cmd  *Command
	argc int
	home uint32 // as Ctx.home while it is carried out
	key  int    // where its only key stands
	hash uint64 // of that in a dictionary
	// deep: there is more to fetch of the value there, which has that handle, see fetchQueued.
	deep   bool
	handle uint32
}

// keptQueue is how many bytes of arguments a session keeps room for.
const keptQueue = 16 << 10

func transactionCommands() []Command {
	const flags = spec.NoScript | spec.Loading | spec.Stale | spec.Fast | spec.AllowBusy
	return []Command{
		{Do: doMulti, atOnce: true, opensQueue: true, Command: spec.Command{
			Name: "multi", Arity: 1, Flags: flags, Since: "1.2.0", Complex: "O(1)",
			Summary: "Begins a transaction: the commands that follow are queued until EXEC.",
		}},
		{Do: doExec, atOnce: true, Locks: lockQueued, Command: spec.Command{
			Name: "exec", Arity: 1, Flags: spec.NoScript | spec.Loading | spec.Stale | spec.SkipSlowlog, Since: "1.2.0", Complex: "Depends on the commands in the transaction",
			Summary: "Carries out everything that was queued since MULTI, as one step.",
		}},
		{Do: doDiscard, atOnce: true, Command: spec.Command{
			Name: "discard", Arity: 1, Flags: flags, Since: "2.0.0", Complex: "O(N) in the number of queued commands",
			Summary: "Drops everything that was queued since MULTI.",
		}},
		{Do: doWatch, atOnce: true, reads: true, Command: spec.Command{
			Name: "watch", Arity: -2, Flags: flags, Since: "2.2.0", Complex: "O(1) for each key",
			Summary: "Has the next EXEC do nothing if one of the keys has changed by then.",
			Keys:    spec.Keys{spec.Span(1, -1, 1, spec.KeyRO)},
			Args:    spec.Args{spec.Key("key", 0).Many()},
		}},
		{Do: doUnwatch, Command: spec.Command{
			Name: "unwatch", Arity: 1, Flags: flags, Since: "2.2.0", Complex: "O(1)",
			Summary: "Forgets what WATCH said.",
		}},
	}
}

func doMulti(c *Ctx) {
	tx := c.s.transaction()
	if tx.open {
		c.Err(resp.ErrMultiNested)
		return
	}
	tx.open, c.unshown = true, true
	c.W.OK()
}

func doDiscard(c *Ctx) {
	if !c.s.inMulti() {
		c.Err(resp.ErrDiscardAlone)
		return
	}
	c.s.tx.over = true
	c.W.OK()
}

// doExec runs with the shards of the queue and of what is watched locked.
func doExec(c *Ctx) {
	tx := c.s.tx
	if !c.s.inMulti() {
		c.Err(resp.ErrExecAlone)
		return
	}
	tx.over = true
	switch {
	case tx.aborted:
		c.Err(resp.ErrExecAbort)
		return
	case c.watchedChanged():
		c.W.NullArray()
		return
	}
	c.W.Array(len(tx.queue))
	c.fetchQueued()
	db := c.s.db
	c.strayed = tx.strays
	tx.each(func(q *queued, args [][]byte) {
		if msg := c.notAllowedNow(q.cmd, args); msg != "" {
			c.Err(msg)
			return
		}
		c.call(q.cmd, args, q.home)
		c.strayed = c.strayed || c.s.db != db
	})
}

// inMulti reports whether MULTI was said.
func (s *Session) inMulti() bool { return s.tx != nil && s.tx.open }

// transaction is the session's, which has none as a rule.
func (s *Session) transaction() *transaction {
	if s.tx == nil {
		s.tx = &transaction{}
	}
	return s.tx
}

// each calls f with every command in the queue. args are valid until f returns.
func (tx *transaction) each(f func(q *queued, args [][]byte)) {
	from, arg := 0, 0
	for i := range tx.queue {
		q := &tx.queue[i]
		args := tx.said[:0]
		for _, end := range tx.ends[arg : arg+q.argc] {
			args = append(args, tx.args[from:end:end])
			from = end
		}
		arg += q.argc
		tx.said = args
		f(q, args)
	}
}

// enqueue keeps a command for EXEC, or refuses it.
func (e *Engine) enqueue(c *Ctx) {
	tx := c.s.tx
	if msg := e.gateQueued(c); msg != "" {
		e.refuse(c, msg)
		return
	}
	if int64(len(tx.args)+sumLengths(c.Args)) > e.Config.ClientQueryBufferLimit.Get() || len(tx.queue) >= units.MaxRecords/2 {
		e.refuse(c, resp.ErrMultiTooLarge)
		return
	}
	for _, arg := range c.Args {
		tx.args = append(tx.args, arg...)
		tx.ends = append(tx.ends, len(tx.args))
	}
	q := queued{cmd: c.Cmd, argc: len(c.Args)}
	if kind, key := c.Cmd.shapeFor(c.Args); kind == shapeSingle {
		at := e.shardIndex(c.Args[key])
		tx.shards.add(at)
		q.home, q.key, q.hash, q.deep = at+1, key, dict.Hash(e.seed, c.Args[key]), c.Cmd.deep
	} else {
		e.collect(&tx.shards, c.Cmd, c.Args)
		tx.strays = tx.strays || c.Cmd.Locks != lockKeys || c.Cmd.Wide != nil
	}
	tx.queue = append(tx.queue, q)
	tx.flags |= c.Cmd.lead
	tx.scripts = tx.scripts || c.Cmd.Scripts != noScripts
	tx.aside = tx.aside || c.Cmd.Aside != nil && c.Cmd.Aside(c)
	c.unshown = true
	tx.slow = tx.slow || q.home == 0 || !c.Cmd.quick || q.argc > quickArgs
	c.W.Status("QUEUED")
}

// shownLater reports whether others see of c's command at the end of its batch that it was the
// session's: for those of a transaction storing what other cores may read costs as much as queueing
// them. Before what is not quick all is shown, for that may look at it, as CLIENT LIST.
func (c *Ctx) shownLater() bool {
	switch {
	case c.clock.left <= 0 || c.Cmd == nil:
		return false
	case c.Cmd.quick:
		return c.Cmd.opensQueue || c.s.inMulti()
	case c.Cmd.Locks == lockQueued && c.quick():
		return true
	}
	c.s.showQueue()
	return false
}

// showQueue lets others see how much the session has queued.
func (s *Session) showQueue() {
	if s.inMulti() && s.Shared.queued.Load() != int64(len(s.tx.queue)+1) {
		s.Shared.queued.Store(int64(len(s.tx.queue) + 1))
		s.Shared.queuedBytes.Store(s.tx.bytes())
	}
}

// bytes is what tx holds: arguments of queued commands, and what is watched.
func (tx *transaction) bytes() int64 { return int64(len(tx.args) + watchedBytes*len(tx.watched)) }

// gateQueued is what Redis asks before it queues a command, beside what admit does.
func (e *Engine) gateQueued(c *Ctx) string {
	if c.Cmd.Has(spec.NoMulti) {
		return resp.ErrNoMulti
	}
	if c.Cmd.refuses != nil {
		if msg := c.Cmd.refuses(c); msg != "" {
			return msg
		}
	}
	if !c.Cmd.touchesData() {
		return ""
	}
	v := e.cluster.View()
	if msg := e.elsewhere(c, v); msg != "" {
		return msg
	}
	if v.Leading && c.Cmd.Has(spec.Write) {
		return e.writeTrouble(c, v)
	}
	return ""
}

// queueRefused is what a refusal does to a transaction, and how an
// EXEC that is refused says so.
func (e *Engine) queueRefused(c *Ctx, msg string) string {
	tx := c.s.tx
	if c.s.inMulti() {
		tx.aborted = true
	}
	if c.Cmd == nil || c.Cmd.Locks != lockQueued {
		return msg
	}
	if tx != nil {
		tx.over = true
	}
	if strings.HasPrefix(msg, "MOVED ") || strings.HasPrefix(msg, "REDIRECT ") || msg == resp.ErrClusterDown {
		return msg
	}
	return fmt.Sprintf(resp.ErrExecAbortBy, strings.TrimPrefix(msg, "ERR "))
}

// endTransaction forgets the queue and what is watched. No shard is locked.
func (e *Engine) endTransaction(s *Session) {
	e.unwatch(s)
	tx := s.tx
	tx.open, tx.over, tx.aborted, tx.flags, tx.scripts, tx.strays, tx.shards = false, false, false, 0, false, false, lockSet{}
	tx.aside, tx.slow, tx.begun = false, false, [2]bool{}
	clear(tx.said)
	tx.queue, tx.args, tx.ends = tx.queue[:0], tx.args[:0], tx.ends[:0]
	if cap(tx.args) > keptQueue {
		s.tx = nil
	}
	if s.Shared.queued.Load() != 0 || s.Shared.queuedBytes.Load() != 0 {
		s.Shared.queued.Store(0)
		s.Shared.queuedBytes.Store(0)
	}
}

// call carries out cmd as a part of c's command: under its locks, as one of its
// changes, with the reply behind what c has replied already. The gates have let c
// pass for all of it. Whatever cmd touches must be locked; home is homeOf it.
func (c *Ctx) call(cmd *Command, args [][]byte, home uint32) {
	outer, said, failed, nested, outerHome := c.Cmd, c.Args, c.failed, c.nested, c.home
	c.Cmd, c.Args, c.failed, c.nested = cmd, args, false, true
	if outerHome == 0 {
		c.home = home
	}
	if !cmd.quick { // it may be INFO, or CLIENT LIST
		c.e.countUp(c)
	}
	watch := c.watch
	c.watch.on = false
	apart := c.apart
	kind, _ := cmd.shapeFor(args)
	c.apart = apart || kind != shapeSingle        // see form.go: a script of one key may call what has two
	weight := c.clock.weigh(cmd, kind, len(args)) // as in tryRun
	fresh := true
	if c.tallies(outer) {
		_, fresh = c.e.counted(c, cmd)
	}
	if weight == 0 && (c.e.slowMayBeQuick() || fresh && c.e.stats.latency.unknown(c.s.ID, cmd.Index())) {
		weight = 1
	}
	if weight != 0 {
		c.startWatch(weight)
	}
	if len(c.eff.Recs) >= units.MaxRecords/2 {
		c.Err(resp.ErrMultiTooLarge)
	} else {
		cmd.Do(c)
	}
	if c.cared {
		if c.called {
			c.remember(outer, said)
		} else {
			c.remember(cmd, args)
		}
	}
	c.countCall(cmd, outer)
	if c.watch.on {
		took := c.e.host.Ticks() - c.watch.began + c.slept
		c.slept = 0
		c.e.stats.stripes[uint32(c.s.ID)&c.e.mask].perCmd[cmd.Index()].nanos.Add(c.watch.weight * took)
		if !c.applying { // no client waited
			c.e.noteTook(c, took, c.watch.weight)
		}
	}
	c.watch = watch
	if c.cared && c.e.monitors.n.Load() != 0 {
		c.e.monitors.show(c)
	}
	c.Cmd, c.Args, c.failed, c.nested, c.home, c.apart = outer, said, failed, nested, outerHome, apart
}

// tallies reports whether what outer calls goes with what the session's batch counts: a transaction's
// commands do, which are over soon.
func (c *Ctx) tallies(outer *Command) bool { return outer.Locks == lockQueued && !c.aside }

// countCall counts a command that was called by outer.
func (c *Ctx) countCall(cmd, outer *Command) {
	if c.tallies(outer) {
		n, _ := c.e.counted(c, cmd)
		if n.calls++; c.failed {
			n.failed++
		}
		return
	}
	st := &c.e.stats.stripes[uint32(c.s.ID)&c.e.mask]
	c.e.stats.calls(st, cmd.Index(), 1)
	if c.failed {
		st.perCmd[cmd.Index()].failed.Add(1)
	}
}

// homeOf is one more than the index of the shard of a command's only key, 0: it has none, or several.
func (e *Engine) homeOf(cmd *Command, args [][]byte) uint32 {
	if kind, key := cmd.shapeFor(args); kind == shapeSingle {
		return e.shardIndex(args[key]) + 1
	}
	return 0
}

// flags are those of c's command, and of an EXEC those of its queue too.
func (c *Ctx) flags() spec.Flags {
	if c.Cmd.Locks == lockQueued {
		return c.flagsOfQueue()
	}
	return c.Cmd.lead
}

func (c *Ctx) flagsOfQueue() spec.Flags {
	flags := c.Cmd.lead
	if c.s.inMulti() {
		flags |= c.s.tx.flags & (spec.Write | spec.ReadOnly | spec.DenyOOM)
	}
	return flags
}

// writes reports whether c's command may change data, and touchesData whether
// leadership matters to it at all.
func (c *Ctx) writes() bool { return c.flags()&spec.Write != 0 }

func (c *Ctx) touchesData() bool { return c.flags()&(spec.Write|spec.ReadOnly) != 0 }

// keys are those of c's command, or of all that is queued for it. They are valid as
// long as its arguments are.
func (c *Ctx) keys() (keys [][]byte) {
	add := func(cmd *Command, args [][]byte) {
		at, _ := cmd.KeyIndices(args)
		for _, i := range at {
			keys = append(keys, args[i])
		}
	}
	if c.Cmd.Locks == lockQueued && c.s.inMulti() {
		c.s.tx.each(func(q *queued, args [][]byte) { add(q.cmd, args) })
	} else {
		add(c.Cmd, c.Args)
	}
	return keys
}

// collectQueued puts what EXEC locks into set: the shards of the queue's keys, and of
// what is watched, since a change of that must not come between looking and doing.
func (e *Engine) collectQueued(set *lockSet, s *Session) {
	if !s.inMulti() {
		return
	}
	for i := range s.tx.watched {
		set.add(e.shardIndex([]byte(s.tx.watched[i].key)))
	}
	for w := range set {
		set[w] |= s.tx.shards[w]
	}
}
