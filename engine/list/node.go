package list

import (
	"math"
	"slices"

	"regent/engine/listpack"
)

// A node is a listpack in a buffer, or nothing: the zero node.
//
//	gap | header | element | element | ... | 0xFF | room
//
// Elements that leave at the left leave a gap, and those that come there fill it:
// only the header, six bytes, is written anew. Otherwise a client that uses a list as a
// queue would move a whole node for each element.
//
// A node that nothing more will come to at its end is an Even, if its elements are all
// equally long: without a gap and without room. Positions are its indices then, and what
// is to change it makes a listpack of it first (List.plain).
type node struct {
	buf      []byte
	n        uint16 // elements
	gap      uint16 // bytes
	even     bool   // buf is a listpack.Even, which nobody changes
	shared   bool   // buf is another list's as well
	borrowed bool   // buf is not the list's: it may be changed, and is not kept
}

const maxGap = math.MaxUint16

// lp is the listpack, nil if there is none; that of an even node is made anew.
func (nd *node) lp() []byte {
	if nd.even {
		return nd.unpacked()
	}
	return nd.buf[nd.gap:]
}

func (nd *node) unpacked() []byte { return listpack.Even(nd.buf).Append(make([]byte, 0, nd.size())) }

// size is how many bytes the listpack has.
func (nd *node) size() int {
	if nd.even {
		return listpack.Even(nd.buf).Size()
	}
	return len(nd.buf) - int(nd.gap)
}

// first is the position of the first element.
func (nd *node) first() int {
	if nd.even {
		return 0
	}
	return listpack.First(nil)
}

// end is the position behind the last element.
func (nd *node) end() int {
	if nd.even {
		return int(nd.n)
	}
	return nd.size() - 1
}

// forward is the position n elements after p.
func (nd *node) forward(p, n int) int {
	if nd.even {
		return p + n
	}
	for lp := nd.lp(); n > 0; n-- {
		p = listpack.Next(lp, p)
	}
	return p
}

// backward is the position n elements before p.
func (nd *node) backward(p, n int) int {
	if nd.even {
		return p - n
	}
	for lp := nd.lp(); n > 0; n-- {
		p = listpack.Prev(lp, p)
	}
	return p
}

func newNode(e *listpack.Element) (nd node) {
	nd.insert(0, e)
	return nd
}

// endNode is a new node at an end of a list, beside a full one at a place, which gives up
// the room that it will not need: more will come to the new one, and it has the room for it at once if nodes hold many and the list is long:
// a short one would be mostly room.
func (l *List) endNode(e *listpack.Element, at place, leftEnd bool) (nd node) {
	l.rest(at)
	beside := l.node(at)
	if beside.n < endMany {
		return newNode(e)
	}
	room := max(min(beside.size(), maxEndRoom, int(l.Bytes()/endShare)), listpack.Overhead+e.Size())
	nd.buf = listpack.New(room - listpack.Overhead)
	if gap := cap(nd.buf) - len(nd.buf); leftEnd && gap <= maxGap {
		nd.slide(nd.buf[:cap(nd.buf)], gap)
	}
	nd.insert(listpack.First(nd.lp()), e)
	return nd
}

const (
	// maxEndRoom is how many bytes such a node has room for at most.
	maxEndRoom = 8 << 10
	// endShare is the part of a list that this room is at most.
	endShare = 32
	// endMany is how many elements are many.
	endMany = 8
)

// shrinkBelow: a listpack that fills less than that part of its buffer moves to a
// smaller one.
const shrinkBelow = 3

// loosen makes a node that is even or shared one that may be changed.
func (nd *node) loosen() {
	switch {
	case nd.even:
		nd.buf, nd.even, nd.shared = nd.lp(), false, false
	case nd.shared:
		nd.buf, nd.gap, nd.shared = slices.Clone(nd.lp()), 0, false
	}
}

// shrink is for when elements have left.
func (nd *node) shrink() {
	if lp := nd.lp(); !nd.borrowed && len(lp) < cap(nd.buf)/shrinkBelow {
		nd.buf, nd.gap = slices.Clone(lp), 0
	}
}

