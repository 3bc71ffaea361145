package zset

import (
	"fmt"
	"slices"

	"regent/engine/listpack"
)

// check finds out whether the set is what doc.go says.
func (z *ZSet) check() error {
	if z.tree == nil {
		if len(z.lp) == 0 {
			return nil
		}
		lp := z.lp.bare().Append(nil)
		if b, err := listpack.StripPairs(nil, lp, z.seed, isScore); err != nil || string(b) != string(z.lp) {
			return fmt.Errorf("not the form of a listpack: %q, %v", z.lp, err)
		}
		return nil
	}
	c := checker{t: z.tree, seen: map[uint32]bool{}}
	if n := c.node(z.tree.root, 0); n != z.tree.n {
		c.wrong("%d elements, not %d", n, z.tree.n)
	}
	c.index()
	t := z.tree
	if c.mem != t.mem || c.kids != t.kids || len(c.seen) != t.used {
		c.wrong("counted %d bytes, %d children, %d leaves, not %d, %d, %d", t.mem, t.kids, t.used, c.mem, c.kids, len(c.seen))
	}
	free := 0
	for f := t.free; f != 0; f = t.table[(f-1)/chunkPages].free[(f-1)%chunkPages] {
		if free++; t.peek(f-1) != nil {
			c.wrong("leaf %d is free and there", f-1)
		}
	}
	if free+t.used != int(t.given) {
		c.wrong("%d leaves are free, %d used, and %d were given", free, t.used, t.given)
	}
	if len(c.faults) > 0 {
		return fmt.Errorf("%v", c.faults)
	}
	return nil
}

// A checker walks a tree.
type checker struct {
	t      *tree
	faults []string
	seen   map[uint32]bool
	mem    int64
	kids   int
	last   struct {
		l *leaf
		i int
	}
	lo *bound // the separator that comes before what follows
}

func (c *checker) wrong(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

func (c *checker) node(nd *inner, depth int) (n int) {
	if depth > maxDepth || nd.len() > kidsMax || nd.gen > c.t.gen {
		c.wrong("a node of %d children, depth %d, number %d in %d", nd.len(), depth, nd.gen, c.t.gen)
	}
	for i := range nd.len() {
		c.kids++
		if i > 0 {
			b := &bound{member: []byte(nd.texts[i]), score: nd.scores[i]}
			if c.last.l != nil && !b.isAfter(c.last.l, c.last.i) {
				c.wrong("a separator %v is not after what stands before it", b)
			}
			c.lo = b
		}
		count := 0
		if nd.kids != nil {
			count = c.node(nd.kids[i], depth+1)
		} else {
			count = c.leaf(nd.leaves[i])
		}
		if count != nd.counts[i] {
			c.wrong("child %d has %d elements, not %d", i, count, nd.counts[i])
		}
		n += count
	}
	return n
}

func (c *checker) leaf(id uint32) int {
	l := c.t.peek(id)
	if c.seen[id] || l == nil || l.n == 0 {
		c.wrong("leaf %d is there twice, or not at all, or empty", id)
		return 0
	}
	c.seen[id] = true
	c.mem += l.room()
	for i := range int(l.n) {
		if c.last.l != nil && l.compare(i, c.last.l.scores[c.last.i], c.last.l.member(c.last.i)) <= 0 {
			c.wrong("element %d of leaf %d is out of order", i, id)
		}
		if c.lo != nil && c.lo.isAfter(l, i) {
			c.wrong("element %d of leaf %d is before its separator", i, id)
		}
		c.last.l, c.last.i = l, i
		if got, at, ok := c.t.locate(c.t.hash(l.member(i)), l.member(i)); !ok || got != id || at != i {
			c.wrong("element %d of leaf %d is not found", i, id)
		}
	}
	return int(l.n)
}

func (c *checker) index() {
	x := &c.t.idx
	n, room, pages := 0, 0, 0
	for _, ch := range x.root {
		for _, p := range ch.pages {
			n, room = n+len(p), room+cap(p)
			for _, e := range p {
				if home := x.home(place(e)); home != uint64(pages) || !c.seen[uint32(e)] {
					c.wrong("an entry %x in page %d", e, pages)
				}
			}
			pages++
		}
	}
	if n != x.n || n != c.t.n || room != x.room || uint64(pages) != x.size {
		c.wrong("the index has %d entries in room for %d and %d pages, not %d, %d, %d", n, room, pages, x.n, x.room, x.size)
	}
	if slices.ContainsFunc(x.root, func(ch *indexChunk) bool { return ch.gen > c.t.gen }) {
		c.wrong("a chunk of a later number")
	}
}
