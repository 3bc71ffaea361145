package bully

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"time"
)

// A world is one run.
type world struct {
	seed    uint64
	rand    *rand.Rand
	now     time.Duration // true time
	queue   []event       // a heap by (at, order)
	order   uint64
	nodes   []*machine
	plan    plan
	calm    bool // the faults have stopped
	cut     [simMost + 1][simMost + 1]bool
	rules   rules
	drivers driverRules

	truth    []record        // the longest prefix anyone counted as committed
	truthIn  []int64         // the epoch in which each record was committed
	leaderOf map[int64]int64 // by epoch
	seen     int64           // highest log offset any answered client depends on
	written  int32           // the last client value
	conns    int             // streams opened
	quiet    bool            // no more commands
	count    counts

	broken  string // the first violated invariant
	tracing bool
	lines   []string
}

type counts struct {
	acked, reads, uncertain, crashes, cuts, cutBack, events                             int
	held, moved, passed, lostAcked, blackouts, wiped, shortened, changes, told, relayed int
}

// simMost is the most nodes a run has.
const simMost = 7

// driverRules plants bugs on the driver's side of the contract.
type driverRules struct {
	checkOnArrival bool // the lease is checked when a command comes, not when its reply leaves
	sendFirst      bool // messages leave before the promise is on disk
	earlyAck       bool // a stream is taken and acknowledged before the promise is on disk
	cutOwnEpoch    bool // an old OPEN cuts records of the epoch that is streamed
	shortVotes     bool // a log that is shorter than it was goes unnoticed
	blindAck       bool // a stream acknowledges although the node has promised a higher epoch
}

type event struct {
	at    time.Duration
	order uint64
	run   func()
}

func (a event) before(b event) bool { return a.at < b.at || a.at == b.at && a.order < b.order }

// after runs f later.
func (w *world) after(d time.Duration, f func()) {
	w.order++
	w.queue = append(w.queue, event{w.now + max(d, 0), w.order, f})
	q := w.queue
	for i := len(q) - 1; i > 0; {
		up := (i - 1) / 2
		if !q[i].before(q[up]) {
			break
		}
		q[i], q[up] = q[up], q[i]
		i = up
	}
}

func (w *world) next() event {
	q := w.queue
	e := q[0]
	last := len(q) - 1
	q[0], q[last] = q[last], event{}
	q = q[:last]
	for i := 0; ; {
		kid := 2*i + 1
		if kid >= last {
			break
		}
		if kid+1 < last && q[kid+1].before(q[kid]) {
			kid++
		}
		if !q[kid].before(q[i]) {
			break
		}
		q[i], q[kid] = q[kid], q[i]
		i = kid
	}
	w.queue = q
	return e
}

// until runs events up to a moment, or to the first violation.
func (w *world) until(end time.Duration) {
	defer func() {
		if p := recover(); p != nil {
			if _, bug := p.(runtime.Error); bug {
				panic(p) // the simulator's own, or the node's: no invariant noticed
			}
			w.fail("panic: %v", p)
		}
	}()
	for w.broken == "" && len(w.queue) > 0 && w.queue[0].at <= end {
		e := w.next()
		w.now = e.at
		w.count.events++
		e.run()
	}
	if w.broken == "" {
		w.now = end
	}
}

func (w *world) fail(format string, args ...any) {
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
		w.say(0, "VIOLATION: %s", w.broken)
	}
}

// say adds to the trace. It costs nothing unless a run is told again.
func (w *world) say(id int64, format string, args ...any) {
	if !w.tracing {
		return
	}
	who := " "
	if id != 0 {
		who = fmt.Sprint(id)
	}
	w.lines = append(w.lines, fmt.Sprintf("%10.3f %s %s", w.now.Seconds()*1000, who, fmt.Sprintf(format, args...)))
}

func (w *world) story(most int) string {
	return strings.Join(w.lines[max(0, len(w.lines)-most):], "\n")
}

func (w *world) chance(p float64) bool { return p > 0 && w.rand.Float64() < p }

// within draws a duration in [0, d).
func (w *world) within(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(w.rand.Int64N(int64(d)))
}

// delay is how long a packet travels.
func (w *world) delay() time.Duration {
	d := w.plan.latency/2 + w.within(w.plan.latency)
	if !w.calm && w.chance(w.plan.spike) {
		d += w.within(2 * simT)
	}
	return d
}

// post sends one packet. Packets may be lost, doubled and overtaken; lost
// tells, if it is not nil, that this one never came.
func (w *world) post(from, to int64, deliver, lost func()) {
	copies := 1
	if !w.calm && w.chance(w.plan.dup) {
		copies = 2
	}
	if w.cut[from][to] || !w.calm && w.chance(w.plan.loss) {
		copies = 0
	}
	if copies == 0 && lost != nil {
		lost()
	}
	for range copies {
		w.after(w.delay(), func() {
			if w.cut[from][to] {
				if lost != nil {
					lost()
				}
				return
			}
			deliver()
		})
	}
}

func (w *world) linked(a, b int64) bool { return !w.cut[a][b] && !w.cut[b][a] }
