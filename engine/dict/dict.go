package dict

import (
	"encoding/binary"
	"hash/maphash"
	"runtime"

	"regent/engine/large"
)

// A Kind says how an entry's value is held.
type Kind uint8

const (
	// Int is a string that reads as a 64-bit integer (OBJECT ENCODING "int").
	Int Kind = iota + 1
	// Embstr is a short string written in one piece ("embstr").
	Embstr
	// Raw is a long string, or one that was modified in place ("raw").
	Raw
	// Object is any other type, held by the table's owner.
	Object
	// Packed is a small value of any other type as bytes, whose form the owner
	// knows: see PackedKind.
	Packed
)

// Forms is how many forms of Packed there can be.
const Forms = 8

// PackedKind is Packed with its form, which is below Forms.
func PackedKind(form uint8) Kind { return Packed | Kind(form)<<formShift }

// IsString reports whether it is one of the kinds of strings.
func (k Kind) IsString() bool { return k <= Raw }

// IsPacked reports whether it is a Packed of any form.
func (k Kind) IsPacked() bool { return k&(1<<3-1) == Packed }

// Form is a Packed's form.
func (k Kind) Form() uint8 { return uint8(k >> formShift) }

// A Value is what goes into and comes out of an entry.
type Value struct {
	Kind  Kind
	Int   int64  // Kind Int
	Bytes []byte // Kind Embstr, Raw and Packed; copied in, valid under the lock on the way out
	Obj   any    // Kind Object
	// Weight is the bytes that Obj takes, as its owner counts them; see Weigh.
	Weight int64
}

// A Ref names an entry. It is valid until the next call that changes the
// Dict, Find and Scan excepted. The zero Ref names none.
type Ref uint64

// Options for New.
type Options struct {
	Seed maphash.Seed // all dictionaries of a server may share one
	// Poison overwrites freed entries: for tests, to find stale slices.
	Poison bool
	// Spans has the memory of large entries; nil: the dictionary has a pool of its own.
	Spans *large.Pool
}

// A Dict is a dictionary. Its owner holds a lock around every call.
type Dict struct {
	seed    maphash.Seed
	mem     *arena
	main    index // every entry
	expires index // those that expire
	objs    handles
	walk    uint64 // Expired's place in the expiry index
	compact compaction
	snap    snapshot
}

// New returns an empty dictionary. It takes memory with its first entry; what
// it holds is given back by Clear, or when it is forgotten.
func New(o Options) *Dict {
	if o.Spans == nil {
		o.Spans = &large.Pool{}
	}
	d := &Dict{seed: o.Seed, mem: newArena(o.Spans, o.Poison)}
	hash := func(r uint32) uint64 { return maphash.Bytes(d.seed, d.at(r).key()) }
	d.main = index{a: d.mem, hash: hash}
	d.expires = index{a: d.mem, hash: hash}
	d.snap.number = 1
	runtime.AddCleanup(d, (*arena).freeAll, d.mem)
	return d
}

func (d *Dict) at(r uint32) entry    { return entry(d.mem.at(r)) }
func (d *Dict) entry(r Ref) entry    { return entry(d.mem.at(uint32(r))) }
func (d *Dict) hash(k []byte) uint64 { return maphash.Bytes(d.seed, k) }

// Len is the number of entries.
func (d *Dict) Len() int { return d.main.n }

// Expires is the number of entries that expire.
func (d *Dict) Expires() int { return d.expires.n }

// Find returns the entry of key, 0 when there is none.
func (d *Dict) Find(key []byte) Ref { return Ref(d.find(d.hash(key), key)) }

func (d *Dict) find(h uint64, key []byte) uint32 {
	x := &d.main
	if x.n == 0 {
		return 0
	}
	tags := uint64(tagOf(h)) * laneOnes
	for b := x.home(h); b != nil; b = x.next(b) {
		for hits := b.tagged(tags); hits != 0; hits &= hits - 1 {
			if r := b.ref(slotOf(hits)); r != 0 && string(d.at(r).key()) == string(key) {
				return r
			}
		}
	}
	return 0
}

