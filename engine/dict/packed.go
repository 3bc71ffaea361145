package dict

// Packed values are edited where they are: Edit, then the owner's change of the
// bytes, then Repack with what became of them. In between the entry is as it was,
// but for what was changed in place, so Edit comes after the last thing that can
// fail.
//
//	slot   | header | expiry | key | value ...... | room |
//	                               '- len ------'      |
//	                               '- cap of Edit's b -'

// Edit says that the Packed value of r is about to change, makes room for n bytes
// more, and returns its place and its bytes, whose capacity is the room. A
// snapshot has got what it was.
func (d *Dict) Edit(r Ref, n int) (Ref, []byte) {
	from := uint32(r)
	d.stepIndexes()
	d.touch(from)
	e := d.at(from)
	key, had, _ := e.lens()
	want := shape{key, had + n, e.expires()}
	if want.size() > len(d.mem.slot(from)) || want.wide() != e.wide() || d.pinned(from) {
		at := e.expireAt()
		from = d.reshape(d.hash(e.key()), from, want, e.kind(), had)
		if e = d.at(from); at != 0 {
			e.setExpireAt(at)
		}
		e.setLens(key, had)
	}
	slot := entry(d.mem.slot(from))
	_, _, at := slot.lens()
	return Ref(from), slot[at+key : at+key+had : len(slot)]
}

// wasteful reports whether a slot is too large for what it holds: a quarter of it,
// and more than little, is empty. Up to that a value that grows and shrinks again
// stays where it is.
func wasteful(size, slot int) bool { return slot-size >= 2*unit && size <= slot-slot/4 }

// inPlace reports whether b is what is left of the value that begins at from, or has
// grown in the room behind it: then it ends where that did.
func (e entry) inPlace(from, had int, b []byte) bool {
	last := &b[:cap(b)][cap(b)-1]
	return last == &e[len(e)-1] || had > 0 && last == &e[from+had-1]
}

// Repack makes b the value of r, Packed in a form, and returns its place. b is what
// became of the bytes that Edit gave, in their place or elsewhere, and not empty.
func (d *Dict) Repack(r Ref, k Kind, b []byte) Ref {
	at := uint32(r)
	slot := entry(d.mem.slot(at))
	key, had, from := slot.lens()
	expire := slot.expireAt()
	want := shape{key, len(b), expire != 0}
	there := slot.inPlace(from+key, had, b)
	if there { // what came first may have left
		b = slot[from+key:][:copy(slot[from+key:], b)]
	}
	if size := want.size(); size > len(slot) || wasteful(size, len(slot)) || want.wide() != slot.wide() || !there && d.pinned(at) {
		keep := 0
		if there {
			slot.setLens(key, len(b)) // so that all of it is kept
			keep = len(b)
		}
		at = d.reshape(d.hash(slot.key()), at, want, k, keep)
		if expire != 0 {
			d.at(at).setExpireAt(expire)
		}
		slot = d.mem.slot(at)
		there = keep > 0
	}
	slot[0] = slot[0]&^kindMask | byte(k)
	slot.setLens(key, len(b))
	if !there {
		copy(slot.value(), b)
	}
	return Ref(at)
}
