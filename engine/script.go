package engine

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"regent/engine/acl"
	"regent/engine/rdb"
	"regent/engine/spec"
	"regent/resp"
)

// Scripts: a command that carries out others while it runs. The interpreter is a
// room's; what it may do to the data is here.
//
//	EVAL ─► gates ─► every shard ─► handler ─► interpreter ─► Script.Call ─► gates of a nested
//	                                                 ▲                        command, Ctx.call
//	                                                 └──────── reply ────────────┘
//
// # Invariants
//
//   - Nobody sees a part of a script: from its beginning to its end all shards are locked,
//     since it may touch keys that no argument names, or those of its keys if it is certain
//     that it touches no other (script_turn.go).
//   - Its effects are one unit of the log, as a transaction's are (transaction.go).
//   - It counts as a write where leadership matters, unless it says that it only reads.

// Scripts says that a command is one that runs scripts.
type Scripts uint8

// A Course is how a script is carried out (script_turn.go).
type Course uint8

const (
	CourseAside Course = iota // in the background, with every shard locked: it takes long
	CourseWide                // in the loop of its client, with every shard locked
	// courseKeys: there, with the shards of its keys alone: it touches no others, whatever
	// its arguments are.
	courseKeys
	// CourseLeaves, with one of the two before: it may take long, and goes on in the background if
	// it does (script_aside.go).
	CourseLeaves Course = 1 << 4
)

const (
	noScripts    Scripts = iota
	ScriptsWrite         // which may write
	ScriptsRead          // which only read
)

// ScriptFlags are what a script says of itself in its first line.
type ScriptFlags uint8

const (
	scriptNoWrites ScriptFlags = 1 << iota
	scriptAllowOOM
	scriptAllowStale
	scriptNoCluster
	scriptCrossSlot
	// ScriptPlain: it says nothing, and is treated as scripts were before they could.
	ScriptPlain
)

// scriptFlagNames are the words for the flags, in the order of their bits.
func scriptFlagNames() []string {
	return []string{"no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"}
}

// ScriptFlagNamed finds a flag by its word.
func ScriptFlagNamed(word string) (f ScriptFlags, ok bool) {
	for i, name := range scriptFlagNames() {
		if name == word {
			return 1 << i, true
		}
	}
	return 0, false
}

// Names are the words for the flags that are set.
func (f ScriptFlags) Names() (set []string) {
	for i, name := range scriptFlagNames() {
		if f>>i&1 != 0 {
			set = append(set, name)
		}
	}
	return set
}

// onlyReads reports whether a call runs a script that says that it does not write: a pause of writes
// does not hold it.
func (cmd *Command) onlyReads(args [][]byte) bool {
	if cmd.ScriptFlags == nil {
		return false
	}
	flags, known := cmd.ScriptFlags(args)
	return known && flags&scriptNoWrites != 0
}

// saysWrites reports whether a call is a write, or runs a script that says that it may write.
func (cmd *Command) saysWrites(args [][]byte) bool {
	if cmd.ScriptFlags == nil {
		return cmd.lead&spec.Write != 0
	}
	flags, known := cmd.ScriptFlags(args)
	return known && flags&(scriptNoWrites|ScriptPlain) == 0
}

// A Script is a script that runs as a client's command.
type Script struct {
	c        *Ctx
	readOnly bool
	allowOOM bool
	wrote    bool  // a command that may write was carried out
	told     bool  // the log says that it takes long
	acted    bool  // something was done that cannot be done again
	began    int64 // ticks
	next     int64 // ticks: when Interrupt looks again
	heap     int64 // bytes of the process's heap when the script began, 0: not looked at
	db       int   // the session's: a script's SELECT ends with it
	out      *resp.Writer
	w        resp.Writer // replies to its commands
	name     string      // of a function
	pace     *Pace
	keyless  bool // this node answers the client only where no keys are named (readsHere)
}

