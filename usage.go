package regent

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"time"

	"regent/engine"
)

// heapMetric is the bytes of live and dead objects in Go's heap; the
// dictionaries' slabs are outside of it.
const heapMetric = "/memory/classes/heap/objects:bytes"

// Usage is what the process takes from the machine.
func (c control) Usage() engine.Usage {
	heap := []metrics.Sample{{Name: heapMetric}}
	metrics.Read(heap)
	u := engine.Usage{
		PID: os.Getpid(), OS: osName(), Resident: residentBytes(), Memory: machineBytes(), Heap: int64(heap[0].Value.Uint64()),
		Listener: c.s.front.Model(),
	}
	u.Executable, _ = os.Executable() // only shown
	var ru syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &ru) == nil {
		u.User, u.System = time.Duration(ru.Utime.Nano()), time.Duration(ru.Stime.Nano())
	}
	return u
}

// FreeMemory collects and gives free memory back to the system.
func (control) FreeMemory() { debug.FreeOSMemory() }
