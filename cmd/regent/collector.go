package main

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

// How the server's garbage is collected. The data lives outside Go's heap, so
// what the collector sees are connections, buffers, queues and large collections. The
// settings follow; GOGC and GOMEMLIMIT in the environment win over them.
//
//   - The headroom, what may be allocated between two cycles, is a number of bytes and
//     not a part of what is live: a heap of 2 MB would be collected at each megabyte
//     that commands with large values or long replies leave behind. In a small
//     container it is less. Where large lists, sets, hashes and sorted sets, which are in
//     Go's heap in pieces without pointers, make it large, it is leastPercent of it.
//   - What is left of it when a server has come to rest goes back to the system (trim):
//     memory is what a key-value server is bought for.
//   - The limit is what Go's heap may reach before the collector works harder than
//     that: replies nobody reads, a flood of clients. The data has its place
//     beside it (maxmemory where it is set, half of the memory otherwise), so that
//     buffers meet the collector before they and the data meet the kernel's.
const (
	leastPercent = 15
	// mostRoom and leastRoom bound the headroom in bytes, roomPart is the part of the
	// memory that it is in between.
	mostRoom  = 32 << 20
	leastRoom = 2 << 20
	roomPart  = 64
	// goHeap is the heap that Go takes the percentage of at least.
	goHeap = 4 << 20
	// sparePart of the memory is left to the kernel's own for this process.
	sparePart = 10
	// leastPart of the memory is the heap's in any case: a limit below what
	// is live makes the collector run without end.
	leastPart = 8
)

// How memory is given back: a server that has allocated less than restBytes since the
// last look, restTime ago, is at rest, and one with trimBytes that are not in use, or that has
// allocated as much and one trimPart of what is live since it was trimmed last, is trimmed.
const (
	restTime  = time.Second
	restBytes = 256 << 10
	trimBytes = 4 << 20
	trimPart  = 4
)

// tuneCollector sets the collector up for a server with that maxmemory, 0:
// none. One without data is a small one wherever it runs.
func tuneCollector(maxMemory int64, blank bool) {
	memory := memoryHere(os.ReadFile)
	if os.Getenv("GOGC") == "" {
		room := roomIn(memory)
		if blank {
			room = leastRoom
		}
		percent := headroom(0, room)
		debug.SetGCPercent(percent)
		followHeap(percent, room)
		time.AfterFunc(restTime, (&trimmer{}).look)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit(memory, maxMemory))
	}
}

// followHeap has each collection set the headroom for the next; percent is what it is
// now. A cleanup of what nobody holds runs after the next collection, and no other
// goroutine waits for one.
func followHeap(percent int, room int64) {
	runtime.AddCleanup(new([16]byte), func(was int) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		now := headroom(live[0].Value.Uint64(), room)
		// Setting it stops everybody for a moment: not for next to nothing.
		if d := now - was; d*d > 4 && d*d > was*was/256 {
			debug.SetGCPercent(now)
			was = now
		}
		followHeap(was, room)
	}, percent)
}

// roomIn is the headroom in bytes in so much memory, 0: unknown.
func roomIn(memory int64) int64 {
	if memory <= 0 {
		return mostRoom
	}
	return min(max(memory/roomPart, leastRoom), mostRoom)
}

// headroom is the headroom of room bytes in percent of so many live bytes.
func headroom(live uint64, room int64) int {
	return max(int(uint64(room)*100/max(live, goHeap)), leastPercent)
}

// A trimmer gives memory back when the server is at rest.
type trimmer struct {
	allocated uint64 // bytes, all that ever were, at the last look
	trimmed   uint64 // allocated when it was trimmed last
}

func (t *trimmer) look() {
	defer time.AfterFunc(restTime, t.look)
	m := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(m)
	allocated, live, objects, free := m[0].Value.Uint64(), m[1].Value.Uint64(), m[2].Value.Uint64(), m[3].Value.Uint64()
	if t.rests(allocated, live, int64(objects)-int64(live)+int64(free)) {
		debug.FreeOSMemory()
	}
}

// rests reports whether the server, which has allocated that much since its start and of
// which so much was live after the last collection, is at rest, and has so many bytes that are
// not in use that they are worth giving back: those that are known to be idle, or those that
// have come since, a client's that may be gone by now, unless looking at what is live is
// much more work.
func (t *trimmer) rests(allocated, live uint64, idle int64) bool {
	quiet := allocated-t.allocated < restBytes
	t.allocated = allocated
	since := allocated - t.trimmed
	if !quiet || since < trimBytes || idle < trimBytes && since < live/trimPart {
		return false
	}
	t.trimmed = allocated
	return true
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
