package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"regent/engine/spec"
)

// INFO. A section is a literal: its name, whether it is shown unasked, and what
// writes it. Fields carry Redis's names and stand in Redis's order; one is
// shown only when there is something behind it. What other packages know they
// add with AddInfo; a section of a name that exists continues it.
//
//	server_info.go          the command, its sections, Commandstats, Errorstats, Keyspace
//	server_info_process.go  Server, Clients, Memory, Persistence, Stats, CPU
//	server_info_cluster.go  Replication, Cluster, Regent

func infoCommands() []Command {
	return []Command{{Do: doInfo, Sentinel: true, Command: spec.Command{
		Name: "info", Arity: -1, Flags: spec.Loading | spec.Stale, Cats: spec.CatDangerous, Since: "1.0.0", Complex: "O(1)",
		Summary: "Returns information and statistics about the server.",
		Tips:    []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
		Args:    spec.Args{spec.String("section").Many().Opt()},
	}}}
}

// An infoRun is one INFO. What several sections tell about is looked at once.
type infoRun struct {
	e     *Engine
	face  Face
	tls   bool  // its client speaks TLS
	now   int64 // wall ms
	view  *View
	own   []InfoSection // of the Sentinel face's rooms
	usage *Usage        // nil: not asked for yet
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
	if r.face == FaceSentinel {
		return append([]InfoSection{{"Server", true, r.server}, {"Clients", true, r.clients}, {"Stats", true, r.stats}, {"CPU", true, r.cpu}}, r.own...)
	}
	return []InfoSection{
		{"Server", true, r.server},
		{"Clients", true, r.clients},
		{"Memory", true, r.memory},
		{"Persistence", true, r.persistence},
		{"Stats", true, r.stats},
		{"Replication", true, r.replication},
		{"CPU", true, r.cpu},
		{"Modules", true, func(*InfoWriter) {}}, // there are none
		{"Commandstats", false, r.commandstats},
		{"Errorstats", true, r.errorstats},
		{"Latencystats", false, r.latencystats},
		{"Cluster", true, r.cluster},
		{"Keyspace", true, r.keyspace},
		{"Regent", true, r.regent},
	}
}

// infoRoom is what INFO takes as a rule, in bytes.
const infoRoom = 8 << 10

func doInfo(c *Ctx) {
	asked := map[string]bool{}
	for _, a := range c.Args[1:] {
		asked[spec.Lower(string(a))] = true
	}
	all := asked["all"] || asked["everything"]
	unasked := len(asked) == 0 || asked["default"]
	r := &infoRun{e: c.e, face: c.s.face, tls: c.s.TLS, now: c.e.host.Now(), view: c.e.toldView().toward(c.s.TLS)}
	if r.face == FaceSentinel {
		r.own = c.ownInfo()
	}
	w := InfoWriter{make([]byte, 0, infoRoom)}
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
	if r.face == FaceSentinel {
		c.W.Bulk(w.buf)
		return
	}
	c.W.Verbatim("txt", string(w.buf))
}

// joined is all sections, each with what continues it.
func (r *infoRun) joined() (out [][]InfoSection) {
	all := r.sections()
	if r.face != FaceSentinel {
		all = append(all, r.e.sections...)
	}
	for _, s := range all {
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
	w.buf = append(w.buf, '#', ' ')
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '\r', '\n')
}

// newRunID draws the 40 hex digits that name one run of the process.
func newRunID(h Host) string {
	var b strings.Builder
	for b.Len() < 40 {
		fmt.Fprintf(&b, "%016x", h.Rand())
	}
	return b.String()[:40]
}

// An InfoWriter collects the lines of one INFO section.
type InfoWriter struct{ buf []byte }

// Bytes are the lines so far.
func (w *InfoWriter) Bytes() []byte { return w.buf }

