package dict

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func newDict() *Dict { return New(Options{Seed: maphash.MakeSeed(), Poison: true}) }

// A cell is what the model holds for a key.
type cell struct {
	kind   Kind
	num    int64
	text   string
	obj    any
	expire int64
}

func (d *Dict) cellAt(r Ref) cell {
	v := d.Value(r)
	return cell{v.Kind, v.Int, string(v.Bytes), v.Obj, d.ExpireAt(r)}
}

func (c cell) value() Value {
	return Value{Kind: c.kind, Int: c.num, Bytes: []byte(c.text), Obj: c.obj}
}

// check compares the whole dictionary with the model, and its insides with
// each other.
func check(t interface{ Fatalf(string, ...any) }, d *Dict, model map[string]cell) {
	if d.Len() != len(model) {
		t.Fatalf("%d entries, want %d", d.Len(), len(model))
	}
	expiring := 0
	var used int64
	for key, want := range model {
		r := d.Find([]byte(key))
		if r == 0 {
			t.Fatalf("%q is gone", key)
		}
		if got := d.cellAt(r); got != want || string(d.Key(r)) != key {
			t.Fatalf("%q holds %+v, want %+v", key, got, want)
		}
		if want.expire != 0 {
			expiring++
		}
		used += int64(len(d.mem.slot(uint32(r))))
	}
	if d.Expires() != expiring {
		t.Fatalf("%d entries expire, want %d", d.Expires(), expiring)
	}
	used += d.mem.class[classBucket].used * bucketBytes
	if d.mem.used != used {
		t.Fatalf("%d bytes of slots in use, want %d", d.mem.used, used)
	}
}

// drawCell draws a value: short, long, a number, an object.
func drawCell(t *rapid.T) cell {
	c := cell{kind: rapid.SampledFrom([]Kind{Int, Embstr, Raw, Object, PackedKind(0), PackedKind(Forms - 1)}).Draw(t, "kind")}
	switch c.kind {
	case Int:
		c.num = rapid.Int64().Draw(t, "number")
	case Object:
		c.obj = rapid.IntRange(0, 9).Draw(t, "object")
	default:
		n := rapid.OneOf(rapid.IntRange(0, 100), rapid.IntRange(500, 5000), rapid.SampledFrom([]int{65535, 65536, 40000, 200000})).Draw(t, "length")
		c.text = string(bytes.Repeat([]byte{byte('a' + n%26)}, n))
	}
	if rapid.Bool().Draw(t, "expires") {
		c.expire = rapid.Int64Range(1, 100).Draw(t, "expiry")
	}
	return c
}

// TestModel does everything at random beside a plain map, snapshots included.
func TestModel(t *testing.T) { rapid.Check(t, modelLife) }

// FuzzModel is TestModel where the fuzzer draws.
func FuzzModel(f *testing.F) { f.Fuzz(rapid.MakeFuzz(modelLife)) }