// BeginScript begins a script as c's command, which may only read if readOnly is set. How long it
// takes is noted in p. refusal: it must not run.
func (c *Ctx) BeginScript(flags ScriptFlags, readOnly bool, p *Pace) (s *Script, refusal string) {
	c.showScript()
	if flags&ScriptPlain == 0 {
		if msg := c.refuseScript(flags, readOnly); msg != "" {
			return nil, msg
		}
		readOnly = readOnly || flags&scriptNoWrites != 0
	}
	if !c.keyed {
		c.e.scripts.function.Store(false)
	}
	if s = c.script; s == nil || c.called { // a script within a script is for tests alone
		s = &Script{}
		c.script = s
	}
	w := s.w
	w.Truncate(0)
	w.SetProto(resp.RESP2)
	if cap(w.Bytes()) > keptReply {
		w = resp.Writer{}
	}
	began := c.e.host.Ticks()
	*s = Script{c: c, readOnly: readOnly, allowOOM: flags&scriptAllowOOM != 0, db: c.s.db, out: c.W, w: w, began: began, next: began + firstLook, pace: p,
		keyless: c.e.keysElsewhere(c.s)}
	return s, ""
}

// keptReply is up to how many bytes of room for replies to a script's commands a session
// keeps.
const keptReply = 1 << 10

// refuseScript is what a script that tells its flags is refused for.
func (c *Ctx) refuseScript(flags ScriptFlags, readOnly bool) string {
	if c.applying {
		return "" // it was allowed where it was written
	}
	v := c.e.cluster.View()
	switch {
	case flags&scriptNoCluster != 0 && v.Clustered:
		return resp.ErrScriptCluster
	case flags&(scriptAllowOOM|scriptNoWrites) == 0 && c.full:
		return resp.ErrScriptOOM
	case flags&scriptNoWrites != 0:
		return ""
	case !v.Leading:
		return resp.ErrScriptReplica
	}
	switch msg := c.e.diskTrouble(); {
	case msg == resp.ErrBgsave:
		return resp.ErrScriptBgsave
	case msg != "":
		return fmt.Sprintf(resp.ErrScriptMisconf, *c.e.writeErr.Load())
	case readOnly:
		return resp.ErrScriptRO
	}
	return c.e.writeTrouble(c, v)
}

// Function says that the script is a function of that name, as far as others are told of it.
func (s *Script) Function(name string) {
	if s.name = name; !s.c.keyed {
		s.c.e.scripts.function.Store(true)
	}
}

// A Busy is a script that takes long, as others are told of it.
type Busy struct {
	Function string   // its name; "": it is no function
	Args     [][]byte // the command
	began    int64    // ticks
}

// BusyScript is the script that takes long, and for how many milliseconds it has run; nil: none
// does.
func (c *Ctx) BusyScript() (b *Busy, ms int64) {
	if b = c.e.scripts.slow.Load(); b == nil {
		return nil, 0
	}
	return b, (c.e.host.Ticks() - b.began) / int64(time.Millisecond)
}

// End ends the script. failed is an error that it has answered with and that nobody
// has counted, isError whether it was any.
func (s *Script) End(failed string, isError bool) {
	c, p := s.c, s.pace
	if c.s.db != s.db {
		c.s.selectDB(s.db)
	}
	if c.moved {
		p.state.Store(paceLong)
		return
	}
	if c.e.scripts.ending.Load() { // half of a script is nothing
		c.eff.Buf, c.eff.Recs, c.eff.Lent = nil, nil, nil
	}
	c.failed = c.failed || isError
	if failed != "" {
		c.e.stats.errors.note(failed)
	}
	p.note(c.e.host.Ticks()-s.began < firstLook/2)
}

// A Pace is how long a script takes, by its runs so far. A single run may have been long because the
// machine had something else to do.
type Pace struct {
	// MayLoop: its source does not tell that it ends. It is set before the first run.
	MayLoop bool

	state atomic.Uint32
	wide  atomic.Bool // it needs every shard, see Script.mustBeWide
}

// What is known of a script's pace.
const (
	paceUnknown = iota // it has not run
	paceQuick
	paceDoubtful // all but the last run were quick
	paceLong
)

