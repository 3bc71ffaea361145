package harness

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Transactions over several keys, judged as Elle does (Kingsbury, Alvaro: Elle: inferring
// isolation anomalies from experimental observations, VLDB 2020): each key is a list to
// which transactions append values that occur once, so what a read returns tells which appends
// were before it, in which order. From that follows which transaction must come
// before which:
//
//	ww  it appended the value before the other one's
//	wr  the other one read what it appended
//	rw  it read the list without what the other one appended next
//	rt  it was answered before the other one was asked
//
// A cycle says that no order of whole transactions explains what clients saw, in which each
// takes place between its question and its answer: the history is not strictly
// serializable. Unlike a search for an order this takes time linear in the history.

// A Step of a transaction appends a value to the list at a key, or reads that.
type Step struct {
	Key    string
	Append int64 // 0: it reads
	Read   []int64
}

// A Txn is one transaction as its client saw it.
type Txn struct {
	Client          int
	Asked, Answered time.Duration
	Known           bool // its answer has come; otherwise it may have happened at any later time, or never
	Steps           []Step
}

func (t *Txn) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "client %d %s..", t.Client, t.Asked)
	if t.Known {
		fmt.Fprint(&b, t.Answered)
	}
	for _, s := range t.Steps {
		if s.Append != 0 {
			fmt.Fprintf(&b, " append(%s, %d)", s.Key, s.Append)
		} else if t.Known {
			fmt.Fprintf(&b, " read(%s) = %v", s.Key, s.Read)
		}
	}
	return b.String()
}

// Appends collects transactions. Its methods may be called from any goroutine.
type Appends struct {
	mu   sync.Mutex
	txns []*Txn
}

// Note adds a transaction.
func (a *Appends) Note(t *Txn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.txns = append(a.txns, t)
}

