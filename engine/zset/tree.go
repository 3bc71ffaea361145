package zset

import (
	"hash/maphash"
	"slices"
)

// A tree is the large form, see doc.go.
type tree struct {
	seed maphash.Seed
	gen  uint64 // nodes of this number are its own
	n    int    // elements
	mem  int64  // bytes of members
	kids int    // children of all inner nodes
	used int    // leaves in the tree
	root *inner
	idx  index

	table []*leafChunk
	given uint32 // numbers of leaves given so far
	free  uint32 // one more than the first of those that are free, 0: none
}

// A leafChunk is some leaves by their numbers.
type leafChunk struct {
	gen    uint64
	leaves [chunkPages]*leaf
	free   [chunkPages]uint32 // one more than the next that is free, 0: none
}

const (
	treeBytes      = 208
	leafChunkBytes = 784
)

func newTree(seed maphash.Seed) *tree {
	return &tree{seed: seed, root: &inner{}, idx: newIndex(0)}
}

func (t *tree) hash(b []byte) uint64 { return maphash.Bytes(t.seed, b) }

func tagOf(h uint64) uint8 { return uint8(h >> 56) }

// peek is a leaf for a reader.
func (t *tree) peek(id uint32) *leaf { return t.table[id/chunkPages].leaves[id%chunkPages] }

// chunk is the chunk of a leaf, to be changed.
func (t *tree) chunk(id uint32) *leafChunk {
	c := t.table[id/chunkPages]
	if c.gen != t.gen {
		to := *c
		to.gen = t.gen
		c = &to
		t.table[id/chunkPages] = c
	}
	return c
}

// owned is a leaf to be changed.
func (t *tree) owned(id uint32) *leaf {
	l := t.peek(id)
	if l.gen == t.gen {
		return l
	}
	to := l.copied(t.gen)
	t.mem += to.room() - l.room()
	t.chunk(id).leaves[id%chunkPages] = to
	return to
}

// newLeaf is an empty one.
func (t *tree) newLeaf() (uint32, *leaf) {
	id := t.given
	if t.free != 0 {
		id = t.free - 1
		t.free = t.table[id/chunkPages].free[id%chunkPages]
	} else {
		if id%chunkPages == 0 {
			t.table = append(t.table, &leafChunk{gen: t.gen})
		}
		t.given++
	}
	l := &leaf{gen: t.gen}
	t.chunk(id).leaves[id%chunkPages] = l
	t.used++
	return id, l
}

func (t *tree) dropLeaf(id uint32) {
	c := t.chunk(id)
	t.mem -= c.leaves[id%chunkPages].room()
	c.leaves[id%chunkPages], c.free[id%chunkPages] = nil, t.free
	t.free = id + 1
	t.used--
}

// locate is where a member is.
func (t *tree) locate(h uint64, b []byte) (id uint32, at int, ok bool) {
	p := place(h)
	for _, e := range t.idx.peek(p) {
		if place(e) == p {
			if at := t.peek(uint32(e)).find(tagOf(h), b); at >= 0 {
				return uint32(e), at, true
			}
		}
	}
	return 0, 0, false
}

// An addition is an element on its way into the tree.
type addition struct {
	bound
	hash        uint64
	first, last bool   // it goes down the edge of the tree
	into        uint32 // the leaf that has got it
}

// insert puts in an element that is not there.
func (t *tree) insert(h uint64, score float64, b []byte) {
	t.idx.add(t.gen, h, t.enter(h, score, b))
}

// enter is insert without the index, and the leaf that has got it.
func (t *tree) enter(h uint64, score float64, b []byte) uint32 {
	a := addition{bound: bound{member: b, score: score}, hash: h, first: true, last: true}
	t.root = t.own(t.root)
	if t.root.len() == 0 {
		id, _ := t.newLeaf()
		t.root.insert(0, split{leaf: id})
		t.kids++
	}
	if s := t.insertBelow(t.root, &a); s != nil {
		old := t.root
		t.root = &inner{gen: t.gen}
		t.root.insert(0, split{kid: old, count: t.n + 1 - s.count})
		t.root.insert(1, *s)
		t.kids += 2
	}
	t.n++
	return a.into
}

func (t *tree) own(nd *inner) *inner {
	if nd.gen == t.gen {
		return nd
	}
	return nd.copied(t.gen)
}

// insertBelow inserts below nd, which is the tree's own. If that had no more room, it
// returns what nd has given to a new node.
func (t *tree) insertBelow(nd *inner, a *addition) *split {
	i := nd.child(&a.bound)
	a.first, a.last = a.first && i == 0, a.last && i == nd.len()-1
	nd.counts[i]++
	if nd.kids == nil {
		t.insertLeaf(nd, i, a)
	} else {
		nd.kids[i] = t.own(nd.kids[i])
		if s := t.insertBelow(nd.kids[i], a); s != nil {
			nd.counts[i] -= s.count
			nd.insert(i+1, *s)
			t.kids++
		}
	}
	if nd.len() <= kidsMax {
		return nil
	}
	half := nd.len() / 2
	switch {
	case a.last:
		half = nd.len() - 1
	case a.first:
		half = 1
	}
	to := &inner{gen: t.gen}
	to.take(nd, half)
	s := &split{kid: to, count: to.sum(to.len()), score: to.scores[0], text: to.texts[0]}
	nd.cut(half)
	return s
}

