package commands_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/engine/enginetest"
)

// TestExtremeTimes: whatever number stands for a time, every command that takes one
// answers as redis-server does, and leaves the same time behind.
func TestExtremeTimes(t *testing.T) {
	const tolerance = 100_000 // ms between the two clocks, on a busy machine
	redis := enginetest.StartRedis(t).Client(t)
	s := enginetest.NewEngine(t)
	c := s.Client()
	rnd := rand.New(rand.NewPCG(7, 11))
	number := func() string {
		now := time.Now().UnixMilli()
		exact := []int64{math.MaxInt64, math.MinInt64, math.MaxInt64 - 499, math.MaxInt64 - 500, math.MaxInt64 / 1000, math.MinInt64 / 1000,
			1 << 62, -1 << 62, 1 << 53, 1 << 32, 1 << 31, -1 << 31, -1, math.MaxInt64 / 1_000_000, 1e15, 1e18}
		ofNow := []int64{now, now / 1000, -now, -now / 1000, math.MaxInt64 - now, (math.MaxInt64 - now) / 1000, math.MinInt64 + now}
		switch rnd.IntN(10) {
		case 0:
			return []string{"18446744073709551616", "9223372036854775808", "-9223372036854775809", "1e10", "1000000000000000000000000000000"}[rnd.IntN(5)]
		case 1, 2, 3:
			return strconv.FormatInt(ofNow[rnd.IntN(len(ofNow))]+[]int64{1e9, -1e9}[rnd.IntN(2)], 10)
		}
		return strconv.FormatInt(exact[rnd.IntN(len(exact))]+rnd.Int64N(3)-1, 10) // beyond the ends it is another extreme
	}
	expiry := func() string { return []string{"EX", "PX", "EXAT", "PXAT"}[rnd.IntN(4)] }
	expire := func() string { return []string{"EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"}[rnd.IntN(4)] }
	commands := []func() []string{
		func() []string { return []string{"SET", "k", "v", expiry(), number()} },
		func() []string { return []string{"GETEX", "k", expiry(), number()} },
		func() []string { return []string{"SETEX", "k", number(), "v"} },
		func() []string { return []string{"PSETEX", "k", number(), "v"} },
		func() []string { return []string{expire(), "k", number()} },
		func() []string {
			return []string{expire(), "k", number(), []string{"NX", "XX", "GT", "LT"}[rnd.IntN(4)]}
		},
		func() []string { return []string{"BLPOP", "list", number()} },
		func() []string { return []string{"BLMOVE", "list", "list", "LEFT", "RIGHT", number()} },
		func() []string { return []string{"BLMPOP", number(), "1", "list", "LEFT"} },
		func() []string { return []string{"WAIT", "0", number()} },
		func() []string { return []string{"CLIENT", "PAUSE", number(), "WRITE"} },
		func() []string { return []string{"COPY", "k", "other", "REPLACE"} },
	}
	alike := func(a, b string) bool {
		if a == b {
			return true
		}
		x, err1 := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(a, ":")), 10, 64)
		y, err2 := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(b, ":")), 10, 64)
		return err1 == nil && err2 == nil && x >= 0 && y >= 0 && max(x, y)-min(x, y) <= tolerance
	}
	ask := func(args ...string) {
		t.Helper()
		s.Host.Set(time.Now().UnixMilli())
		got, want := c.Do(args...), string(redis.Do(args...))
		if !alike(got, want) {
			t.Errorf("%q: %q, redis-server says %q", args, got, want)
		}
	}
	for range 3000 {
		if t.Failed() {
			return
		}
		ask("SET", "k", "v")
		ask("DEL", "list")
		ask("RPUSH", "list", "a", "b")
		for range 3 {
			args := commands[rnd.IntN(len(commands))]()
			ask(args...)
			if args[0] == "CLIENT" {
				ask("CLIENT", "UNPAUSE")
			}
			for _, probe := range []string{"TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"} {
				ask(probe, "k")
			}
		}
	}
}
