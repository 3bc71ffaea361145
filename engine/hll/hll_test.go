package hll_test

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"regent/engine/hll"
)

// TestSparseIsDense: what a sparse one holds is what a dense one holds that was told the
// same, whatever the limit.
func TestSparseIsDense(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.SampledFrom([]int{0, 30, 300, 3000, 16000}).Draw(t, "limit")
		b, want := hll.New(nil), hll.Max{}
		first := rapid.IntRange(0, 1<<30).Draw(t, "first")
		for i := range rapid.SampledFrom([]int{1, 10, 100, 3000}).Draw(t, "elements") {
			index, count := hll.Place(fmt.Append(nil, first+i))
			raised := count > want[index]
			want[index] = max(want[index], count)
			out, changed, err := hll.Set(b, index, count, limit)
			if err != nil || changed != raised {
				t.Fatalf("element %d: changed is %v, %v", i, changed, err)
			}
			b = out
		}
		if !hll.IsDense(b) && len(b) > max(limit, hll.NewBytes+2) {
			t.Fatalf("sparse, of %d bytes", len(b))
		}
		d, err := hll.ToDense(b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if got := hll.Register(d, i); got != want[i] {
				t.Fatalf("register %d is %d, not %d", i, got, want[i])
			}
		}
		n, err := hll.Count(b)
		if m, err2 := hll.Count(d); err != nil || err2 != nil || n != m || n != want.Count() {
			t.Fatalf("counts %d %v, dense %d %v, merged %d", n, err, m, err2, want.Count())
		}
	})
}

func TestErrorOfEstimates(t *testing.T) {
	b, err := hll.ToDense(hll.New(nil))
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 1_000_000; i++ {
		index, count := hll.Place(fmt.Append(nil, "element ", i))
		if b, _, err = hll.Set(b, index, count, 0); err != nil {
			t.Fatal(err)
		}
		switch i {
		case 1, 10, 1000, 10_000, 50_000, 100_000, 1_000_000:
			const most = 3.0 // percent; the standard error is 0.81
			n, err := hll.Count(b)
			if off := (float64(n)/float64(i) - 1) * 100; err != nil || off > most || off < -most {
				t.Errorf("%d elements: %d, %.1f %% off, %v", i, n, off, err)
			}
		}
	}
}

// FuzzAnyBytes: no bytes make anything panic, and an error leaves the value as long as it
// was.
func FuzzAnyBytes(f *testing.F) {
	f.Add(hll.New(nil), []byte("x"))
	f.Add([]byte("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f"), []byte("x"))
	f.Add([]byte("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff\x80\x81\xfe\x00"), []byte(""))
	f.Add(append([]byte("HYLL\x00"), bytes.Repeat([]byte{0xff}, hll.DenseBytes-5)...), []byte("x"))
	f.Fuzz(func(t *testing.T, b, element []byte) {
		if !hll.Valid(b) {
			return
		}
		hll.Cached(b)
		hll.Count(b)
		if !hll.IsDense(b) {
			hll.Runs(b)
		}
		d, err := hll.ToDense(b)
		var m hll.Max
		if err2 := m.Merge(b); (err == nil) != (err2 == nil) {
			t.Fatalf("to dense: %v, merged: %v", err, err2)
		}
		if err == nil {
			for i := range m {
				if hll.Register(d, i) != m[i] {
					t.Fatalf("register %d: %d and %d", i, hll.Register(d, i), m[i])
				}
			}
		}
		m.Count()
		index, count := hll.Place(element)
		out, _, err := hll.Set(bytes.Clone(b), index, count, 3000)
		if err != nil && len(out) != len(b) {
			t.Fatalf("%v, and %d bytes are %d", err, len(b), len(out))
		}
		if d != nil && err == nil {
			if out, err = hll.ToDense(out); err == nil && hll.Register(out, index) < count {
				t.Fatalf("register %d does not hold %d", index, count)
			}
		}
	})
}