// Key is the entry's key, the dictionary's own bytes.
func (d *Dict) Key(r Ref) []byte { return d.entry(r).key() }

// Value is the entry's value; its Bytes are the dictionary's own.
func (d *Dict) Value(r Ref) Value {
	e := d.entry(r)
	v := Value{Kind: e.kind()}
	switch b := e.value(); v.Kind {
	case Int:
		v.Int = int64(binary.LittleEndian.Uint64(b))
	case Object:
		v.Obj, v.Weight = d.objs.get(binary.LittleEndian.Uint32(b))
	default:
		v.Bytes = b
	}
	return v
}

// Kind is the kind of the entry's value.
func (d *Dict) Kind(r Ref) Kind { return d.entry(r).kind() }

// Obj is the Obj of the value at r, whose kind is Object.
func (d *Dict) Obj(r Ref) any {
	obj, _ := d.objs.at(binary.LittleEndian.Uint32(d.entry(r).value()))
	return *obj
}

// Int is the number at r, whose kind is Int.
func (d *Dict) Int(r Ref) int64 { return int64(binary.LittleEndian.Uint64(d.entry(r).value())) }

// Text are the Bytes of the value at r, which has some.
func (d *Dict) Text(r Ref) []byte { return d.entry(r).value() }

// ExpireAt is when the entry expires, in the owner's unit; 0: never.
func (d *Dict) ExpireAt(r Ref) int64 { return d.entry(r).expireAt() }

// Access is the 24 bits that SetAccess left: when or how often the entry was
// used, as its owner counts.
func (d *Dict) Access(r Ref) uint32 { return d.entry(r).access() }

// SetAccess stores the lower 24 bits of a. It is no change of the Dict.
func (d *Dict) SetAccess(r Ref, a uint32) { d.entry(r).setAccess(a) }

// Put stores v at key, new or over what is there, to expire at expireAt (0:
// never). An entry that is written over keeps its access bits.
func (d *Dict) Put(key []byte, v Value, expireAt int64) Ref {
	return d.put(d.hash(key), key, &v, expireAt)
}

// PutFrom is Put; v is only read, and not kept.
func (d *Dict) PutFrom(key []byte, v *Value, expireAt int64) Ref {
	return d.put(d.hash(key), key, v, expireAt)
}

// PutHashed is Put for a caller that has the key's Hash already.
func (d *Dict) PutHashed(h uint64, key []byte, v Value, expireAt int64) Ref {
	return d.put(h, key, &v, expireAt)
}

func (d *Dict) put(h uint64, key []byte, v *Value, expireAt int64) Ref {
	want := shape{len(key), v.valueLen(), expireAt != 0}
	if want.key > MaxLen || want.value > MaxLen {
		panic("dict: a key or value of 4 GiB")
	}
	d.stepIndexes()
	r := d.find(h, key)
	if r == 0 {
		return Ref(d.add(h, key, v, want, expireAt))
	}
	d.touch(r)
	if d.alike(r, want, v.Kind) {
		d.fill(r, v, expireAt)
		return Ref(r)
	}
	if e := d.at(r); e.kind() == Object {
		d.objs.drop(binary.LittleEndian.Uint32(e.value()))
	}
	r = d.reshape(h, r, want, v.Kind, 0)
	d.fill(r, v, expireAt)
	return Ref(r)
}

func (d *Dict) add(h uint64, key []byte, v *Value, want shape, expireAt int64) uint32 {
	r := d.mem.alloc(want.size())
	e := d.at(r)
	e.begin(want, v.Kind, d.snap.number, 0)
	copy(e.key(), key)
	d.fill(r, v, expireAt)
	d.main.insert(h, r)
	if expireAt != 0 {
		d.expires.insert(h, r)
	}
	return r
}

