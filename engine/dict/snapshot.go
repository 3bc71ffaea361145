package dict

import (
	"runtime"

	"regent/engine/large"
)

// Snapshots by stamps, see doc.go.

// maxCancelled is how many snapshots in a row may be given up before stamps are
// made equal again: numbers are bytes, and must not meet an old one.
const maxCancelled = 200

// A snapshot is one that is under way, or what the last one has left.
type snapshot struct {
	number    byte
	preserve  func(Ref) // nil: none is under way
	cancelled int       // in a row
	restamp   uint64    // where Step makes stamps equal after one was given up
}

// BeginSnapshot begins a snapshot of what the Dict holds now. preserve is called
// for each entry that is about to be changed or deleted before SnapshotStep has
// shown it; it may not change the Dict. This takes no time, but for a walk over
// all entries after maxCancelled snapshots that were given up, with no Step in
// between to make the stamps equal.
func (d *Dict) BeginSnapshot(preserve func(Ref)) {
	if d.snap.preserve != nil {
		panic("dict: a snapshot within a snapshot")
	}
	if d.snap.cancelled >= maxCancelled {
		for d.restampStep(1 << 20) {
			continue
		}
	}
	d.snap.number++
	d.snap.preserve = preserve
}

// Snapshotting reports whether a snapshot is under way.
func (d *Dict) Snapshotting() bool { return d.snap.preserve != nil }

// SnapshotStep shows what up to that many buckets hold from cursor on, each
// entry once over all calls, and returns the next cursor; 0: the walk is over.
// emit may not change the Dict.
func (d *Dict) SnapshotStep(cursor uint64, buckets int, emit func(Ref)) (next uint64) {
	for ; buckets > 0; buckets-- {
		cursor = d.main.scan(cursor, func(r uint32) {
			if e := d.at(r); e.stamp() != d.snap.number {
				e.setStamp(d.snap.number)
				emit(Ref(r))
			}
		})
		if cursor == 0 {
			return 0
		}
	}
	return cursor
}

// EndSnapshot ends it; complete says that the walk has come to its end.
func (d *Dict) EndSnapshot(complete bool) {
	d.snap.preserve, d.snap.restamp = nil, 0
	if complete {
		d.snap.cancelled = 0
		return
	}
	d.snap.cancelled++
}

// restampStep gives entries the last snapshot's stamp after it was given up,
// up to that many buckets of them, and reports whether there are more.
func (d *Dict) restampStep(buckets int) bool {
	if d.snap.cancelled == 0 || d.snap.preserve != nil {
		return false
	}
	for ; buckets > 0; buckets-- {
		d.snap.restamp = d.main.scan(d.snap.restamp, func(r uint32) { d.at(r).setStamp(d.snap.number) })
		if d.snap.restamp == 0 {
			d.snap.cancelled = 0
			return false
		}
	}
	return true
}

// Touching says that the Object at r is about to change in place.
func (d *Dict) Touching(r Ref) { d.touch(uint32(r)) }

// touch shows an entry to the snapshot before it changes.
func (d *Dict) touch(r uint32) {
	if d.snap.preserve == nil {
		return
	}
	if e := d.at(r); e.stamp() != d.snap.number {
		e.setStamp(d.snap.number)
		d.snap.preserve(Ref(r))
	}
}

// A Pin keeps the bytes of one large value as they are, so that they can be
// read without the lock. The entry may be changed or deleted meanwhile: it gets
// other memory then.
type Pin struct {
	// d is not looked at: as long as it can be reached, its memory is not
	// given back behind the reader's back, also when its owner has forgotten it.
	d    *Dict
	a    *arena // nil: the entry has left, and the last Unpin frees the memory
	slab int32
	mem  []byte
	held int // how often it was taken
	// spans and poison are the arena's, which may be another's business when the entry has left.
	spans  *large.Pool
	poison bool
}

// Pin pins the value of r if it is large, and returns nil if it is not: then
// copying it is cheaper. The value's bytes, as Value returns them, stay what they
// are until Unpin. Whoever changes a value that Resize returned before must call
// Resize again.
func (d *Dict) Pin(r Ref) *Pin {
	no, _ := split(uint32(r))
	s := &d.mem.slabs[no]
	if s.class != classOwn {
		return nil
	}
	if s.pin == nil {
		s.pin = &Pin{d: d, a: d.mem, slab: int32(no), mem: s.span(), spans: d.mem.spans, poison: d.mem.poison}
		d.mem.pins++
	}
	s.pin.held++
	return s.pin
}

// Unpin ends what Pin began, also for an entry or a Dict that has been cleared.
// Like every call it wants the lock.
func (p *Pin) Unpin() {
	if p.held--; p.held > 0 {
		return
	}
	if p.held < 0 {
		panic("dict: a pin was taken out twice")
	}
	defer runtime.KeepAlive(p.d)
	if p.a != nil {
		p.a.pins--
		p.a.slabs[p.slab].pin = nil
		return
	}
	if p.poison {
		poison(p.mem)
	}
	p.spans.Put(p.mem)
}

// leave has a pin keep its memory by itself, since the entry leaves: the arena knows of it no more.
func (p *Pin) leave() {
	p.a.mapped -= int64(len(p.mem))
	p.a.pins--
	p.a = nil
}

// pinned reports whether the bytes of r must not be changed where they are.
func (d *Dict) pinned(r uint32) bool {
	no, _ := split(r)
	return d.mem.slabs[no].pin != nil
}
