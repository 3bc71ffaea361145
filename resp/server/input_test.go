package server

import (
	"testing"

	"regent/engine/large"
)

// TestSpareBuffers: small buffers come back up to a limit, large ones go to the pool.
func TestSpareBuffers(t *testing.T) {
	var pool large.Pool
	w := newScratch(goroutineArena)
	w.spans, w.mostSpare = &pool, 2
	var out [][]byte
	for range 3 {
		b, span := w.borrow(keptBytes)
		if len(b) != 0 || cap(b) != keptBytes || span {
			t.Errorf("%d of %d, of the pool: %v", len(b), cap(b), span)
		}
		out = append(out, b)
	}
	for _, b := range out {
		w.giveBack(b, false)
	}
	if len(w.spare) != 2 {
		t.Errorf("%d are kept", len(w.spare))
	}
	b, span := w.borrow(100_000)
	if len(b) != 0 || cap(b) != large.SpanSize(100_000) || !span {
		t.Errorf("%d of %d, of the pool: %v", len(b), cap(b), span)
	}
	w.giveBack(b, span)
	if pool.Warm() != int64(cap(b)) {
		t.Errorf("%d bytes are warm", pool.Warm())
	}
}