// SetInt changes the number at r, whose kind is Int. Nothing moves.
func (d *Dict) SetInt(r Ref, n int64) {
	d.touch(uint32(r))
	binary.LittleEndian.PutUint64(d.entry(r).value(), uint64(n))
}

// Weigh says what the Object at r takes in bytes after a change in place. It is
// no change of the Dict: r stays valid.
func (d *Dict) Weigh(r Ref, weight int64) {
	d.objs.weigh(binary.LittleEndian.Uint32(d.entry(r).value()), weight)
}

// alike reports whether r has the kind and the shape wanted already, and the
// slot that goes with them: most values are written over by their like. An
// Object is not, and what is wide or large goes the long way.
func (d *Dict) alike(r uint32, want shape, k Kind) bool {
	e := d.at(r)
	head := byte(k)
	if want.expires {
		head |= flagExpire
	}
	if e[0] != head || k == Object || want.value > maxValueLen || int(binary.LittleEndian.Uint16(e[6:])) != want.value {
		return false
	}
	size := want.size()
	return size <= maxSlot && int(d.mem.slabs[r>>refBits].class) == classOf(size)
}

// fill writes value and expiry into an entry of the right shape.
func (d *Dict) fill(r uint32, v *Value, expireAt int64) {
	e := d.at(r)
	switch b := e.value(); v.Kind {
	case Int:
		binary.LittleEndian.PutUint64(b, uint64(v.Int))
	case Object:
		binary.LittleEndian.PutUint32(b, d.objs.put(v.Obj, v.Weight))
	default:
		large.Copy(b, v.Bytes)
	}
	if expireAt != 0 {
		e.setExpireAt(expireAt)
	}
}

// reshape gives r, which has hash h, the shape and kind wanted, in its slot or
// another one, and keeps the expiry index in step. Key, stamp and access bits
// stay, and the first keep bytes of the value, which must fit; the expiry does
// not.
func (d *Dict) reshape(h uint64, r uint32, want shape, k Kind, keep int) uint32 {
	e := d.at(r)
	had := e.expires()
	to := r
	key, _, from := e.lens()
	kept := e[from : from+key+keep]
	if size := want.size(); !d.fits(r, size) || e.wide() != want.wide() || d.pinned(r) {
		to = d.mem.alloc(size)
		old := e
		e = d.at(to)
		e.begin(want, k, old.stamp(), old.access())
	} else {
		e.begin(want, k, e.stamp(), e.access())
	}
	switch _, _, at := e.lens(); {
	case to != r:
		large.Copy(e[at:], kept)
	case at != from:
		copy(e[at:], kept) // they overlap
	}
	if to != r {
		d.main.replace(h, r, to)
	}
	d.keepExpiry(h, r, to, had, want.expires)
	if to != r {
		d.mem.release(r)
	}
	return to
}

// fits reports whether size bytes belong into r's slot: no more than it has,
// and not so few that a smaller one would do.
func (d *Dict) fits(r uint32, size int) bool {
	have := len(d.mem.slot(r))
	if size > maxSlot {
		return size <= have && size > have/2
	}
	return have <= maxSlot && classSize(classOf(size)) == have
}

// SetExpire sets when the entry expires, 0: never, and returns its place.
func (d *Dict) SetExpire(r Ref, at int64) Ref {
	from := uint32(r)
	d.stepIndexes()
	d.touch(from)
	e := d.at(from)
	key, value, _ := e.lens()
	if e.expires() != (at != 0) {
		from = d.reshape(d.hash(e.key()), from, shape{key, value, at != 0}, e.kind(), value)
	}
	if at != 0 {
		d.at(from).setExpireAt(at)
	}
	return Ref(from)
}

// Delete removes key and reports whether it was there.
func (d *Dict) Delete(key []byte) bool {
	h := d.hash(key)
	d.stepIndexes()
	r := d.find(h, key)
	if r == 0 {
		return false
	}
	d.remove(h, r)
	return true
}

