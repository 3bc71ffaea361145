package engine

import (
	"fmt"
	"slices"
	"strings"

	"regent/engine/spec"
)

// INFO. A section is a literal: its name, whether it is shown unasked, and what
// writes it. Fields carry Redis's names and stand in Redis's order; one is
// shown only when there is something behind it. What other packages know they
// add with AddInfo; a section of a name that exists continues it.
//
//	server_info.go          the command and its sections
//	server_info_process.go  Server, Clients, Memory, Persistence, Stats, CPU
//	server_info_data.go     Commandstats, Errorstats, Keyspace
//	server_info_cluster.go  Replication, Cluster, Regent

func infoCommands() []Command {
	return []Command{{Do: doInfo, Command: spec.Command{
		Name: "info", Arity: -1, Flags: spec.Loading | spec.Stale, Cats: spec.CatDangerous, Since: "1.0.0", Complex: "O(1)",
		Summary: "Returns information and statistics about the server.",
		Tips:    []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
		Args:    spec.Args{spec.String("section").Many().Opt()},
	}}}
}

// An infoRun is one INFO. What several sections tell about is looked at once.
type infoRun struct {
	e     *Engine
	now   int64 // wall ms
	view  *View
	usage *Usage // nil: not asked for yet
}

// process is what the process takes, for sections that tell of it.
func (r *infoRun) process() *Usage {
	if r.usage == nil {
		u := r.e.control.Usage()
		r.usage = &u
	}
	return r.usage
}

// sections are the engine's own, in Redis's order.
func (r *infoRun) sections() []InfoSection {
	return []InfoSection{
		{"Server", true, r.server},
		{"Clients", true, r.clients},
		{"Memory", true, r.memory},
		{"Persistence", true, r.persistence},
		{"Stats", true, r.stats},
		{"Replication", true, r.replication},
		{"CPU", true, r.cpu},
		{"Commandstats", false, r.commandstats},
		{"Errorstats", true, r.errorstats},
		{"Cluster", true, r.cluster},
		{"Keyspace", true, r.keyspace},
		{"Regent", true, r.regent},
	}
}

func doInfo(c *Ctx) {
	asked := map[string]bool{}
	for _, a := range c.Args[1:] {
		asked[spec.Lower(string(a))] = true
	}
	all := asked["all"] || asked["everything"]
	unasked := len(asked) == 0 || asked["default"]
	r := &infoRun{e: c.e, now: c.e.host.Now(), view: c.e.toldView()}
	var w InfoWriter
	for _, parts := range r.joined() {
		first := parts[0]
		if !all && !(unasked && first.Default) && !asked[spec.Lower(first.Name)] {
			continue
		}
		w.section(first.Name)
		for _, p := range parts {
			p.Write(&w)
		}
	}
	c.W.Verbatim("txt", string(w.buf))
}

// joined is all sections, each with what continues it.
func (r *infoRun) joined() (out [][]InfoSection) {
	for _, s := range append(r.sections(), r.e.sections...) {
		at := slices.IndexFunc(out, func(parts []InfoSection) bool { return parts[0].Name == s.Name })
		if at < 0 {
			out = append(out, []InfoSection{s})
			continue
		}
		out[at] = append(out[at], s)
	}
	return out
}

// section begins a section; an empty line divides it from the one before.
func (w *InfoWriter) section(name string) {
	if len(w.buf) > 0 {
		w.buf = append(w.buf, '\r', '\n')
	}
	w.buf = append(w.buf, "# "+name+"\r\n"...)
}

// newRunID draws the 40 hex digits that name one run of the process.
func newRunID(h Host) string {
	var b strings.Builder
	for b.Len() < 40 {
		fmt.Fprintf(&b, "%016x", h.Rand())
	}
	return b.String()[:40]
}
