package stream

import "regent/engine/listpack"

// A Walk goes over the entries between two IDs, forwards or backwards. It is over with
// the stream's next change.
//
//	for w := s.Walk(from, to, false); w.Next(); {
//		for range w.Fields {
//			field, value := w.Pair()
type Walk struct {
	ID     ID
	Fields int // of the entry

	s        *Stream
	from, to ID
	reverse  bool
	deleted  bool // those that were deleted, too

	at       cursor[node]
	lp       []byte // nil: the next node is to be begun
	master   ID
	fields   int // of the master entry
	fieldsAt int // where the first of them stands

	flags   int64
	flagsAt int
	field   int // where the master entry's next field stands
	p       int // in reverse, where the entry begins
	next    int // where the entry's next element stands
	left    int // elements from there to the entry's end
}

// Walk begins before the first entry, or the last one in reverse.
func (s *Stream) Walk(from, to ID, reverse bool) Walk {
	w := Walk{s: s, from: from, to: to, reverse: reverse}
	if reverse {
		s.nodes.floor(&w.at, to)
		return w
	}
	if s.nodes.floor(&w.at, from); !w.at.ok() {
		s.nodes.first(&w.at)
	}
	return w
}

// Next goes to the next entry; false: there is none.
func (w *Walk) Next() bool {
	for {
		if w.lp == nil && !w.enter() {
			return false
		}
		if !w.step() {
			w.lp = nil
			if w.reverse {
				w.at.prev()
			} else {
				w.at.next()
			}
			continue
		}
		if w.flags&flagDeleted != 0 && !w.deleted {
			continue
		}
		switch early, late := w.ID.Less(w.from), w.to.Less(w.ID); {
		case !early && !late:
			return true
		case early == w.reverse:
			w.at.depth, w.lp = -1, nil // it is behind the last one
			return false
		}
	}
}

// enter begins with the node at the cursor.
func (w *Walk) enter() bool {
	if !w.at.ok() {
		return false
	}
	w.master, w.lp = w.at.id(), w.s.listpack(w.at.val())
	w.enterPack()
	return true
}

// enterPack begins with the listpack.
func (w *Walk) enterPack() {
	_, _, p := counts(w.lp)
	w.fields = int(listpack.Get(w.lp, p).Int)
	w.fieldsAt = listpack.Next(w.lp, p)
	w.left = 0
	if w.reverse {
		w.p = listpack.End(w.lp)
		return
	}
	p = w.fieldsAt
	for range w.fields {
		p = listpack.Next(w.lp, p)
	}
	w.next = listpack.Next(w.lp, p)
}

// step reads the entry that comes next in the node; false: there is none.
func (w *Walk) step() bool {
	if !w.reverse {
		for ; w.left > 0; w.left-- {
			w.next = listpack.Next(w.lp, w.next)
		}
		if w.next >= listpack.End(w.lp) {
			return false
		}
		w.read(w.next)
		return true
	}
	// p is behind the entry before, whose last element says where it begins.
	p := listpack.Prev(w.lp, w.p)
	n := listpack.Get(w.lp, p).Int
	if n == 0 {
		return false // it was the master entry's
	}
	for range n {
		p = listpack.Prev(w.lp, p)
	}
	w.read(p)
	w.p = p
	return true
}

// read takes in the entry at p up to its fields and values.
func (w *Walk) read(p int) {
	w.flags, w.flagsAt = listpack.Get(w.lp, p).Int, p
	p = listpack.Next(w.lp, p)
	w.ID.MS = w.master.MS + uint64(listpack.Get(w.lp, p).Int)
	p = listpack.Next(w.lp, p)
	w.ID.Seq = w.master.Seq + uint64(listpack.Get(w.lp, p).Int)
	p = listpack.Next(w.lp, p)
	if w.flags&flagSameFields != 0 {
		w.Fields, w.field, w.left = w.fields, w.fieldsAt, w.fields+1
	} else {
		w.Fields = int(listpack.Get(w.lp, p).Int)
		p = listpack.Next(w.lp, p)
		w.left = 2*w.Fields + 1
	}
	w.next = p
}

// Pair is the entry's next field and value, of which there are Fields.
func (w *Walk) Pair() (field, value listpack.Value) {
	if w.flags&flagSameFields != 0 {
		field = listpack.Get(w.lp, w.field)
		w.field = listpack.Next(w.lp, w.field)
	} else {
		field = listpack.Get(w.lp, w.next)
		w.next = listpack.Next(w.lp, w.next)
		w.left--
	}
	value = listpack.Get(w.lp, w.next)
	w.next = listpack.Next(w.lp, w.next)
	w.left--
	return field, value
}

// Has reports whether the entry id is there.
func (s *Stream) Has(id ID) bool {
	w := s.Walk(id, id, false)
	return w.Next()
}

// Edge is the ID of the first entry, be it a deleted one; false: there is none.
func (s *Stream) Edge() (ID, bool) {
	w := s.Walk(ID{}, MaxID(), false)
	w.deleted = true
	ok := w.Next()
	return w.ID, ok
}

// Packs calls f with the nodes as Redis has them, until it returns false. lp is valid until
// f returns.
func (s *Stream) Packs(f func(at ID, lp []byte) bool) {
	var c cursor[node]
	var made []byte
	for s.nodes.first(&c); c.ok(); c.next() {
		lp := c.val().lp
		if c.val().packed {
			made = listpack.Packed(lp).Append(made[:0])
			lp = made
		}
		if !f(c.id(), lp) {
			return
		}
	}
}
