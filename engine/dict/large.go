package dict

import (
	"encoding/binary"

	"regent/engine/large"
)

// Entries above maxSlot have memory of their own: spans of a pool that others use, too.
// What a client sends is read into a span, and a large value in it becomes an entry
// where it is (Adopt): what stood before it is written over by header and key.
//
//	span, read from a client    *3..$3..SET..$1..k..$70000..value.......
//	span, adopted               .....................entry hk value.....
//	                            '--- front ---'
const pageBytes = 4096

// takeOwn is memory for an entry of n bytes, n above maxSlot.
func (a *arena) takeOwn(n int) []byte {
	mem := a.spans.Get(n)
	if mem == nil {
		mem = mapMemory(large.SpanSize(n))
	}
	a.mapped += int64(len(mem))
	return mem
}

// giveOwn gives the memory of a large entry back.
func (a *arena) giveOwn(mem []byte) {
	if a.poison {
		poison(mem)
	}
	a.mapped -= int64(len(mem))
	a.spans.Put(mem)
}

// allocOwn makes a slab for one large entry.
func (a *arena) allocOwn(n int) uint32 { return a.own(a.takeOwn(n), 0) }

// own makes a slab of a span for one large entry, which begins behind front bytes.
func (a *arena) own(span []byte, front int) uint32 {
	no := a.newNumber()
	a.slabs[no] = slab{mem: span[front:], class: classOwn, used: 1, free: int32(front)}
	a.used += int64(len(span))
	return refOf(int(no), 0)
}

// span is the memory that a large entry has been given, what is before it too.
func (s *slab) span() []byte { return large.Before(s.mem, int(s.free)) }

// releaseOwn frees a large entry. Its memory stays while it is pinned.
func (a *arena) releaseOwn(no int32) {
	s := &a.slabs[no]
	span := s.span()
	a.used -= int64(len(span))
	if s.pin != nil {
		s.pin.leave()
	} else {
		a.giveOwn(span)
	}
	*s = slab{}
	a.dead = append(a.dead, no)
}

const (
	// maxFront is how many bytes of a span may stand unused before an entry.
	maxFront = pageBytes
	// adoptShare is the part of a span that may stand unused around an entry: 1/4.
	adoptShare = 4
)

// Adopt is PutFrom for a large value whose Bytes lie in a span of the dictionary's pool:
// the entry takes the whole of it, which is the caller's no more and behind whose Bytes
// nothing is kept; key must not lie in it. It reports whether it did: with too little room before the value, or too
// much around it, nothing happens.
func (d *Dict) Adopt(key []byte, v *Value, expireAt int64, span []byte) (Ref, bool) {
	want := shape{len(key), len(v.Bytes), expireAt != 0}
	size := want.size()
	front := large.Offset(span, v.Bytes) - (size - want.value)
	if size <= maxSlot || front < 0 || front > maxFront || len(span)-size > len(span)/adoptShare || want.key > MaxLen || want.value > MaxLen {
		return 0, false
	}
	d.stepIndexes()
	h := d.hash(key)
	r := d.find(h, key)
	stamp, access, had := d.snap.number, uint32(0), false
	if r != 0 {
		d.touch(r)
		e := d.at(r)
		stamp, access, had = e.stamp(), e.access(), e.expires()
		if e.kind() == Object {
			d.objs.drop(binary.LittleEndian.Uint32(e.value()))
		}
	}
	to := d.mem.own(span, front)
	d.mem.mapped += int64(len(span))
	e := d.at(to)
	e.begin(want, v.Kind, stamp, access)
	copy(e.key(), key)
	if expireAt != 0 {
		e.setExpireAt(expireAt)
	}
	if r == 0 {
		d.main.insert(h, to)
		if expireAt != 0 {
			d.expires.insert(h, to)
		}
		return Ref(to), true
	}
	d.main.replace(h, r, to)
	d.keepExpiry(h, r, to, had, want.expires)
	d.mem.release(r)
	return Ref(to), true
}

// keepExpiry keeps the expiry index in step with an entry that had an expiry or not, and
// has one now or not, and has come from r to another place or not.
func (d *Dict) keepExpiry(h uint64, r, to uint32, had, has bool) {
	switch {
	case had && has && to != r:
		d.expires.replace(h, r, to)
	case had && !has:
		d.expires.remove(h, r)
	case !had && has:
		d.expires.insert(h, to)
	}
}
