package lists_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// TestListsOfEverySize crosses the sizes up to which a list is bytes in the
// dictionary, and one node, up and down again, beside redis-server.
func TestListsOfEverySize(t *testing.T) {
	theirs := enginetest.StartRedis(t, "--enable-debug-command", "yes").Client(t)
	for _, fill := range []string{"-5", "-2", "100", "3"} {
		s := enginetest.NewEngine(t)
		s.Config.EnableDebugCommand.Set("yes")
		ours := s.Client()
		both := func(args ...string) {
			t.Helper()
			if got, want := ours.Do(args...), theirs.Do(args...); got != want {
				t.Fatalf("nodes of %s, %.100q: %.100q, want %.100q", fill, args, got, want)
			}
		}
		theirs.Do("FLUSHALL")
		both("CONFIG", "SET", "list-max-listpack-size", fill)
		rnd := rand.New(rand.NewPCG(1, 2))
		element := func() string { return fmt.Sprint(rnd.IntN(50), strings.Repeat("e", rnd.IntN(200))) }
		for i := range 2500 {
			index := fmt.Sprint(rnd.IntN(40) - 20)
			switch n := rnd.IntN(12); {
			case n < 4 && i/300%2 == 0:
				both("RPUSH", "l", element(), element(), element())
			case n < 6:
				both("LPUSH", "l", element())
			case n == 6:
				both("LSET", "l", index, element())
			case n == 7:
				both("LINSERT", "l", "AFTER", fmt.Sprint(rnd.IntN(50)), element())
			case n == 8:
				both("LPOP", "l", "3")
			case n == 9:
				both("RPOP", "l", "3")
			case n == 10:
				both("LMOVE", "l", "l", "LEFT", "RIGHT")
			default:
				both("LREM", "l", index, fmt.Sprint(rnd.IntN(50)))
			}
			if i%50 == 0 {
				both("DEBUG", "DIGEST-VALUE", "l", "copy")
				both("COPY", "l", "copy", "REPLACE")
				both("LRANGE", "l", "0", "5")
			}
			if i%400 == 399 {
				both("LTRIM", "l", "0", fmt.Sprint(rnd.IntN(20)))
			}
		}
		for _, n := range []int{100, 10_000, 29_000, 5, 70_000} {
			both("RPUSH", "few", strings.Repeat("x", n))
			both("LPUSH", "few", "y")
			both("LRANGE", "few", "0", "-1")
			both("LPOP", "few")
			both("LPOP", "few")
		}
		both("DEBUG", "DIGEST")
	}
}
