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
	usage *Usage      // nil: not asked for yet
	sums  *clientSums // nil: not added up yet
}

// process is what the process takes, for sections that tell of it.
func (r *infoRun) process() *Usage {
	if r.usage == nil {
		u := r.e.control.Usage()
		r.usage = &u
	}
	return r.usage
}

// clientSums are the sums over all clients, for sections that tell of them.
func (r *infoRun) clientSums() *clientSums {
	if r.sums == nil {
		sums := r.e.sumClients()
		r.sums = &sums
	}
	return r.sums
}

// An ownSection is one of the engine's own.
type ownSection struct {
	name    string
	unasked bool
	write   func(*infoRun, *InfoWriter)
}

// ownSections are in Redis's order.
func (r *infoRun) ownSections() []ownSection {
	if r.face == FaceSentinel {
		return []ownSection{
			{"Server", true, (*infoRun).server},
			{"Clients", true, (*infoRun).clients},
			{"Stats", true, (*infoRun).stats},
			{"CPU", true, (*infoRun).cpu},
		}
	}
	return []ownSection{
		{"Server", true, (*infoRun).server},
		{"Clients", true, (*infoRun).clients},
		{"Memory", true, (*infoRun).memory},
		{"Persistence", true, (*infoRun).persistence},
		{"Stats", true, (*infoRun).stats},
		{"Replication", true, (*infoRun).replication},
		{"CPU", true, (*infoRun).cpu},
		{"Modules", true, func(*infoRun, *InfoWriter) {}}, // there are none
		{"Commandstats", false, (*infoRun).commandstats},
		{"Errorstats", true, (*infoRun).errorstats},
		{"Latencystats", false, (*infoRun).latencystats},
		{"Cluster", true, (*infoRun).cluster},
		{"Keyspace", true, (*infoRun).keyspace},
		{"Regent", true, (*infoRun).regent},
	}
}

// An infoWish is which sections were asked for.
type infoWish struct {
	words        [][]byte
	all, unasked bool
}

func wishOf(words [][]byte) infoWish {
	w := infoWish{words: words}
	w.all = w.names("all") || w.names("everything")
	w.unasked = len(words) == 0 || w.names("default")
	return w
}

func (w *infoWish) names(section string) bool {
	return slices.ContainsFunc(w.words, func(word []byte) bool { return spec.EqualFold(word, spec.Lower(section)) })
}

func (w *infoWish) has(section string, unasked bool) bool {
	return w.all || w.unasked && unasked || w.names(section)
}

// infoRoom is what INFO takes as a rule, in bytes, and maxInfoKept what is kept for the
// next one.
const (
	infoRoom    = 8 << 10
	maxInfoKept = 4 * infoRoom
)

func doInfo(c *Ctx) {
	wish := wishOf(c.Args[1:])
	r := &infoRun{e: c.e, face: c.s.face, tls: c.s.TLS, now: c.e.host.Now(), view: c.e.toldView().toward(c.s.TLS)}
	further := r.e.sections
	if r.face == FaceSentinel {
		further = c.ownInfo()
	}
	w := InfoWriter{slices.Grow(c.found[:0], infoRoom)}
	r.write(&w, &wish, further)
	if c.found = w.buf[:0]; cap(w.buf) > maxInfoKept {
		c.found = nil
	}
	if r.face == FaceSentinel {
		c.W.Bulk(w.buf)
		return
	}
	c.W.VerbatimBytes("txt", w.buf)
}

// Info is INFO's text for some sections, as a client of port has it.
func (e *Engine) Info(sections ...string) []byte {
	wish := infoWish{}
	for _, s := range sections {
		wish.words = append(wish.words, []byte(s))
	}
	r := &infoRun{e: e, face: FacePort, now: e.host.Now(), view: e.toldView()}
	w := InfoWriter{make([]byte, 0, infoRoom)}
	r.write(&w, &wish, e.sections)
	return w.buf
}

// write writes the engine's own sections, each with what continues it, and behind them the
// others.
func (r *infoRun) write(w *InfoWriter, wish *infoWish, further []InfoSection) {
	own := r.ownSections()
	for i := range own {
		if s := &own[i]; wish.has(s.name, s.unasked) {
			w.section(s.name)
			s.write(r, w)
			w.continued(s.name, further)
		}
	}
	for i, s := range further {
		isOwn := slices.ContainsFunc(own, func(o ownSection) bool { return o.name == s.Name })
		first := !slices.ContainsFunc(further[:i], func(before InfoSection) bool { return before.Name == s.Name })
		if !isOwn && first && wish.has(s.Name, s.Default) {
			w.section(s.Name)
			w.continued(s.Name, further[i:])
		}
	}
}

// continued writes all of the sections that have this name.
func (w *InfoWriter) continued(name string, sections []InfoSection) {
	for _, s := range sections {
		if s.Name == name {
			s.Write(w)
		}
	}
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
