package hashtable

import (
	"hash/maphash"
	"maps"
	"math/bits"
	"slices"
)

const (
	// pageLoad is how many bytes of members and slots a page has on average
	// before the table grows: more make for fewer pages to mark and copy, fewer
	// for quicker ones.
	pageLoad = 640
	// shrinkLoad is the average below which it shrinks.
	shrinkLoad = pageLoad / 2
	// bigLoad is what a large member counts for.
	bigLoad = 64
	// chunkPages is a power of two, and the bits of a chunk's own.
	chunkPages = 64
	// stepsPerChange bounds the pages that one change splits or merges.
	stepsPerChange = 2
)

// What a table takes beside its pages, in bytes.
const (
	tableBytes   = 96
	chunkBytes   = 96
	perPage      = 24 + 2 // in the chunk
	perBigMember = 64
)

// A Table is a set of byte strings, or a map of such to others; see doc.go.
type Table struct {
	seed maphash.Seed
	form form
	n    int    // members
	mask uint64 // the smallest 2^k-1 that has the number of every page
	size uint64 // pages
	load int    // bytes, as pageLoad counts
	mem  int64  // bytes of pages and large members
	gen  uint64 // chunks of this number are its own
	span int    // no chunk has more members
	last place  // of the last key that was found
	root []*chunk
}

// A place is where a member stands: in which page, and as which of it.
type place struct {
	page uint64
	at   int
}

// A chunk is some consecutive pages.
type chunk struct {
	gen     uint64
	own     uint64 // bit i: page i can be reached from here alone
	n       int    // members
	counts  []uint16
	pages   []page
	large   bigs // nil while there is none
	lastBig uint32
}

// NewSet returns an empty set. All of a server may share a seed.
func NewSet(seed maphash.Seed) *Table { return newTable(seed, keysOnly) }

// NewMap returns an empty map.
func NewMap(seed maphash.Seed) *Table { return newTable(seed, pairs) }

func newTable(seed maphash.Seed, f form) *Table {
	t := &Table{seed: seed, form: f, root: []*chunk{{}}}
	t.root[0].push()
	t.resized(1)
	return t
}

// push adds an empty page.
func (c *chunk) push() {
	c.counts = append(c.counts, 0)
	c.pages = append(c.pages, nil)
}

// Len is the number of members.
func (t *Table) Len() int { return t.n }

func (t *Table) hash(key []byte) uint64 { return maphash.Bytes(t.seed, key) }

// resized says that there are so many pages now.
func (t *Table) resized(size uint64) {
	t.size, t.mask = size, 1<<bits.Len64(size-1)-1
}

// home is the page where hash h has its place.
func (t *Table) home(h uint64) uint64 {
	i := h & t.mask
	if i >= t.size {
		i &= t.mask >> 1
	}
	return i
}

// peek is a page for a reader.
func (t *Table) peek(i uint64) (c *chunk, p page) {
	c = t.root[i/chunkPages]
	return c, c.pages[i%chunkPages]
}

// owned is the chunk of page i, to be changed.
func (t *Table) owned(i uint64) *chunk {
	c := t.root[i/chunkPages]
	if c.gen == t.gen {
		return c
	}
	to := *c
	to.gen, to.own = t.gen, 0
	to.counts, to.pages, to.large = slices.Clone(c.counts), slices.Clone(c.pages), maps.Clone(c.large)
	t.root[i/chunkPages] = &to
	return &to
}

// set puts a page, which is the table's own unless it is what was there.
func (t *Table) set(c *chunk, i uint64, p page) {
	i %= chunkPages
	t.mem += int64(len(p) - len(c.pages[i]))
	c.n += p.len() - int(c.counts[i])
	c.counts[i], c.pages[i] = uint16(p.len()), p
	c.own |= 1 << i
	t.span = max(t.span, c.n)
}

func (c *chunk) owns(i uint64) bool { return c.own>>(i%chunkPages)&1 != 0 }

// find is where a key's member is; at is -1 if it is none.
func (t *Table) find(h uint64, key []byte) (c *chunk, i uint64, at int) {
	i = t.home(h)
	c, p := t.peek(i)
	return c, i, p.find(tagOf(h), key, lookIn{t.form, c.large})
}

