package clustertest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"regent/engine"
)

// A Host is the real machine, with a name before each line it logs.
type Host struct {
	Name  string
	began time.Time
	ahead atomic.Int64 // of the machine's wall clock, in ms

	mu sync.Mutex
	tb testing.TB // nil once the test is over
	// Lines are what was logged.
	lines []string
}

// NewHost logs into a test until it ends.
func NewHost(t testing.TB, name string) *Host {
	h := &Host{Name: name, began: time.Now(), tb: t}
	t.Cleanup(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.tb = nil
	})
	return h
}

// Now is the wall clock in ms.
func (h *Host) Now() int64 { return time.Now().UnixMilli() + h.ahead.Load() }

// SetAhead sets the wall clock so far ahead of the machine's.
func (h *Host) SetAhead(d time.Duration) { h.ahead.Store(d.Milliseconds()) }

// Mono is the process's monotonic clock in ns.
func (h *Host) Mono() int64 { return int64(time.Since(h.began)) }

// Ticks is Mono.
func (h *Host) Ticks() int64 { return h.Mono() }

// Rand is random.
func (h *Host) Rand() uint64 { return rand.Uint64() }

// AfterFunc is time.AfterFunc.
func (h *Host) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return time.AfterFunc(d, f).Stop
}

// Logf goes to the test's log.
func (h *Host) Logf(_ engine.Level, format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	line := fmt.Sprintf(format, args...)
	h.lines = append(h.lines, line)
	if h.tb != nil {
		h.tb.Logf("%s %s: %s", time.Now().Format("05.000"), h.Name, line)
	}
}

// Lines are all lines logged so far.
func (h *Host) Lines() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.lines...)
}
