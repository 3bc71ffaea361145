package peer

import (
	"testing"
	"time"
)

// TestBackoffAfterALoss: the first dial is at once; one that was taken and broken is repeated at
// once as well, so often and no more, and only right after a loss.
func TestBackoffAfterALoss(t *testing.T) {
	b := NewBackoff(func() uint64 { return 0 })
	zero := func(want bool, when string) {
		t.Helper()
		if d := b.Next(); (d == 0) != want {
			t.Errorf("%s: a pause of %v", when, d)
		}
	}
	for range 2 {
		zero(true, "after a loss")
		for range atOnce {
			b.Broken()
			zero(true, "after a broken dial")
		}
		b.Broken()
		zero(false, "after too many broken dials")
		zero(false, "after a refusal")
		b.Lost(time.Second)
	}
	for range probes + 1 {
		b.Next()
	}
	b.Broken()
	zero(false, "long after the loss")
}