// Has reports whether key is a member's.
func (t *Table) Has(key []byte) bool {
	_, _, at := t.find(t.hash(key), key)
	return at >= 0
}

// Get is what a map has at key; the bytes are its own, until it changes.
func (t *Table) Get(key []byte) (value []byte, ok bool) {
	_, i, at := t.find(t.hash(key), key)
	if at < 0 {
		return nil, false
	}
	t.last = place{i, at}
	_, value = t.form.split(t.member(i, at))
	return value, true
}

// Add makes key, which is copied, a member of a set and reports whether it was none.
func (t *Table) Add(key []byte) bool {
	h := t.hash(key)
	_, i, at := t.find(h, key)
	if at >= 0 {
		return false
	}
	t.insert(h, i, key, nil)
	return true
}

// Put puts value, which is copied like key, at key and reports whether there was
// none.
func (t *Table) Put(key, value []byte) (fresh bool) {
	// A counter has just been read.
	if l := t.last; l.page < t.size {
		if _, p := t.peek(l.page); l.at < p.len() && string(t.form.key(t.member(l.page, l.at))) == string(key) &&
			t.overwrite(l.page, l.at, len(key), value) {
			return false
		}
	}
	h := t.hash(key)
	_, i, at := t.find(h, key)
	if at >= 0 {
		if t.overwrite(i, at, len(key), value) {
			return false
		}
		t.takeOut(i, at)
	}
	t.insert(h, i, key, value)
	return at < 0
}

// overwrite replaces the value of a member where it stands; false: it has not the
// size, or stands by itself.
func (t *Table) overwrite(i uint64, at, keyLen int, value []byte) bool {
	_, p := t.peek(i)
	if tag, b := p.at(at); tag&flagBig != 0 || len(b) != t.form.size(keyLen, len(value)) {
		return false
	}
	c := t.owned(i)
	if p = c.pages[i%chunkPages]; !c.owns(i) {
		p = p.move(p.end() + p.len()*slotBytes)
		t.set(c, i, p)
	}
	_, b := p.at(at)
	copy(b[len(b)-len(value):], value)
	return true
}

// insert puts a member in that is not there.
func (t *Table) insert(h, i uint64, key, value []byte) {
	c := t.owned(i)
	p := c.pages[i%chunkPages]
	if size := t.form.size(len(key), len(value)); size > maxInline || !p.fits(size) {
		b := make([]byte, size)
		t.form.put(b, key, value)
		t.putBig(c, i, bigMember{h, b})
		t.load += bigLoad
	} else {
		p, room := p.open(c.owns(i), tagOf(h), size)
		t.form.put(room, key, value)
		t.set(c, i, p)
		t.load += size + slotBytes
	}
	t.n++
	for range stepsPerChange {
		if t.load <= int(t.size)*pageLoad {
			break
		}
		t.split()
	}
}

// putBig puts a large member into page i of c.
func (t *Table) putBig(c *chunk, i uint64, b bigMember) {
	if c.large == nil {
		c.large = bigs{}
	}
	for used := true; used; _, used = c.large[c.lastBig] {
		c.lastBig++
	}
	c.large[c.lastBig] = b
	t.mem += int64(len(b.bytes)) + perBigMember
	id := [bigBytes]byte{byte(c.lastBig), byte(c.lastBig >> 8), byte(c.lastBig >> 16), byte(c.lastBig >> 24)}
	t.set(c, i, c.pages[i%chunkPages].add(c.owns(i), tagOf(b.hash)|flagBig, id[:]))
}

// takeBig takes a large member out of c, but not out of its page.
func (t *Table) takeBig(c *chunk, id uint32) bigMember {
	b := c.large[id]
	delete(c.large, id)
	t.mem -= int64(len(b.bytes)) + perBigMember
	return b
}

// Remove removes the member of key and reports whether there was one.
func (t *Table) Remove(key []byte) bool {
	_, i, at := t.find(t.hash(key), key)
	if at < 0 {
		return false
	}
	t.takeOut(i, at)
	t.shrink()
	return true
}