// Course is how the script is carried out now. keyed: it touches no keys but its own; ends: it ends
// soon if its source tells that it ends.
func (p *Pace) Course(keyed, ends bool) Course {
	course, state := CourseWide, p.state.Load()
	if keyed && !p.wide.Load() {
		course = courseKeys
	}
	switch {
	case state == paceLong:
		return CourseAside
	case p.MayLoop, !ends, state != paceQuick:
		course |= CourseLeaves
	}
	return course
}

func (p *Pace) note(quick bool) {
	was := p.state.Load()
	now := uint32(paceLong)
	switch {
	case quick:
		now = paceQuick
	case was == paceQuick:
		now = paceDoubtful
	}
	if now != was {
		p.state.Store(now)
	}
}

// Nested reports whether c's command is one of a transaction or a script.
func (c *Ctx) Nested() bool { return c.nested }

// InScript reports whether c's command is one of a script.
func (c *Ctx) InScript() bool { return c.called }

// Call carries out a command of the script. reply is valid until the next call.
func (s *Script) Call(args [][]byte) (reply []byte, refusal string) {
	c := s.c
	if c.moved { // what it does from here on would be done twice
		return nil, resp.ErrScriptKilled
	}
	cmd, msg := s.gate(args)
	if msg != "" {
		c.e.noteRefusal(msg)
		if cmd != nil {
			c.e.stats.stripes[uint32(c.s.ID)&c.e.mask].perCmd[cmd.Index()].rejected.Add(1)
		}
		return nil, msg
	}
	if c.keyed && c.strays(cmd, args) {
		if c.moved = !s.acted && !c.nested; c.moved {
			return nil, resp.ErrScriptKilled
		}
		return nil, resp.ErrScriptStrayed
	}
	if !cmd.Has(spec.ReadOnly) && !cmd.Has(spec.Write) && s.mustBeWide() {
		return nil, resp.ErrScriptKilled
	}
	if cmd.Has(spec.Write) && !s.wrote {
		if !c.keyed && !c.e.scripts.writes() {
			return nil, resp.ErrScriptKilled
		}
		s.wrote = true
	}
	s.acted = s.acted || !cmd.Has(spec.ReadOnly)
	s.w.Truncate(0)
	s.w.SetBound(c.e.ReplyBound(0))
	c.W, c.called = &s.w, true
	c.call(cmd, args, c.e.homeOf(cmd, args))
	c.W, c.called = s.out, false
	c.strayed = c.strayed || c.s.db != s.db
	if s.w.Overflowed() {
		return nil, resp.ErrScriptMemory
	}
	return s.w.Bytes(), ""
}

// mustBeWide reports whether the script must not do what cannot be done again and is no write: it may
// take long, and with the shards of its keys alone it could not be killed then. It begins anew with every
// shard locked, at once the next time.
func (s *Script) mustBeWide() bool {
	c := s.c
	if c.keyed && c.aside && !s.acted {
		s.pace.wide.Store(true)
		c.moved = true
	}
	return c.moved
}

