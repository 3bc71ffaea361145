package stream

import (
	"slices"
	"unsafe"
)

// A tree maps IDs to values in their order: a B-tree whose clones share. It is the index
// over nodes, and every list of pending entries.
//
//	root ─► branch ─► branch ─► leaf    leaf:   ids, vals
//	          ids, kids                 branch: kids, and for each an ID: nothing in it is below
//
// A branch belongs to what it names as its owner, which may change it; others copy it
// first. A leaf that fills up at the end is not halved, since most IDs come in order.
type tree[V any] struct {
	root *branch[V] // nil: empty
	n    int
	mem  int64 // bytes of all branches
}

// An owner is a name: it is equal to itself alone.
type owner struct{ _ byte }

type branch[V any] struct {
	own  *owner
	ids  []ID
	kids []*branch[V] // nil in a leaf
	vals []V
}

const (
	// fanout is how many elements a branch has at most, and joinBelow with how many in
	// all two neighbours become one.
	fanout    = 64
	joinBelow = fanout / 2
	// branchHead is what a branch takes beside its elements, in bytes.
	branchHead = 96
	// maxDepth bounds a path. Every split leaves half of fanout at least, and
	// neighbours join at joinBelow: so few levels hold more than memory does.
	maxDepth = 16
)

func (b *branch[V]) weight() int64 {
	var v V
	return branchHead + int64(cap(b.ids))*int64(unsafe.Sizeof(ID{})) + int64(cap(b.kids))*8 + int64(cap(b.vals))*int64(unsafe.Sizeof(v))
}

