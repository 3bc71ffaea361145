package dict

import (
	"encoding/binary"
	"math"
	"math/bits"

	"regent/engine/large"
)

// The allocator: slots of a fixed size in slabs, found by 32-bit refs.
//
//	ref:   31          15 14          0
//	      +--------------+-------------+
//	      | slab number  | offset / 8  |      0: none
//	      +--------------+-------------+
//
// A slab's free slots are a list through their own bytes: 0, then at 4 the
// offset of the next. Slots behind bump were never used.

const (
	slabBits  = 18
	slabBytes = 1 << slabBits // 256 KiB
	// chunkSlabs slabs are taken from the system at once.
	chunkSlabs = 16
	unit       = 8 // refs count in these
	refBits    = slabBits - 3
	// maxSlabs bounds a Dict's slabs: 32 GiB of entries up to maxSlot bytes,
	// and as many larger ones.
	maxSlabs = 1 << (32 - refBits)
	// minSlot is an entry's header with a value.
	minSlot = 16
	// fineSlot is up to where slot sizes go by unit; above by parts of a doubling.
	fineSlot = 512
	// maxSlot is the largest slot of a shared slab in bytes.
	maxSlot = 32 << 10
	// slotParts is how many sizes a doubling above fineSlot has: a value of
	// a hundred elements leaves a sixteenth of its slot empty at most, half of that on average.
	slotParts    = 1 << slotPartBits
	slotPartBits = 4
	// firstShift is the logarithm of the distance of sizes just above fineSlot.
	firstShift = 9 - slotPartBits
	// fineClasses are the sizes up to fineSlot.
	fineClasses = fineSlot/unit + 1
	classes     = fineClasses + slotParts*6 // 512 to 32 Ki is six doublings
	// classBucket is for overflow buckets, which are not compacted.
	classBucket = classes
	// classOwn marks a slab that holds one large entry.
	classOwn = classes + 1
)

// classOf is the size class for n bytes, n at most maxSlot.
func classOf(n int) int {
	if n <= fineSlot {
		return max(n+unit-1, minSlot) / unit
	}
	shift := bits.Len(uint(n-1)) - 1 - slotPartBits // parts of the doubling that n falls into
	return fineClasses + (shift-firstShift)*slotParts + (n-1)>>shift - slotParts
}

// classSize is the slot size of a class in bytes.
func classSize(class int) int {
	if class < fineClasses {
		return class * unit
	}
	if class == classBucket {
		return bucketBytes
	}
	class -= fineClasses
	return (class%slotParts + slotParts + 1) << (class/slotParts + firstShift)
}

// A slab is a piece of memory with slots of one size.
type slab struct {
	mem      []byte
	class    int32
	used     int32
	free     int32 // offset of the first free slot, -1: none; of a large entry: the bytes of its span before mem
	bump     int32 // offset of the first slot never used
	prev     int32 // in the list of those with room, 0: none
	next     int32
	listed   bool
	draining bool
	pin      *Pin // of a large entry, nil: none
}

// A classState is what the allocator knows of one size.
type classState struct {
	room    int32 // first slab with room, 0: none
	kept    int32 // one that is empty, for what comes next; 0: none
	used    int64 // slots
	touched int64 // slots that are used or free: the others are no memory yet
}

// An arena holds a Dict's slabs. It is apart from the Dict so that the memory
// can be given back when the Dict is forgotten.
type arena struct {
	slabs  []slab // 0 is not used
	spare  []int32
	dead   []int32 // numbers without memory
	chunks [][]byte
	class  [classes + 1]classState
	used   int64  // bytes of slots in use, and of large entries
	taken  uint64 // slots that were ever given out: does it stand still, the owner rests
	freed  uint64 // slots that were ever given back
	mapped int64  // bytes of addresses taken from the system, the tables' included
	tables [][]byte
	spans  *large.Pool
	pins   int // large entries that are pinned
	poison bool
	// leaving is what giveBack has still to give.
	leaving []region
}

func newArena(spans *large.Pool, poison bool) *arena {
	return &arena{slabs: make([]slab, 1), spans: spans, poison: poison}
}

func refOf(slab, off int) uint32 { return uint32(slab)<<refBits | uint32(off)/unit }

