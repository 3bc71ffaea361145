package sets_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// TestSetsOfEverySize crosses the sizes up to which a set is bytes in the
// dictionary, up and down again, beside redis-server.
func TestSetsOfEverySize(t *testing.T) {
	theirs := enginetest.StartRedis(t, "--enable-debug-command", "yes").Client(t)
	for _, ints := range []string{"512", "100000", "3"} {
		s := enginetest.NewEngine(t)
		s.Config.EnableDebugCommand.Set("yes")
		ours := s.Client()
		both := func(args ...string) {
			t.Helper()
			if got, want := ours.Do(args...), theirs.Do(args...); got != want {
				t.Fatalf("intsets of %s, %.100q: %.100q, want %.100q", ints, args, got, want)
			}
		}
		theirs.Do("FLUSHALL")
		both("CONFIG", "SET", "set-max-intset-entries", ints)
		rnd := rand.New(rand.NewPCG(1, 2))
		for i := range 4000 {
			most, key := 20_000, fmt.Sprint("s", rnd.IntN(3))
			if i/500%2 == 0 {
				most = 60
			}
			member := func() string {
				m := fmt.Sprint(rnd.IntN(most) << (rnd.IntN(3) * 10))
				if key == "s1" && rnd.IntN(8) == 0 {
					m += strings.Repeat("m", rnd.IntN(40))
				}
				return m
			}
			switch rnd.IntN(8) {
			case 0:
				both("SREM", key, member(), member(), member())
			case 1:
				both("SISMEMBER", key, member())
			case 2:
				both("SMOVE", key, "s2", member())
			case 3:
				if i%40 == 0 {
					both("DEL", key)
				}
			default:
				both("SADD", key, member(), member(), member(), member(), member())
			}
			if i%50 == 0 {
				both("DEBUG", "DIGEST-VALUE", "s0", "s1", "s2", "copy")
				both("OBJECT", "ENCODING", key)
				both("COPY", key, "copy", "REPLACE")
			}
		}
		both("DEBUG", "DIGEST")
	}
}
