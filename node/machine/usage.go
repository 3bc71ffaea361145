package machine

import (
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"syscall"
	"time"

	"regent/engine"
)

// What is asked of Go's runtime. The heap's live and dead objects are without the
// dictionaries' slabs, which are outside of it.
const (
	heapMetric   = "/memory/classes/heap/objects:bytes"
	cyclesMetric = "/gc/cycles/total:gc-cycles"
	pausesMetric = "/sched/pauses/total/gc:seconds"
)

// A Meter tells what the process takes from the machine. What is dear to ask for, the
// memory and the collector's work, is meterEvery old at most, as in Redis. Its zero value
// is ready.
type Meter struct {
	mu    sync.Mutex
	at    time.Time // when dear was asked for
	fixed bool      // what never changes is in dear
	dear  engine.Usage
}

const meterEvery = 100 * time.Millisecond

// Usage is what the process takes; listener is how it waits for sockets.
func (m *Meter) Usage(listener string) engine.Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := time.Now(); m.at.IsZero() || now.Sub(m.at) >= meterEvery {
		m.at = now
		m.ask()
	}
	u := m.dear
	u.Listener = listener
	var ru syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &ru) == nil {
		u.User, u.System = time.Duration(ru.Utime.Nano()), time.Duration(ru.Stime.Nano())
	}
	return u
}

func (m *Meter) ask() {
	u := &m.dear
	if !m.fixed {
		m.fixed = true
		u.PID, u.OS, u.Memory = os.Getpid(), osName(), machineBytes()
		u.Executable, _ = os.Executable() // only shown
	}
	s := []metrics.Sample{{Name: heapMetric}, {Name: cyclesMetric}, {Name: pausesMetric}}
	metrics.Read(s)
	u.Resident, u.Heap = residentBytes(), int64(s[0].Value.Uint64())
	u.GCCycles, u.GCPause = int64(s[1].Value.Uint64()), longest(s[2].Value.Float64Histogram())
}

// longest is the bound of the highest bucket of h that holds something, in
// seconds there.
func longest(h *metrics.Float64Histogram) time.Duration {
	for i := len(h.Counts) - 1; i >= 0; i-- {
		if h.Counts[i] == 0 {
			continue
		}
		bound := h.Buckets[i+1]
		if math.IsInf(bound, 1) {
			bound = h.Buckets[i]
		}
		return time.Duration(bound * float64(time.Second))
	}
	return 0
}

// FreeMemory collects and gives free memory back to the system.
func FreeMemory() { debug.FreeOSMemory() }