// fitShare: a full node gives up room that is more than that part of its buffer.
const fitShare = 32

// rested is a node that nothing more will come to at its end: an even one, or one without
// room.
func (nd node) rested() node {
	if nd.even || nd.shared || nd.n == 0 {
		return nd
	}
	if ev, ok := listpack.EvenOf(nd.lp()); ok {
		return node{buf: ev, n: nd.n, even: true}
	}
	if !nd.borrowed && cap(nd.buf)-nd.size() > cap(nd.buf)/fitShare {
		nd.buf, nd.gap = slices.Clone(nd.lp()), 0
	}
	return nd
}

// insert puts e in before a position.
func (nd *node) insert(p int, e *listpack.Element) {
	if nd.buf == nil {
		nd.buf = listpack.New(e.Size())
		p = listpack.First(nd.buf)
	}
	nd.n++
	size := e.Size()
	if p == listpack.First(nd.lp()) && !nd.borrowed && nd.makeGap(size) {
		nd.gap = uint16(listpack.PushFirst(nd.buf, int(nd.gap), e))
		return
	}
	lp := nd.lp()
	if full, gap := cap(nd.buf), int(nd.gap); len(nd.buf)+size > full && gap >= size && !nd.borrowed {
		// It moves into the gap if that is large, or if another buffer would not
		// be larger.
		switch {
		case gap >= full/gapShare:
			nd.slide(nd.buf[:full], 0)
		case listpack.Room(len(lp)+size) <= full:
			nd.slide(nd.buf[:full], (gap-size)/2)
		}
		lp = nd.lp()
	}
	nd.became(lp, listpack.Insert(lp, p, e))
}

// gapShare: a gap is large if it is that part of a buffer.
const gapShare = 4

// makeGap makes sure of a gap of size bytes, if the node is large enough for that
// to be worth it.
func (nd *node) makeGap(size int) bool {
	if int(nd.gap) >= size {
		return true
	}
	lp := nd.lp()
	if len(lp) < listpack.RoomyFrom {
		return false
	}
	to := nd.buf[:cap(nd.buf)]
	free := len(to) - len(lp)
	gap := max(free/2, size) // both ends may be pushed to
	if free < size {
		to = slices.Grow([]byte(nil), listpack.Room(len(lp)+size))
		to = to[:cap(to)]
		gap = len(to) - len(lp)
	}
	if gap > maxGap {
		return false
	}
	nd.slide(to, gap)
	return true
}

// slide moves the listpack to a place in a buffer, its own or another one.
func (nd *node) slide(to []byte, gap int) {
	end := gap + copy(to[gap:], nd.lp())
	nd.buf, nd.gap = to[:end], uint16(gap)
}

// became takes what a change has made of a listpack, in its place or elsewhere.
func (nd *node) became(lp, now []byte) {
	if &lp[0] == &now[0] {
		nd.buf = nd.buf[:int(nd.gap)+len(now)]
		return
	}
	nd.buf, nd.gap, nd.borrowed = now, 0, false
}

// own takes a borrowed listpack into memory of the node's own.
func (nd *node) own() {
	if nd.borrowed {
		nd.buf, nd.gap, nd.borrowed = slices.Clone(nd.lp()), 0, false
	}
}

// cut removes the n elements from p up to q, not all.
func (nd *node) cut(p, q, n int) {
	nd.n -= uint16(n)
	lp := nd.lp()
	if gap := int(nd.gap) + q - p; p == listpack.First(lp) && gap <= maxGap {
		listpack.DropFirst(lp, q, n)
		nd.gap = uint16(gap)
	} else {
		nd.became(lp, listpack.Delete(lp, p, q, n))
	}
	nd.shrink()
}

// replace puts e in the place of what stands at p.
func (nd *node) replace(p int, e *listpack.Element) {
	lp := nd.lp()
	nd.became(lp, listpack.Replace(lp, p, e))
	nd.shrink()
}
