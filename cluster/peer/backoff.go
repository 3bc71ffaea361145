package peer

import (
	"context"
	"time"
)

// The pauses between dials.
const (
	// probes are the dials right after a link was lost: 2, 4, … 32 ms apart.
	// A process that is being killed loses its connections a moment before
	// its listener.
	probes     = 5
	firstProbe = 2 * time.Millisecond
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
	// settled is how long a link must have held for its loss to be news; one
	// that is lost sooner counts as a failed dial.
	settled = 25 * time.Millisecond
	// atOnce are the dials after a loss that are not waited for since the one before
	// was taken and broken: that is how a listener ends. It ends within
	// microseconds.
	atOnce = 3
)

// A Backoff says how long to wait before the next dial, for ever.
type Backoff struct {
	random func() uint64
	failed int // dials since the last success, from -probes
	broken int // of them, those that were taken and broken and waited for nothing
	again  bool
}

// NewBackoff returns a Backoff whose first pause is none.
func NewBackoff(random func() uint64) *Backoff { return &Backoff{random: random, failed: -probes} }

// Lost tells that a connection that stood for so long is gone.
func (b *Backoff) Lost(stood time.Duration) {
	if stood >= settled {
		b.failed, b.broken = -probes, 0
	}
}

// Broken tells that the last dial's connection was made and then reset before
// anything was said: the next one is at once, so often after a loss.
func (b *Backoff) Broken() {
	if b.failed < 0 && b.broken < atOnce {
		b.broken++
		b.again = true
	}
}

// Next is the pause before the next dial: none right after a loss, then the
// probes, then from 50 ms to 1 s, the last doubled each time, ± a quarter.
func (b *Backoff) Next() time.Duration {
	if b.again {
		b.again = false
		return 0
	}
	n := b.failed
	if b.failed < 16 {
		b.failed++
	}
	var d time.Duration
	switch {
	case n == -probes:
		return 0
	case n < 0:
		d = firstProbe << (n + probes - 1)
	default:
		d = min(firstPause<<n, lastPause)
	}
	return d - d/4 + time.Duration(b.random()%uint64(d/2))
}

// Wait sleeps for the next pause; a word on kick ends it early. It reports
// false when ctx has ended.
func (b *Backoff) Wait(ctx context.Context, kick <-chan struct{}) bool {
	t := time.NewTimer(b.Next())
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-kick:
	case <-t.C:
	}
	return ctx.Err() == nil
}
