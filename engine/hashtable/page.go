package hashtable

import "encoding/binary"

// A page holds members beside each other, see doc.go. nil is the empty one. Its
// length is the room it has. Methods that change it return where it is now; own
// says that it may be changed where it is.
type page []byte

const (
	pageHead  = 4
	slotBytes = 4
	// maxInline is the longest member that a page holds itself, in bytes.
	maxInline = 512
	// maxPage bounds what members of a page take, in bytes: offsets are of 16
	// bits. Pages come near it only if the hash fails.
	maxPage = 1<<16 - 1
	// tagMask are the bits of a slot's upper half that are the hash's.
	tagMask  = 1<<15 - 1
	flagBig  = 1 << 15
	bigBytes = 4 // what a large member takes in its page
)

// tagOf is the part of the hash that a slot keeps; the page's number is another.
func tagOf(h uint64) uint16 { return uint16(h>>48) & tagMask }

func (p page) len() int {
	if len(p) == 0 {
		return 0
	}
	return int(binary.LittleEndian.Uint16(p))
}

// end is where the last member ends.
func (p page) end() int {
	if len(p) == 0 {
		return pageHead
	}
	return int(binary.LittleEndian.Uint16(p[2:]))
}

func (p page) setHead(n, end int) {
	binary.LittleEndian.PutUint16(p, uint16(n))
	binary.LittleEndian.PutUint16(p[2:], uint16(end))
}

func (p page) slot(i int) uint32 { return binary.LittleEndian.Uint32(p[len(p)-(i+1)*slotBytes:]) }

func (p page) setSlot(i int, tag uint16, from int) {
	binary.LittleEndian.PutUint32(p[len(p)-(i+1)*slotBytes:], uint32(tag)<<16|uint32(from))
}

// at is what stands as member i, and its tag with flagBig.
func (p page) at(i int) (tag uint16, b []byte) {
	s := p.slot(i)
	from, to := int(s&0xffff), p.end()
	if i+1 < p.len() {
		to = int(p.slot(i+1) & 0xffff)
	}
	return uint16(s >> 16), p[from:to:to]
}

// Four slots at a time: two words of two, their tags side by side.
const (
	groupSlots = 4
	laneTags   = tagMask<<16 | tagMask<<48
	laneOnes   = 1<<16 | 1<<48
	laneTops   = 1<<31 | 1<<63
)

// tagged reports whether one of the two slots in word may have the tag that is
// repeated in tags.
func tagged(word, tags uint64) uint64 {
	x := (word ^ tags) & laneTags
	return (x - laneOnes) &^ x & laneTops
}

// find is which member has that key, -1: none.
func (p page) find(tag uint16, key []byte, in lookIn) int {
	n := p.len()
	tags := uint64(tag)<<16 | uint64(tag)<<48
	last := n // slots from here on were looked at
	for s := p[len(p)-n*slotBytes:]; len(s) >= groupSlots*slotBytes; s = s[groupSlots*slotBytes:] {
		if tagged(binary.LittleEndian.Uint64(s), tags)|tagged(binary.LittleEndian.Uint64(s[8:]), tags) != 0 {
			if i := p.among(last-groupSlots, last, tag, key, in); i >= 0 {
				return i
			}
		}
		last -= groupSlots
	}
	return p.among(0, last, tag, key, in)
}

// among is find among the members from…to-1.
func (p page) among(from, to int, tag uint16, key []byte, in lookIn) int {
	for i := from; i < to; i++ {
		if uint16(p.slot(i)>>16)&tagMask != tag {
			continue
		}
		if t, m := p.at(i); string(in.form.key(in.large.member(t, m))) == string(key) {
			return i
		}
	}
	return -1
}

// fits reports whether size bytes may become a member of the page, which may have
// to move.
func (p page) fits(size int) bool { return p.end()+size <= maxPage }

// add puts b in as the last member; fits has been asked.
func (p page) add(own bool, tag uint16, b []byte) page {
	p, room := p.open(own, tag, len(b))
	copy(room, b)
	return p
}

// open makes a last member of size bytes, which the caller is to fill.
func (p page) open(own bool, tag uint16, size int) (at page, room []byte) {
	n, end := p.len(), p.end()
	if need := end + size + (n+1)*slotBytes; !own || need > len(p) {
		p = p.move(need)
	}
	p.setSlot(n, tag, end)
	p.setHead(n+1, end+size)
	return p, p[end : end+size]
}

// remove takes member i out; those behind it move up.
func (p page) remove(own bool, i int) page {
	n, end := p.len(), p.end()
	if n == 1 {
		return nil
	}
	_, b := p.at(i)
	from, gone := int(p.slot(i)&0xffff), len(b)
	need := end - gone + (n-1)*slotBytes
	if !own {
		p = p.move(end + n*slotBytes)
	}
	copy(p[from:], p[from+gone:end])
	for j := i + 1; j < n; j++ {
		s := p.slot(j)
		p.setSlot(j-1, uint16(s>>16), int(s&0xffff)-gone)
	}
	p.setHead(n-1, end-gone)
	if wasteful(need, len(p)) {
		return p.move(need)
	}
	return p
}

// room is memory of n bytes with a quarter more to grow into, and whatever the
// allocator adds.
func room(n int) []byte { return append([]byte(nil), make([]byte, n+n/4)...)[:n] }

// wasteful reports whether n bytes should move out of memory of that size.
func wasteful(n, size int) bool { return size > 64 && n < size/2 }

// move gives the page memory of its own with room for need bytes.
func (p page) move(need int) page {
	to := page(room(need))
	to = to[:cap(to)]
	n, end := p.len(), p.end()
	copy(to, p[:min(end, len(p))])
	copy(to[len(to)-n*slotBytes:], p[len(p)-n*slotBytes:])
	to.setHead(n, end)
	return to
}

// bigs are the large members of a chunk by the number that their pages have.
type bigs map[uint32]bigMember

// A bigMember never changes. Its hash is kept: reading all of it to split a page
// would take long.
type bigMember struct {
	hash  uint64
	bytes []byte
}

// A lookIn is what a page needs to tell its members' keys.
type lookIn struct {
	form  form
	large bigs
}

func bigID(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

// member is the member that stands in a page as tag and b.
func (l bigs) member(tag uint16, b []byte) []byte {
	if tag&flagBig != 0 {
		return l[bigID(b)].bytes
	}
	return b
}