// takeOut removes member at of page i.
func (t *Table) takeOut(i uint64, at int) {
	c := t.owned(i)
	p := c.pages[i%chunkPages]
	if tag, b := p.at(at); tag&flagBig != 0 {
		t.takeBig(c, bigID(b))
		t.load -= bigLoad
	} else {
		t.load -= len(b) + slotBytes
	}
	t.set(c, i, p.remove(c.owns(i), at))
	t.n--
}

// shrink merges pages where few members are left.
func (t *Table) shrink() {
	for range stepsPerChange {
		if t.size == 1 || t.load >= int(t.size)*shrinkLoad {
			break
		}
		t.merge()
	}
}

// split gives half of a page to a new one.
func (t *Table) split() {
	fresh := t.size
	top := uint64(1) << (bits.Len64(fresh) - 1)
	old := fresh - top
	if fresh%chunkPages == 0 {
		t.root = append(t.root, &chunk{gen: t.gen})
	}
	from, to := t.owned(old), t.owned(fresh)
	to.push()
	t.resized(fresh + 1)
	p := from.pages[old%chunkPages]
	t.set(from, old, nil)
	t.deal(from, p, old, fresh, top)
}

// fewSides is up to how many members a page is dealt without garbage.
const fewSides = 256

// deal puts the members of p, which was in from, into page zero or one of the
// table as bit of their hash says. Both are empty.
func (t *Table) deal(from *chunk, p page, zero, one, bit uint64) {
	var few [fewSides]uint8
	sides, need := few[:0], [2]int{}
	for i := range p.len() {
		_, b := p.at(i)
		side := t.side(from, p, i, bit)
		sides = append(sides, side)
		need[side] += len(b) + slotBytes
	}
	var to [2]page
	for side, n := range need {
		if n > 0 {
			to[side] = page(nil).move(pageHead + n)
		}
	}
	for i, side := range sides {
		if tag, b := p.at(i); side == 0 || tag&flagBig == 0 {
			to[side] = to[side].add(true, tag, b)
		}
	}
	t.set(t.owned(zero), zero, to[0])
	c := t.owned(one)
	t.set(c, one, to[1])
	if from.large == nil {
		return
	}
	for i, side := range sides { // the number of a large member is its chunk's
		if tag, b := p.at(i); tag&flagBig != 0 && side == 1 {
			t.putBig(c, one, t.takeBig(from, bigID(b)))
		}
	}
}

// side is 1 if the hash of member i of p, which is in c, has the bit.
func (t *Table) side(c *chunk, p page, i int, bit uint64) uint8 {
	tag, b := p.at(i)
	h := uint64(0)
	if tag&flagBig != 0 {
		h = c.large[bigID(b)].hash
	} else {
		h = t.hash(t.form.key(b))
	}
	if h&bit != 0 {
		return 1
	}
	return 0
}

// merge gives what the last page has to the one that it was split from.
func (t *Table) merge() {
	last := t.size - 1
	into := last - 1<<(bits.Len64(last)-1)
	from, to := t.owned(last), t.owned(into)
	p, q := from.pages[last%chunkPages], to.pages[into%chunkPages]
	if q.end()+p.end() > maxPage {
		return // the hash has failed: it stays as it is
	}
	if p.len() > 0 {
		own := to.owns(into)
		if need := q.end() + p.end() - pageHead + (q.len()+p.len())*slotBytes; need > len(q) {
			q, own = q.move(need), true
		}
		for i := range p.len() {
			if tag, b := p.at(i); tag&flagBig == 0 {
				q, own = q.add(own, tag, b), true
			}
		}
		if own {
			t.set(to, into, q)
		}
		for i := range p.len() {
			if tag, b := p.at(i); tag&flagBig != 0 {
				t.putBig(to, into, t.takeBig(from, bigID(b)))
			}
		}
	}
	t.set(from, last, nil)
	t.pop()
}