func modelLife(t *rapid.T) {
	d, model := newDict(), map[string]cell{}
	defer d.Clear()
	var snap *snapshotModel
	key := func() string {
		k := fmt.Sprint("k", rapid.IntRange(0, 300).Draw(t, "key"))
		if rapid.IntRange(0, 20).Draw(t, "long") == 0 {
			k += string(make([]byte, 300))
		}
		return k
	}
	t.Repeat(map[string]func(*rapid.T){
		"put": func(t *rapid.T) {
			k, c := key(), drawCell(t)
			r := d.Put([]byte(k), c.value(), c.expire)
			model[k] = c
			if d.cellAt(r) != c {
				t.Fatalf("Put returned another entry")
			}
		},
		"many": func(t *rapid.T) {
			base := rapid.IntRange(0, 5000).Draw(t, "base")
			for i := range 1000 {
				k := fmt.Sprint("m", base+i)
				c := cell{kind: Embstr, text: k, expire: int64(i % 3)}
				d.Put([]byte(k), c.value(), c.expire)
				model[k] = c
			}
		},
		"thin": func(t *rapid.T) {
			keep := rapid.IntRange(2, 20).Draw(t, "keep one of")
			for _, k := range slices.Sorted(mapKeys(model)) {
				if maphash.String(d.seed, k)%uint64(keep) != 0 {
					d.Delete([]byte(k))
					delete(model, k)
				}
			}
		},
		"delete": func(t *rapid.T) {
			k := key()
			_, had := model[k]
			if d.Delete([]byte(k)) != had {
				t.Fatalf("Delete(%q) is not %v", k, had)
			}
			delete(model, k)
		},
		"expire": func(t *rapid.T) {
			k, at := key(), rapid.Int64Range(0, 100).Draw(t, "at")
			if r := d.Find([]byte(k)); r != 0 {
				d.SetExpire(r, at)
				c := model[k]
				c.expire = at
				model[k] = c
			}
		},
		"resize": func(t *rapid.T) {
			k := key()
			r := d.Find([]byte(k))
			if c := model[k]; r == 0 || c.kind != Embstr && c.kind != Raw {
				return
			}
			n := rapid.OneOf(rapid.IntRange(0, 200), rapid.IntRange(60000, 80000)).Draw(t, "length")
			r, b := d.Resize(r, n)
			c := model[k]
			want := make([]byte, n)
			copy(want, c.text)
			if !bytes.Equal(b, want) {
				t.Fatalf("Resize(%d) of %d bytes: %.40q", n, len(c.text), b)
			}
			if n > 0 {
				b[n-1], want[n-1] = 'z', 'z'
			}
			c.kind, c.text = Raw, string(want)
			model[k] = c
			if d.cellAt(r) != c {
				t.Fatalf("Resize returned another entry")
			}
		},
		"repack": func(t *rapid.T) {
			k := key()
			r := d.Find([]byte(k))
			c := model[k]
			if r == 0 || !c.kind.IsPacked() {
				return
			}
			r, b := d.Edit(r, rapid.OneOf(rapid.Just(0), rapid.IntRange(0, 300)).Draw(t, "more"))
			if string(b) != c.text {
				t.Fatalf("Edit gives %.40q, want %.40q", b, c.text)
			}
			n := rapid.OneOf(rapid.IntRange(1, 300), rapid.IntRange(500, 2000)).Draw(t, "length")
			if n > cap(b) || rapid.Bool().Draw(t, "elsewhere") {
				b = append(make([]byte, 0, n), b[:min(n, len(b))]...)
			}
			b = b[:n]
			for i := min(n, len(c.text)); i < n; i++ {
				b[i] = byte('A' + i%7)
			}
			b[n/2] = '!'
			c.kind, c.text = PackedKind(uint8(rapid.IntRange(0, Forms-1).Draw(t, "form"))), string(b)
			model[k] = c
			if r = d.Repack(r, c.kind, b); d.cellAt(r) != c {
				t.Fatalf("Repack returned another entry")
			}
			if slot := len(d.mem.slot(uint32(r))); slot <= maxSlot && slot-len(d.entry(r).key())-n > 64+slot/3 {
				t.Fatalf("a slot of %d bytes for a value of %d", slot, n)
			}
		},
		"reserve": func(t *rapid.T) {
			d.Reserve(rapid.IntRange(0, 20_000).Draw(t, "entries"), rapid.IntRange(0, 5000).Draw(t, "that expire"))
		},
		"step": func(t *rapid.T) {
			for range rapid.IntRange(1, 50).Draw(t, "steps") {
				d.Step(100)
			}
		},
		"snapshot": func(t *rapid.T) {
			if snap == nil {
				snap = beginSnapshot(d, model)
				return
			}
			switch {
			case snap.step(t, rapid.IntRange(1, 100).Draw(t, "buckets")):
				snap = nil
			case rapid.IntRange(0, 30).Draw(t, "give up") == 0:
				d.EndSnapshot(false)
				snap = nil
			}
		},
		"": func(t *rapid.T) { check(t, d, model) },
	})
	for snap != nil && !snap.step(t, 1000) {
	}
}

func mapKeys(m map[string]cell) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// A snapshotModel is a snapshot under way: what it must show, and has shown.
type snapshotModel struct {
	d      *Dict
	want   map[string]cell
	got    map[string]cell
	twice  string
	cursor uint64
}

func beginSnapshot(d *Dict, model map[string]cell) *snapshotModel {
	s := &snapshotModel{d: d, want: map[string]cell{}, got: map[string]cell{}}
	for k, c := range model {
		s.want[k] = c
	}
	d.BeginSnapshot(s.show)
	return s
}

func (s *snapshotModel) show(r Ref) {
	k := string(s.d.Key(r))
	if _, seen := s.got[k]; seen {
		s.twice = k
	}
	s.got[k] = s.d.cellAt(r)
}

// step goes on and reports whether the walk is over; then it judges.
func (s *snapshotModel) step(t *rapid.T, buckets int) bool {
	if s.cursor = s.d.SnapshotStep(s.cursor, buckets, s.show); s.cursor != 0 {
		return false
	}
	s.d.EndSnapshot(true)
	if s.twice != "" {
		t.Fatalf("the snapshot shows %q twice", s.twice)
	}
	if len(s.got) != len(s.want) {
		t.Fatalf("the snapshot shows %d entries, want %d", len(s.got), len(s.want))
	}
	for k, c := range s.want {
		if s.got[k] != c {
			t.Fatalf("the snapshot shows %+v at %q, want %+v", s.got[k], k, c)
		}
	}
	return true
}

