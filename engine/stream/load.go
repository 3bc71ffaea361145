package stream

import (
	"errors"

	"regent/engine/listpack"
)

// A stream is loaded from its parts as an RDB file has them. What comes from outside is
// looked at to the last element: after that no walk goes astray in it.

var (
	// errNode is a node that is not one, or that stands there twice.
	errNode = errors.New("a node of a stream is damaged")
	// errPending is a pending entry that is there twice, or nobody's.
	errPending = errors.New("a pending entry of a stream's group is there twice, or nobody's")
)

// AddNode puts in a node whose entries are relative to at. lp is kept.
func (s *Stream) AddNode(at ID, lp []byte) error {
	if _, err := listpack.Validate(lp); err != nil {
		return err
	}
	live, dead, ok := audit(lp)
	if !ok || s.nodes.get(at) != nil {
		return errNode
	}
	if l, d, _ := counts(lp); l != live || d != dead {
		lp = setCounts(lp, live, dead)
	}
	if before, n := s.nodes.editLast(s.own); n != nil && before.Less(at) && !n.packed && n.own == s.own {
		s.rest(n)
	}
	s.nodes.put(s.own, at, node{own: s.own, lp: lp})
	s.bytes += int64(cap(lp))
	s.length += int(live)
	return nil
}

// An auditor reads the elements of a listpack, which is one, as integers.
type auditor struct {
	lp []byte
	p  int
	ok bool
}

// int is the next element, which is an integer from least on.
func (a *auditor) int(least int64) int64 {
	if !a.ok || a.p >= listpack.End(a.lp) {
		a.ok = false
		return 0
	}
	v := listpack.Get(a.lp, a.p)
	a.p = listpack.Next(a.lp, a.p)
	a.ok = v.IsInt && v.Int >= least
	return v.Int
}

// skip passes over n elements.
func (a *auditor) skip(n int64) {
	for ; n > 0 && a.ok; n-- {
		if a.ok = a.p < listpack.End(a.lp); a.ok {
			a.p = listpack.Next(a.lp, a.p)
		}
	}
}

// anyInt is the lowest integer.
const anyInt = -1 << 63

// audit reads a node from its first element to its last, and counts the entries.
func audit(lp []byte) (live, dead int64, ok bool) {
	a := auditor{lp, listpack.First(lp), true}
	a.int(0)
	a.int(0)
	fields := a.int(0)
	a.skip(fields)
	if zero := a.int(0); zero != 0 {
		return 0, 0, false
	}
	for a.ok && a.p < listpack.End(lp) {
		flags := a.int(0)
		a.int(anyInt)
		a.int(anyInt)
		n, want := fields, fields+3
		if flags&flagSameFields == 0 {
			n = a.int(0)
			if n > int64(len(lp)) {
				return 0, 0, false
			}
			a.skip(n)
			want = 2*n + 4
		}
		a.skip(n)
		if count := a.int(0); count != want {
			return 0, 0, false
		}
		if flags&flagDeleted != 0 {
			dead++
		} else {
			live++
		}
	}
	return live, dead, a.ok
}

// FindFirst sets First, which early versions of the format do not have.
func (s *Stream) FindFirst() { s.findFirst() }

// LoadPending adds a pending entry that is nobody's yet.
func (g Group) LoadPending(id ID, time, count int64) error {
	before := g.g.pending.mem
	if !g.g.pending.put(g.s.own, id, Pending{time, count, nil}) {
		return errPending
	}
	g.s.bytes += g.g.pending.mem - before
	return nil
}

// Assign makes a pending entry that was loaded a consumer's.
func (g Group) Assign(id ID, consumer *Consumer) error {
	p := g.g.pending.get(id)
	if p == nil || p.Consumer != nil {
		return errPending
	}
	g.g.pending.edit(g.s.own, id).Consumer = consumer
	g.list(consumer, id, true)
	return nil
}

// Check says whether all pending entries that were loaded are somebody's.
func (g Group) Check() error {
	of := 0
	for _, c := range g.g.consumers {
		of += c.pending.n
	}
	if of != g.g.pending.n {
		return errPending
	}
	return nil
}
