package repl

import (
	"fmt"
	"strings"
	"testing"

	"regent/cluster/clustertest"
	"regent/resp"
)

// TestWalk: records of every size come out as they went in, up to the limit and
// no further, however far the log goes on behind it.
func TestWalk(t *testing.T) {
	many := []string{"MSET"}
	for i := range 40_000 {
		many = append(many, fmt.Sprint("key", i), strings.Repeat("v", i%50))
	}
	records := [][]string{
		{"SET", "k", "v"},
		{"SET", "large", strings.Repeat("x", 3<<20)},
		{"SET", "k", ""},
		many,
		{"SET", "just a read", strings.Repeat("x", walkRead)},
		{"PING"},
	}
	log := clustertest.NewLog()
	var limits []int64
	if _, err := log.Stream().BeginEpoch(1, 1); err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if err := log.Stream().AppendRaw(log.End(), resp.AppendCommand(nil, r...)); err != nil {
			t.Fatal(err)
		}
		limits = append(limits, log.End())
	}
	for _, slice := range []int64{1, 1 << 20, 1 << 30} {
		w := newWalker(log.Stream(), 0)
		n := 0
		for i, limit := range limits {
			for more := true; more; {
				var err error
				more, err = w.to(limit, slice, func(args [][]byte) error {
					want := records[n]
					if len(args) != len(want) {
						return fmt.Errorf("%d arguments, want %d", len(args), len(want))
					}
					for k := range want {
						if string(args[k]) != want[k] {
							return fmt.Errorf("argument %d differs", k)
						}
					}
					n++
					return nil
				})
				if err != nil {
					t.Fatalf("record %d: %v", n, err)
				}
			}
			if n != i+1 || w.at != limit {
				t.Fatalf("slices of %d: %d records up to %d, want %d up to %d", slice, n, w.at, i+1, limit)
			}
		}
		if w.buf.Mapped() {
			t.Error("it keeps the memory of a large record")
		}
		w.close()
	}
}
