package main

import (
	"io/fs"
	"math"
	"testing"
)

func TestMemoryHere(t *testing.T) {
	const meminfo = "MemTotal:        1000 kB\nMemFree:          10 kB\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing is told":     {nil, 0},
		"the machine's":       {map[string]string{"/proc/meminfo": meminfo}, 1000 << 10},
		"a group's":           {map[string]string{"/proc/meminfo": meminfo, "/sys/fs/cgroup/memory.max": "4096\n"}, 4096},
		"a group without":     {map[string]string{"/proc/meminfo": meminfo, "/sys/fs/cgroup/memory.max": "max\n"}, 1000 << 10},
		"an old group's":      {map[string]string{"/sys/fs/cgroup/memory/memory.limit_in_bytes": "8192\n"}, 8192},
		"an old one, without": {map[string]string{"/proc/meminfo": meminfo, "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 1000 << 10},
	} {
		got := memoryHere(func(name string) ([]byte, error) {
			if text, ok := c.files[name]; ok {
				return []byte(text), nil
			}
			return nil, fs.ErrNotExist
		})
		if got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestHeapLimit: heap and data fit into the memory, and the heap has some
// whatever maxmemory says.
func TestHeapLimit(t *testing.T) {
	const memory = 1000 << 20
	for maxMemory, want := range map[int64]int64{
		0:          memory - memory/sparePart - memory/2,
		100 << 20:  800 << 20,
		2000 << 20: memory / leastPart,
	} {
		if got := heapLimit(memory, maxMemory); got != want {
			t.Errorf("maxmemory %d: %d, want %d", maxMemory, got, want)
		}
	}
	if got := heapLimit(0, 5); got != math.MaxInt64 {
		t.Errorf("unknown memory: %d", got)
	}
}

// TestHeadroom: a small heap has all of the room, a large one a part of itself.
func TestHeadroom(t *testing.T) {
	const room = 32 << 20
	for live, want := range map[uint64]int{0: 800, 1: 800, 4 << 20: 800, 8 << 20: 400, 32 << 20: 100, 100 << 20: 32, 300 << 20: 15, 1 << 40: 15} {
		if got := headroom(live, room); got != want {
			t.Errorf("%d bytes: %d %%, want %d", live, got, want)
		}
	}
	for memory, want := range map[int64]int64{0: 32 << 20, 64 << 20: 2 << 20, 512 << 20: 8 << 20, 64 << 30: 32 << 20} {
		if got := roomIn(memory); got != want {
			t.Errorf("%d bytes of memory: %d, want %d", memory, got, want)
		}
	}
}

// TestTrim: memory goes back once, when a server has come to rest.
func TestTrim(t *testing.T) {
	var tr trimmer
	for i, c := range []struct {
		allocated uint64
		live      uint64
		idle      int64
		want      bool
	}{
		{10 << 20, 0, 10 << 20, false}, // it works
		{10 << 20, 0, 10 << 20, true},
		{10 << 20, 0, 10 << 20, false}, // what is left is not there to be given back
		{12 << 20, 0, 12 << 20, false},
		{12 << 20, 0, 12 << 20, false}, // too little has come since
		{40 << 20, 1 << 30, 1 << 20, false},
		{40 << 20, 1 << 30, 1 << 20, false}, // all of it is in use, and much else
		{40 << 20, 1 << 30, 30 << 20, true},
		{60 << 20, 40 << 20, 0, false},
		{60 << 20, 40 << 20, 0, true}, // what has come since the last collection may be idle
		{60 << 20, 40 << 20, 0, false},
	} {
		if got := tr.rests(c.allocated, c.live, c.idle); got != c.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
}
