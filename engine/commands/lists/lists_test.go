package lists_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"regent/engine/enginetest"
)

func TestScripts(t *testing.T) {
	enginetest.RunScripts(t, enginetest.StartRedis(t), "testdata/scripts")
}

func TestEffects(t *testing.T) { enginetest.RunEffects(t, "testdata/effects") }

// TestListAllocations: what queues do all day makes no garbage but for nodes.
func TestListAllocations(t *testing.T) {
	value := strings.Repeat("v", 40)
	do := enginetest.HotSession(t, &enginetest.Tape{})
	for i := range 1000 {
		do(enginetest.Raw("RPUSH", "l", fmt.Sprint(i), value))
	}
	for _, cmd := range [][][]byte{
		enginetest.Raw("LLEN", "l"), enginetest.Raw("LINDEX", "l", "500"), enginetest.Raw("LRANGE", "l", "0", "99"), enginetest.Raw("LRANGE", "l", "-100", "-1"), enginetest.Raw("LPOS", "l", "700"),
		enginetest.Raw("LSET", "l", "300", value), enginetest.Raw("LREM", "l", "0", "none"), enginetest.Raw("LTRIM", "l", "0", "-1"), enginetest.Raw("LPOP", "nokey"),
	} {
		do(cmd)
		if n := testing.AllocsPerRun(100, func() { do(cmd) }); n != 0 {
			t.Errorf("%s: %v allocations", cmd[0], n)
		}
	}
	// A node is made for about 190 of them, and moved some times as it grows.
	push, pop := enginetest.Raw("LPUSH", "l", value), enginetest.Raw("RPOP", "l")
	if n := testing.AllocsPerRun(2000, func() { do(push); do(pop) }); n > 0 {
		t.Errorf("LPUSH and RPOP: %v allocations", n)
	}
	// A list that comes and goes: itself and its node.
	push, pop = enginetest.Raw("LPUSH", "short", value), enginetest.Raw("RPOP", "short")
	do(push)
	do(pop)
	if n := testing.AllocsPerRun(100, func() { do(push); do(pop) }); n > 2 {
		t.Errorf("a list that comes and goes: %v allocations", n)
	}
}

// TestListsAreCounted: whatever changes a list tells the dictionary what it takes
// then.
func TestListsAreCounted(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("CONFIG", "SET", "list-max-listpack-size", "2") // a list of one node may be bytes in the dictionary
	long := strings.Repeat("long ", 50)
	for _, line := range [][]string{
		{"RPUSH", "l", "a", "b", "c"}, {"LPUSH", "l", long}, {"RPUSHX", "l", long + long}, {"LSET", "l", "1", long + "x"}, {"LSET", "l", "1", "a"},
		{"LINSERT", "l", "BEFORE", "b", long}, {"LINSERT", "l", "AFTER", "b", long}, {"LREM", "l", "-1", long}, {"LMOVE", "l", "m", "LEFT", "LEFT"},
		{"LMOVE", "l", "m", "RIGHT", "LEFT"}, {"RPOPLPUSH", "m", "m"}, {"LPOP", "m"}, {"RPOP", "m", "1"}, {"RPUSH", "l", long, long, long, "a"},
		{"LTRIM", "l", "-2", "-1"}, {"LMPOP", "2", "m", "l", "LEFT"}, {"RPUSH", "l", "a"}, {"COPY", "l", "n"}, {"LPUSH", "n", long}, {"LREM", "l", "0", "a"},
		{"RPUSH", "i", "p"}, {"LINSERT", "i", "AFTER", "p", long}, {"LSET", "i", "0", long}, {"LREM", "i", "1", long},
	} {
		before := s.Dump()
		if c.Do(line...); slices.Equal(before, s.Dump()) {
			t.Errorf("%q changes nothing", line)
		}
		if keys := s.Misweighed(); len(keys) > 0 {
			t.Errorf("after %.40q: %q", line, keys)
		}
	}
}

func BenchmarkLists(b *testing.B) {
	value := strings.Repeat("v", 64)
	for _, n := range []int{10, 1000, 1_000_000} {
		for _, cmd := range [][]string{
			{"LPUSH", "l", value}, {"RPUSH", "l", value}, {"LPOP", "l"}, {"LRANGE", "l", "0", "99"}, {"LINDEX", "l", fmt.Sprint(n / 3)},
			{"LSET", "l", fmt.Sprint(n / 3), value},
		} {
			b.Run(fmt.Sprintf("%s/%d", cmd[0], n), func(b *testing.B) {
				do := enginetest.HotSession(b, &enginetest.Tape{})
				for range n {
					do(enginetest.Raw("RPUSH", "l", value))
				}
				args, undo := enginetest.Raw(cmd...), [][]byte(nil)
				switch cmd[0] {
				case "LPUSH", "RPUSH":
					undo = enginetest.Raw("RPOP", "l")
				case "LPOP":
					undo = enginetest.Raw("RPUSH", "l", value)
				}
				b.ReportAllocs()
				for b.Loop() {
					do(args)
					if undo != nil {
						do(undo)
					}
				}
			})
		}
	}
}

// TestSmallListsAreSmall: what a list takes beside its elements is bounded.
func TestSmallListsAreSmall(t *testing.T) {
	const lists, elements, size = 10_000, 5, 10
	s := enginetest.NewEngine(t)
	c := s.Client()
	for i := range lists {
		args := []string{"RPUSH", fmt.Sprintf("list:%08d", i)}
		for j := range elements {
			args = append(args, fmt.Sprintf("%0*d-", size-1, j))
		}
		c.Do(args...)
	}
	elems := enginetest.Elements(c.Do("MEMORY", "STATS"))
	used, err := strconv.Atoi(elems[slices.Index(elems, "total.allocated")+1])
	if err != nil {
		t.Fatal(err)
	}
	each := used / lists
	const most = elements*(size+2) + 7 + 150
	if each > most {
		t.Errorf("%d bytes for a list of %d elements of %d bytes, more than %d", each, elements, size, most)
	}
	t.Logf("%d bytes a list", each)
}
