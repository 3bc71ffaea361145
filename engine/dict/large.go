package dict

import "math/bits"

// Entries above maxSlot have memory of their own. Those up to maxExtent are
// many, so their memory is not unmapped one by one: each hole would be a mapping
// for the kernel to keep, and it keeps 65,530. It is emptied, and its addresses
// wait for the next entry of the size. Addresses cost nothing.
//
//	chunk of 4 MiB
//	+-----------+-----------------+-------+--
//	| 36 KiB    | 144 KiB         | 36 KiB| ... sizes go by eighths, whole pages
//	+-----------+-----------------+-------+--
const (
	// pageBytes is what large entries are rounded up to at least.
	pageBytes = 4096
	// maxExtent is the largest entry in a chunk, in bytes.
	maxExtent = 1 << 20
	// extentClasses are eighths of the five doublings from maxSlot to maxExtent.
	extentClasses = 8 * 5
)

// extents are the addresses for entries of middling size.
type extents struct {
	free [extentClasses][][]byte
	rest []byte // of the last chunk
}

// ownSize is how much memory an entry of n bytes gets, n above maxSlot.
func ownSize(n int) int {
	granule := pageBytes
	if n <= maxExtent {
		granule = 1 << (bits.Len(uint(n-1)) - 4)
	}
	return (n + granule - 1) &^ (granule - 1)
}

// extentClass is the class of a size that ownSize has returned, -1: too large.
func extentClass(size int) int {
	if size > maxExtent {
		return -1
	}
	doubling := bits.Len(uint(size - 1)) // 16 for 32 to 64 KiB
	return (doubling-16)*8 + (size-1)>>(doubling-4) - 8
}

// takeOwn is memory for an entry of n bytes, n above maxSlot.
func (a *arena) takeOwn(n int) []byte {
	size := ownSize(n)
	class := extentClass(size)
	if class < 0 {
		return a.mapOwn(size)
	}
	x := &a.extents
	if list := x.free[class]; len(list) > 0 {
		mem := list[len(list)-1]
		x.free[class] = list[:len(list)-1]
		return mem
	}
	if len(x.rest) < size {
		x.rest = a.mapOwn(chunkSlabs * slabBytes) // what is left of the last chunk was never touched
		a.chunks = append(a.chunks, x.rest)
	}
	mem := x.rest[:size:size]
	x.rest = x.rest[size:]
	return mem
}

// giveOwn gives the memory of a large entry back to the system.
func (a *arena) giveOwn(mem []byte) {
	class := extentClass(len(mem))
	if class < 0 {
		a.unmapOwn(mem)
		return
	}
	if a.poison {
		poison(mem)
	} else {
		dropMemory(mem)
	}
	a.extents.free[class] = append(a.extents.free[class], mem)
}

// allocOwn makes a slab for one large entry.
func (a *arena) allocOwn(n int) uint32 {
	no := a.newNumber()
	mem := a.takeOwn(n)
	a.slabs[no] = slab{mem: mem, class: classOwn, used: 1}
	a.used += int64(len(mem))
	return refOf(int(no), 0)
}

// releaseOwn frees a large entry. Its memory stays while it is pinned.
func (a *arena) releaseOwn(no int32) {
	s := &a.slabs[no]
	a.used -= int64(len(s.mem))
	if s.pin != nil {
		s.pin.orphan = true
	} else {
		a.giveOwn(s.mem)
	}
	*s = slab{}
	a.dead = append(a.dead, no)
}