// DeleteAt removes the entry at r.
func (d *Dict) DeleteAt(r Ref) {
	h := d.hash(d.Key(r))
	d.stepIndexes()
	d.remove(h, uint32(r))
}

// remove takes out the entry r, whose key has hash h.
func (d *Dict) remove(h uint64, r uint32) {
	d.touch(r)
	e := d.at(r)
	if e.kind() == Object {
		d.objs.drop(binary.LittleEndian.Uint32(e.value()))
	}
	if e.expires() {
		d.expires.remove(h, r)
	}
	d.main.remove(h, r)
	d.mem.release(r)
}

// Scan calls fn for the entries at cursor and returns the next cursor, 0 at
// the end. See doc.go for what a whole walk guarantees. fn may not change the
// Dict.
func (d *Dict) Scan(cursor uint64, fn func(Ref)) uint64 {
	return d.main.scan(cursor, func(r uint32) { fn(Ref(r)) })
}

// Random returns an entry, each as likely as another; 0: there is none.
func (d *Dict) Random(rnd func() uint64) Ref { return Ref(d.main.random(rnd)) }

// RandomExpiring is Random among the entries that expire.
func (d *Dict) RandomExpiring(rnd func() uint64) Ref { return Ref(d.expires.random(rnd)) }

// Limits of one call of Expired.
const (
	// lookPerKey is how many entries it looks at for each that it may report.
	lookPerKey = 16
	// lookPlaces is how many buckets, most of which may be empty, it looks
	// into for each.
	lookPlaces = 64
)

// Expired calls fn for at most limit entries whose time is at or before now,
// and returns how many. It goes round the entries that expire, from where the
// last call has ended, and looks at limit·lookPerKey of them at least while
// none, and at all of them while a tenth, have expired. fn may not change the
// Dict.
func (d *Dict) Expired(now int64, limit int, fn func(Ref)) int {
	found, looked := 0, 0
	for places := limit * lookPlaces; places > 0 && found < limit && looked < d.expires.n; places-- {
		if looked >= limit*lookPerKey && found*10 < looked {
			break
		}
		next := d.expires.scan(d.walk, func(r uint32) {
			looked++
			if found < limit && d.at(r).expireAt() <= now {
				found++
				fn(Ref(r))
			}
		})
		if found == limit {
			break // there may be more at this very place
		}
		d.walk = next
	}
	return found
}

// Clear removes everything and gives the memory back at once, but for values
// that are pinned. A snapshot under way loses what it has not seen: Clear a Dict
// after its snapshot.
func (d *Dict) Clear() {
	d.mem.freeAll()
	d.main = index{a: d.mem, hash: d.main.hash}
	d.expires = index{a: d.mem, hash: d.main.hash}
	d.objs = handles{}
	d.walk, d.compact = 0, compaction{}
}

// Part ends what others have to do with the memory of a Dict that is not used any more: what is
// pinned is its readers' from now on. Behind it Release wants no lock.
func (d *Dict) Part() { d.mem.part() }

// Release is Clear in steps of about n bytes, a multiple of the system's pages, for a Dict
// that is not used any more, after Part and its snapshot: giving back a
// gigabyte at once holds up whoever needs a page meanwhile. It reports whether there is
// more to do.
func (d *Dict) Release(n int) (more bool) {
	if len(d.mem.leaving) == 0 {
		d.mem.doom()
		d.main, d.expires, d.objs = index{a: d.mem, hash: d.main.hash}, index{a: d.mem, hash: d.main.hash}, handles{}
		d.walk, d.compact = 0, compaction{}
	}
	return d.mem.giveBack(n)
}

// Bytes is the memory of the entries, their Objects as far as they were weighed,
// and the tables in use, without slots that are free and pages that were never
// touched. What the first entry makes necessary, two tables of a page and a list of
// slabs, is not counted: a Dict of few entries counts them alone, so that a limit on the
// bytes of many small Dicts is one on what they hold.
func (d *Dict) Bytes() int64 {
	slabs := max(cap(d.mem.slabs)-firstSlabs, 0)
	return d.mem.used + d.main.bytes() + d.expires.bytes() + int64(slabs)*slabOverhead + d.objs.bytes
}

