package list

import "regent/engine/listpack"

// An element that is put in at the middle of a list goes where redis-server's quicklist
// puts it (quicklist.c, _quicklistInsert): into the node of its neighbour, else, at the
// end of a node, into the next one, else into a node of its own; inside a full node that
// is split, and small nodes round about are merged. So lists have the same nodes, and
// DUMP shows them.

// before is the place of the node before one; false: there is none.
func (l *List) before(at place) (place, bool) {
	switch {
	case at.node > 0:
		return place{at.segment, at.node - 1}, true
	case at.segment > 0:
		return place{at.segment - 1, len(l.spine.segments[at.segment-1].nodes) - 1}, true
	}
	return place{}, false
}

// behind is the place of the node behind one; false: there is none.
func (l *List) behind(at place) (place, bool) {
	switch {
	case l.spine == nil:
	case at.node+1 < len(l.spine.segments[at.segment].nodes):
		return place{at.segment, at.node + 1}, true
	case at.segment+1 < len(l.spine.segments):
		return place{at.segment + 1, 0}, true
	}
	return place{}, false
}

// begin is the position before a node's first element, end the one behind its last: for
// a change of the node.
func (l *List) begin(at place) position { return position{at, l.plain(at).first()} }
func (l *List) end(at place) position   { return position{at, l.plain(at).end()} }

// insertBefore puts e in before the element at a position.
func (l *List) insertBefore(at position, e *listpack.Element, fill Fill) {
	switch prev, ok := l.before(at.place); {
	case fill.allows(l.node(at.place), e.Len()):
		l.insert(at, e)
	case at != l.begin(at.place):
		right := l.split(at)
		left, _ := l.before(right) // what has been split off
		l.insert(l.end(left), e)
		l.merge(right, fill)
	case ok && fill.allows(l.node(prev), e.Len()):
		l.insert(l.end(prev), e)
	default:
		l.insertNode(at.place, newNode(e))
	}
}

// insertBehind puts e in behind the element before a position.
func (l *List) insertBehind(at position, e *listpack.Element, fill Fill) {
	switch next, ok := l.behind(at.place); {
	case fill.allows(l.node(at.place), e.Len()):
		l.insert(at, e)
	case at != l.end(at.place):
		right := l.split(at)
		l.insert(l.begin(right), e)
		left, _ := l.before(right)
		l.merge(left, fill)
	case ok && fill.allows(l.node(next), e.Len()):
		l.insert(l.begin(next), e)
	default:
		at.node++
		l.insertNode(at.place, newNode(e))
	}
}

// merge merges nodes near one where two have room in one (_quicklistMergeNodes): the two
// before it, the two behind it, and then the node itself with what is on either side.
func (l *List) merge(center place, fill Fill) {
	if next, ok := l.behind(center); ok {
		l.join(next, fill)
	}
	if prev, ok := l.before(center); ok {
		if first, ok := l.before(prev); ok && l.join(first, fill) {
			prev = first
			center, _ = l.behind(first)
		}
		if l.join(prev, fill) {
			center = prev
		}
	}
	l.join(center, fill)
}

// join appends the node behind a place to the one there, if it is allowed and there is
// one.
func (l *List) join(at place, fill Fill) bool {
	next, ok := l.behind(at)
	if !ok || !fill.allowsBoth(l.node(at), l.node(next)) {
		return false
	}
	right := l.node(next)
	lp, n := right.lp(), right.n
	nd, was := l.edit(at)
	nd.became(nd.lp(), listpack.Join(nd.lp(), lp))
	nd.n += n
	l.edited(at, nd, was)
	l.removeNode(next)
	return true
}
