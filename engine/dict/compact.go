package dict

import "hash/maphash"

// Compaction: the slab that holds least of a size with many free slots is
// emptied into the others of that size, or into a new one which it fills from
// its beginning, a few entries at a time, and given back. Slots that were never
// used do not count as free: they are no memory. So this works for one slab as
// for a thousand, which matters where entries are of a hundred sizes.

const (
	// compactShare is the part of a size's slots that may be free: 1/4.
	compactShare = 4
	// restShare takes its place while nothing is stored: a load has left slots of
	// every size that its values have passed on their way.
	restShare = 32
	// compactLeast is how many bytes of free slots are worth the trouble, restLeast
	// while nothing is stored.
	compactLeast = 16 << 10
	restLeast    = 8 << 10
)

// A compaction is the slab that is being emptied.
type compaction struct {
	victim int32  // 0: none
	off    int32  // the next slot to look at
	class  int    // where to look for the next victim
	taken  uint64 // the arena's, at the end of the last step
	freed  uint64 // the same
	done   bool   // nothing was found while nothing was stored: what is given back may change that
}

// compactStep moves up to n entries and reports whether it is in the middle
// of something.
func (d *Dict) compactStep(n int) bool {
	c := &d.compact
	rest, still := c.taken == d.mem.taken, c.freed == d.mem.freed
	defer func() { c.taken, c.freed = d.mem.taken, d.mem.freed }()
	if c.victim == 0 {
		if rest && still && c.done {
			return false
		}
		c.done = false
		if !d.chooseVictim(rest) {
			c.done = rest
			return false
		}
	}
	// Deletions may empty the victim as well: then it was dropped, and may be
	// anything by now.
	for ; n > 0; n-- {
		v := &d.mem.slabs[c.victim] // the slabs may have moved
		if !v.draining || c.off >= v.bump {
			c.victim, c.off = 0, 0
			break
		}
		off := c.off
		c.off += int32(v.slotSize())
		if v.mem[off] != 0 {
			d.moveEntry(refOf(int(c.victim), int(off)))
		}
	}
	return true
}

// chooseVictim finds a size with too many free slots, and its emptiest slab. rest says
// that nothing was stored since the last step.
func (d *Dict) chooseVictim(rest bool) bool {
	c := &d.compact
	least, share := int64(compactLeast), int64(compactShare)
	if rest {
		least, share = restLeast, restShare
	}
	for range classes {
		c.class = (c.class + 1) % classes
		st := &d.mem.class[c.class]
		if st.kept != 0 {
			d.mem.dropSlab(st.kept)
		}
		free := st.touched - st.used
		if free*int64(classSize(c.class)) < least || free*share < st.touched {
			continue
		}
		victim := d.emptiest(c.class)
		if victim == 0 {
			continue
		}
		c.victim, c.off = victim, 0
		v := &d.mem.slabs[victim]
		v.draining = true
		d.mem.unlist(victim)
		return true
	}
	return false
}

// emptiest is the slab with room that holds least.
func (d *Dict) emptiest(class int) (victim int32) {
	for no := d.mem.class[class].room; no != 0; no = d.mem.slabs[no].next {
		if victim == 0 || d.mem.slabs[no].used < d.mem.slabs[victim].used {
			victim = no
		}
	}
	return victim
}

// moveEntry gives an entry another slot of the same size.
func (d *Dict) moveEntry(r uint32) {
	from := d.mem.slot(r)
	to := d.mem.allocClass(classOf(len(from)))
	copy(d.mem.slot(to), d.mem.slot(r))
	e := d.at(to)
	h := maphash.Bytes(d.seed, e.key())
	d.main.replace(h, r, to)
	if e.expires() {
		d.expires.replace(h, r, to)
	}
	d.mem.release(r)
}
