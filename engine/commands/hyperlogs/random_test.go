package hyperlogs_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"regent/engine/enginetest"
)

// TestRandomAgainstRedis compares replies, the bytes of every value, and how many changes
// were made.
func TestRandomAgainstRedis(outer *testing.T) {
	const steps = 40
	theirs := enginetest.StartRedis(outer).Client(outer)
	key := func(t *rapid.T) string { return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key") }
	rapid.Check(outer, func(t *rapid.T) {
		theirs.Do("FLUSHALL")
		s := enginetest.NewEngine(outer)
		ours, y := s.Client(), enginetest.NewTally(outer, s, theirs)
		limit := rapid.SampledFrom([]string{"3000", "100", "0", "10000"}).Draw(t, "limit")
		ours.Do("CONFIG", "SET", "hll-sparse-max-bytes", limit)
		theirs.Do("CONFIG", "SET", "hll-sparse-max-bytes", limit)
		for range rapid.IntRange(1, steps).Draw(t, "steps") {
			c := []string{"PFADD", key(t)}
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0:
				c = []string{"PFMERGE", key(t), key(t), key(t)}
			case 1:
				c = []string{"PFCOUNT", key(t)}
			case 2:
				c = []string{"PFCOUNT", key(t), key(t)}
			case 3:
				c = []string{"PFDEBUG", "DECODE", key(t)}
			case 4:
				c = []string{"SETRANGE", key(t), fmt.Sprint(rapid.IntRange(4, 60).Draw(t, "at")), string(rapid.SliceOfN(rapid.Byte(), 1, 2).Draw(t, "bytes"))}
			case 5:
				if rapid.IntRange(0, 3).Draw(t, "rare") == 0 {
					c = []string{"PFDEBUG", "TODENSE", key(t)}
				}
			default:
				first := rapid.IntRange(0, 1_000_000).Draw(t, "first")
				for i := range rapid.SampledFrom([]int{0, 1, 3, 50, 700}).Draw(t, "elements") {
					c = append(c, fmt.Sprint(first+i))
				}
			}
			got, want := ours.Do(c...), theirs.Do(c...)
			if got != want {
				t.Fatalf("%.200q\n  got  %.400q\n  want %.400q", c, got, want)
			}
			if want[0] == '-' { // redis-server leaves what it had changed before it met the damage
				for _, k := range []string{"a", "b", "c"} {
					ours.Do("DEL", k)
					theirs.Do("DEL", k)
				}
				y = enginetest.NewTally(outer, s, theirs)
				continue
			}
			y.Since(t.Fatalf, c[:2])
			for _, k := range []string{"a", "b", "c"} {
				if got, want := ours.Do("GET", k), theirs.Do("GET", k); got != want {
					t.Fatalf("%.200q leaves at %s\n       %.4000q\n  want %.4000q", c, k, got, want)
				}
			}
		}
	})
}