// place is the index of the first of b's ids that is id or above.
func (b *branch[V]) place(id ID) int {
	lo, hi := 0, len(b.ids)
	if hi > 0 && b.ids[hi-1].Less(id) {
		return hi
	}
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if b.ids[mid].Less(id) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// kidOf is the index of the kid that has id, if one has.
func (b *branch[V]) kidOf(id ID) int {
	i := b.place(id)
	if i < len(b.ids) && b.ids[i] == id {
		return i
	}
	return max(i-1, 0)
}

// get is where the value of id stands, nil if it has none. It may be read until the next
// change.
func (t *tree[V]) get(id ID) *V {
	b := t.root
	if b == nil {
		return nil
	}
	for b.kids != nil {
		b = b.kids[b.kidOf(id)]
	}
	if i := b.place(id); i < len(b.ids) && b.ids[i] == id {
		return &b.vals[i]
	}
	return nil
}

// owned is b, or a copy of it that own may change.
func (t *tree[V]) owned(own *owner, b *branch[V]) *branch[V] {
	if b.own == own {
		return b
	}
	t.mem -= b.weight()
	c := &branch[V]{own, slices.Clone(b.ids), slices.Clone(b.kids), slices.Clone(b.vals)}
	t.mem += c.weight()
	return c
}

// edit is where the value of id, which is there, may be changed.
func (t *tree[V]) edit(own *owner, id ID) *V {
	t.root = t.owned(own, t.root)
	b := t.root
	for b.kids != nil {
		i := b.kidOf(id)
		b.kids[i] = t.owned(own, b.kids[i])
		b = b.kids[i]
	}
	return &b.vals[b.place(id)]
}

// put gives id a value, and reports whether it had none.
func (t *tree[V]) put(own *owner, id ID, v V) (fresh bool) {
	if t.root == nil {
		t.root = &branch[V]{own: own}
		t.mem += t.root.weight()
	}
	t.root = t.owned(own, t.root)
	right, fresh := t.putIn(own, t.root, id, v)
	if right != nil {
		left := t.root
		t.root = &branch[V]{own: own, ids: []ID{left.ids[0], right.ids[0]}, kids: []*branch[V]{left, right}}
		t.mem += t.root.weight()
	}
	if fresh {
		t.n++
	}
	return fresh
}

// putIn is put in b, which own owns. What b has no room for is in right.
func (t *tree[V]) putIn(own *owner, b *branch[V], id ID, v V) (right *branch[V], fresh bool) {
	if b.kids != nil {
		i := b.kidOf(id)
		if id.Less(b.ids[i]) {
			b.ids[i] = id // it is the first: a bound of what is below
		}
		b.kids[i] = t.owned(own, b.kids[i])
		over, fresh := t.putIn(own, b.kids[i], id, v)
		if over == nil {
			return nil, fresh
		}
		t.mem -= b.weight()
		b.ids = slices.Insert(b.ids, i+1, over.ids[0])
		b.kids = slices.Insert(b.kids, i+1, over)
		t.mem += b.weight()
		return t.split(own, b, i+2 == len(b.ids)), fresh
	}
	i := b.place(id)
	if i < len(b.ids) && b.ids[i] == id {
		b.vals[i] = v
		return nil, false
	}
	t.mem -= b.weight()
	b.ids = slices.Insert(b.ids, i, id)
	b.vals = slices.Insert(b.vals, i, v)
	t.mem += b.weight()
	return t.split(own, b, i+1 == len(b.ids)), true
}

// split takes away what is too much in b, where the last change was at its end or not.
func (t *tree[V]) split(own *owner, b *branch[V], atEnd bool) (right *branch[V]) {
	if len(b.ids) <= fanout {
		return nil
	}
	t.mem -= b.weight()
	at := len(b.ids) / 2
	if atEnd {
		at = len(b.ids) - 1
	}
	right = &branch[V]{own: own, ids: slices.Clone(b.ids[at:])}
	if b.kids != nil {
		right.kids = slices.Clone(b.kids[at:])
		clear(b.kids[at:])
		b.kids = slices.Clone(b.kids[:at])
	} else {
		right.vals = slices.Clone(b.vals[at:])
		b.vals = slices.Clone(b.vals[:at])
	}
	b.ids = slices.Clone(b.ids[:at])
	t.mem += b.weight() + right.weight()
	return right
}

// remove takes id out, and reports whether it was there.
func (t *tree[V]) remove(own *owner, id ID) bool {
	if t.get(id) == nil {
		return false
	}
	t.root = t.owned(own, t.root)
	t.removeIn(own, t.root, id)
	t.n--
	for len(t.root.kids) == 1 {
		t.mem -= t.root.weight()
		t.root = t.root.kids[0]
	}
	if len(t.root.ids) == 0 {
		t.mem, t.root = 0, nil
	}
	return true
}

// removeIn takes id, which is there, out of b, which own owns.
func (t *tree[V]) removeIn(own *owner, b *branch[V], id ID) {
	if b.kids == nil {
		i := b.place(id)
		b.ids = slices.Delete(b.ids, i, i+1)
		b.vals = slices.Delete(b.vals, i, i+1)
		return
	}
	i := b.kidOf(id)
	b.kids[i] = t.owned(own, b.kids[i])
	kid := b.kids[i]
	t.removeIn(own, kid, id)
	switch {
	case len(kid.ids) == 0:
		t.mem -= kid.weight()
		b.cut(i)
	case i > 0 && len(kid.ids)+len(b.kids[i-1].ids) <= joinBelow:
		t.join(own, b, i-1)
	case i+1 < len(b.kids) && len(kid.ids)+len(b.kids[i+1].ids) <= joinBelow:
		t.join(own, b, i)
	}
}

func (b *branch[V]) cut(i int) {
	b.ids = slices.Delete(b.ids, i, i+1)
	b.kids = slices.Delete(b.kids, i, i+1)
}

// join makes one of b's kids i and i+1.
func (t *tree[V]) join(own *owner, b *branch[V], i int) {
	b.kids[i] = t.owned(own, b.kids[i])
	left, right := b.kids[i], b.kids[i+1]
	t.mem -= left.weight() + right.weight()
	from := len(left.ids)
	left.ids = append(left.ids, right.ids...)
	left.kids = append(left.kids, right.kids...)
	left.vals = append(left.vals, right.vals...)
	left.ids[from] = b.ids[i+1] // a bound of what follows, as right's first need not be
	if right.kids == nil {
		left.ids[from] = right.ids[0]
	}
	t.mem += left.weight()
	b.cut(i + 1)
}

// A cursor is a place in a tree. It is over with the tree's next change.
type cursor[V any] struct {
	path  [maxDepth]step[V]
	depth int // of the leaf, in path; -1: there is nothing more
}

type step[V any] struct {
	b *branch[V]
	i int
}

// ok reports whether there is something at the cursor.
func (c *cursor[V]) ok() bool { return c.depth >= 0 }

func (c *cursor[V]) id() ID  { s := &c.path[c.depth]; return s.b.ids[s.i] }
func (c *cursor[V]) val() *V { s := &c.path[c.depth]; return &s.b.vals[s.i] }

// seek puts the cursor at the first ID that is id or above.
func (t *tree[V]) seek(c *cursor[V], id ID) {
	c.depth = -1
	if t.root == nil {
		return
	}
	b := t.root
	for b.kids != nil {
		i := b.kidOf(id)
		c.push(b, i)
		b = b.kids[i]
	}
	c.push(b, b.place(id))
	if c.path[c.depth].i == len(b.ids) {
		c.path[c.depth].i--
		c.next()
	}
}

// floor puts the cursor at the last ID that is id or below.
func (t *tree[V]) floor(c *cursor[V], id ID) {
	if t.seek(c, id); !c.ok() {
		t.last(c)
		return
	}
	if c.id() != id {
		c.prev()
	}
}

func (t *tree[V]) first(c *cursor[V]) {
	if c.depth = -1; t.root != nil {
		c.down(t.root, false)
	}
}

func (t *tree[V]) last(c *cursor[V]) {
	if c.depth = -1; t.root != nil {
		c.down(t.root, true)
	}
}

func (c *cursor[V]) push(b *branch[V], i int) {
	c.depth++
	c.path[c.depth] = step[V]{b, i}
}

// down goes to the first or the last element below b.
func (c *cursor[V]) down(b *branch[V], end bool) {
	for {
		i := 0
		if end {
			i = len(b.ids) - 1
		}
		c.push(b, i)
		if b.kids == nil {
			return
		}
		b = b.kids[i]
	}
}

func (c *cursor[V]) next() {
	for ; c.depth >= 0; c.depth-- {
		s := &c.path[c.depth]
		if s.i++; s.i < len(s.b.ids) {
			if s.b.kids != nil {
				c.down(s.b.kids[s.i], false)
			}
			return
		}
	}
}

func (c *cursor[V]) prev() {
	for ; c.depth >= 0; c.depth-- {
		s := &c.path[c.depth]
		if s.i--; s.i >= 0 {
			if s.b.kids != nil {
				c.down(s.b.kids[s.i], true)
			}
			return
		}
	}
}

// editLast is the last element, which may be changed; nil: there is none.
func (t *tree[V]) editLast(own *owner) (ID, *V) {
	if t.root == nil {
		return ID{}, nil
	}
	t.root = t.owned(own, t.root)
	b := t.root
	for b.kids != nil {
		last := len(b.kids) - 1
		b.kids[last] = t.owned(own, b.kids[last])
		b = b.kids[last]
	}
	last := len(b.ids) - 1
	return b.ids[last], &b.vals[last]
}
