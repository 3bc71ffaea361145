package zset

import (
	"math/bits"
	"slices"
)

const (
	// pageLoad is how many entries a page of the index has on average before there
	// is one more page, and pageFew the average below which there is one less.
	pageLoad = 20
	pageFew  = pageLoad / 2
	// pageStep is by how many entries the room of a page grows.
	pageStep = 4
	// chunkPages is a power of two, and the bits of a chunk's own.
	chunkPages = 64
	// stepsPerChange bounds the pages that one change splits or joins.
	stepsPerChange = 2
)

// What an index takes beside its entries, in bytes.
const (
	indexChunkBytes = 48
	perPage         = 24
)

// An index finds the leaf of a member by its hash: linear hashing, see doc.go. An
// entry is the upper half of the hash, and the leaf's number:
//
//	| hash 32 | leaf 32 |
type index struct {
	n    int    // entries
	mask uint64 // the smallest 2^k-1 that has the number of every page
	size uint64 // pages
	room int    // entries for which pages have room
	root []*indexChunk
}

// An indexChunk is some consecutive pages.
type indexChunk struct {
	gen   uint64
	own   uint64 // bit i: page i can be reached from here alone
	pages [][]uint64
}

func newIndex(gen uint64) index {
	x := index{root: []*indexChunk{{gen: gen, pages: [][]uint64{nil}, own: 1}}}
	x.resized(1)
	return x
}

// place is the half of a hash that the index keeps.
func place(h uint64) uint64 { return h >> 32 }

func entryOf(h uint64, leaf uint32) uint64 { return h&^(1<<32-1) | uint64(leaf) }

func (x *index) resized(size uint64) {
	x.size, x.mask = size, 1<<bits.Len64(size-1)-1
}

// home is the page where a place is.
func (x *index) home(place uint64) uint64 {
	i := place & x.mask
	if i >= x.size {
		i &= x.mask >> 1
	}
	return i
}

// peek is the page of a place, for a reader.
func (x *index) peek(place uint64) []uint64 {
	i := x.home(place)
	return x.root[i/chunkPages].pages[i%chunkPages]
}

// owned is the chunk of page i, to be changed.
func (x *index) owned(gen, i uint64) *indexChunk {
	c := x.root[i/chunkPages]
	if c.gen == gen {
		return c
	}
	to := &indexChunk{gen: gen, pages: slices.Clone(c.pages)}
	x.root[i/chunkPages] = to
	return to
}

// page is page i, to be changed, with room for more entries.
func (x *index) page(gen, i uint64, more int) (*indexChunk, *[]uint64) {
	c := x.owned(gen, i)
	p := &c.pages[i%chunkPages]
	own := c.own>>(i%chunkPages)&1 != 0
	if need := len(*p) + more; !own || need > cap(*p) {
		x.move(c, i, need)
	}
	return c, p
}

// move gives page i memory of its own.
func (x *index) move(c *indexChunk, i uint64, need int) {
	p := &c.pages[i%chunkPages]
	room := (need + pageStep - 1) / pageStep * pageStep
	to := make([]uint64, len(*p), room)
	copy(to, *p)
	x.room += room - cap(*p)
	*p = to
	c.own |= 1 << (i % chunkPages)
}

func (x *index) add(gen, h uint64, leaf uint32) {
	_, p := x.page(gen, x.home(place(h)), 1)
	*p = append(*p, entryOf(h, leaf))
	x.n++
	for range stepsPerChange {
		if x.n <= int(x.size)*pageLoad {
			break
		}
		x.split(gen)
	}
}

func (x *index) remove(gen, h uint64, leaf uint32) {
	i := x.home(place(h))
	c, p := x.page(gen, i, 0)
	at := slices.Index(*p, entryOf(h, leaf))
	last := len(*p) - 1
	(*p)[at] = (*p)[last]
	*p = (*p)[:last]
	if last+2*pageStep <= cap(*p) {
		x.move(c, i, last)
	}
	x.n--
	for range stepsPerChange {
		if x.size == 1 || x.n >= int(x.size)*pageFew {
			break
		}
		x.join(gen)
	}
}

// moved says that a member has gone from one leaf to another.
func (x *index) moved(gen, h uint64, from, to uint32) {
	_, p := x.page(gen, x.home(place(h)), 0)
	(*p)[slices.Index(*p, entryOf(h, from))] = entryOf(h, to)
}

// split gives half of a page to a new one.
func (x *index) split(gen uint64) {
	fresh := x.size
	top := uint64(1) << (bits.Len64(fresh) - 1)
	old := fresh - top
	if fresh%chunkPages == 0 {
		x.root = append(x.root, &indexChunk{gen: gen})
	}
	to := x.owned(gen, fresh)
	to.pages = append(to.pages, nil)
	to.own |= 1 << (fresh % chunkPages)
	x.resized(fresh + 1)

	from, p := x.page(gen, old, 0)
	stay, going := (*p)[:0], 0
	for _, e := range *p {
		if place(e)&top != 0 {
			going++
		}
	}
	moving := make([]uint64, 0, (going+pageStep-1)/pageStep*pageStep)
	for _, e := range *p {
		if place(e)&top != 0 {
			moving = append(moving, e)
		} else {
			stay = append(stay, e)
		}
	}
	*p = stay
	to.pages[fresh%chunkPages] = moving
	x.room += cap(moving)
	x.move(from, old, len(stay))
}

// join gives what the last page has to the one that it was split from.
func (x *index) join(gen uint64) {
	last := x.size - 1
	into := last - 1<<(bits.Len64(last)-1)
	from := x.owned(gen, last)
	p := from.pages[last%chunkPages]
	if len(p) > 0 {
		_, q := x.page(gen, into, len(p))
		*q = append(*q, p...)
	}
	x.room -= cap(p)
	n := len(from.pages) - 1
	from.pages[n] = nil
	from.pages, from.own = from.pages[:n], from.own&^(1<<n)
	x.resized(last)
	if n == 0 {
		x.root[len(x.root)-1] = nil
		if x.root = x.root[:len(x.root)-1]; len(x.root) < cap(x.root)/4 {
			x.root = slices.Clone(x.root)
		}
	}
}

// next is the cursor after a step that shows the page of this one, 0 at the end; see
// package set.
func (x *index) next(cursor uint64) uint64 {
	i := x.home(cursor)
	top := uint64(1) << (bits.Len64(x.size) - 1)
	mask := top - 1
	if i < x.size-top { // it has been split: the half that was split off comes next
		mask = 2*top - 1
	}
	cursor |= ^mask
	return bits.Reverse64(bits.Reverse64(cursor) + 1)
}

// bytes is the memory it takes.
func (x *index) bytes() int64 {
	last := x.root[len(x.root)-1]
	pages := int64(len(x.root)-1)*chunkPages + int64(cap(last.pages))
	return int64(cap(x.root))*8 + int64(len(x.root))*indexChunkBytes + pages*perPage + int64(x.room)*8
}
