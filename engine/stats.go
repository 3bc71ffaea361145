package engine

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// stats are counted in stripes, one per shard, so that cores do not share
// counters; readers add the stripes up.
type stats struct {
	stripes []stripe
	called  []atomic.Bool // which commands ever were: a sum need not look at the others
	traffic []traffic
	errors  errorStats
	latency latencies

	connections atomic.Int64 // accepted since start
	rejected    atomic.Int64 // over maxclients
	outLimit    atomic.Int64 // clients dropped for their output
	clientsGone atomic.Int64 // clients dropped for maxmemory-clients
	queryLimit  atomic.Int64 // clients dropped for their input
	held        atomic.Int64 // bytes that clients' buffers take, as far as they count
	expireNanos atomic.Int64 // what ExpireCycle has taken

	replicated replicated

	peak  atomic.Int64 // bytes of used memory, as far as it was looked at
	rates rates
}

type stripe struct {
	hits, misses, expired, evicted atomic.Int64
	changes                        atomic.Int64 // of the data, see Ctx.PropagateN
	perCmd                         []cmdStat
	_                              [64]byte
}

type cmdStat struct {
	calls, nanos, rejected, failed atomic.Int64
}

// traffic is what sessions read and wrote, in stripes by session: a cache line
// each, for every batch comes by here.
type traffic struct {
	in, out atomic.Int64 // bytes
	reads   atomic.Int64 // from sockets
	writes  atomic.Int64
	_       [32]byte
}

// maxErrorKinds bounds how many different error code words are counted.
const maxErrorKinds = 128

// errorStats counts error replies by their code word, for INFO errorstats.
type errorStats struct {
	mu    sync.Mutex
	total int64
	kinds map[string]int64
}

func (s *stats) init(stripes, commands int) {
	s.stripes, s.traffic = make([]stripe, stripes), make([]traffic, stripes)
	for i := range s.stripes {
		s.stripes[i].perCmd = make([]cmdStat, commands)
	}
	s.called = make([]atomic.Bool, commands)
	s.errors.kinds = map[string]int64{}
	s.latency.init(commands)
}

// CountInput counts one read from the socket of the session with that ID.
func (e *Engine) CountInput(id, bytes int64) {
	t := &e.stats.traffic[uint32(id)&e.mask]
	t.in.Add(bytes)
	t.reads.Add(1)
}

// CountOutput counts one write to the socket of the session with that ID.
func (e *Engine) CountOutput(id, bytes int64) {
	t := &e.stats.traffic[uint32(id)&e.mask]
	t.out.Add(bytes)
	t.writes.Add(1)
}

// carried adds one counter of the traffic up.
func (s *stats) carried(counter func(t *traffic) *atomic.Int64) (n int64) {
	for i := range s.traffic {
		n += counter(&s.traffic[i]).Load()
	}
	return n
}

func bytesIn(t *traffic) *atomic.Int64    { return &t.in }
func bytesOut(t *traffic) *atomic.Int64   { return &t.out }
func readCalls(t *traffic) *atomic.Int64  { return &t.reads }
func writeCalls(t *traffic) *atomic.Int64 { return &t.writes }

// CountRejected counts a connection over maxclients.
func (e *Engine) CountRejected() { e.stats.rejected.Add(1) }

// CountOutputLimit counts a client dropped for its unsent output.
func (e *Engine) CountOutputLimit() { e.stats.outLimit.Add(1) }

// CountEvictedClient counts a client dropped for what all of them hold.
func (e *Engine) CountEvictedClient() { e.stats.clientsGone.Add(1) }

// CountQueryLimit counts a client dropped for its unparsed input.
func (e *Engine) CountQueryLimit() { e.stats.queryLimit.Add(1) }

// CountHeld counts bytes that a client's buffers have begun to take; below 0 they have ended to.
func (e *Engine) CountHeld(more int64) { e.stats.held.Add(more) }

// Inputs is how often something was read from clients since the start.
func (e *Engine) Inputs() int64 { return e.stats.carried(readCalls) }

// Changes is how many changes of the data there were since the start, at the
// leader or through its log.
func (e *Engine) Changes() int64 {
	return e.stats.sum(func(st *stripe) *atomic.Int64 { return &st.changes })
}

