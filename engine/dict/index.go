package dict

import (
	"encoding/binary"
	"math/bits"

	"regent/engine/prefetch"
)

// An index finds refs by hash. It holds no keys: what a ref stands for, its
// owner knows.

const (
	bucketBytes = 64
	bucketSlots = 10
	tagsAt      = 4 * bucketSlots
	childAt     = tagsAt + 2*bucketSlots
	// minBuckets fill a page.
	minBuckets = 64
	// growAt and shrinkAt are entries per bucket.
	growAt   = 8
	shrinkAt = 1
	// dropEvery is how many moved buckets are given back to the system at
	// once: 256 KiB of them.
	dropEvery = 4096
)

// A bucket is a cache line of refs and tags. Those of a chain are dense.
type bucket [bucketBytes]byte

func (b *bucket) ref(i int) uint32  { return binary.LittleEndian.Uint32(b[4*i:]) }
func (b *bucket) tag(i int) uint16  { return binary.LittleEndian.Uint16(b[tagsAt+2*i:]) }
func (b *bucket) child() uint32     { return binary.LittleEndian.Uint32(b[childAt:]) }
func (b *bucket) setChild(r uint32) { binary.LittleEndian.PutUint32(b[childAt:], r) }

func (b *bucket) set(i int, ref uint32, tag uint16) {
	binary.LittleEndian.PutUint32(b[4*i:], ref)
	binary.LittleEndian.PutUint16(b[tagsAt+2*i:], tag)
}

// count is how many refs stand in this bucket alone.
func (b *bucket) count() int {
	for i := range bucketSlots {
		if b.ref(i) == 0 {
			return i
		}
	}
	return bucketSlots
}

// A table is a power of two of buckets.
type table struct {
	mem  []byte
	mask uint64 // buckets - 1
}

func (x *index) newTable(buckets uint64) table {
	return table{mem: x.a.mapTable(int(buckets * bucketBytes)), mask: buckets - 1}
}

func (t *table) at(i uint64) *bucket {
	return (*bucket)(t.mem[i*bucketBytes:])
}

// An index is one table, or two while it grows or shrinks: what stood in the
// buckets of old below pos stands in now, everything else in old.
type index struct {
	a        *arena // of the overflow buckets
	now, old table
	moving   bool
	pos      uint64
	n        int
	least    uint64 // buckets that reserve has asked for: it does not shrink below
	hash     func(ref uint32) uint64
}

// tagOf is the part of the hash that a bucket keeps; its number is another.
func tagOf(h uint64) uint16 { return uint16(h >> 48) }

// home is the bucket where hash h has its place.
func (x *index) home(h uint64) *bucket {
	if x.moving {
		if i := h & x.old.mask; i >= x.pos {
			return x.old.at(i)
		}
	}
	return x.now.at(h & x.now.mask)
}

func (x *index) next(b *bucket) *bucket {
	if c := b.child(); c != 0 {
		return (*bucket)(x.a.at(c))
	}
	return nil
}

// insert adds ref, which is not there.
func (x *index) insert(h uint64, ref uint32) {
	if x.now.mem == nil {
		x.now = x.newTable(max(minBuckets, x.least))
	}
	x.add(x.home(h), h, ref)
	x.n++
	if !x.moving && uint64(x.n) > (x.now.mask+1)*growAt {
		x.resize(max((x.now.mask+1)*2, x.least))
	}
}

// reserve makes the table large enough for n entries, and keeps it so until
// reserve is called with another n.
func (x *index) reserve(n int) {
	x.least = 0
	if n > minBuckets*growAt {
		x.least = 1 << bits.Len64(uint64(n-1)/growAt)
	}
	if x.now.mem != nil && !x.moving && x.least > x.now.mask+1 {
		x.resize(x.least)
	}
}

func (x *index) add(b *bucket, h uint64, ref uint32) {
	for {
		if i := b.count(); i < bucketSlots {
			b.set(i, ref, tagOf(h))
			return
		}
		if c := x.next(b); c != nil {
			b = c
			continue
		}
		r := x.a.allocClass(classBucket)
		c := (*bucket)(x.a.at(r))
		*c = bucket{}
		b.setChild(r)
		b = c
	}
}