// TestScanGuarantee: an entry that is there throughout a walk is seen,
// whatever grows and shrinks meanwhile.
func TestScanGuarantee(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDict()
		defer d.Clear()
		stay := rapid.IntRange(1, 1000).Draw(t, "stay")
		for i := range stay {
			d.Put(fmt.Append(nil, "stay", i), Value{Kind: Int, Int: int64(i)}, 0)
		}
		seen := map[int64]bool{}
		next, cursor := 0, uint64(0)
		for {
			cursor = d.Scan(cursor, func(r Ref) { seen[d.Value(r).Int] = true })
			if cursor == 0 {
				break
			}
			switch rapid.IntRange(0, 15).Draw(t, "meanwhile") {
			case 0:
				for range rapid.IntRange(1, 2000).Draw(t, "more") {
					d.Put(fmt.Append(nil, "come", next), Value{Kind: Int, Int: -1}, 0)
					next++
				}
			case 1:
				for ; next > 0; next-- {
					d.Delete(fmt.Append(nil, "come", next-1))
				}
			case 2:
				d.Step(rapid.IntRange(1, 500).Draw(t, "step"))
			}
		}
		for i := range stay {
			if !seen[int64(i)] {
				t.Fatalf("entry %d of %d was not seen", i, stay)
			}
		}
	})
}

