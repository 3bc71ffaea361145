package barrier

import (
	"strconv"

	"regent/engine"
	"regent/engine/latency"
)

// How long replies wait. Each wait has read the clock when it began; Advance reads it once for all
// that it releases.

// Waits are the waits that ended because what they waited for was committed, and how many ended
// otherwise.
func (b *Barrier) Waits() (committed latency.Waits, failed int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waits, b.unsure
}

// Info continues INFO's section Regent.
func (b *Barrier) Info(w *engine.InfoWriter) {
	waits, failed := b.Waits()
	w.Int("commit_waits", waits.Total())
	w.Int("commit_waits_usec", waits.Sum()/1000)
	w.Int("commit_waits_failed", failed)
	var by []byte
	waits.Bounds(func(bound, count int64) {
		if len(by) > 0 {
			by = append(by, ',')
		}
		by = append(strconv.AppendInt(by, bound/1000, 10), '=')
		by = strconv.AppendInt(by, count, 10)
	})
	w.Str("commit_waits_by_usec", string(by))
}