// Tags side by side in words, to compare four at a time.
const (
	laneOnes = 0x0001_0001_0001_0001
	laneTops = 0x8000_8000_8000_8000
	// lastTops are those of the last word's tags; behind them is the child.
	lastTops = 0x8000_8000
)

// tagged returns the slots of b that may have the tag which is repeated in
// tags, one bit each: slotOf says which slot a bit stands for. A slot that is
// empty may be among them, and one beside a right one.
func (b *bucket) tagged(tags uint64) uint64 {
	x := binary.LittleEndian.Uint64(b[tagsAt:]) ^ tags
	y := binary.LittleEndian.Uint64(b[tagsAt+8:]) ^ tags
	z := binary.LittleEndian.Uint64(b[tagsAt+16:]) ^ tags
	x = (x - laneOnes) &^ x & laneTops
	y = (y - laneOnes) &^ y & laneTops
	z = (z - laneOnes) &^ z & lastTops
	return x>>15 | y>>14 | z>>13
}

// slotOf is the slot that the lowest bit of hits stands for.
func slotOf(hits uint64) int {
	at := bits.TrailingZeros64(hits)
	return at&15*4 + at>>4
}

// place finds where ref, which has hash h, stands.
func (x *index) place(h uint64, ref uint32) (b *bucket, i int) {
	for b := x.home(h); b != nil; b = x.next(b) {
		for i := range bucketSlots {
			if b.ref(i) == ref {
				return b, i
			}
		}
	}
	panic("dict: an entry is not where its hash says")
}

// replace puts ref to in the place of ref from.
func (x *index) replace(h uint64, from, to uint32) {
	b, i := x.place(h, from)
	b.set(i, to, tagOf(h))
}

// remove takes ref out; the last ref of the chain takes its place.
func (x *index) remove(h uint64, ref uint32) {
	b, i := x.place(h, ref)
	last, parent := b, (*bucket)(nil)
	for c := x.next(last); c != nil; c = x.next(last) {
		parent, last = last, c
	}
	if parent == nil && last != x.home(h) {
		parent = x.parentOf(h, last)
	}
	j := last.count() - 1
	b.set(i, last.ref(j), last.tag(j))
	last.set(j, 0, 0)
	if j == 0 && parent != nil {
		x.a.release(parent.child())
		parent.setChild(0)
	}
	x.n--
	x.shrink()
}

// shrink begins to move into a smaller table if this one is nearly empty.
func (x *index) shrink() {
	least := max(minBuckets, x.least)
	if buckets := x.now.mask + 1; !x.moving && buckets > least && uint64(x.n) < buckets*shrinkAt {
		x.resize(max(least, uint64(1)<<bits.Len64(uint64(x.n)/(growAt/2))))
	}
}

func (x *index) parentOf(h uint64, child *bucket) *bucket {
	for b := x.home(h); ; {
		c := x.next(b)
		if c == child {
			return b
		}
		b = c
	}
}

// resize begins to move into a table of that many buckets.
func (x *index) resize(buckets uint64) {
	if buckets == x.now.mask+1 {
		return
	}
	x.old, x.now = x.now, x.newTable(buckets)
	x.moving, x.pos = true, 0
}

// step moves up to n buckets and reports whether there are more to move. What
// has emptied while it moved shrinks again.
func (x *index) step(n int) bool {
	x.shrink()
	for ; x.moving && n > 0; n-- {
		x.moveOne()
	}
	return x.moving
}

func (x *index) moveOne() {
	from := x.old.at(x.pos)
	x.pos++ // what is inserted now belongs into the new table
	for b := from; b != nil; b = x.next(b) {
		for i := range bucketSlots {
			r := b.ref(i)
			if r == 0 {
				break
			}
			h := x.hash(r)
			x.add(x.now.at(h&x.now.mask), h, r)
		}
	}
	x.freeChain(from)
	x.fetchNext()
	switch {
	case x.pos > x.old.mask:
		x.a.unmapTable(x.old.mem)
		x.old, x.moving = table{}, false
	case x.pos%dropEvery == 0:
		dropMemory(x.old.mem[(x.pos-dropEvery)*bucketBytes : x.pos*bucketBytes])
	}
}

