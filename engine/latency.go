package engine

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"regent/engine/latency"
	"regent/engine/spec"
	"regent/resp"
)

// LATENCY: how long commands took, all of them (HISTOGRAM, and latencystats in INFO),
// and what took longer than latency-monitor-threshold (the others). Events have
// redis-server's names where the same thing exists here; what forks, writes or moves in
// a thread of its own there does not.

// Events that are remembered.
const (
	eventCommand     = "command"
	eventFastCommand = "fast-command"
	eventUnblocking  = "command-unblocking" // serving a client that had waited
	eventExpireCycle = "expire-cycle"
	eventEviction    = "eviction-cycle"
)

// latencyStripes is how many histograms a command has: sessions share them by
// their IDs, so that cores do not all write to one. A power of two.
const latencyStripes = 8

// latencies are the histograms of all commands, by command; one that has not run in a
// stripe has none there.
type latencies [latencyStripes][]atomic.Pointer[latency.Histogram]

func (l *latencies) init(commands int) {
	for i := range l {
		l[i] = make([]atomic.Pointer[latency.Histogram], commands)
	}
}

// note counts a time as that of as many commands as weight says.
func (l *latencies) note(session int64, cmd int, nanos, weight int64) {
	at := &l[uint64(session)%latencyStripes][cmd]
	h := at.Load()
	if h == nil {
		at.CompareAndSwap(nil, &latency.Histogram{})
		h = at.Load()
	}
	h.Add(nanos, weight)
}

// unknown reports whether nothing is known of a command in a session's stripe.
func (l *latencies) unknown(session int64, cmd int) bool {
	return l[uint64(session)%latencyStripes][cmd].Load() == nil
}

// reset is CONFIG RESETSTAT.
func (l *latencies) reset() {
	for i := range l {
		for j := range l[i] {
			l[i][j].Store(nil)
		}
	}
}

// of is what is known of a command.
func (l *latencies) of(cmd int) (c latency.Counts) {
	for i := range l {
		if h := l[i][cmd].Load(); h != nil {
			c.Take(h)
		}
	}
	return c
}

// noteTook counts the time that c's command took, which stands for as many as weight
// says, and remembers it if it was long.
func (e *Engine) noteTook(c *Ctx, nanos, weight int64) {
	if e.Config.LatencyTracking.Get() {
		e.stats.latency.note(c.s.ID, c.Cmd.Index(), nanos, weight)
	}
	event := eventCommand
	if c.Cmd.Has(spec.Fast) {
		event = eventFastCommand
	}
	e.noteEvent(event, nanos)
	e.noteSlow(c, nanos)
}

// noteServed is noteTook for a command that had waited: nanos is what serving it took.
func (e *Engine) noteServed(c *Ctx, nanos int64) {
	if e.Config.LatencyTracking.Get() {
		e.stats.latency.note(c.s.ID, c.Cmd.Index(), nanos, 1)
	}
	e.noteEvent(eventUnblocking, nanos)
	if c.Args != nil { // else it cannot be slow enough
		e.noteSlow(c, nanos)
	}
}

// noteEvent remembers an event that took as long as latency-monitor-threshold says.
func (e *Engine) noteEvent(event string, nanos int64) {
	const milli = 1_000_000 // ns
	if least := e.Config.LatencyMonitorThreshold.Get(); least > 0 && nanos/milli >= least {
		e.events.Note(event, e.host.Now()/1000, nanos/milli)
	}
}

// noteSince is noteEvent for what began at that many ticks and is over now.
func (e *Engine) noteSince(event string, began int64) {
	if e.Config.LatencyMonitorThreshold.Get() > 0 {
		e.noteEvent(event, e.host.Ticks()-began)
	}
}

func latencyCommands() []Command {
	const flags = spec.Admin | spec.NoScript | spec.Loading | spec.Stale
	tips := []string{"nondeterministic_output", "request_policy:all_nodes", "response_policy:special"}
	event := spec.String("event")
	return []Command{{Help: resp.HelpLatency, Command: spec.Command{
		Name: "latency", Arity: -2, Since: "2.8.13", Complex: "Depends on subcommand.",
		Summary: "Tells how long commands took, and what took too long.",
	}, Subs: []Command{
		{Do: doLatencyDoctor, Command: spec.Command{
			Name: "doctor", Arity: 2, Flags: flags, Since: "2.8.13", Complex: "O(1)",
			Summary: "Tells in words what took too long, and what may help.", Tips: tips,
		}},
		{Do: doLatencyGraph, Command: spec.Command{
			Name: "graph", Arity: 3, Flags: flags, Since: "2.8.13", Complex: "O(1)",
			Summary: "Draws how long an event took and when.", Tips: tips,
			Args: spec.Args{event},
		}},
		HelpCommand(spec.Loading|spec.Stale, "2.8.13"),
		{Do: doLatencyHistogram, Command: spec.Command{
			Name: "histogram", Arity: -2, Flags: flags, Since: "7.0.0", Complex: "O(N) in the number of commands",
			Summary: "Counts how often commands took about how long.", Tips: tips,
			Args: spec.Args{spec.String("command").Opt().Many()},
		}},
		{Do: doLatencyHistory, Command: spec.Command{
			Name: "history", Arity: 3, Flags: flags, Since: "2.8.13", Complex: "O(1)",
			Summary: "Returns when an event took how long.", Tips: tips,
			Args: spec.Args{event},
		}},
		{Do: doLatencyLatest, Command: spec.Command{
			Name: "latest", Arity: 2, Flags: flags, Since: "2.8.13", Complex: "O(1)",
			Summary: "Returns the last sample and the longest of every event.", Tips: tips,
		}},
		{Do: doLatencyReset, Command: spec.Command{
			Name: "reset", Arity: -2, Flags: flags, Since: "2.8.13", Complex: "O(1)",
			Summary: "Forgets events, all of them if none is named.",
			Tips:    []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
			Args:    spec.Args{event.Opt().Many()},
		}},
	}}}
}

