package dict

import (
	"fmt"
	"hash/maphash"
	"testing"
)

// TestWarmChangesNothing: in an empty table, in one that moves, and for keys
// that are not there.
func TestWarmChangesNothing(t *testing.T) {
	d := New(Options{Seed: maphash.MakeSeed()})
	for i := range 5000 {
		key := fmt.Appendf(nil, "key%d", i)
		d.Warm(key)
		if d.Len() != i || d.Find(key) != 0 {
			t.Fatalf("%d entries instead of %d after warming %q", d.Len(), i, key)
		}
		d.Put(key, Value{Kind: Int, Int: int64(i)}, 0)
		d.Warm(key)
		if r := d.Find(key); r == 0 || d.Value(r).Int != int64(i) {
			t.Fatalf("%q is lost", key)
		}
	}
}
