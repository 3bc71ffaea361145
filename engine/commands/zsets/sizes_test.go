package zsets_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// TestZsetsOfEverySize crosses the sizes up to which a sorted set is bytes in the
// dictionary and up to which it is a listpack, up and down again, beside redis-server.
func TestZsetsOfEverySize(t *testing.T) {
	theirs := enginetest.StartRedis(t, "--enable-debug-command", "yes").Client(t)
	for _, entries := range []string{"128", "100000", "700"} {
		s := enginetest.NewEngine(t)
		s.Config.EnableDebugCommand.Set("yes")
		ours := s.Client()
		both := func(args ...string) {
			t.Helper()
			if got, want := ours.Do(args...), theirs.Do(args...); got != want {
				t.Fatalf("listpacks of %s, %.100q: %.100q, want %.100q", entries, args, got, want)
			}
		}
		theirs.Do("FLUSHALL")
		both("CONFIG", "SET", "zset-max-listpack-entries", entries)
		both("CONFIG", "SET", "zset-max-listpack-value", "200")
		rnd := rand.New(rand.NewPCG(1, 2))
		for i := range 3000 {
			most, key := 900, fmt.Sprint("z", rnd.IntN(3))
			if i/300%2 == 0 {
				most = 60
			}
			member := func() string {
				m := strconv.Itoa(rnd.IntN(most))
				if key != "z0" {
					m = strings.Repeat("m", rnd.IntN(180)%60) + m
				}
				return m
			}
			score := func() string { return strconv.FormatFloat(float64(rnd.IntN(2000))/4, 'g', -1, 64) }
			switch rnd.IntN(10) {
			case 0:
				both("ZREM", key, member(), member(), member())
			case 1:
				both("ZREMRANGEBYRANK", key, strconv.Itoa(rnd.IntN(400)), strconv.Itoa(rnd.IntN(400)))
			case 2:
				both("ZINCRBY", key, score(), member())
			case 3:
				both("ZREVRANGEBYSCORE", key, score(), "-inf", "WITHSCORES", "LIMIT", "3", "5")
			case 4:
				both("ZPOPMAX", key, "3")
			default:
				both("ZADD", key, score(), member(), score(), member(), score(), member(), score(), member(), score(), member())
			}
			if i%50 == 0 {
				both("DEBUG", "DIGEST-VALUE", "z0", "z1", "z2", "copy")
				both("OBJECT", "ENCODING", key)
				both("COPY", key, "copy", "REPLACE")
				both("ZADD", "copy", "1", "only here")
			}
		}
		both("DEBUG", "DIGEST")
		if keys := s.Misweighed(); len(keys) > 0 {
			t.Errorf("listpacks of %s: %q are not counted right, or empty", entries, keys)
		}
	}
}