// Keys are all keys, in order.
func (a *Appends) Keys() (keys []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := map[string]bool{}
	for _, t := range a.txns {
		for _, s := range t.Steps {
			if !seen[s.Key] {
				seen[s.Key] = true
				keys = append(keys, s.Key)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

// Len is how many there are.
func (a *Appends) Len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.txns)
}

// Check judges the history: nil, it is strictly serializable. The last reads of all keys should be
// in it, or what was appended last is not judged.
func (a *Appends) Check() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := &graph{lists: map[string]*appended{}}
	for _, t := range a.txns {
		g.add(t)
	}
	if err := g.order(); err != nil {
		return err
	}
	g.relate()
	g.inTime()
	return g.cycle()
}

// appended is what is known of one key.
type appended struct {
	by      map[int64]*vertex // who appended a value
	order   []int64           // the longest that was read
	place   map[int64]int     // in order
	longest *Txn
}

// A vertex is a transaction, or a moment.
type vertex struct {
	txn   *Txn // nil: a moment
	out   []edge
	index int // Tarjan's, from 1
	low   int
	on    bool
	comp  int
}

type edge struct {
	to  *vertex
	why string
}

type graph struct {
	all   []*vertex
	lists map[string]*appended
}

func (g *graph) list(key string) *appended {
	l := g.lists[key]
	if l == nil {
		l = &appended{by: map[int64]*vertex{}, place: map[int64]int{}}
		g.lists[key] = l
	}
	return l
}

func (g *graph) add(t *Txn) {
	v := &vertex{txn: t}
	g.all = append(g.all, v)
	for _, s := range t.Steps {
		l := g.list(s.Key)
		if s.Append != 0 {
			l.by[s.Append] = v
		} else if t.Known && len(s.Read) > len(l.order) {
			l.order, l.longest = s.Read, t
		}
	}
}

// order finds each list's order, and refuses reads that have none in common.
func (g *graph) order() error {
	var errs []error
	for key, l := range g.lists {
		for i, value := range l.order {
			if _, twice := l.place[value]; twice {
				errs = append(errs, fmt.Errorf("%s holds %d twice: %v", key, value, l.longest))
			}
			l.place[value] = i
			if l.by[value] == nil {
				errs = append(errs, fmt.Errorf("%s holds %d, which nobody appended: %v", key, value, l.longest))
			}
		}
	}
	for _, v := range g.all {
		errs = append(errs, g.agrees(v.txn))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return g.whole()
}

// agrees compares a transaction's reads with the lists' orders and its own appends.
func (g *graph) agrees(t *Txn) error {
	if !t.Known {
		return nil
	}
	own := map[string][]int64{}
	for _, s := range t.Steps {
		if s.Append != 0 {
			own[s.Key] = append(own[s.Key], s.Append)
			continue
		}
		if l := g.lists[s.Key]; !slices.Equal(s.Read, l.order[:len(s.Read)]) {
			return fmt.Errorf("two orders of %s:\n  %v\n  %v", s.Key, t, l.longest)
		}
		if mine := own[s.Key]; len(s.Read) < len(mine) || !slices.Equal(s.Read[len(s.Read)-len(mine):], mine) {
			return fmt.Errorf("a transaction does not see what it appended to %s last: %v", s.Key, t)
		}
	}
	return nil
}

// whole refuses transactions of which a part was seen: between two of its values stands
// another one's, or a list ended there for a reader.
func (g *graph) whole() error {
	for key, l := range g.lists {
		for i := 1; i < len(l.order); i++ {
			if v := l.by[l.order[i]]; v != l.by[l.order[i-1]] {
				for j := i - 2; j >= 0; j-- {
					if l.by[l.order[j]] == v {
						return fmt.Errorf("%s: another transaction's value between those of %v", key, v.txn)
					}
				}
			}
		}
	}
	for _, v := range g.all {
		if !v.txn.Known {
			continue
		}
		for _, s := range v.txn.Steps {
			l, n := g.lists[s.Key], len(s.Read)
			if s.Append == 0 && n > 0 && n < len(l.order) && l.by[l.order[n-1]] == l.by[l.order[n]] && l.by[l.order[n]] != v {
				return fmt.Errorf("a part of a transaction was seen in %s:\n  %v\n  %v", s.Key, v.txn, l.by[l.order[n]].txn)
			}
		}
	}
	return nil
}

func link(from, to *vertex, why string) {
	if from != to && from != nil && to != nil {
		from.out = append(from.out, edge{to, why})
	}
}

// relate draws ww, wr and rw.
func (g *graph) relate() {
	unseen := map[string][]*vertex{} // acknowledged, and in no read
	for key, l := range g.lists {
		for i := 1; i < len(l.order); i++ {
			link(l.by[l.order[i-1]], l.by[l.order[i]], "ww "+key)
		}
		for value, v := range l.by {
			if _, seen := l.place[value]; !seen && v.txn.Known {
				unseen[key] = append(unseen[key], v)
				if n := len(l.order); n > 0 {
					link(l.by[l.order[n-1]], v, "ww "+key)
				}
			}
		}
	}
	for _, v := range g.all {
		if !v.txn.Known {
			continue
		}
		for _, s := range v.txn.Steps {
			if s.Append != 0 {
				continue
			}
			l, n := g.lists[s.Key], len(s.Read)
			if n > 0 {
				link(l.by[s.Read[n-1]], v, "wr "+s.Key)
			}
			switch {
			case n < len(l.order):
				link(v, l.by[l.order[n]], "rw "+s.Key)
			default:
				for _, later := range unseen[s.Key] {
					link(v, later, "rw "+s.Key)
				}
			}
		}
	}
}

// inTime draws rt, through a chain of moments: one for each answer.
func (g *graph) inTime() {
	txns := slices.Clone(g.all)
	answered := slices.DeleteFunc(slices.Clone(txns), func(v *vertex) bool { return !v.txn.Known })
	slices.SortFunc(answered, func(a, b *vertex) int { return cmp.Compare(a.txn.Answered, b.txn.Answered) })
	slices.SortFunc(txns, func(a, b *vertex) int { return cmp.Compare(a.txn.Asked, b.txn.Asked) })
	var last *vertex
	i := 0
	for _, v := range txns {
		for ; i < len(answered) && answered[i].txn.Answered < v.txn.Asked; i++ {
			moment := &vertex{}
			g.all = append(g.all, moment)
			link(answered[i], moment, "rt")
			link(last, moment, "rt")
			last = moment
		}
		link(last, v, "rt")
	}
}

// cycle is an error that tells a cycle, nil: there is none. (Tarjan 1972, without
// recursion: histories are long.)
func (g *graph) cycle() error {
	var stack []*vertex
	index, comps := 0, 0
	type frame struct {
		v    *vertex
		next int
	}
	for _, root := range g.all {
		if root.index != 0 {
			continue
		}
		work := []frame{{root, 0}}
		for len(work) > 0 {
			f := &work[len(work)-1]
			v := f.v
			if f.next == 0 && v.index == 0 {
				index++
				v.index, v.low, v.on = index, index, true
				stack = append(stack, v)
			}
			if f.next < len(v.out) {
				to := v.out[f.next].to
				f.next++
				if to.index == 0 {
					work = append(work, frame{to, 0})
				} else if to.on {
					v.low = min(v.low, to.index)
				}
				continue
			}
			work = work[:len(work)-1]
			if len(work) > 0 {
				up := work[len(work)-1].v
				up.low = min(up.low, v.low)
			}
			if v.low != v.index {
				continue
			}
			comps++
			n := 0
			for {
				w := stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				w.on, w.comp = false, comps
				n++
				if w == v {
					break
				}
			}
			if n > 1 {
				return fmt.Errorf("no order of the transactions explains what clients saw:\n%s", describeCycle(v))
			}
		}
	}
	return nil
}

// describeCycle tells a shortest cycle through a vertex, inside its component.
func describeCycle(v *vertex) string {
	type step struct {
		from *vertex
		why  string
	}
	came := map[*vertex]step{}
	queue := []*vertex{v}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, e := range at.out {
			if e.to.comp != v.comp {
				continue
			}
			if _, seen := came[e.to]; seen {
				continue
			}
			came[e.to] = step{at, e.why}
			queue = append(queue, e.to)
		}
	}
	var lines []string
	for at := v; ; {
		s, ok := came[at]
		if !ok {
			break
		}
		if at.txn != nil {
			lines = append(lines, fmt.Sprintf("  %s -> %v", s.why, at.txn))
		}
		if at = s.from; at == v {
			break
		}
	}
	slices.Reverse(lines)
	return strings.Join(lines, "\n")
}
