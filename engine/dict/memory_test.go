package dict

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"regent/engine/large"
)

// resident is an upper bound of the memory that the system keeps for d: pages
// of slabs that were touched, large entries, tables.
func resident(d *Dict) (n int64) {
	for i := range d.mem.slabs {
		s := &d.mem.slabs[i]
		if s.class == classOwn {
			n += int64(len(s.mem))
		} else {
			n += (int64(s.bump) + pageBytes - 1) &^ (pageBytes - 1)
		}
	}
	return n + d.main.bytes() + d.expires.bytes()
}

// settle lets Step come to its end.
func settle(t testing.TB, d *Dict) {
	for range 1_000_000 {
		if !d.Step(128) {
			return
		}
	}
	t.Fatal("Step does not come to an end")
}

// TestGivesBack: deleting nine tenths of the keys at random gives at least half
// of the memory back, whatever their sizes.
func TestGivesBack(t *testing.T) {
	for name, size := range map[string]func(rnd *rand.Rand) int{
		"of one size":           func(*rand.Rand) int { return 64 },
		"of hundreds of sizes":  func(rnd *rand.Rand) int { return rnd.IntN(1000) },
		"from small to large":   func(rnd *rand.Rand) int { return 1 << rnd.IntN(17) },
		"large, and of a size":  func(*rand.Rand) int { return 50_000 },
		"few of each of a size": func(rnd *rand.Rand) int { return rnd.IntN(30_000) },
	} {
		d := New(Options{Seed: maphash.MakeSeed()})
		rnd := rand.New(rand.NewPCG(3, 4))
		keys, total := 0, 0
		for ; total < 8<<20; keys++ {
			b := make([]byte, size(rnd))
			total += len(b) + 50
			d.Put(fmt.Append(nil, keys), Value{Kind: Raw, Bytes: b}, int64(keys%2))
		}
		settle(t, d)
		before := resident(d)
		for i := range keys {
			if rnd.IntN(10) != 0 {
				d.Delete(fmt.Append(nil, i))
			}
		}
		settle(t, d)
		t.Logf("%d keys %s: %d KiB in use, %d KiB held; before %d KiB", keys, name, d.Bytes()>>10, resident(d)>>10, before>>10)
		if resident(d) > before/2 {
			t.Errorf("%s: %d bytes are held of %d", name, resident(d), before)
		}
		left := 0
		for i := range keys {
			if d.Find(fmt.Append(nil, i)) != 0 {
				left++
			}
		}
		if left != d.Len() {
			t.Errorf("%s: %d entries are found, %d are counted", name, left, d.Len())
		}
		d.Clear()
		if d.mem.mapped != 0 || d.Len() != 0 || resident(d) != 0 {
			t.Errorf("%s: %d bytes are mapped after Clear", name, d.mem.mapped)
		}
	}
}

// TestBytesAreTrue: what Bytes says lies within what is mapped, and goes along
// with what is resident.
func TestBytesAreTrue(t *testing.T) {
	d := New(Options{Seed: maphash.MakeSeed()})
	defer d.Clear()
	rnd := rand.New(rand.NewPCG(5, 6))
	for i := range 60_000 {
		d.Put(fmt.Append(nil, rnd.IntN(20_000)), Value{Kind: Raw, Bytes: make([]byte, rnd.IntN(300))}, int64(rnd.IntN(2)))
		if i%5000 != 0 {
			continue
		}
		settle(t, d)
		used, held := d.Bytes(), resident(d)
		if held > d.mem.mapped || used > held+held/8 || held > used+used/2+1<<20 {
			t.Errorf("%d entries: %d bytes in use, %d held, %d mapped", d.Len(), used, held, d.mem.mapped)
		}
	}
	var entries int64
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		cursor = d.Scan(cursor, func(r Ref) { entries += d.EntryBytes(r) })
	}
	if used := d.Bytes(); entries < used*8/10 || entries > used*12/10 {
		t.Errorf("the entries say they take %d bytes, the dictionary says %d", entries, used)
	}
}