// firstSlabs is how many slabs the list of the first chunk has room for.
const firstSlabs = 2 * (chunkSlabs + 1)

// slabOverhead is what a slab costs beside its memory, in bytes.
const slabOverhead = 56

// refShare is what an entry's place in an index costs on average, in bytes.
const refShare = 10

// EntryBytes is the memory that one entry takes, its places in the indexes and
// its Object included.
func (d *Dict) EntryBytes(r Ref) int64 {
	n := int64(len(d.mem.slot(uint32(r)))) + refShare
	e := d.entry(r)
	if e.expires() {
		n += refShare
	}
	if e.kind() == Object {
		n += handleBytes + d.objs.weight(binary.LittleEndian.Uint32(e.value()))
	}
	return n
}

// maxReserved bounds what Reserve makes room for, in entries: tables of 8 GiB of
// addresses.
const maxReserved = 1 << 30

// Reserve makes room in the indexes for that many entries, expires of them with
// an expiry, and keeps it until Reserve(0, 0): what is known to come need not
// move again and again. It costs addresses, not memory.
func (d *Dict) Reserve(entries, expires int) {
	d.main.reserve(min(entries, maxReserved))
	d.expires.reserve(min(expires, maxReserved))
}

// stepIndexes is the part of moving tables that each change does.
func (d *Dict) stepIndexes() {
	if d.main.moving {
		d.main.step(1)
	}
	if d.expires.moving {
		d.expires.step(1)
	}
}

// Step does the Dict's own work, moving up to that many buckets and about as
// many entries, and reports whether there is more.
func (d *Dict) Step(buckets int) bool {
	more := d.main.step(buckets)
	more = d.expires.step(buckets) || more
	more = d.restampStep(buckets) || more
	return d.compactStep(buckets) || more
}

// handlePage is how many handles are made room for at once: a table that
// doubled would copy them all in one step.
const handlePage = 256

// handleBytes is what a handle takes, in bytes.
const handleBytes = 24

// handles are the values of Kind Object: the only pointers of a Dict.
type handles struct {
	pages []*handleBlock
	n     uint32 // handles ever given out
	free  uint32 // one more than the first of those given back, 0: none
	bytes int64  // of the values and of their handles
}

// A handleBlock has room for handlePage values. A word is the weight of a value,
// or goes on with the list of those that are free as handles.free begins it.
type handleBlock struct {
	objs  [handlePage]any
	words [handlePage]int64
}

func (hs *handles) at(h uint32) (*any, *int64) {
	b := hs.pages[h/handlePage]
	return &b.objs[h%handlePage], &b.words[h%handlePage]
}

func (hs *handles) get(h uint32) (v any, weight int64) {
	o, w := hs.at(h)
	return *o, *w
}

func (hs *handles) weight(h uint32) int64 {
	_, w := hs.at(h)
	return *w
}

func (hs *handles) weigh(h uint32, weight int64) {
	_, w := hs.at(h)
	hs.bytes += weight - *w
	*w = weight
}

func (hs *handles) put(v any, weight int64) uint32 {
	h := hs.n
	if hs.free != 0 {
		h = hs.free - 1
	} else {
		if h%handlePage == 0 {
			hs.pages = append(hs.pages, new(handleBlock))
		}
		hs.n++
	}
	o, w := hs.at(h)
	if hs.free != 0 {
		hs.free = uint32(*w)
	}
	*o, *w = v, weight
	hs.bytes += handleBytes + weight
	return h
}

func (hs *handles) drop(h uint32) {
	o, w := hs.at(h)
	hs.bytes -= handleBytes + *w
	*o, *w = nil, int64(hs.free)
	hs.free = h + 1
}
