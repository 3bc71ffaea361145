package stream

import (
	"errors"

	"regent/engine/listpack"
)

// A stream is loaded from its parts as an RDB file has them. What comes from outside is
// looked at to the last element: after that no walk goes astray in it.

// What a part can be that is refused.
var (
	// ErrNode is a node whose elements are not entries.
	ErrNode = errors.New("a node of a stream is damaged")
	// ErrTwice is a node that is there already, or a pending entry that is a consumer's already.
	ErrTwice = errors.New("a part of a stream is there twice")
	// ErrNotPending is an entry of a consumer that is not pending in its group.
	ErrNotPending = errors.New("an entry of a consumer is not pending in its group")
)

// AddNode puts in a node whose entries are relative to at. lp is kept. The error is ErrNode,
// ErrTwice or listpack.ErrDamaged.
func (s *Stream) AddNode(at ID, lp []byte) error {
	if _, err := listpack.Validate(lp); err != nil {
		return err
	}
	live, dead, ok := audit(lp)
	switch {
	case !ok:
		return ErrNode
	case s.nodes.get(at) != nil:
		return ErrTwice
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

// LoadPending adds a pending entry that is nobody's yet; false: it is there.
func (g Group) LoadPending(id ID, time, count int64) bool {
	before := g.g.pending.mem
	if !g.g.pending.put(g.s.own, id, Pending{time, count, nil}) {
		return false
	}
	g.s.bytes += g.g.pending.mem - before
	return true
}

// Assign makes a pending entry that was loaded a consumer's. The error is ErrNotPending
// or ErrTwice.
func (g Group) Assign(id ID, consumer *Consumer) error {
	p := g.g.pending.get(id)
	switch {
	case p == nil:
		return ErrNotPending
	case p.Consumer != nil:
		return ErrTwice
	}
	g.g.pending.edit(g.s.own, id).Consumer = consumer
	g.list(consumer, id, true)
	return nil
}

// AllAssigned reports whether all pending entries that were loaded are somebody's.
func (g Group) AllAssigned() bool {
	of := 0
	for _, c := range g.g.consumers {
		of += c.pending.n
	}
	return of == g.g.pending.n
}
