package list

import (
	"slices"

	"regent/engine/listpack"
)

// How nodes are found, changed and moved. A list without a spine is taken for one
// segment of one node.

// A place names a node.
type place struct{ segment, node int }

// A position names an element, or the end of a node.
type position struct {
	place
	p int // in the listpack
}

// segmentAt is a segment, nil if there is no spine.
func (l *List) segmentAt(i int) *segment {
	if l.spine == nil {
		return nil
	}
	return l.spine.segments[i]
}

// last is the place of the last node.
func (l *List) last() place {
	if l.spine == nil {
		return place{}
	}
	i := len(l.spine.segments) - 1
	return place{i, len(l.spine.segments[i].nodes) - 1}
}

// node is the node at a place, to be looked at.
func (l *List) node(at place) *node {
	if l.spine == nil {
		return &l.only
	}
	return &l.spine.segments[at.segment].nodes[at.node]
}

// ownSegment is a segment that nobody else has.
func (l *List) ownSegment(i int) *segment {
	seg := l.spine.segments[i]
	if !seg.shared {
		return seg
	}
	own := &segment{nodes: make([]node, len(seg.nodes), len(seg.nodes)+1), n: seg.n}
	copy(own.nodes, seg.nodes)
	for j := range own.nodes {
		own.nodes[j].shared = true
	}
	l.spine.segments[i] = own
	return own
}

// A count is what the list has counted of a node.
type count struct{ elements, room int }

// edit is the node at a place, which may be changed: edited is called after that.
func (l *List) edit(at place) (nd *node, was count) {
	if nd = &l.only; l.spine != nil {
		nd = &l.ownSegment(at.segment).nodes[at.node]
	}
	was = count{int(nd.n), cap(nd.buf)}
	if nd.even || nd.shared {
		nd.loosen()
	}
	return nd, was
}

// edited keeps all counts.
func (l *List) edited(at place, nd *node, was count) {
	s := l.spine
	if s == nil {
		return
	}
	more := int(nd.n) - was.elements
	s.segments[at.segment].n += more
	s.n += more
	s.bytes += int64(cap(nd.buf) - was.room)
}

// rest is for a node that nothing more will come to at its end.
func (l *List) rest(at place) {
	rested := l.node(at).rested()
	if nd := l.node(at); nd.even == rested.even && cap(nd.buf) == cap(rested.buf) {
		return
	}
	if l.spine == nil {
		l.only = rested
		return
	}
	nd := &l.ownSegment(at.segment).nodes[at.node]
	l.spine.bytes += int64(cap(rested.buf) - cap(nd.buf))
	*nd = rested
}

// insert puts e in before a position.
func (l *List) insert(at position, e *listpack.Element) {
	nd, was := l.edit(at.place)
	nd.insert(at.p, e)
	l.edited(at.place, nd, was)
}

// cut removes the n elements from p up to q of a node, which has others.
func (l *List) cut(at place, p, q, n int) {
	nd, was := l.edit(at)
	nd.cut(p, q, n)
	l.edited(at, nd, was)
}

// plain is a node whose positions are a listpack's, which it is made if need be.
func (l *List) plain(at place) *node {
	nd := l.node(at)
	if nd.even {
		var was count
		nd, was = l.edit(at)
		l.edited(at, nd, was)
	}
	return nd
}

// put puts e in before a position of a plain node, wherever fill wants it, and returns where it
// is.
func (l *List) put(at position, e *listpack.Element, fill Fill) position {
	nd := l.node(at.place)
	begin, end := nd.first(), nd.end()
	switch {
	case fill.allows(nd, e.Len()):
		l.insert(at, e)
		return at
	case at.p == begin:
	case at.p == end:
		at.node++
	default:
		at.place = l.split(at)
		left := at.place
		if left.node--; left.node < 0 {
			left.segment--
			left.node = len(l.spine.segments[left.segment].nodes) - 1
		}
		if fill.allows(l.node(left), e.Len()) {
			at = position{left, l.plain(left).end()}
			l.insert(at, e)
			return at
		}
	}
	return position{l.insertNode(at.place, newNode(e)), begin}
}