// insertLeaf inserts into leaf i of nd, or beside it.
func (t *tree) insertLeaf(nd *inner, i int, a *addition) {
	id := nd.leaves[i]
	l := t.owned(id)
	at := l.before(&a.bound)
	if l.n < leafMax {
		a.into = id
		t.mem += l.insert(at, tagOf(a.hash), a.score, a.member)
		return
	}
	nd.counts[i]--
	fresh, to := t.newLeaf()
	t.kids++
	s := split{leaf: fresh}
	switch {
	case a.last && at == leafMax: // in order: leaves stay full
		s.score, s.text = separator(l, at-1, a.score, a.member)
		nd.insert(i+1, s)
		i, l, id, at = i+1, to, fresh, 0
	case a.first && at == 0:
		t.mem += to.insert(0, tagOf(a.hash), a.score, a.member)
		nd.scores[i], nd.texts[i] = separator(to, 0, l.scores[0], l.member(0))
		s.count = 1
		nd.insert(i, s)
		a.into = fresh
		return
	default:
		half := leafMax / 2
		t.mem += to.take(l, half)
		t.renamed(to, id, fresh)
		t.mem += l.cut(half)
		s.score, s.text = separator(l, half-1, to.scores[0], to.member(0))
		s.count = int(to.n)
		nd.insert(i+1, s)
		nd.counts[i] -= s.count
		if at > half || at == half && a.notBefore(nd, i+1) {
			i, l, id, at = i+1, to, fresh, at-half
		}
	}
	nd.counts[i]++
	a.into = id
	t.mem += l.insert(at, tagOf(a.hash), a.score, a.member)
}

// remove takes an element out that is there.
func (t *tree) remove(score float64, b []byte) {
	t.removeAll(&removal{at: &bound{member: b, score: score}, n: 1})
}

// removeRange takes n elements out that are there, from rank r on.
func (t *tree) removeRange(r, n int) { t.removeAll(&removal{rank: r, n: n}) }

// A removal is what is to be taken out: n elements from a bound on, or from a rank on.
type removal struct {
	at      *bound // nil: from a rank on
	rank, n int
	moves   bool // it is one that the index goes on to name, rank its place in the leaf
}

// begin is the child in which the removal begins, and its rank there.
func (nd *inner) begin(r *removal, rank int) (i, rest int) {
	if r.at != nil {
		return nd.child(r.at), 0
	}
	return nd.rank(rank)
}

func (t *tree) removeAll(r *removal) {
	t.n -= r.n
	for r.n > 0 {
		t.root = t.own(t.root)
		t.removeBelow(t.root, r, r.rank)
		for t.root.kids != nil && t.root.len() == 1 {
			t.root = t.root.kids[0]
			t.kids--
		}
	}
	if t.n == 0 {
		t.root = &inner{gen: t.gen}
	}
}

// removeBelow takes out what is to go below nd, where it begins at a rank, no more than
// one leaf has, and returns how many.
func (t *tree) removeBelow(nd *inner, r *removal, rank int) (n int) {
	i, rank := nd.begin(r, rank)
	if nd.kids == nil {
		id := nd.leaves[i]
		l := t.owned(id)
		switch {
		case r.moves:
			rank = r.rank
		case r.at != nil:
			rank = l.before(r.at)
		}
		n = min(r.n, int(l.n)-rank)
		for j := rank; j < rank+n && !r.moves; j++ {
			t.idx.remove(t.gen, t.hash(l.member(j)), id)
		}
		t.mem += l.remove(rank, rank+n)
		nd.counts[i] -= n
		switch r.n -= n; {
		case l.n == 0:
			t.dropLeaf(id)
			nd.remove(i)
			t.kids--
		case l.n < leafFew:
			t.joinLeaves(nd, i)
		}
		return n
	}
	kid := t.own(nd.kids[i])
	nd.kids[i] = kid
	n = t.removeBelow(kid, r, rank)
	nd.counts[i] -= n
	switch {
	case kid.len() == 0:
		nd.remove(i)
		t.kids--
	case kid.len() < kidsFew:
		t.joinNodes(nd, i)
	}
	return n
}

// neighbour is the left one of i and the smaller of those beside it; false: there is
// none, or they have more than most together.
func (nd *inner) neighbour(i, most int, size func(i int) int) (left int, ok bool) {
	best, n := -1, most+1
	for _, j := range []int{i - 1, i} {
		if j >= 0 && j+1 < nd.len() {
			if sum := size(j) + size(j+1); sum < n {
				best, n = j, sum
			}
		}
	}
	return best, best >= 0
}

// joinLeaves joins leaf i of nd with a neighbour, if the two have few elements.
func (t *tree) joinLeaves(nd *inner, i int) {
	i, ok := nd.neighbour(i, leafJoin, func(i int) int { return nd.counts[i] })
	if !ok {
		return
	}
	into, from := nd.leaves[i], nd.leaves[i+1]
	l, r := t.owned(into), t.peek(from)
	t.renamed(r, from, into)
	t.mem += l.take(r, 0)
	t.dropLeaf(from)
	nd.counts[i] += nd.counts[i+1]
	nd.remove(i + 1)
	t.kids--
}