// TestKeyThatComesAndGoes costs no memory and keeps none.
func TestKeyThatComesAndGoes(t *testing.T) {
	d := New(Options{Seed: maphash.MakeSeed()})
	defer d.Clear()
	for i := range 10_000 {
		d.Put([]byte("k"), Value{Kind: Raw, Bytes: make([]byte, 10+i%200)}, 0)
		d.Delete([]byte("k"))
	}
	settle(t, d)
	for i := range d.mem.slabs {
		if d.mem.slabs[i].bump != 0 {
			t.Errorf("slab %d holds memory for nothing", i)
		}
	}
}

// TestPins: a pinned value keeps its bytes, whatever becomes of its entry.
func TestPins(t *testing.T) {
	for _, size := range []int{maxSlot + 1, 100_000, 3 << 20} {
		for name, change := range map[string]func(d *Dict, r Ref){
			"overwritten":    func(d *Dict, _ Ref) { d.Put([]byte("k"), Value{Kind: Raw, Bytes: make([]byte, size)}, 0) },
			"made a number":  func(d *Dict, _ Ref) { d.Put([]byte("k"), Value{Kind: Int, Int: 1}, 0) },
			"deleted":        func(d *Dict, _ Ref) { d.Delete([]byte("k")) },
			"changed":        func(d *Dict, r Ref) { _, b := d.Resize(r, size); clear(b) },
			"extended":       func(d *Dict, r Ref) { _, b := d.Resize(r, size+1); clear(b) },
			"cut":            func(d *Dict, r Ref) { _, b := d.Resize(r, size/2); clear(b) },
			"made to expire": func(d *Dict, r Ref) { d.SetExpire(r, 7) },
			"cleared":        func(d *Dict, _ Ref) { d.Clear() },
		} {
			d := newDict()
			want := bytes.Repeat([]byte("x"), size)
			r := d.Put([]byte("k"), Value{Kind: Raw, Bytes: want}, 0)
			got, pin := d.Value(r).Bytes, d.Pin(r)
			change(d, r)
			d.Put([]byte("other"), Value{Kind: Raw, Bytes: make([]byte, size)}, 0)
			settle(t, d)
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %s: the pinned value has changed", size, name)
			}
			warm := d.mem.spans.Warm()
			pin.Unpin()
			if d.mem.pins != 0 {
				t.Errorf("%d bytes, %s: %d pins are left", size, name, d.mem.pins)
			}
			if kept := d.mem.spans.Warm() - warm; size < large.MaxSpan && (kept > 0) != (pin.a == nil) {
				t.Errorf("%d bytes, %s: %d bytes went back with the pin, whose entry has left: %v", size, name, kept, pin.a == nil)
			}
			d.Clear()
			if d.mem.mapped != 0 {
				t.Errorf("%d bytes, %s: memory is left", size, name)
			}
		}
	}
	d := newDict()
	defer d.Clear()
	if p := d.Pin(d.Put([]byte("k"), Value{Kind: Raw, Bytes: make([]byte, 1000)}, 0)); p != nil {
		t.Error("a small value was pinned")
	}
}

// TestExpiredIsBounded: one call looks into few places, also when nearly all
// that expired has gone and the index has not shrunk yet.
func TestExpiredIsBounded(t *testing.T) {
	d := New(Options{Seed: maphash.MakeSeed()})
	defer d.Clear()
	const entries = 200_000
	for i := range entries {
		d.Put(fmt.Append(nil, i), Value{Kind: Int}, 5)
	}
	calls := 0
	for ; d.Expires() > 0 && calls < 10*entries; calls++ {
		var keys [][]byte
		if n := d.Expired(5, 10, func(r Ref) { keys = append(keys, bytes.Clone(d.Key(r))) }); n > 10 {
			t.Fatalf("%d entries of 10", n)
		}
		for _, k := range keys {
			d.Delete(k)
		}
	}
	if d.Expires() != 0 {
		t.Errorf("%d entries are left after %d calls", d.Expires(), calls)
	}
}