// fetchNext asks for what the next moveOne looks at: hashes are not kept, so each entry's key is
// read, which is in no cache any more.
func (x *index) fetchNext() {
	if x.pos >= x.old.mask {
		return
	}
	b := x.old.at(x.pos)
	for i := range bucketSlots {
		r := b.ref(i)
		if r == 0 {
			break
		}
		prefetch.Line(&x.a.at(r)[0])
	}
	prefetch.Line(&x.now.at(x.pos & x.now.mask)[0])
	prefetch.Line(&x.now.at((x.pos + x.old.mask + 1) & x.now.mask)[0]) // as a rule the table doubles
	prefetch.Line(&x.old.at(x.pos + 1)[0])
}

// freeChain empties a bucket and frees those that hang off it.
func (x *index) freeChain(b *bucket) {
	for c := b.child(); c != 0; {
		next := (*bucket)(x.a.at(c)).child()
		x.a.release(c)
		c = next
	}
	*b = bucket{}
}

// each calls f for every ref in the chain of b. f may not change the index.
func (x *index) each(b *bucket, f func(ref uint32)) {
	for ; b != nil; b = x.next(b) {
		for i := range bucketSlots {
			r := b.ref(i)
			if r == 0 {
				return
			}
			f(r)
		}
	}
}

// scan visits the buckets at cursor and returns the next one, 0 at the end.
// With two tables it visits a bucket of the smaller and all that it becomes in
// the larger, as Redis does (dict.c, dictScan).
func (x *index) scan(cursor uint64, f func(ref uint32)) uint64 {
	if x.n == 0 {
		return 0
	}
	if !x.moving {
		x.each(x.now.at(cursor&x.now.mask), f)
		return nextCursor(cursor, x.now.mask)
	}
	small, large := &x.now, &x.old
	if small.mask > large.mask {
		small, large = large, small
	}
	x.each(small.at(cursor&small.mask), f)
	for {
		x.each(large.at(cursor&large.mask), f)
		cursor = nextCursor(cursor, large.mask)
		if cursor&(small.mask^large.mask) == 0 {
			return cursor
		}
	}
}

// nextCursor adds one to the cursor in reversed bits.
func nextCursor(cursor, mask uint64) uint64 {
	cursor |= ^mask
	return bits.Reverse64(bits.Reverse64(cursor) + 1)
}

// fairSpan is how many places a bucket is taken to have when one is drawn at
// random: a chain that is longer is less than one in a million.
const fairSpan = 24

// drawTries bounds the attempts to hit a place that is taken.
const drawTries = 2000

// random draws a ref, each as likely as another; 0: the index is empty. In a
// table that is nearly empty, and about to shrink, it gives up fairness after
// drawTries attempts.
func (x *index) random(rnd func() uint64) uint32 {
	if x.n == 0 {
		return 0
	}
	for range drawTries {
		v := rnd()
		if r := x.nth(x.anyBucket(v), int(v>>32%fairSpan)); r != 0 {
			return r
		}
	}
	for cursor := rnd(); ; {
		var found uint32
		cursor = x.scan(cursor, func(r uint32) { found = r })
		if found != 0 {
			return found
		}
	}
}

// anyBucket draws among the buckets of both tables that can hold something.
func (x *index) anyBucket(v uint64) *bucket {
	total := x.now.mask + 1
	if x.moving {
		total += x.old.mask + 1 - x.pos
	}
	i := (v * 0x9e3779b97f4a7c15 >> 32) * total >> 32 // total stays below 2^32
	if i <= x.now.mask {
		return x.now.at(i)
	}
	return x.old.at(x.pos + i - (x.now.mask + 1))
}

func (x *index) nth(b *bucket, n int) uint32 {
	for ; b != nil; b = x.next(b) {
		if n < bucketSlots {
			return b.ref(n)
		}
		n -= bucketSlots
	}
	return 0
}

// bytes is the memory of the tables.
func (x *index) bytes() int64 {
	old := len(x.old.mem)
	if x.moving {
		old -= int(x.pos / dropEvery * dropEvery * bucketBytes)
	}
	return int64(max(len(x.now.mem)+old-minBuckets*bucketBytes, 0))
}
