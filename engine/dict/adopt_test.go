package dict

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"testing"

	"regent/engine/large"
)

// spanWith is a span of d's pool in which value lies behind front bytes.
func spanWith(d *Dict, front int, value []byte) (span, in []byte) {
	span = d.mem.spans.Get(front + len(value))
	copy(span[front:], value)
	return span, span[front : front+len(value)]
}

// TestAdopt: a value that is adopted is an entry like any other, whatever was there before and
// whatever is done to it.
func TestAdopt(t *testing.T) {
	for _, size := range []int{maxSlot + 1, 100_000, 1 << 20, 3 << 20} {
		value := bytes.Repeat([]byte("v"), size)
		for before, put := range map[string]func(d *Dict){
			"nothing":     func(*Dict) {},
			"a number":    func(d *Dict) { d.Put([]byte("k"), Value{Kind: Int, Int: 1}, 9) },
			"an object":   func(d *Dict) { d.Put([]byte("k"), Value{Kind: Object, Obj: "o", Weight: 3}, 0) },
			"its like":    func(d *Dict) { d.Put([]byte("k"), Value{Kind: Raw, Bytes: make([]byte, size)}, 0) },
			"one adopted": func(d *Dict) { adopt(t, d, "k", bytes.Repeat([]byte("o"), size), 7, 50) },
		} {
			for expire := int64(0); expire < 2; expire++ {
				d := newDict()
				put(d)
				d.SetAccess(d.Put([]byte("other"), Value{Kind: Int}, 0), 7)
				adopt(t, d, "k", value, expire, 40)
				r := d.Find([]byte("k"))
				v := d.Value(r)
				if d.Len() != 2 || v.Kind != Raw || !bytes.Equal(v.Bytes, value) || d.ExpireAt(r) != expire || d.Expires() != int(expire) || string(d.Key(r)) != "k" {
					t.Fatalf("%d bytes over %s: kind %d, %d bytes, expires %d", size, before, v.Kind, len(v.Bytes), d.ExpireAt(r))
				}
				if used := d.EntryBytes(r); used < int64(size) || used > int64(size+size/4) {
					t.Errorf("%d bytes: the entry has %d", size, used)
				}
				_, b := d.Resize(r, size+5000)
				if !bytes.Equal(b[:size], value) || !bytes.Equal(b[size:], make([]byte, 5000)) {
					t.Errorf("%d bytes over %s: extending it has changed it", size, before)
				}
				d.SetExpire(d.Find([]byte("k")), 1-expire)
				if b := d.Value(d.Find([]byte("k"))).Bytes; !bytes.Equal(b[:size], value) {
					t.Errorf("%d bytes over %s: an expiry has changed it", size, before)
				}
				if d.Delete([]byte("k")); d.Len() != 1 || d.Expires() != 0 || d.Bytes() > 1<<10 {
					t.Errorf("%d bytes over %s: %d bytes are left", size, before, d.Bytes())
				}
				d.Clear()
				if d.mem.mapped != 0 {
					t.Errorf("%d bytes over %s: %d bytes are left", size, before, d.mem.mapped)
				}
			}
		}
	}
}

// adopt has d adopt a value that stands behind so many bytes.
func adopt(t *testing.T, d *Dict, key string, value []byte, expire int64, front int) {
	t.Helper()
	span, in := spanWith(d, front, value)
	if _, ok := d.Adopt([]byte(key), &Value{Kind: Raw, Bytes: in}, expire, span); !ok {
		t.Fatal("it was not adopted")
	}
}

// TestAdoptRefuses what does not fit, and leaves everything as it was.
func TestAdoptRefuses(t *testing.T) {
	for name, one := range map[string]struct{ front, size, span int }{
		"no room for the header":   {headerLen + wideLen, 70_000, 0},
		"much room before it":      {maxFront + 100, 70_000, 0},
		"much room behind it":      {40, 70_000, 100_000},
		"a value of a shared slab": {40, maxSlot - headerLen - 1, 0},
	} {
		d := newDict()
		span := d.mem.spans.Get(max(one.front+one.size, one.span))
		in := span[one.front : one.front+one.size]
		if _, ok := d.Adopt([]byte("k"), &Value{Kind: Raw, Bytes: in}, 0, span); ok || d.Len() != 0 {
			t.Errorf("%s: it was adopted", name)
		}
		d.mem.spans.Put(span)
		d.Clear()
	}
}

// TestAdoptUnderSnapshotAndPin: what is written over is shown first, and stays while it is read.
func TestAdoptUnderSnapshotAndPin(t *testing.T) {
	d := newDict()
	defer d.Clear()
	old := bytes.Repeat([]byte("old"), 30_000)
	adopt(t, d, "k", old, 0, 60)
	var shown []byte
	d.BeginSnapshot(func(r Ref) { shown = bytes.Clone(d.Value(r).Bytes) })
	got := d.Value(d.Find([]byte("k"))).Bytes
	pin := d.Pin(d.Find([]byte("k")))
	adopt(t, d, "k", bytes.Repeat([]byte("new"), 30_000), 0, 44)
	adopt(t, d, "new", old, 0, 44)
	for d.Step(100) {
		continue
	}
	if !bytes.Equal(shown, old) || !bytes.Equal(got, old) {
		t.Errorf("%d bytes were shown, the pinned are the same: %v", len(shown), bytes.Equal(got, old))
	}
	d.SnapshotStep(0, 1000, func(r Ref) { t.Errorf("%q is shown that was written since", d.Key(r)) })
	d.EndSnapshot(true)
	pin.Unpin()
}

// TestSpansGoRound: over and over, a value takes the memory of the one before the last.
func TestSpansGoRound(t *testing.T) {
	var pool large.Pool
	d := New(Options{Seed: maphash.MakeSeed(), Spans: &pool})
	seen := map[*byte]bool{}
	for i := range 100 {
		value := fmt.Appendf(nil, "%0100000d", i)
		span := pool.Get(len(value) + 40)
		seen[&span[0]] = true
		in := span[40 : 40+len(value)]
		copy(in, value)
		if r, ok := d.Adopt([]byte("k"), &Value{Kind: Raw, Bytes: in}, 0, span); !ok || !bytes.Equal(d.Value(r).Bytes, value) {
			t.Fatalf("value %d", i)
		}
	}
	if len(seen) > 2 {
		t.Errorf("%d spans were needed", len(seen))
	}
	if d.Clear(); pool.Warm() > 1<<20 {
		t.Errorf("%d bytes", pool.Warm())
	}
}