// joinNodes is joinLeaves for children that are inner nodes.
func (t *tree) joinNodes(nd *inner, i int) {
	i, ok := nd.neighbour(i, kidsJoin, func(i int) int { return nd.kids[i].len() })
	if !ok {
		return
	}
	l, r := t.own(nd.kids[i]), nd.kids[i+1]
	at := l.len()
	l.take(r, 0)
	l.scores[at], l.texts[at] = nd.scores[i+1], nd.texts[i+1]
	nd.kids[i] = l
	nd.counts[i] += nd.counts[i+1]
	nd.remove(i + 1)
	t.kids--
}

// setScore gives another score to an element, which may move.
func (t *tree) setScore(h uint64, id uint32, at int, score float64, b []byte) {
	l := t.peek(id)
	old := l.scores[at]
	n := int(l.n)
	up := score > old
	// Separators are no nearer than the neighbours that it does not pass.
	afterLeft := at == 0 && up || at > 0 && l.compare(at-1, score, b) < 0
	beforeRight := at == n-1 && !up || at < n-1 && l.compare(at+1, score, b) > 0
	if afterLeft && beforeRight {
		t.owned(id).scores[at] = score
		return
	}
	if n > 1 && l.compare(0, score, b) < 0 && l.compare(n-1, score, b) > 0 { // it stays in the leaf
		l = t.owned(id)
		t.mem += l.remove(at, at+1)
		t.mem += l.insert(l.before(&bound{member: b, score: score}), tagOf(h), score, b)
		return
	}
	t.removeAll(&removal{at: &bound{member: b, score: old}, rank: at, n: 1, moves: true})
	if into := t.enter(h, score, b); into != id {
		t.idx.moved(t.gen, h, id, into)
	}
}

// before is how many elements come before the bound.
func (t *tree) before(b *bound) (n int) {
	nd := t.root
	if nd.len() == 0 {
		return 0
	}
	for {
		i := nd.child(b)
		n += nd.sum(i)
		if nd.kids == nil {
			return n + t.peek(nd.leaves[i]).before(b)
		}
		nd = nd.kids[i]
	}
}

// A walk is a way through the elements in order.
type walk struct {
	t    *tree
	path [maxDepth]struct {
		nd *inner
		i  int
	}
	depth int // of the lowest inner node
	l     *leaf
	at    int
}

// seek begins at the element of a rank, which is there.
func (w *walk) seek(t *tree, r int) {
	w.t, w.depth = t, 0
	for nd := t.root; ; w.depth++ {
		p := &w.path[w.depth]
		p.nd = nd
		p.i, r = nd.rank(r)
		if nd.kids == nil {
			w.l, w.at = t.peek(nd.leaves[p.i]), r
			return
		}
		nd = nd.kids[p.i]
	}
}

// step goes to the next element, or with reverse the one before; there is one.
func (w *walk) step(reverse bool) {
	by := 1
	if reverse {
		by = -1
	}
	if w.at += by; w.at >= 0 && w.at < int(w.l.n) {
		return
	}
	d := w.depth
	for ; w.path[d].i+by < 0 || w.path[d].i+by == w.path[d].nd.len(); d-- {
	}
	w.path[d].i += by
	for ; d < w.depth; d++ {
		nd := w.path[d].nd.kids[w.path[d].i]
		p := &w.path[d+1]
		if p.nd, p.i = nd, 0; reverse {
			p.i = nd.len() - 1
		}
	}
	p := &w.path[d]
	if w.l, w.at = w.t.peek(p.nd.leaves[p.i]), 0; reverse {
		w.at = int(w.l.n) - 1
	}
}

// scan shows the page of the index at a cursor, and returns the next cursor, 0 at the
// end.
func (t *tree) scan(cursor uint64, f func(b []byte, score float64)) uint64 {
	for _, e := range t.idx.peek(cursor) {
		l := t.peek(uint32(e))
		tag := tagOf(e)
		for i := range int(l.n) {
			if l.tags[i] != tag {
				continue
			}
			if b := l.member(i); place(t.hash(b)) == place(e) {
				f(b, l.scores[i])
			}
		}
	}
	return t.idx.next(cursor)
}

// clone is a tree of its own; both copy what they change from here on.
func (t *tree) clone() *tree {
	t.gen++
	to := *t
	to.table = slices.Clone(t.table)
	to.idx.root = slices.Clone(t.idx.root)
	return &to
}

// bytes is the memory of all of it. Inner nodes have room for some more children than
// they have.
func (t *tree) bytes() int64 {
	leaves := int64(t.used) * leafBytes
	nodes := int64(t.kids)*perKid*5/4 + int64(t.kids/(kidsMax/2)+1)*innerBytes
	return treeBytes + leaves + t.mem + nodes + t.idx.bytes() + int64(len(t.table))*leafChunkBytes + int64(cap(t.table))*8
}