func split(ref uint32) (slab, off int) {
	return int(ref >> refBits), int(ref&(1<<refBits-1)) * unit
}

// at is the memory from ref to the end of its slab.
func (a *arena) at(ref uint32) []byte {
	s, off := split(ref)
	return a.slabs[s].mem[off:]
}

// slot is the memory of ref's slot.
func (a *arena) slot(ref uint32) []byte {
	s, off := split(ref)
	sl := &a.slabs[s]
	return sl.mem[off : off+sl.slotSize()]
}

func (s *slab) slotSize() int {
	if s.class == classOwn {
		return len(s.mem)
	}
	return classSize(int(s.class))
}

// alloc returns a slot of at least n bytes; what is in it is undefined but for
// its first byte.
func (a *arena) alloc(n int) uint32 {
	if n > maxSlot {
		return a.allocOwn(n)
	}
	return a.allocClass(classOf(n))
}

func (a *arena) allocClass(class int) uint32 {
	st := &a.class[class]
	if st.room == 0 {
		a.addSlab(class)
	}
	no := st.room
	s := &a.slabs[no]
	size := classSize(class)
	off := int(s.free)
	if off >= 0 {
		s.free = int32(binary.LittleEndian.Uint32(s.mem[off+4:]))
	} else {
		off = int(s.bump)
		s.bump += int32(size)
		st.touched++
	}
	if no == st.kept {
		st.kept = 0
	}
	s.used++
	st.used++
	a.taken++
	a.used += int64(size)
	if s.free < 0 && int(s.bump)+size > slabBytes {
		a.unlist(no)
	}
	return refOf(int(no), off)
}

// release frees the slot of ref.
func (a *arena) release(ref uint32) {
	no, off := split(ref)
	s := &a.slabs[no]
	if s.class == classOwn {
		a.releaseOwn(int32(no))
		return
	}
	size := classSize(int(s.class))
	if a.poison {
		poison(s.mem[off : off+size])
	}
	s.mem[off] = 0
	binary.LittleEndian.PutUint32(s.mem[off+4:], uint32(s.free))
	s.free = int32(off)
	s.used--
	a.freed++
	st := &a.class[s.class]
	st.used--
	a.used -= int64(size)
	switch {
	case s.used == 0 && (s.draining || st.kept != 0):
		a.dropSlab(int32(no))
	case s.used == 0:
		// A key that comes and goes should not cost a call of the system each
		// time. Step drops it, if it is still empty then.
		st.kept = int32(no)
		a.list(int32(no))
	case !s.draining:
		a.list(int32(no))
	}
}

// poison makes stale slices show in tests.
func poison(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}

// addSlab gives a class one more slab with room.
func (a *arena) addSlab(class int) {
	if len(a.spare) == 0 {
		chunk := a.mapOwn(chunkSlabs * slabBytes)
		a.chunks = append(a.chunks, chunk)
		for i := range chunkSlabs {
			no := a.newNumber()
			a.slabs[no].mem = chunk[i*slabBytes : (i+1)*slabBytes : (i+1)*slabBytes]
			a.spare = append(a.spare, no)
		}
		// The first ones first: memory next to each other.
		for i, j := len(a.spare)-chunkSlabs, len(a.spare)-1; i < j; i, j = i+1, j-1 {
			a.spare[i], a.spare[j] = a.spare[j], a.spare[i]
		}
	}
	no := a.spare[len(a.spare)-1]
	a.spare = a.spare[:len(a.spare)-1]
	a.slabs[no] = slab{mem: a.slabs[no].mem, class: int32(class), free: -1}
	a.list(no)
}

func (a *arena) newNumber() int32 {
	if n := len(a.dead); n > 0 {
		no := a.dead[n-1]
		a.dead = a.dead[:n-1]
		return no
	}
	if len(a.slabs) == maxSlabs {
		panic("dict: more data than one dictionary can address")
	}
	a.slabs = append(a.slabs, slab{})
	return int32(len(a.slabs) - 1)
}