// insertNode puts a node in before a place, and returns where it is; a place
// behind the last node of a segment is one as well.
func (l *List) insertNode(at place, nd node) place {
	if l.spine == nil {
		if l.only.n == 0 {
			l.only = nd
			return place{}
		}
		l.only.own()
		first := &segment{nodes: []node{l.only}, n: int(l.only.n)}
		l.spine = &spine{segments: []*segment{first}, n: first.n, bytes: int64(cap(l.only.buf)) + nodeBytes}
		l.only = node{}
	}
	s := l.spine
	s.n += int(nd.n)
	s.bytes += int64(cap(nd.buf)) + nodeBytes
	if len(s.segments[at.segment].nodes) >= segmentNodes {
		at = l.makeRoom(at)
	}
	seg := l.ownSegment(at.segment)
	seg.nodes = slices.Insert(seg.nodes, at.node, nd)
	seg.n += int(nd.n)
	return at
}

// makeRoom gives a full segment's neighbourhood room for a node before at, and
// returns where that is now. At the ends of a list a new segment does it: lists
// grow there, and segments stay full. It may be empty until the node is in.
func (l *List) makeRoom(at place) place {
	s := l.spine
	switch {
	case at.segment == 0 && at.node == 0:
		s.segments = slices.Insert(s.segments, 0, &segment{})
		return place{}
	case at.segment == len(s.segments)-1 && at.node == segmentNodes:
		s.segments = append(s.segments, &segment{})
		return place{segment: at.segment + 1}
	}
	seg := l.ownSegment(at.segment)
	half := len(seg.nodes) / 2
	right := &segment{nodes: slices.Clone(seg.nodes[half:])}
	for i := range right.nodes {
		right.n += int(right.nodes[i].n)
	}
	clear(seg.nodes[half:])
	seg.nodes = seg.nodes[:half]
	seg.n -= right.n
	s.segments = slices.Insert(s.segments, at.segment+1, right)
	if at.node > half {
		return place{at.segment + 1, at.node - half}
	}
	return at
}

// removeNode takes a node out.
func (l *List) removeNode(at place) {
	s := l.spine
	if s == nil {
		*l = List{}
		return
	}
	if len(s.segments[at.segment].nodes) == 1 {
		l.removeSegment(at.segment)
		return
	}
	seg := l.ownSegment(at.segment)
	nd := &seg.nodes[at.node]
	seg.n -= int(nd.n)
	s.n -= int(nd.n)
	s.bytes -= int64(cap(nd.buf)) + nodeBytes
	seg.nodes = slices.Delete(seg.nodes, at.node, at.node+1)
}

// removeSegment takes a segment out.
func (l *List) removeSegment(i int) {
	s := l.spine
	seg := s.segments[i]
	if len(s.segments) == 1 {
		*l = List{}
		return
	}
	s.n -= seg.n
	for j := range seg.nodes {
		s.bytes -= int64(cap(seg.nodes[j].buf)) + nodeBytes
	}
	s.segments = slices.Delete(s.segments, i, i+1)
}

// split makes two nodes of a plain one, the second beginning at a position inside it,
// and returns the place of the second.
func (l *List) split(at position) place {
	nd := l.node(at.place)
	n := 0
	for p := listpack.First(nd.lp()); p < at.p; p = listpack.Next(nd.lp(), p) {
		n++
	}
	rest, end := int(nd.n)-n, listpack.End(nd.lp())
	right := node{buf: listpack.Part(nd.lp(), at.p, end, rest), n: uint16(rest)}
	l.cut(at.place, at.p, end, rest)
	at.node++
	return l.insertNode(at.place, right)
}
