package dict

import (
	"fmt"
	"hash/maphash"
	"testing"
)

// TestFetchChangesNothing: in an empty table, in one that moves, and for keys
// that are not there.
func TestFetchChangesNothing(t *testing.T) {
	seed := maphash.MakeSeed()
	d := New(Options{Seed: seed})
	fetch := func(key []byte) {
		d.FetchBucket(Hash(seed, key))
		d.FetchEntry(Hash(seed, key))
	}
	for i := range 5000 {
		key := fmt.Appendf(nil, "key%d", i)
		fetch(key)
		if d.Len() != i || d.Find(key) != 0 {
			t.Fatalf("%d entries instead of %d after fetching %q", d.Len(), i, key)
		}
		d.Put(key, Value{Kind: Int, Int: int64(i)}, 0)
		fetch(key)
		if r := d.Find(key); r == 0 || d.Value(r).Int != int64(i) {
			t.Fatalf("%q is lost", key)
		}
	}
}