// TestPinOutlivesItsDict: bytes that are pinned stay, also when the Dict is
// cleared and forgotten, and the collector runs.
func TestPinOutlivesItsDict(t *testing.T) {
	for _, size := range []int{50_000, 2 << 20} {
		for _, clearIt := range []bool{false, true} {
			d := New(Options{Seed: maphash.MakeSeed()})
			r := d.Put([]byte("k"), Value{Kind: Raw, Bytes: bytes.Repeat([]byte("v"), size)}, 0)
			got, pin := d.Value(r).Bytes, d.Pin(r)
			if clearIt {
				d.Clear()
			}
			d = nil
			for range 3 {
				runtime.GC()
			}
			for i, b := range got {
				if b != 'v' {
					t.Fatalf("size %d, cleared %v: byte %d has changed", size, clearIt, i)
				}
			}
			pin.Unpin()
		}
	}
}

// TestReleaseInSteps: Release gives everything back, none of it in a longer step than was
// asked for, and what it has begun may be forgotten.
func TestReleaseInSteps(t *testing.T) {
	const step = 1 << 20
	d := New(Options{Seed: maphash.MakeSeed()})
	fill := func() {
		for i := range 20_000 {
			d.Put(fmt.Append(nil, i), Value{Kind: Raw, Bytes: make([]byte, 500)}, int64(i%2))
		}
		for i := range 3 {
			d.Put(fmt.Append(nil, "large", i), Value{Kind: Raw, Bytes: make([]byte, 5<<20)}, 0)
		}
	}
	fill()
	mapped, steps := d.mem.mapped, 0
	for d.Release(step) {
		steps++
		left := int64(0)
		for _, r := range d.mem.leaving {
			left += int64(r.kept)
		}
		if gone := mapped - left; gone > int64(steps*step) {
			t.Fatalf("after %d steps %d bytes are gone", steps, gone)
		}
	}
	if d.mem.mapped != 0 || d.Len() != 0 || steps < int(mapped/step)-1 {
		t.Errorf("%d bytes are mapped after %d steps, of %d", d.mem.mapped, steps, mapped)
	}
	fill()
	d.Release(step)
	d.mem.freeAll() // as when it is forgotten
	if d.mem.mapped != 0 {
		t.Errorf("%d bytes were lost", d.mem.mapped)
	}
}

// TestReleaseBesideReaders: what is pinned when the Dict leaves stays with its readers, which let go of it
// while the rest is given back without a lock.
func TestReleaseBesideReaders(t *testing.T) {
	for range 20 {
		d := newDict()
		var pins []*Pin
		var values [][]byte
		for i := range 8 {
			r := d.Put(fmt.Append(nil, i), Value{Kind: Raw, Bytes: bytes.Repeat([]byte{byte(i)}, 40_000<<(i%3))}, 0)
			pins, values = append(pins, d.Pin(r)), append(values, d.Value(r).Bytes)
		}
		d.Delete([]byte("3"))
		d.Part()
		var readers sync.WaitGroup
		readers.Go(func() {
			for i, p := range pins {
				if want := bytes.Repeat([]byte{byte(i)}, len(values[i])); !bytes.Equal(values[i], want) {
					t.Errorf("value %d has changed", i)
				}
				p.Unpin()
			}
		})
		for d.Release(64 << 10) {
			continue
		}
		readers.Wait()
		if d.mem.mapped != 0 {
			t.Fatalf("%d bytes are left", d.mem.mapped)
		}
	}
}

// TestRestTightens: what a load leaves free in slots of sizes that values had on their way
// is given back while nothing is stored.
func TestRestTightens(t *testing.T) {
	d := New(Options{Seed: maphash.MakeSeed()})
	const keys = 2000
	for size := 100; size <= 1500; size += 100 {
		for i := range keys {
			d.Put(fmt.Append(nil, i), Value{Kind: Raw, Bytes: make([]byte, size)}, 0)
			if i%50 == 0 {
				d.Step(1)
			}
		}
	}
	for i := range keys / 8 { // of the last size an eighth is free
		d.Delete(fmt.Append(nil, i*8))
	}
	tight := func() {
		t.Helper()
		settle(t, d)
		if used := d.Bytes(); resident(d) > used+used/restShare+classes*restLeast/16 {
			t.Errorf("%d bytes are held for %d", resident(d), used)
		}
	}
	tight()
	for i := range keys / 2 { // nothing is stored, and there is something to do again
		d.Delete(fmt.Append(nil, i))
	}
	tight()
}
