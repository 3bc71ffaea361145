package commands_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/commands"
	"regent/engine/config"
	"regent/engine/enginetest"
	"regent/engine/listpack"
	"regent/engine/rdb"
)

// smallValues is an RDB file of hashes and sorted sets as listpacks of the sizes given, in
// turn, and what a keyspace of them must look like.
func smallValues(n int, sizes ...int) (file []byte, keys map[string]int) {
	file, keys = []byte("REDIS0010\xFE\x00"), map[string]int{}
	text := func(b []byte) {
		file = append(file, 0x80, byte(len(b)>>24), byte(len(b)>>16), byte(len(b)>>8), byte(len(b)))
		file = append(file, b...)
	}
	for i := range n {
		size := sizes[i%len(sizes)]
		for typ, kind := range map[byte]string{16: "hash", 17: "zset"} {
			lp := listpack.New(0)
			for j := range size {
				m, v := listpack.ElementOf(fmt.Appendf(nil, "m%05d", j)), listpack.ElementOfInt(int64(j))
				lp = listpack.Append2(lp, &m, &v)
			}
			key := fmt.Sprintf("%s:%d", kind, i)
			file = append(file, typ)
			text([]byte(key))
			text(lp)
			keys[key] = size
		}
	}
	return append(file, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0), keys
}

// TestLoadOfManySizes: objects that serve one entry after the other are not in the
// keyspace: what is too large for its bytes, or over a limit, has its own.
func TestLoadOfManySizes(t *testing.T) {
	file, keys := smallValues(150, 3, 1, 100, 3, 300, 600, 129, 2000, 5000)
	s := enginetest.NewEngine(t)
	if _, err := rdb.Load(bytes.NewReader(file), rdb.Options{Codecs: s.Codecs(), Workers: 2}, s.LoadBatch); err != nil {
		t.Fatal(err)
	}
	c := s.Client()
	for key, size := range keys {
		length, first, last := "HLEN", []string{"HGET", key, "m00000"}, []string{"HGET", key, fmt.Sprintf("m%05d", size-1)}
		if strings.HasPrefix(key, "zset") {
			length, first[0], last[0] = "ZCARD", "ZSCORE", "ZSCORE"
		}
		want := fmt.Sprintf("$%d\r\n%d\r\n", len(fmt.Sprint(size-1)), size-1)
		if n, a, b := c.Do(length, key), c.Do(first...), c.Do(last...); n != fmt.Sprintf(":%d\r\n", size) || a != "$1\r\n0\r\n" || b != want {
			t.Fatalf("%s of %d: %q, %q, %q", key, size, n, a, b)
		}
	}
	// Those that are objects can be changed, each by itself.
	names := slices.Sorted(func(yield func(string) bool) {
		for key := range keys {
			if strings.HasPrefix(key, "hash") && !yield(key) {
				return
			}
		}
	})
	for _, key := range names {
		c.Do("HSET", key, "own", key)
	}
	for _, key := range names {
		if got, want := c.Do("HGET", key, "own"), fmt.Sprintf("$%d\r\n%s\r\n", len(key), key); got != want {
			t.Fatalf("%s: %q", key, got)
		}
	}
}

// TestLoadDoesNotAllocate: not for each small value.
func TestLoadDoesNotAllocate(t *testing.T) {
	file, _ := smallValues(20_000, 3)
	codecs := engine.Codecs(config.New(), commands.All()...)
	n := testing.AllocsPerRun(2, func() {
		if _, err := rdb.Load(bytes.NewReader(file), rdb.Options{Codecs: codecs}, func(*rdb.Batch) error { return nil }); err != nil {
			t.Fatal(err)
		}
	})
	if n > 4000 { // of 40,000 values
		t.Errorf("%v allocations", n)
	}
}
