package stream

import "regent/engine/listpack"

// A Trim says which entries go, from the first one on.
type Trim struct {
	ByID bool
	Min  ID    // ByID: entries below it go
	Len  int64 // else as many remain at most
	// Whole: no node is changed, only whole ones go.
	Whole bool
	// Limit is how many entries go at most, where whole nodes do; 0: any number.
	Limit int64
}

// Trim removes entries, and returns how many.
func (s *Stream) Trim(t Trim) (gone int64) {
	for s.nodes.n > 0 {
		if !t.ByID && int64(s.length) <= t.Len {
			break
		}
		var c cursor[node]
		s.nodes.first(&c)
		at, n := c.id(), c.val()
		live := liveOf(n)
		if t.Limit != 0 && gone+live > t.Limit {
			break
		}
		if t.wants(s, at, n, live) {
			s.dropNode(at)
			s.length -= int(live)
			gone += live
			continue
		}
		if !t.Whole {
			gone += s.trimNode(t, at)
		}
		break
	}
	if gone > 0 || s.length == 0 {
		s.findFirst()
	}
	return gone
}

// wants reports whether all of a node goes.
func (t *Trim) wants(s *Stream, at ID, n *node, live int64) bool {
	if !t.ByID {
		return int64(s.length)-live >= t.Len
	}
	return lastOf(at, s.listpack(n)).Less(t.Min)
}

// lastOf is the ID of a node's last entry, be it a deleted one.
func lastOf(at ID, lp []byte) ID {
	p := listpack.Prev(lp, listpack.End(lp))
	n := listpack.Get(lp, p).Int
	if n == 0 {
		return ID{} // there is none: as in Redis it goes
	}
	for range n - 1 {
		p = listpack.Prev(lp, p)
	}
	q := listpack.Next(lp, p)
	return ID{at.MS + uint64(listpack.Get(lp, p).Int), at.Seq + uint64(listpack.Get(lp, q).Int)}
}

// trimNode removes entries of the first node, one by one.
func (s *Stream) trimNode(t Trim, at ID) (gone int64) {
	n := s.editable(s.nodes.edit(s.own, at))
	w := Walk{s: s, to: MaxID(), deleted: true}
	s.nodes.first(&w.at)
	w.enter()
	live, dead, _ := counts(n.lp)
	for w.step() {
		if t.ByID && !w.ID.Less(t.Min) || !t.ByID && int64(s.length) <= t.Len {
			break
		}
		if w.flags&flagDeleted == 0 {
			markDeleted(n.lp, w.flagsAt, w.flags) // as long as before
			gone++
			s.length--
		}
	}
	if gone > 0 {
		s.set(n, setCounts(n.lp, live-gone, dead+gone))
	}
	return gone
}
