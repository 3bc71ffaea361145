package machine

import (
	"math/rand/v2"
	"time"

	"regent/engine"
)

// A Host is the real machine behind engine.Host.
type Host struct {
	log   *Logger
	start time.Time
}

// NewHost is the machine, with a log.
func NewHost(log *Logger) Host { return Host{log: log, start: time.Now()} }

// Now is the wall clock in milliseconds.
func (h Host) Now() int64 { return time.Now().UnixMilli() }

// Mono is CLOCK_BOOTTIME where there is one: a lease must not outlive a
// suspended machine.
func (h Host) Mono() int64 { return bootNanos() }

// Ticks is Go's own monotonic clock: a fraction of the price of Mono.
func (h Host) Ticks() int64 { return int64(time.Since(h.start)) }

// Rand is from the runtime's random source.
func (h Host) Rand() uint64 { return rand.Uint64() }

// AfterFunc is a timer of the runtime.
func (h Host) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return time.AfterFunc(d, f).Stop
}

// Logf writes a line to the log.
func (h Host) Logf(level engine.Level, format string, args ...any) {
	h.log.printf(level, format, args...)
}

// A Clock is the part of engine.Host that a program may replace: time and randomness.
type Clock interface {
	Now() int64
	Mono() int64
	Ticks() int64
	Rand() uint64
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// HostBy is a host with a clock of the program's, nil: the machine's, and a log.
func HostBy(clock Clock, log *Logger) engine.Host {
	if clock == nil {
		return NewHost(log)
	}
	return clocked{clock, log}
}

type clocked struct {
	Clock
	log *Logger
}

// Logf writes a line to the log.
func (h clocked) Logf(level engine.Level, format string, args ...any) {
	h.log.printf(level, format, args...)
}
