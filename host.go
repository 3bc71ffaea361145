package regent

import (
	"math/rand/v2"
	"time"

	"regent/engine"
)

// A host is the real machine behind engine.Host.
type host struct {
	log   *logger
	start time.Time
}

func (h host) Now() int64 { return time.Now().UnixMilli() }

// Mono is CLOCK_BOOTTIME where there is one: a lease must not outlive a
// suspended machine.
func (h host) Mono() int64 { return bootNanos() }

// Ticks is Go's own monotonic clock: a fraction of the price of Mono.
func (h host) Ticks() int64 { return int64(time.Since(h.start)) }

func (h host) Rand() uint64 { return rand.Uint64() }

func (h host) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return time.AfterFunc(d, f).Stop
}

func (h host) Logf(level engine.Level, format string, args ...any) {
	h.log.printf(level, format, args...)
}