// gate is what a nested command is refused for, in Redis's order (script.c, scriptCall).
func (s *Script) gate(args [][]byte) (*Command, string) {
	e := s.c.e
	cmd, known := e.table.Asked(args)
	switch {
	case cmd == nil || !known:
		return nil, resp.ErrCallUnknown
	case !cmd.Fits(len(args)):
		return nil, resp.ErrCallArity
	}
	if e.table.renames {
		args[0] = e.table.nameIn(args[0], cmd)
	}
	if cmd.Has(spec.NoScript) && !e.scripts.denyNothing.Load() {
		return cmd, resp.ErrCallNoScript
	}
	if s.c.applying { // a log of Redis before 7 has the scripts themselves; what loads it is no user
		return cmd, ""
	}
	if !s.c.s.user.Rights().Free {
		switch s.c.denied(cmd, args, acl.ContextScript).Why {
		case acl.Command:
			return cmd, resp.ErrCallDenied
		case acl.Key:
			return cmd, resp.ErrCallKey
		case acl.Channel:
			return cmd, resp.ErrCallChannel
		}
	}
	if s.readOnly && cmd.Flags&mayChange != 0 { // what a pause of writes holds, which lets such scripts go
		return cmd, resp.ErrCallReadOnly
	}
	if cmd.Has(spec.Write) {
		if v := e.cluster.View(); !v.Leading {
			return cmd, coded(resp.ErrReadOnly)
		} else if msg := e.writeTrouble(s.c, v); msg != "" {
			return cmd, coded(msg)
		}
	}
	if s.c.full && !s.allowOOM && !s.wrote && cmd.Has(spec.DenyOOM) {
		return cmd, coded(resp.ErrOOM)
	}
	if s.keyless {
		if at, _ := cmd.KeyIndices(args); len(at) > 0 {
			return cmd, resp.ErrCallElsewhere
		}
	}
	return cmd, ""
}

// coded marks a refusal that has a code of its own.
func coded(msg string) string { return "-" + msg }

// noteRefusal counts what a script's command was refused with.
func (e *Engine) noteRefusal(msg string) {
	if text, is := strings.CutPrefix(msg, "-"); is {
		e.stats.errors.note(text)
	} else {
		e.stats.errors.note("ERR " + msg)
	}
}

// SetProto sets the protocol of the replies that follow.
func (s *Script) SetProto(version int) { s.w.SetProto(version) }

// SetRepl does nothing: everything that a script writes is in the log, since what is not
// would be lost, and could not be built upon, at the next leader.
func (s *Script) SetRepl(int) {}

// Log writes a line to the server's log.
func (s *Script) Log(level int, text string) {
	if s.mustBeWide() {
		return
	}
	s.acted = true
	s.c.e.host.Logf(Level(level), "%s", text)
}

// MayRun reports whether the client may run a command, and whether there is one.
func (s *Script) MayRun(args [][]byte) (allowed, known bool) {
	cmd, known := s.c.e.table.Asked(args)
	if cmd == nil || !known {
		return false, false
	}
	return s.c.s.user.Rights().Check(&cmd.Command, args).Why == acl.Allowed, true
}

// Libraries are what a server holds outside its keys: libraries of functions. They are a
// room's; what is kept of them goes with the data, in files, full copies and the log:
//
//	FUNCTION LOAD ─► record of the log ─► followers, the next start
//	snapshot      ─► SnapshotInfo.Libraries ─► RDB files, the base of the log, full copies
//	load          ─► Engine.LoadLibrary
//
// What is committed of them is decided as of keys: the commands that change them lock every
// shard, and so does the cut of a snapshot.
type Libraries interface {
	// Codes are the sources of all libraries. The caller locks every shard, and changes
	// nothing of the result, nor does anybody later.
	Codes() [][]byte
	// Bytes is about what they take of the memory.
	Bytes() int64
	// Load adds a library from a file, in the place of one with the same name.
	Load(code []byte) error
	// Count is how many libraries and functions there are, and how many bytes of source.
	// It may be called at any time.
	Count() (libraries, functions, bytes int64)
	// Reset forgets all. The caller locks every shard.
	Reset()
}

// LoadLibrary adds a library that stands in a file. An error means that this server cannot
// run it.
func (e *Engine) LoadLibrary(code []byte) (err error) {
	if e.libraries == nil {
		return &rdb.TypeError{Kind: "function library"}
	}
	e.Freeze(func() { err = e.libraries.Load(code) })
	return err
}

// codes are the sources of all libraries; the caller locks every shard.
func (e *Engine) codes() [][]byte {
	if e.libraries == nil {
		return nil
	}
	return e.libraries.Codes()
}

// Ticks is a monotonic clock in nanoseconds.
func (c *Ctx) Ticks() int64 { return c.e.host.Ticks() }

// Logf writes a line to the server's log.
func (c *Ctx) Logf(level Level, format string, args ...any) { c.e.host.Logf(level, format, args...) }