// sum adds one counter of all stripes up.
func (s *stats) sum(counter func(st *stripe) *atomic.Int64) (n int64) {
	for i := range s.stripes {
		n += counter(&s.stripes[i]).Load()
	}
	return n
}

// commands is how many commands were carried out.
func (s *stats) commands() (n int64) {
	for j := range s.called {
		if !s.called[j].Load() {
			continue
		}
		for i := range s.stripes {
			n += s.stripes[i].perCmd[j].calls.Load()
		}
	}
	return n
}

// calls counts calls of the command with that index in one stripe.
func (s *stats) calls(st *stripe, index int, n int64) {
	if st.perCmd[index].calls.Add(n) == n {
		s.called[index].Store(true)
	}
}

// command adds one command's counters up.
func (s *stats) command(index int) (calls, nanos, rejected, failed int64) {
	for i := range s.stripes {
		c := &s.stripes[i].perCmd[index]
		calls += c.calls.Load()
		nanos += c.nanos.Load()
		rejected += c.rejected.Load()
		failed += c.failed.Load()
	}
	return calls, nanos, rejected, failed
}

// reset is CONFIG RESETSTAT.
func (s *stats) reset() {
	for i := range s.stripes {
		st := &s.stripes[i]
		for _, c := range []*atomic.Int64{&st.hits, &st.misses, &st.expired, &st.evicted} {
			c.Store(0)
		}
		for j := range st.perCmd {
			c := &st.perCmd[j]
			for _, n := range []*atomic.Int64{&c.calls, &c.nanos, &c.rejected, &c.failed} {
				n.Store(0)
			}
		}
	}
	for _, c := range []*atomic.Int64{&s.connections, &s.rejected, &s.outLimit, &s.clientsGone, &s.queryLimit, &s.expireNanos} {
		c.Store(0)
	}
	for i := range s.traffic {
		t := &s.traffic[i]
		for _, c := range []*atomic.Int64{&t.in, &t.out, &t.reads, &t.writes} {
			c.Store(0)
		}
	}
	s.replicated.reset()
	s.rates.reset()
	s.errors.reset()
	s.latency.reset()
}

// rateSamples is how many samples a rate is the mean of, as in Redis.
const rateSamples = 16

// rates are what INFO calls instantaneous, sampled a few times per second.
type rates struct {
	mu      sync.Mutex
	at      int64            // ticks of the last sample, 0: none yet
	last    [rateKinds]int64 // counters then
	samples [rateSamples][rateKinds]float64
	next    int
}

const (
	rateCommands = iota
	rateInput
	rateOutput
	rateReplInput
	rateReplOutput
	rateKinds
)

// SampleStats takes a sample of the rates and of memory, and of its peak. The
// composition root calls it hz times per second.
func (e *Engine) SampleStats() {
	s := &e.stats
	now := [rateKinds]int64{
		s.commands(), s.carried(bytesIn), s.carried(bytesOut), s.replicated.in.Load(), s.replicated.out.Load(),
	}
	s.rates.sample(e.host.Ticks(), now)
	e.notePeak(e.countedMemory())
	e.outOfCache.Store(e.usedMemory() >= foreseeFrom)
}

func (e *Engine) notePeak(used int64) {
	for p := &e.stats.peak; ; {
		was := p.Load()
		if used <= was || p.CompareAndSwap(was, used) {
			return
		}
	}
}

func (r *rates) sample(at int64, counters [rateKinds]int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if took := float64(at-r.at) / 1e9; r.at != 0 && took > 0 {
		for k := range counters {
			r.samples[r.next][k] = max(float64(counters[k]-r.last[k])/took, 0)
		}
		r.next = (r.next + 1) % rateSamples
	}
	r.at, r.last = at, counters
}

// perSecond is the mean of the last samples.
func (r *rates) perSecond(kind int) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := 0.0
	for _, s := range r.samples {
		sum += s[kind]
	}
	return sum / rateSamples
}

func (r *rates) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at, r.last, r.samples = 0, [rateKinds]int64{}, [rateSamples][rateKinds]float64{}
}

func (es *errorStats) reset() {
	es.mu.Lock()
	defer es.mu.Unlock()
	es.total = 0
	clear(es.kinds)
}

// counts is a copy of the counters.
func (es *errorStats) counts() (total int64, kinds map[string]int64) {
	es.mu.Lock()
	defer es.mu.Unlock()
	return es.total, maps.Clone(es.kinds)
}

