package dict

import (
	"hash/maphash"

	"regent/engine/prefetch"
)

// Fetching ahead. A lookup waits for memory twice, each time as long as all its
// instructions take: for the bucket, and, because only the bucket says where it
// is, for the entry. Who knows several keys beforehand has the waits run side by
// side: FetchBucket for all of them, then FetchEntry for all of them, then the
// lookups. Neither changes anything or waits.

// Hash is what FetchBucket and FetchEntry want of a key, the same in all
// dictionaries of a seed.
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
	if d.main.n == 0 {
		return
	}
	b := d.main.home(h)
	hits := b.tagged(uint64(tagOf(h)) * laneOnes)
	if hits == 0 {
		return
	}
	r := b.ref(slotOf(hits))
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
