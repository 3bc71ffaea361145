package main

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
)

// How the server's garbage is collected. The data lives outside Go's heap, so
// what the collector sees are connections, buffers and queues: some megabytes,
// of which the hot path adds nothing. A cycle marks that in a few milliseconds of
// background work, and there are few of them, whatever the number of keys. Two
// settings follow; GOGC and GOMEMLIMIT in the environment win over them.
//
//   - gcPercent: half of the usual headroom. A cycle is cheap here, and memory is
//     what a key-value server is bought for. Large lists, sets, hashes and sorted sets
//     are in Go's heap, in pieces without pointers that take little to mark: where
//     they make it large, leastPercent is enough, as long as that is not less than
//     leastRoom.
//   - The limit is what Go's heap may reach before the collector works harder than
//     that: replies nobody reads, a flood of clients. The data has its place
//     beside it (maxmemory where it is set, half of the memory otherwise), so that
//     buffers meet the collector before they and the data meet the kernel's.
const (
	gcPercent    = 50
	leastPercent = 15
	leastRoom    = 4 << 20 // bytes
	// sparePart of the memory is left to the kernel's own for this process.
	sparePart = 10
	// leastPart of the memory is the heap's in any case: a limit below what
	// is live makes the collector run without end.
	leastPart = 8
)

// tuneCollector sets the collector up for a server with that maxmemory, 0:
// none.
func tuneCollector(maxMemory int64) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
		followHeap(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit(memoryHere(os.ReadFile), maxMemory))
	}
}

// followHeap has each collection set the headroom for the next; percent is what it is
// now. A cleanup of what nobody holds runs after the next collection, and no other
// goroutine waits for one.
func followHeap(percent int) {
	runtime.AddCleanup(new([16]byte), func(was int) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		now := headroom(live[0].Value.Uint64())
		// Setting it stops everybody for a moment: not for next to nothing.
		if d := now - was; d*d > 4 {
			debug.SetGCPercent(now)
			was = now
		}
		followHeap(was)
	}, percent)
}

// headroom is the headroom in percent for so many live bytes.
func headroom(live uint64) int {
	return min(max(int(leastRoom*100/max(live, 1)), leastPercent), gcPercent)
}

// heapLimit is the limit of Go's heap in that much memory, 0: unknown.
func heapLimit(memory, maxMemory int64) int64 {
	if memory <= 0 {
		return math.MaxInt64 // none
	}
	data := maxMemory
	if data <= 0 {
		data = memory / 2
	}
	return max(memory-memory/sparePart-data, memory/leastPart)
}

// memoryHere is how many bytes of memory this process may use: its control
// group's limit, or what the machine has; 0: the system does not tell.
func memoryHere(read func(name string) ([]byte, error)) int64 {
	most := int64(math.MaxInt64)
	for _, name := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if text, err := read(name); err == nil {
			// "max" is no number, and no limit.
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
				most = min(most, n)
			}
		}
	}
	text, err := read("/proc/meminfo")
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
				if kb, err := strconv.ParseInt(f[1], 10, 64); err == nil {
					most = min(most, kb<<10)
				}
			}
		}
	}
	if most == math.MaxInt64 {
		return 0
	}
	return most
}
