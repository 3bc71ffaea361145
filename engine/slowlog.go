package engine

import (
	"fmt"
	"sync"

	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/resp"
)

// The slow log: the commands whose execution took longest, without the time
// they waited for locks of others' making, the disk or the network. An entry
// costs memory of its own; nothing is kept of what was quick.

// Limits of an entry (slowlog.h).
const (
	slowMaxArgs = 32
	slowMaxArg  = 128 // bytes
)

// A slowEntry is one slow command.
type slowEntry struct {
	id, at, micros int64 // at: wall ms
	args           []string
	addr, name     string
}

type slowlog struct {
	mu      sync.Mutex
	entries []slowEntry // from first on, the oldest first
	first   int
	nextID  int64
}

func slowlogCommands() []Command {
	const flags = spec.Admin | spec.Loading | spec.Stale
	tips := []string{"request_policy:all_nodes", "nondeterministic_output"}
	return []Command{{Help: resp.HelpSlowlog, Command: spec.Command{
		Name: "slowlog", Arity: -2, Since: "2.2.12", Complex: "Depends on subcommand.",
		Summary: "Shows which commands took long.",
	}, Subs: []Command{
		{Do: doSlowlogGet, Command: spec.Command{
			Name: "get", Arity: -2, Flags: flags, Since: "2.2.12", Complex: "O(N) in the entries returned",
			Summary: "Returns the newest entries.",
			Tips:    tips,
			Args:    spec.Args{spec.Integer("count").Opt()},
		}},
		{Do: func(c *Ctx) { c.W.Int(int64(c.e.slow.len())) }, Command: spec.Command{
			Name: "len", Arity: 2, Flags: flags, Since: "2.2.12", Complex: "O(1)",
			Summary: "Counts the entries.",
			Tips:    []string{"request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"},
		}},
		{Do: func(c *Ctx) { c.e.slow.reset(); c.W.OK() }, Command: spec.Command{
			Name: "reset", Arity: 2, Flags: flags, Since: "2.2.12", Complex: "O(N) in the entries",
			Summary: "Forgets all entries.",
			Tips:    []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
		}},
		HelpCommand(spec.Loading|spec.Stale, "6.2.0"),
	}}}
}

// exactBelow is the slowlog-log-slower-than, in µs, under which every command
// is timed: above it, those that are not timed cannot be slow (clock.go).
const exactBelow = 1000

// slowMayBeQuick reports whether even quick commands may be slow enough.
func (e *Engine) slowMayBeQuick() bool {
	least := e.Config.SlowlogSlowerThan.Get()
	return least >= 0 && least < exactBelow
}

// noteSlow keeps a command that took nanos, if that is long.
func (e *Engine) noteSlow(c *Ctx, nanos int64) {
	least := e.Config.SlowlogSlowerThan.Get()
	if least < 0 || nanos/1000 < least || c.Cmd.Has(spec.SkipSlowlog) {
		return
	}
	en := slowEntry{
		at: c.Now, micros: nanos / 1000, args: c.slowArgs(),
		addr: c.s.conn.RemoteAddr(), name: c.s.Shared.attributes().name,
	}
	if c.Cmd.Secrets != nil {
		for _, i := range c.Cmd.Secrets(e.Config.IsSecret, c.Args) {
			if i < len(en.args) {
				en.args[i] = "(redacted)"
			}
		}
	}
	e.slow.add(en, int(e.Config.SlowlogMaxLen.Get()))
}

// slowArgs is as much of the arguments as an entry shows.
func (c *Ctx) slowArgs() []string {
	args := c.Args
	shown := make([]string, 0, min(len(args), slowMaxArgs))
	for i, a := range args {
		switch {
		case i == slowMaxArgs-1 && len(args) > slowMaxArgs:
			return append(shown, fmt.Sprintf("... (%d more arguments)", len(args)-i))
		case len(a) > slowMaxArg:
			if c.offer.taken && c.offer.span != nil && &a[0] == &c.offer.arg[0] {
				shown = append(shown, fmt.Sprintf("%s... (%d more bytes)", c.offer.shown[:], len(a)-slowMaxArg))
				continue
			}
			shown = append(shown, fmt.Sprintf("%s... (%d more bytes)", a[:slowMaxArg], len(a)-slowMaxArg))
		default:
			shown = append(shown, string(a))
		}
	}
	return shown
}

// add appends en and forgets the oldest beyond most. What is forgotten leaves
// a gap at the front, which is closed when it is half of all.
func (l *slowlog) add(en slowEntry, most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	en.id = l.nextID
	l.nextID++
	l.entries = append(l.entries, en)
	for len(l.entries)-l.first > most {
		l.entries[l.first] = slowEntry{}
		l.first++
	}
	if l.first > len(l.entries)/2 {
		n := copy(l.entries, l.entries[l.first:])
		clear(l.entries[n:])
		l.entries, l.first = l.entries[:n], 0
	}
}

func (l *slowlog) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries) - l.first
}

func (l *slowlog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries, l.first = nil, 0
}

// newest is up to n entries, the newest first; -1: all.
func (l *slowlog) newest(n int) []slowEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []slowEntry
	for i := len(l.entries) - 1; i >= l.first && (n < 0 || len(out) < n); i-- {
		out = append(out, l.entries[i])
	}
	return out
}

// slowDefault is how many entries SLOWLOG GET shows unasked.
const slowDefault = 10

func doSlowlogGet(c *Ctx) {
	n := int64(slowDefault)
	if len(c.Args) > 3 {
		c.Err(fmt.Sprintf(resp.ErrSubSyntax, Clip(c.Args[1], 128), c.Spoken()))
		return
	}
	if len(c.Args) == 3 {
		var ok bool
		if n, ok = decimal.Parse(c.Args[2]); !ok || n < -1 {
			c.Err(resp.ErrSlowCount)
			return
		}
	}
	entries := c.e.slow.newest(int(min(n, 1<<30)))
	c.W.Array(len(entries))
	for _, en := range entries {
		c.W.Array(6)
		c.W.Int(en.id)
		c.W.Int(en.at / 1000)
		c.W.Int(en.micros)
		c.W.Array(len(en.args))
		for _, a := range en.args {
			c.W.BulkString(a)
		}
		c.W.BulkString(en.addr)
		c.W.BulkString(en.name)
	}
}
