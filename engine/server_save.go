package engine

import (
	"errors"
	"fmt"

	"regent/engine/spec"
	"regent/resp"
)

// Copies of the data on disk, and the end of the process, which may make one.
// What takes long is done elsewhere (Control); the session is parked for SAVE.

func saveCommands() []Command {
	return []Command{
		{Do: doBgrewriteaof, Command: spec.Command{
			Name: "bgrewriteaof", Arity: 1, Flags: spec.Admin | spec.NoScript | spec.NoAsyncLoading, Since: "1.0.0", Complex: "O(1)",
			Summary: "Rewrites the append only log in the background.",
		}},
		{Do: doBgsave, Command: spec.Command{
			Name: "bgsave", Arity: -1, Flags: spec.Admin | spec.NoScript | spec.NoAsyncLoading, Since: "1.0.0", Complex: "O(1)",
			Summary: "Saves the data in the background.",
			Args:    spec.Args{spec.Word("schedule", "SCHEDULE").Added("3.2.2").Opt()},
		}},
		{Do: doSave, Command: spec.Command{
			Name: "save", Arity: 1, Flags: spec.Admin | spec.NoScript | spec.NoAsyncLoading | spec.NoMulti, Since: "1.0.0",
			Complex: "O(N) in the number of keys in all databases",
			Summary: "Saves the data and replies when that is done.",
		}},
		{Do: func(c *Ctx) { c.W.Int(c.e.LastSave() / 1000) }, Command: spec.Command{
			Name: "lastsave", Arity: 1, Flags: spec.Loading | spec.Stale | spec.Fast, Cats: spec.CatAdmin | spec.CatDangerous, Since: "1.0.0", Complex: "O(1)",
			Summary: "Returns when the data was last saved, in seconds since 1970.",
			Tips:    []string{"nondeterministic_output"},
		}},
		{Do: doShutdown, Sentinel: true, Command: spec.Command{
			Name: "shutdown", Arity: -1, Flags: spec.Admin | spec.NoScript | spec.Loading | spec.Stale | spec.NoMulti | spec.AllowBusy,
			Since: "1.0.0", Complex: "O(N) when saving, in the number of keys in all databases",
			Summary: "Ends the server in order.",
			Args: spec.Args{
				spec.OneOf("nosave_save", spec.Word("nosave", "NOSAVE"), spec.Word("save", "SAVE")).Opt(),
				spec.Word("now", "NOW").Added("7.0.0").Opt(), spec.Word("force", "FORCE").Added("7.0.0").Opt(),
				spec.Word("abort", "ABORT").Added("7.0.0").Opt(),
			},
		}},
	}
}

// Saved tells that the data was saved at the wall ms at.
func (e *Engine) Saved(at int64) { e.save.last.Store(at) }

// SaveFailed tells whether the last save has failed: with save points, and as
// stop-writes-on-bgsave-error asks, writes are refused until one succeeds.
func (e *Engine) SaveFailed(failed bool) { e.save.failed.Store(failed) }

// LastSave is when the data was last saved, in wall ms; the start, if it never
// was.
func (e *Engine) LastSave() int64 { return e.save.last.Load() }

// withoutData answers what asks for a copy of the data at a witness, and reports whether
// this node is one.
func (c *Ctx) withoutData() bool {
	if !c.View().Witness {
		return false
	}
	c.Err(resp.ErrWitness)
	return true
}

func doBgrewriteaof(c *Ctx) {
	if c.withoutData() {
		return
	}
	switch c.jobInside(0, c.e.control.Rewrite()) {
	case JobStarted:
		c.W.Status("Background append only file rewriting started")
	case JobScheduled:
		c.W.Status("Background append only file rewriting scheduled")
	case JobRunning:
		c.Err(resp.ErrRewriting)
	default:
		c.Err(resp.ErrNoRewrite)
	}
}

// jobInside is what a transaction says of a job, of its kind: as in redis-server it begins when that is
// over, however often it is asked for.
func (c *Ctx) jobInside(kind int, job Job) Job {
	tx := c.s.tx
	switch {
	case !c.nested || tx == nil || !tx.open:
	case job == JobStarted:
		tx.begun[kind] = true
		return JobScheduled
	case job == JobRunning && tx.begun[kind]:
		return JobScheduled
	}
	return job
}

