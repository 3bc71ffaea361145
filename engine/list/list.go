package list

import (
	"slices"

	"regent/engine/listpack"
)

// A List is a sequence of strings. The zero value is an empty one.
type List struct {
	spine *spine // nil: there is but one node, or none
	only  node
}

// A segment is a part of a long list.
type segment struct {
	nodes  []node // at least one, none of them empty
	n      int    // elements
	shared bool   // the segment is another list's as well
}

type spine struct {
	segments []*segment
	n        int    // elements
	bytes    int64  // of all nodes
	text     []byte // where an element of an even node is put together
}

const (
	// segmentNodes is how many nodes a segment has at most.
	segmentNodes = 128
	// maxNode bounds a node's elements: listpacks cannot count more than 65534.
	maxNode = 1<<15 - 1
	// listBytes and nodeBytes are what a list, and a node in a segment, take
	// beside listpacks.
	listBytes = 48
	nodeBytes = 36
)

// Len is the number of elements.
func (l *List) Len() int {
	if l.spine == nil {
		return int(l.only.n)
	}
	return l.spine.n
}

// Bytes is the memory that the list takes; what it shares counts for both.
func (l *List) Bytes() int64 {
	if l.spine == nil {
		return listBytes + int64(cap(l.only.buf))
	}
	return listBytes + l.spine.bytes
}

// Clone is a list of its own with the same elements, see doc.go.
func (l *List) Clone() List {
	s := l.spine
	if s == nil {
		if l.only.borrowed {
			to := *l
			to.Own()
			return to
		}
		if !l.only.shared {
			l.only.shared = true
		}
		return *l
	}
	for _, seg := range s.segments {
		if !seg.shared { // a clone that shares it may be looking at the mark
			seg.shared = true
		}
	}
	return List{spine: &spine{segments: slices.Clone(s.segments), n: s.n, bytes: s.bytes}}
}

// View makes l the list that the listpack lp holds, without copying it: as long as it
// can be changed there, it is. An empty lp is an empty list, which may use lp's
// capacity.
func (l *List) View(lp []byte) {
	*l = List{}
	switch {
	case len(lp) > 0:
		l.only = node{buf: lp, n: uint16(listpack.Len(lp)), borrowed: true}
	case cap(lp) >= listpack.Overhead:
		l.only = node{buf: listpack.Init(lp), borrowed: true}
	}
}

// Packed is the listpack that the list consists of; false: it is more than one, or
// none.
func (l *List) Packed() ([]byte, bool) {
	return l.only.lp(), l.only.n > 0
}

// Own takes what View has shown into memory of the list's own.
func (l *List) Own() { l.only.own() }

// A Fill is list-max-listpack-size: how much goes into a node. Positive: so many
// elements; -1 to -5: 4 to 64 KiB.
type Fill int

const (
	// smallestFill is the one that stands for the largest nodes.
	smallestFill = -5
	// entryMargin is what an element is taken to cost beside its bytes, and
	// countedBytes is the most that a node which is limited by its number of
	// elements takes: as in Redis, so that nodes end where Redis's do.
	entryMargin  = 8
	countedBytes = 8 << 10
)

// allows reports whether an element of size bytes may join nd.
func (f Fill) allows(nd *node, size int) bool {
	if nd.n == 0 {
		return true
	}
	return f.holds(int(nd.n)+1, nd.size()+size+entryMargin)
}

// allowsBoth reports whether the elements of two nodes may be in one.
func (f Fill) allowsBoth(a, b *node) bool {
	return f.holds(int(a.n+b.n), a.size()+b.size()-listpack.Overhead)
}

// holds reports whether a node may hold n elements that take size bytes.
func (f Fill) holds(n, size int) bool {
	if f >= 0 {
		return n <= min(int(f), maxNode) && size <= countedBytes
	}
	return size <= 2<<10<<-max(f, smallestFill)
}

// PushLeft puts e first.
func (l *List) PushLeft(e *listpack.Element, fill Fill) {
	if !fill.allows(l.node(place{}), e.Len()) {
		l.insertNode(place{}, l.endNode(e, place{}, true))
		return
	}
	l.insert(position{place{}, l.plain(place{}).first()}, e)
}

// PushRight puts e last.
func (l *List) PushRight(e *listpack.Element, fill Fill) {
	at := l.last()
	if !fill.allows(l.node(at), e.Len()) {
		next := l.endNode(e, at, false)
		at.node++
		l.insertNode(at, next)
		return
	}
	nd := l.plain(at)
	if nd.buf == nil {
		l.insert(position{at, 0}, e)
		return
	}
	l.insert(position{at, nd.end()}, e)
}

// Adopt appends a listpack of n elements, valid, which the list keeps.
func (l *List) Adopt(lp []byte, n int) {
	nd := node{buf: lp, n: uint16(n)}
	if l.Len() == 0 {
		*l = List{only: nd}
		return
	}
	at := l.last()
	l.rest(at)
	at.node++
	l.insertNode(at, nd)
}

// Nodes is of how many listpacks it consists.
func (l *List) Nodes() (n int) {
	if l.spine == nil {
		return int(min(l.only.n, 1))
	}
	for _, seg := range l.spine.segments {
		n += len(seg.nodes)
	}
	return n
}

// Packs calls f with the listpacks that the list consists of, until it returns
// false. They are the list's own, and valid until f returns.
func (l *List) Packs(f func(lp []byte) bool) {
	if l.spine == nil {
		if l.only.n > 0 {
			f(l.only.lp())
		}
		return
	}
	var made []byte // of an even node
	for _, seg := range l.spine.segments {
		for i := range seg.nodes {
			nd := &seg.nodes[i]
			lp := nd.buf[nd.gap:]
			if nd.even {
				made = listpack.Even(nd.buf).Append(made[:0])
				lp = made
			}
			if !f(lp) {
				return
			}
		}
	}
}

// First is the first element, the list's own bytes, and Last the last one: of a list that is not empty.
// Each is valid until the next Value, First or Last.
func (l *List) First() listpack.Value {
	if nd := l.node(place{}); !nd.even {
		return listpack.Get(nd.buf[nd.gap:], listpack.First(nil))
	}
	at := l.At(0)
	return at.Value()
}

// Last is described at First.
func (l *List) Last() listpack.Value {
	if nd := l.node(l.last()); !nd.even {
		lp := nd.buf[nd.gap:]
		return listpack.Get(lp, listpack.Prev(lp, listpack.End(lp)))
	}
	at := l.At(l.Len() - 1)
	return at.Value()
}

// DropLeft removes the first n elements, at most Len.
func (l *List) DropLeft(n int) {
	for n > 0 {
		if seg := l.segmentAt(0); seg != nil && seg.n <= n {
			n -= seg.n
			l.removeSegment(0)
			continue
		}
		nd := l.node(place{})
		if int(nd.n) <= n {
			n -= int(nd.n)
			l.removeNode(place{})
			continue
		}
		nd = l.plain(place{})
		l.cut(place{}, nd.first(), nd.forward(nd.first(), n), n)
		return
	}
}

// DropRight removes the last n elements, at most Len.
func (l *List) DropRight(n int) {
	for n > 0 {
		at := l.last()
		if seg := l.segmentAt(at.segment); seg != nil && seg.n <= n {
			n -= seg.n
			l.removeSegment(at.segment)
			continue
		}
		nd := l.node(at)
		if int(nd.n) <= n {
			n -= int(nd.n)
			l.removeNode(at)
			continue
		}
		nd = l.plain(at)
		l.cut(at, nd.backward(nd.end(), n), nd.end(), n)
		return
	}
}