// Str writes "name:value".
func (w *InfoWriter) Str(name, value string) {
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, ':')
	w.buf = append(w.buf, value...)
	w.buf = append(w.buf, '\r', '\n')
}

// Int writes a whole number.
func (w *InfoWriter) Int(name string, value int64) {
	w.buf = append(w.buf, name...)
	w.buf = strconv.AppendInt(append(w.buf, ':'), value, 10)
	w.buf = append(w.buf, '\r', '\n')
}

// zero writes counts of what does not happen here.
func (w *InfoWriter) zero(names ...string) {
	for _, name := range names {
		w.Int(name, 0)
	}
}

// Bool writes 1 or 0.
func (w *InfoWriter) Bool(name string, value bool) {
	n := int64(0)
	if value {
		n = 1
	}
	w.Int(name, n)
}

// float writes a number with prec digits after the point.
func (w *InfoWriter) float(name string, value float64, prec int) {
	w.Str(name, strconv.FormatFloat(value, 'f', prec, 64))
}

// INFO's sections about commands and data: Commandstats, Errorstats and
// Keyspace.

func (r *infoRun) commandstats(w *InfoWriter) {
	for _, cmd := range r.e.table.spec.All() {
		r.commandstat(w, cmd)
	}
}

// commandstat is a line for a command that was ever called.
func (r *infoRun) commandstat(w *InfoWriter, cmd *spec.Command) {
	calls, nanos, rejected, failed := r.e.stats.command(cmd.Index())
	if calls+rejected+failed > 0 {
		w.Str("cmdstat_"+cmd.FullName(), fmt.Sprintf("calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d",
			calls, nanos/1000, ratio(nanos, calls)/1000, rejected, failed))
	}
}

func (r *infoRun) errorstats(w *InfoWriter) {
	_, kinds := r.e.stats.errors.counts()
	words := make([]string, 0, len(kinds))
	for word := range kinds {
		words = append(words, word)
	}
	slices.Sort(words)
	// A code word may be a client's own (DEBUG ERROR): it must not end the
	// name or the line.
	safe := strings.NewReplacer("#", "_", ":", "_", "\r", "_", "\n", "_")
	for _, word := range words {
		w.Str("errorstat_"+safe.Replace(word), "count="+strconv.FormatInt(kinds[word], 10))
	}
}

// A dbSum is what INFO tells of a database.
type dbSum struct {
	keys, expires int64
	lives         float64 // ms: the sum of the times that the keys still have to live
}

// ttlSamples is how many of a dictionary's keys that expire are looked at for
// avg_ttl, as Redis estimates it.
const ttlSamples = 8

// keyspace counts shard by shard: the sum may be of slightly different
// moments, and nobody is held up.
func (r *infoRun) keyspace(w *InfoWriter) {
	dbs := make([]dbSum, r.e.databases())
	for i := range r.e.shards {
		r.countShard(&r.e.shards[i], dbs)
	}
	for db, sum := range dbs {
		if sum.keys == 0 {
			continue
		}
		ttl := int64(0)
		if sum.expires > 0 {
			ttl = int64(sum.lives / float64(sum.expires))
		}
		w.Str("db"+strconv.Itoa(db), fmt.Sprintf("keys=%d,expires=%d,avg_ttl=%d", sum.keys, sum.expires, ttl))
	}
}

func (r *infoRun) countShard(s *shard, dbs []dbSum) {
	if !r.e.lockShard(s) {
		return // a script runs
	}
	defer s.mu.Unlock()
	for db, d := range s.dbs {
		if d == nil {
			continue
		}
		sum := &dbs[db]
		sum.keys += int64(d.Len())
		n := d.Expires()
		if n == 0 {
			continue
		}
		sum.expires += int64(n)
		left := 0.0
		for range ttlSamples {
			left += float64(max(d.ExpireAt(d.RandomExpiring(r.e.host.Rand))-r.now, 0))
		}
		sum.lives += left / ttlSamples * float64(n)
	}
}