func doBgsave(c *Ctx) {
	if c.withoutData() {
		return
	}
	afterwards := len(c.Args) == 2 && spec.EqualFold(c.Args[1], "schedule")
	if len(c.Args) > 1 && !afterwards {
		c.Err(resp.ErrSyntax)
		return
	}
	switch c.jobInside(1, c.e.control.SaveSoon(afterwards || c.nested)) {
	case JobStarted:
		c.W.Status("Background saving started")
	case JobScheduled:
		c.W.Status("Background saving scheduled")
	case JobRunning:
		c.Err(resp.ErrSaving)
	case JobBusy:
		c.Err(resp.ErrSaveBusy)
	default:
		c.Err(resp.ErrSave)
	}
}

func doSave(c *Ctx) {
	if c.withoutData() {
		return
	}
	control := c.e.control
	c.InBackground(func() error { return control.Save(false) }, func(c *Ctx, err error) {
		switch {
		case errors.Is(err, ErrSaving):
			c.Err(resp.ErrSaving)
		case err != nil:
			c.Err(resp.ErrSave)
		default:
			c.W.OK()
		}
	})
}

// doShutdown never replies when it succeeds: the connection closes with the others, at the end.
func doShutdown(c *Ctx) {
	words := map[string]bool{}
	for _, a := range c.Args[1:] {
		word := spec.Lower(string(a))
		switch word {
		case "save", "nosave", "now", "force", "abort":
			words[word] = true
		default:
			c.Err(resp.ErrSyntax)
			return
		}
	}
	if words["abort"] && len(c.Args) > 2 || words["save"] && words["nosave"] {
		c.Err(resp.ErrSyntax)
		return
	}
	if words["abort"] {
		// A shutdown here begins at once and waits for nobody.
		c.Err(resp.ErrNoShutdown)
		return
	}
	if c.e.scripts.busy.Load() {
		if !words["nosave"] {
			c.Err(c.e.busyText())
			return
		}
		c.e.endScripts()
	}
	control := c.e.control
	// What is half loaded must not replace the file that it is loaded from.
	loading := c.e.load.on.Load()
	if loading || !words["save"] && (words["nosave"] || !control.SavesAtEnd()) {
		c.shutdown()
		return
	}
	e := c.e
	c.InBackground(func() error { e.HoldWrites(); return control.Save(true) }, func(c *Ctx, err error) {
		if err != nil && !words["force"] {
			e.ReleaseWrites()
			c.Err(resp.ErrShutdown)
			return
		}
		c.shutdown()
	})
}

// saveFlushed answers a flush of everything, after a save that is under way was given up, and a
// server with save points has replaced its file: with nothing left to change no save point might ever be
// reached, and the next start would bring back what is gone. As in Redis the
// answer is OK even if that fails; the log and INFO say so.
func (c *Ctx) saveFlushed() {
	control := c.e.control
	if control == nil || !control.SavesAtEnd() {
		if control != nil {
			control.GiveUpSave()
		}
		c.W.OK()
		return
	}
	save := func() error { return control.Save(true) }
	if c.nested {
		c.saveBehind(save)
		return
	}
	c.InBackground(save, func(c *Ctx, _ error) { c.W.OK() })
}

// saveBehind answers a part of a transaction or a script, which can't wait, and has work done when
// that is over. One that has not begun by then is all that is needed.
func (c *Ctx) saveBehind(work func() error) {
	c.W.OK()
	e := c.e
	if !e.save.behind.CompareAndSwap(false, true) {
		return
	}
	e.host.AfterFunc(0, func() {
		e.save.behind.Store(false)
		_ = work() // the log and INFO say how it went
	})
}

// shutdown has the process end. The client waits for that: its connection is the last thing of the
// server that it sees, and when it is gone nobody listens any more, as with redis-server.
func (c *Ctx) shutdown() {
	c.s.Shared.setFlag(clientClosing, true)
	c.park(parking{held: true, resume: func(*Ctx, bool) bool { return false }})
	c.e.control.Shutdown(fmt.Sprintf("by client %d", c.s.ID))
}
