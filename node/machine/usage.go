package machine

import (
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
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

// Usage is what the process takes from the machine; listener is how it waits for
// sockets.
func Usage(listener string) engine.Usage {
	m := []metrics.Sample{{Name: heapMetric}, {Name: cyclesMetric}, {Name: pausesMetric}}
	metrics.Read(m)
	u := engine.Usage{
		PID: os.Getpid(), OS: osName(), Resident: residentBytes(), Memory: machineBytes(), Heap: int64(m[0].Value.Uint64()),
		GCCycles: int64(m[1].Value.Uint64()), GCPause: longest(m[2].Value.Float64Histogram()),
		Listener: listener,
	}
	u.Executable, _ = os.Executable() // only shown
	var ru syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &ru) == nil {
		u.User, u.System = time.Duration(ru.Utime.Nano()), time.Duration(ru.Stime.Nano())
	}
	return u
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
