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

// TestWhatIsAheadIsForeseen: many records come out in their order, whichever of them have to
// wait, and those that are parsed together are foreseen before the first of them is there.
func TestWhatIsAheadIsForeseen(t *testing.T) {
	log := clustertest.NewLog()
	if _, err := log.Stream().BeginEpoch(1, 1); err != nil {
		t.Fatal(err)
	}
	const records = 1000
	for i := range records {
		args := append([]string{"SADD", "k", fmt.Sprint(i)}, make([]string, i%(maxAheadArgs/4))...)
		if err := log.Stream().AppendRaw(log.End(), resp.AppendCommand(nil, args...)); err != nil {
			t.Fatal(err)
		}
	}
	w := newWalker(log.Stream(), 0)
	defer w.close()
	n, foreseen, alone, waited := 0, 0, 0, 0
	w.foresee = func(ahead []parsed) {
		if len(ahead) > 1 {
			foreseen++
		} else {
			alone++
		}
		args := 0
		for _, r := range ahead[:len(ahead)-1] {
			args += len(r.args)
		}
		if args >= maxForeseenArgs {
			t.Errorf("%d arguments at once before the last record's", args)
		}
		for i, r := range ahead { // of the first it may be the epoch's
			if len(r.args) > 0 && string(r.args[2]) != fmt.Sprint(n+i) && i > 0 && string(r.args[2]) != fmt.Sprint(n+i-1) {
				t.Errorf("record %d of those from %d on is %s", i, n, r.args[2])
			}
		}
	}
	for more := true; more; {
		var err error
		more, err = w.to(log.End(), 1<<20, func(args [][]byte) error {
			if n%7 == 3 && waited < n {
				waited = n
				return errLater
			}
			if string(args[2]) != fmt.Sprint(n) || len(args) != 3+n%(maxAheadArgs/4) {
				return fmt.Errorf("%d arguments, the third %s", len(args), args[2])
			}
			n++
			return nil
		})
		if err != nil {
			t.Fatalf("record %d: %v", n, err)
		}
	}
	if n != records || w.at != log.End() || foreseen < records/maxAhead/2 || alone == 0 {
		t.Errorf("%d records up to %d, foreseen %d times, %d of them one alone", n, w.at, foreseen, alone)
	}
}