// dropSlab gives an empty slab's memory back; its place is kept for any class.
func (a *arena) dropSlab(no int32) {
	s := &a.slabs[no]
	if s.listed {
		a.unlist(no)
	}
	st := &a.class[s.class]
	st.touched -= int64(int(s.bump) / s.slotSize())
	if st.kept == no {
		st.kept = 0
	}
	dropMemory(s.mem)
	a.slabs[no] = slab{mem: s.mem}
	a.spare = append(a.spare, no)
}

// list puts a slab first among those with room, unless it is there.
func (a *arena) list(no int32) {
	s := &a.slabs[no]
	if s.listed {
		return
	}
	st := &a.class[s.class]
	s.listed, s.prev, s.next = true, 0, st.room
	if st.room != 0 {
		a.slabs[st.room].prev = no
	}
	st.room = no
}

func (a *arena) unlist(no int32) {
	s := &a.slabs[no]
	if s.prev != 0 {
		a.slabs[s.prev].next = s.next
	} else {
		a.class[s.class].room = s.next
	}
	if s.next != 0 {
		a.slabs[s.next].prev = s.prev
	}
	s.listed, s.prev, s.next = false, 0, 0
}

// mapOwn and unmapOwn are mapMemory and unmapMemory, counted.
func (a *arena) mapOwn(n int) []byte {
	a.mapped += int64(n)
	return mapMemory(n)
}

func (a *arena) unmapOwn(b []byte) {
	a.mapped -= int64(len(b))
	unmapMemory(b)
}

// mapTable takes memory for the buckets of an index, unmapTable gives it back.
func (a *arena) mapTable(n int) []byte {
	b := a.mapOwn(n)
	a.tables = append(a.tables, b)
	return b
}

func (a *arena) unmapTable(b []byte) {
	for i := range a.tables {
		if &a.tables[i][0] == &b[0] {
			a.tables = append(a.tables[:i], a.tables[i+1:]...)
			a.unmapOwn(b)
			return
		}
	}
	panic("dict: a table that was not mapped")
}

// A region is memory of a doomed arena, of which the first kept bytes may be in use.
type region struct {
	mem  []byte
	kept int
	span bool // of the pool
}

// part has what is pinned leave. Nobody else uses the rest then, and the caller needs no lock for it.
func (a *arena) part() {
	for i := 0; i < len(a.slabs) && a.pins > 0; i++ {
		if s := &a.slabs[i]; s.pin != nil {
			s.pin.leave()
			*s = slab{}
		}
	}
}

// doom makes all memory leave but what is pinned: giveBack does it. Nothing of the arena may be used.
func (a *arena) doom() {
	a.part()
	for i := range a.slabs {
		if s := &a.slabs[i]; s.class == classOwn {
			span := s.span()
			a.leaving = append(a.leaving, region{span, len(span), true})
		}
	}
	for _, list := range [][][]byte{a.chunks, a.tables} {
		for _, b := range list {
			a.leaving = append(a.leaving, region{b, len(b), false})
		}
	}
	*a = arena{slabs: make([]slab, 1), spans: a.spans, poison: a.poison, leaving: a.leaving, mapped: a.mapped}
}

// giveBack gives up to about n bytes of what is leaving to the system, and reports
// whether there are more. Addresses are given back without any pages: while the system frees pages in
// munmap, nobody gets memory from it.
func (a *arena) giveBack(n int) (more bool) {
	for n > 0 && len(a.leaving) > 0 {
		r := &a.leaving[len(a.leaving)-1]
		piece := min(r.kept, n)
		dropMemory(r.mem[r.kept-piece : r.kept])
		r.kept -= piece
		if r.kept > 0 {
			return true
		}
		n -= piece
		if r.span {
			a.mapped -= int64(len(r.mem))
			a.spans.Drop(r.mem)
		} else {
			a.unmapOwn(r.mem)
		}
		a.leaving = a.leaving[:len(a.leaving)-1]
	}
	return len(a.leaving) > 0
}

// freeAll gives everything back to the system at once.
func (a *arena) freeAll() {
	a.doom()
	a.giveBack(math.MaxInt)
	if a.mapped != 0 {
		panic("dict: memory was lost")
	}
	*a = arena{slabs: make([]slab, 1), spans: a.spans, poison: a.poison}
}