func doLatencyLatest(c *Ctx) {
	events := c.e.events.Events()
	c.W.Array(len(events))
	for _, ev := range events {
		last := ev.Samples[len(ev.Samples)-1]
		c.W.Array(4)
		c.W.BulkString(ev.Name)
		c.W.Int(last.At)
		c.W.Int(last.Milli)
		c.W.Int(ev.Longest)
	}
}

func doLatencyHistory(c *Ctx) {
	samples := c.e.events.Of(string(c.Args[2])).Samples
	c.W.Array(len(samples))
	for _, s := range samples {
		c.W.Array(2)
		c.W.Int(s.At)
		c.W.Int(s.Milli)
	}
}

func doLatencyGraph(c *Ctx) {
	ev := c.e.events.Of(string(c.Args[2]))
	if ev.Samples == nil {
		c.Err(fmt.Sprintf(resp.ErrLatencyEvent, Clip(c.Args[2], 128)))
		return
	}
	c.W.Verbatim("txt", ev.Graph(c.Now/1000))
}

func doLatencyReset(c *Ctx) {
	var names []string
	for _, a := range c.Args[2:] {
		names = append(names, string(a))
	}
	c.W.Int(int64(c.e.events.Reset(names...)))
}

// What LATENCY DOCTOR says without events.
const (
	doctorBlind = "Nothing is watched: CONFIG SET latency-monitor-threshold <milliseconds> has the node remember what takes at least so long.\n"
	doctorQuick = "Nothing has taken as long as latency-monitor-threshold says.\n"
)

// advice is what may help against an event.
func advice() []struct{ event, text string } {
	return []struct{ event, text string }{
		{eventCommand, "SLOWLOG GET shows which commands took long: look for those whose time rises with the size of a value, and for very large values."},
		{eventFastCommand, "Commands that should be quick were not: look for a machine that has too much to do, that swaps, or whose processors are shared."},
		{eventUnblocking, "Clients that had waited were served slowly: many wait for the same keys, or for much at once."},
		{eventExpireCycle, "Many keys, or very large ones, expire at the same moment: spread their times."},
		{eventEviction, "Much has to be evicted at once: raise maxmemory, or write less at a time."},
	}
}

func doLatencyDoctor(c *Ctx) {
	events := c.e.events.Events()
	switch {
	case len(events) == 0 && c.e.Config.LatencyMonitorThreshold.Get() == 0:
		c.W.Verbatim("txt", doctorBlind)
		return
	case len(events) == 0:
		c.W.Verbatim("txt", doctorQuick)
		return
	}
	var b strings.Builder
	b.WriteString("What has taken long:\n\n" + latency.Report(events, c.Now/1000) + "\n")
	for _, a := range advice() {
		for _, ev := range events {
			if ev.Name == a.event {
				b.WriteString("- " + a.text + "\n")
			}
		}
	}
	c.W.Verbatim("txt", b.String())
}

// A timing is what HISTOGRAM tells of a command. Not all of its calls need have been
// timed (clock.go): counts stand for all of them.
type timing struct {
	name   string
	calls  int64
	counts latency.Counts
}

// timings are those of these commands, as far as they have run.
func (e *Engine) timings(list ...*spec.Command) (all []timing) {
	tracking := e.Config.LatencyTracking.Get()
	for _, cmd := range list {
		t := timing{name: cmd.FullName(), counts: e.stats.latency.of(cmd.Index())}
		t.calls, _, _, _ = e.stats.command(cmd.Index())
		if t.calls > 0 && (tracking || t.counts.Total() > 0) {
			all = append(all, t)
		}
	}
	return all
}

func doLatencyHistogram(c *Ctx) {
	e := c.e
	var all []timing
	if len(c.Args) == 2 {
		all = e.timings(e.table.spec.All()...)
	}
	for _, a := range c.Args[2:] {
		if cmd := e.table.told.Named(a); cmd != nil {
			all = append(append(all, e.timings(cmd)...), e.timings(cmd.Subcommands()...)...)
		}
	}
	c.W.Map(len(all))
	for i := range all {
		steps := all[i].counts.Doublings()
		c.W.BulkString(all[i].name)
		c.W.Map(2)
		c.W.BulkString("calls")
		c.W.Int(all[i].calls)
		c.W.BulkString("histogram_usec")
		c.W.Map(len(steps))
		for _, s := range steps {
			c.W.Int(s.Micros)
			c.W.Int(int64(float64(s.Count) * ratio(all[i].calls, all[i].counts.Total())))
		}
	}
}

// latencystats is INFO's section of percentiles.
func (r *infoRun) latencystats(w *InfoWriter) {
	e := r.e
	asked := strings.Fields(e.Config.LatencyPercentiles.Get())
	if !e.Config.LatencyTracking.Get() {
		return
	}
	for _, t := range e.timings(e.table.spec.All()...) {
		if t.counts.Total() == 0 {
			continue // none of the few calls was timed
		}
		fields := make([]string, len(asked))
		for i, p := range asked {
			of, _ := strconv.ParseFloat(p, 64) // the directive takes nothing else
			fields[i] = fmt.Sprintf("p%s=%.3f", p, float64(t.counts.Percentile(of))/1000)
		}
		w.Str("latency_percentiles_usec_"+t.name, strings.Join(fields, ","))
	}
}