// longestCode bounds an error's code word in bytes; what is longer, or stands
// alone, counts as ERR, as in Redis (networking.c, afterErrorReply).
const longestCode = 31

func (es *errorStats) note(msg string) {
	word, _, more := strings.Cut(msg, " ")
	if !more || word == "" || len(word) > longestCode {
		word = "ERR"
	}
	es.mu.Lock()
	defer es.mu.Unlock()
	es.total++
	if _, ok := es.kinds[word]; ok || len(es.kinds) < maxErrorKinds {
		es.kinds[word]++
	}
}

// What a session's commands count is kept in its context first, for as long as few
// different ones come, and added to the stripes at the end of its batch: an addition
// that other cores may watch costs as much as finding a command in the table, and a
// pipeline has one for all its commands of a kind. INFO shows everything of
// the connection that asks, and of others all whose replies have left.

// A tally is what is not in the stripes yet.
type tally struct {
	hits, misses int64
	changes      int64
	last         *count // of the last command, in of; nil: there is none
	n            int    // of those in of
	of           [tallyKinds]count
}

// A count is that of the calls of one command.
type count struct {
	cmd           *Command
	calls, failed int64
}

// tallyKinds is how many different commands a tally has: a transaction of one kind of command has
// three.
const tallyKinds = 4

// counted is the count of cmd. fresh: it has just begun.
func (e *Engine) counted(c *Ctx, cmd *Command) (n *count, fresh bool) {
	t := &c.tally
	for i := range t.of[:t.n] {
		if t.of[i].cmd == cmd {
			t.last = &t.of[i]
			return t.last, false
		}
	}
	if t.n == tallyKinds {
		e.countUp(c)
		t.n = 0
	}
	t.of[t.n] = count{cmd: cmd}
	t.last = &t.of[t.n]
	t.n++
	return t.last, true
}

// forget has the next call of each command be the first of its count. The tally is empty.
func (t *tally) forget() { t.n, t.last = 0, nil }

// countUp adds the tally to the stripes, as its session's.
func (e *Engine) countUp(c *Ctx) {
	t := &c.tally
	st := &e.stats.stripes[uint32(c.s.ID)&e.mask]
	for i := range t.of[:t.n] {
		n := &t.of[i]
		if n.calls != 0 {
			e.stats.calls(st, n.cmd.Index(), n.calls)
			n.calls = 0
		}
		if n.failed != 0 {
			st.perCmd[n.cmd.Index()].failed.Add(n.failed)
			n.failed = 0
		}
	}
	if t.hits != 0 {
		st.hits.Add(t.hits)
		t.hits = 0
	}
	if t.misses != 0 {
		st.misses.Add(t.misses)
		t.misses = 0
	}
	if t.changes != 0 {
		st.changes.Add(t.changes)
		t.changes = 0
	}
}

// What goes between this node and those that follow, for INFO: the other nodes and replicas
// that are no nodes. Clients' traffic is apart from it, as in Redis.
type replicated struct {
	in, out                atomic.Int64 // bytes
	full, partial, refused atomic.Int64 // synchronizations
}

// A Sync is how a follower's synchronization began.
type Sync uint8

// The kinds of it, as INFO's sync_full, sync_partial_ok and sync_partial_err count them.
const (
	SyncFull    Sync = iota // it gets all of the data
	SyncPartial             // it goes on in the log
	SyncRefused             // it asked to go on where it cannot; SyncFull follows
)

// CountSync counts a synchronization.
func (e *Engine) CountSync(kind Sync) {
	r := &e.stats.replicated
	switch kind {
	case SyncFull:
		r.full.Add(1)
	case SyncPartial:
		r.partial.Add(1)
	case SyncRefused:
		r.refused.Add(1)
	}
}

// CountReplInput counts bytes of the log or of a full copy that came from a leader.
func (e *Engine) CountReplInput(bytes int) { e.stats.replicated.in.Add(int64(bytes)) }

// CountReplOutput counts bytes of the log or of a full copy that were sent.
func (e *Engine) CountReplOutput(bytes int) { e.stats.replicated.out.Add(int64(bytes)) }

func (r *replicated) reset() {
	for _, n := range []*atomic.Int64{&r.in, &r.out, &r.full, &r.partial, &r.refused} {
		n.Store(0)
	}
}