// pop drops the last page, which is empty.
func (t *Table) pop() {
	c := t.root[len(t.root)-1]
	n := len(c.pages) - 1
	c.pages, c.counts = c.pages[:n], c.counts[:n]
	t.resized(t.size - 1)
	if n > 0 {
		if n < cap(c.pages)/4 {
			c.pages, c.counts = slices.Clone(c.pages), slices.Clone(c.counts)
		}
		return
	}
	t.root[len(t.root)-1] = nil
	if t.root = t.root[:len(t.root)-1]; len(t.root) < cap(t.root)/4 {
		t.root = slices.Clone(t.root)
	}
}

// Each calls f with every member until it returns false; in a set there are no
// values. f may not change the table. The bytes are the table's own.
func (t *Table) Each(f func(key, value []byte) bool) {
	for _, c := range t.root {
		for _, p := range c.pages {
			if !t.eachOf(c, p, f) {
				return
			}
		}
	}
}

func (t *Table) eachOf(c *chunk, p page, f func(key, value []byte) bool) bool {
	for i := range p.len() {
		tag, b := p.at(i)
		if key, value := t.form.split(c.large.member(tag, b)); !f(key, value) {
			return false
		}
	}
	return true
}

// Scan calls f with some members and returns the next cursor, 0 at the end. A
// member that is there from the first call, with 0, to the last is shown at least
// once. f may not change the table.
func (t *Table) Scan(cursor uint64, f func(key, value []byte)) uint64 {
	i := t.home(cursor)
	c, p := t.peek(i)
	t.eachOf(c, p, func(key, value []byte) bool { f(key, value); return true })
	top := uint64(1) << (bits.Len64(t.size) - 1)
	mask := top - 1
	if i < t.size-top { // it has been split: the half that was split off comes next
		mask = 2*top - 1
	}
	cursor |= ^mask
	return bits.Reverse64(bits.Reverse64(cursor) + 1)
}

// drawTries is after how many attempts span is counted anew, which an emptied
// table needs: then one in a few hits.
const drawTries = 16

// Random is a member, each as likely as another; there must be one.
func (t *Table) Random(rnd func() uint64) (key, value []byte) {
	return t.form.split(t.member(t.random(rnd)))
}

// PopRandom removes such a member and appends its key to dst.
func (t *Table) PopRandom(dst []byte, rnd func() uint64) []byte {
	i, at := t.random(rnd)
	dst = append(dst, t.form.key(t.member(i, at))...)
	t.takeOut(i, at)
	t.shrink()
	return dst
}

// random draws where a member is; there is one.
func (t *Table) random(rnd func() uint64) (i uint64, at int) {
	for tries := 1; ; tries++ {
		place := below(rnd(), uint64(len(t.root)*t.span))
		k, at := place/uint64(t.span), int(place%uint64(t.span))
		if c := t.root[k]; at < c.n {
			for j, n := range c.counts {
				if at < int(n) {
					return k*chunkPages + uint64(j), at
				}
				at -= int(n)
			}
		}
		if tries%drawTries == 0 {
			t.span = 0
			for _, c := range t.root {
				t.span = max(t.span, c.n)
			}
		}
	}
}

// below makes 64 random bits a number below n.
func below(random, n uint64) uint64 {
	high, _ := bits.Mul64(random, n)
	return high
}

// member is member at of page i.
func (t *Table) member(i uint64, at int) []byte {
	c, p := t.peek(i)
	tag, b := p.at(at)
	return c.large.member(tag, b)
}

// Clone is a table of its own, at the price of a pointer for some thousand
// members: neither sees the other's changes, and they may be used from different
// goroutines at once.
func (t *Table) Clone() *Table {
	t.gen++
	to := *t
	to.root = slices.Clone(t.root)
	return &to
}

// Bytes is the memory of all of it; what clones share is counted in each. Full
// chunks are the rule.
func (t *Table) Bytes() int64 {
	last := t.root[len(t.root)-1]
	chunks := int64(len(t.root)-1)*(chunkBytes+chunkPages*perPage) + chunkBytes + int64(cap(last.pages))*perPage
	return tableBytes + int64(cap(t.root))*8 + chunks + t.mem
}
