package server

import "testing"

// TestSpareBuffers: buffers come back with the size they had, are kept up to a limit, and
// those not needed for a while are given back.
func TestSpareBuffers(t *testing.T) {
	var kept pile
	w := newScratch(goroutineArena)
	w.maps, w.mostSpare = &kept, 1<<20
	for n, want := range map[int]int{1: keptBytes, keptBytes: keptBytes, keptBytes + 1: 2 * keptBytes, 1 << 20: 1 << 20, 1<<20 + 1: 2 << 20, 2<<20 + 1: 2<<20 + 1} {
		b := w.borrow(n)
		if len(b) != 0 || cap(b) != want {
			t.Errorf("%d bytes: %d of %d, want %d", n, len(b), cap(b), want)
		}
		w.giveBack(b)
	}
	var out [][]byte
	for range 20 {
		out = append(out, w.borrow(100<<10)) // 128 KiB each
	}
	for _, b := range out {
		w.giveBack(b)
	}
	if n := w.spareBytes; n > 1<<20 || n < 512<<10 || kept.Load() > int64(n) || kept.Load() == 0 {
		t.Errorf("%d bytes are kept, %d of them large", n, kept.Load())
	}
	for i, more := range []bool{true, false} { // they were needed once
		if w.tidy(); kept.Load() > 0 != more {
			t.Errorf("look %d: %d bytes", i, kept.Load())
		}
	}
	if w.spareBytes > keptBytes {
		t.Errorf("%d bytes are kept in the end", w.spareBytes)
	}
}
