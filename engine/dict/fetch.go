package dict

import (
	"encoding/binary"
	"hash/maphash"

	"regent/engine/prefetch"
)

// Fetching ahead. A lookup waits for memory twice, each time as long as all its
// instructions take: for the bucket, and, because only the bucket says where it
// is, for the entry. Who knows several keys beforehand has the waits run side by
// side: FetchBucket for all of them, then FetchEntry for all of them, then the
// lookups. Of an Object the handle comes after that (FetchHandle), and then what it stands for
// (Held). None changes anything or waits.

// Hash is what they want of a key, the same in all dictionaries of a seed.
func Hash(seed maphash.Seed, key []byte) uint64 { return maphash.Bytes(seed, key) }

// FetchBucket begins to fetch the bucket of the keys with hash h.
func (d *Dict) FetchBucket(h uint64) {
	if d.main.n > 0 {
		prefetch.Line(&d.main.home(h)[0])
	}
}

// FetchEntry begins to fetch the entry of a key with hash h, or one that has the
// same tag; of a long one its beginning. Chains are not followed: few keys stand
// in one.
func (d *Dict) FetchEntry(h uint64) {
	r := d.likely(h)
	if r == 0 {
		return
	}
	const line = 64
	e := d.at(r)
	prefetch.Line(&e[0])
	if len(e) > line {
		prefetch.Line(&e[line])
	}
}

// likely is the entry of a key with hash h, or one that has the same tag; 0: there is none.
func (d *Dict) likely(h uint64) uint32 {
	if d.main.n == 0 {
		return 0
	}
	b := d.main.home(h)
	if hits := b.tagged(uint64(tagOf(h)) * laneOnes); hits != 0 {
		return b.ref(slotOf(hits))
	}
	return 0
}

// FetchHandle begins to fetch the handle in the entry that FetchEntry has fetched, and says which it
// is; false: there is none.
func (d *Dict) FetchHandle(h uint64) (handle uint32, ok bool) {
	r := d.likely(h)
	if r == 0 || d.at(r).kind() != Object {
		return 0, false
	}
	handle = binary.LittleEndian.Uint32(d.at(r).value())
	obj, _ := d.objs.at(handle)
	prefetch.Line(obj)
	return handle, true
}

// Held is the Obj that has a handle, which may have gone over to another one, or to none, since
// FetchHandle said it.
func (d *Dict) Held(handle uint32) any {
	if handle >= d.objs.n {
		return nil
	}
	obj, _ := d.objs.at(handle)
	return *obj
}