// TestRandomIsFair: no entry is drawn much more often than another.
func TestRandomIsFair(t *testing.T) {
	const entries, draws = 1000, 200_000
	d := newDict()
	defer d.Clear()
	for i := range entries {
		d.Put(fmt.Append(nil, i), Value{Kind: Int, Int: int64(i)}, 0)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	var hits [entries]int
	for range draws {
		hits[d.Value(d.Random(rnd.Uint64)).Int]++
	}
	// 200 each; the standard deviation is 14.
	if least, most := slices.Min(hits[:]), slices.Max(hits[:]); least < 120 || most > 290 {
		t.Errorf("drawn between %d and %d times, 200 expected", least, most)
	}
}

// TestExpiredFindsAll: going round finds every entry whose time has come, and
// no other.
func TestExpiredFindsAll(t *testing.T) {
	d := newDict()
	defer d.Clear()
	for i := range 10_000 {
		d.Put(fmt.Append(nil, i), Value{Kind: Int}, int64(1+i%100))
	}
	gone := 0
	for range 10_000 {
		var keys [][]byte
		d.Expired(50, 64, func(r Ref) { keys = append(keys, bytes.Clone(d.Key(r))) })
		for _, k := range keys {
			d.Delete(k)
			gone++
		}
	}
	if gone != 5000 || d.Expires() != 5000 {
		t.Errorf("%d have expired, %d are left to", gone, d.Expires())
	}
}

// TestMemoryPerKey: the bar is 130 bytes a key of 16 with a value of 64.
func TestMemoryPerKey(t *testing.T) {
	const keys = 125_000 // a sixteenth of two million
	d := New(Options{Seed: maphash.MakeSeed()})
	defer d.Clear()
	v := Value{Kind: Raw, Bytes: make([]byte, 64)}
	for i := range keys {
		d.Put(fmt.Appendf(nil, "key:%012d", i), v, 0)
	}
	per := float64(d.Bytes()) / keys
	touched := 0
	for i := range d.mem.slabs {
		touched += (int(d.mem.slabs[i].bump) + pageBytes - 1) &^ (pageBytes - 1)
	}
	resident := float64(touched+len(d.main.now.mem)+len(d.main.old.mem)) / keys
	t.Logf("%.1f bytes a key in use, %.1f resident", per, resident)
	if resident > 110 {
		t.Errorf("%.1f bytes a key", resident)
	}
}

// TestCancelledSnapshots: numbers are bytes; giving up often must not make an
// old stamp look like a new one.
func TestCancelledSnapshots(t *testing.T) {
	d := newDict()
	defer d.Clear()
	for i := range 500 {
		d.Put(fmt.Append(nil, i), Value{Kind: Int}, 0)
	}
	for i := range 600 {
		d.BeginSnapshot(func(Ref) {})
		d.SnapshotStep(0, i%7, func(Ref) {})
		d.EndSnapshot(false)
	}
	shown := 0
	d.BeginSnapshot(func(Ref) {})
	if next := d.SnapshotStep(0, 1<<20, func(Ref) { shown++ }); next != 0 {
		t.Fatal("the walk does not end")
	}
	d.EndSnapshot(true)
	if shown != 500 {
		t.Errorf("%d entries shown, want 500", shown)
	}
}

// TestReserve: what was announced comes without a table that moves, and what
// was announced and does not come is no memory for long.
func TestReserve(t *testing.T) {
	const entries = 20_000
	d := New(Options{Seed: maphash.MakeSeed()})
	defer d.Clear()
	d.Put([]byte("early"), Value{Kind: Int}, 5)
	d.Reserve(entries, entries/2)
	settle(t, d)
	main, expires := &d.main.now.mem[0], &d.expires.now.mem[0]
	for i := range entries - 1 {
		d.Put(fmt.Append(nil, i), Value{Kind: Int}, int64(i%2))
		if d.main.moving || d.expires.moving {
			t.Fatalf("a table moves at entry %d", i)
		}
	}
	if main != &d.main.now.mem[0] || expires != &d.expires.now.mem[0] {
		t.Error("a table was replaced")
	}
	d.Reserve(1<<20, 1<<20)
	settle(t, d)
	if got := d.main.now.mask + 1; got != 1<<20/growAt {
		t.Errorf("%d buckets are kept", got)
	}
	d.Reserve(0, 0)
	settle(t, d)
	for name, x := range map[string]*index{"main": &d.main, "expires": &d.expires} {
		if got := int(x.now.mask + 1); got > x.n/shrinkAt || got < x.n/growAt || x.old.mem != nil {
			t.Errorf("%s: %d buckets for %d entries", name, got, x.n)
		}
	}
}

// TestClasses: every size fits its class, and the class below is too small.
func TestClasses(t *testing.T) {
	for n := 1; n <= maxSlot; n++ {
		c := classOf(n)
		if c >= classes || classSize(c) < n || n > minSlot && classSize(c-1) >= n {
			t.Fatalf("%d bytes: class %d of %d bytes", n, c, classSize(c))
		}
	}
}

func TestNoAllocations(t *testing.T) {
	d := New(Options{Seed: maphash.MakeSeed()})
	defer d.Clear()
	key, v := []byte("key:000000000042"), Value{Kind: Raw, Bytes: make([]byte, 64)}
	d.Put(key, v, 0)
	for name, f := range map[string]func(){
		"find": func() { d.Find(key) }, "put": func() { d.Put(key, v, 0) }, "expire": func() { d.SetExpire(d.Find(key), 5) },
		"delete": func() { d.Delete(key); d.Put(key, v, 0) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestSoak is TestModel's dictionary under a long random life, without rapid's
// bookkeeping: millions of changes under REGENT_SOAK.
func TestSoak(t *testing.T) {
	changes := 200_000
	if os.Getenv("REGENT_SOAK") != "" {
		changes = 50_000_000
	}
	d, model := newDict(), map[string]cell{}
	defer d.Clear()
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
	span := 1000
	for i := range changes {
		if i%20_000 == 0 {
			check(t, d, model)
			span = 10 << rnd.IntN(14)
		}
		k := fmt.Sprint(rnd.IntN(span))
		switch rnd.IntN(4) {
		case 0:
			d.Delete([]byte(k))
			delete(model, k)
		case 1:
			d.Step(4)
		default:
			c := cell{kind: Raw, text: string(make([]byte, rnd.IntN(200))), expire: int64(rnd.IntN(2))}
			d.Put([]byte(k), c.value(), c.expire)
			model[k] = c
		}
	}
	check(t, d, model)
}

func BenchmarkFind(b *testing.B) {
	const keys = 1_000_000
	d := New(Options{Seed: maphash.MakeSeed()})
	defer d.Clear()
	m := map[string][]byte{}
	v := Value{Kind: Raw, Bytes: make([]byte, 64)}
	all := make([][]byte, keys)
	for i := range all {
		all[i] = fmt.Appendf(nil, "key:%012d", i)
		d.Put(all[i], v, 0)
		m[string(all[i])] = v.Bytes
	}
	rand.Shuffle(keys, func(i, j int) { all[i], all[j] = all[j], all[i] })
	b.Run("dict", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if d.Find(all[i%keys]) == 0 {
				b.Fatal("gone")
			}
		}
	})
	b.Run("map", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if m[string(all[i%keys])] == nil {
				b.Fatal("gone")
			}
		}
	})
	b.Run("put", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			d.Put(all[i%keys], v, 0)
		}
	})
}
