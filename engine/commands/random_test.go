package commands_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regent/engine/enginetest"
)

// Random commands over a few keys: against redis-server, and against what
// their own effects build on a second engine.

const (
	farFuture = 4102444800 // seconds; no test lives to see it
	// The longest sequences, in commands; rapid draws a fixed number of them.
	oracleSteps = 40
	replaySteps = 60
)

func drawKey(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "b", "c", "{a}1", "", "d"}).Draw(t, "key")
}

func drawValue(t *rapid.T) string {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", "0", "1", "-1", "10.5", "9223372036854775807", "-9223372036854775808", "007",
			"abc", "\x00\xff", "1e3", "the quick brown fox jumps over the lazy dog and runs away"}),
		rapid.StringN(0, 60, 80),
	).Draw(t, "value")
}

func drawInt(t *rapid.T) string {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"0", "1", "-1", "2", "9223372036854775807", "-9223372036854775808", "x", "", "01"}),
		rapid.Map(rapid.Int64Range(-20, 20), func(n int64) string { return fmt.Sprint(n) }),
	).Draw(t, "int")
}

func drawMoment(t *rapid.T) string {
	return fmt.Sprint(farFuture + rapid.IntRange(0, 3).Draw(t, "moment"))
}

// maybe returns some of the choices, or none.
func maybe(t *rapid.T, choices ...[]string) []string {
	if rapid.Bool().Draw(t, "with") {
		return rapid.SampledFrom(choices).Draw(t, "option")
	}
	return nil
}

func cmd(words ...string) []string { return words }

// drawExact draws a command whose reply does not depend on the time it is
// carried out at.
func drawExact(t *rapid.T) []string {
	k := func() string { return drawKey(t) }
	kinds := []func() []string{
		func() []string {
			c := cmd("SET", k(), drawValue(t))
			c = append(c, maybe(t, cmd("NX"), cmd("XX"))...)
			c = append(c, maybe(t, cmd("GET"))...)
			return append(c, maybe(t, cmd("KEEPTTL"), cmd("EXAT", drawMoment(t)), cmd("PXAT", drawMoment(t)+"123"))...)
		},
		func() []string {
			return cmd(rapid.SampledFrom([]string{"GET", "STRLEN", "GETDEL", "TYPE"}).Draw(t, "c"), k())
		},
		func() []string { return cmd("GETSET", k(), drawValue(t)) },
		func() []string { return cmd("SETNX", k(), drawValue(t)) },
		func() []string { return cmd("APPEND", k(), drawValue(t)) },
		func() []string { return cmd("GETRANGE", k(), drawInt(t), drawInt(t)) },
		func() []string {
			return cmd("SETRANGE", k(), fmt.Sprint(rapid.IntRange(-1, 100).Draw(t, "at")), drawValue(t))
		},
		func() []string { return cmd(rapid.SampledFrom([]string{"INCR", "DECR"}).Draw(t, "c"), k()) },
		func() []string {
			return cmd(rapid.SampledFrom([]string{"INCRBY", "DECRBY"}).Draw(t, "c"), k(), drawInt(t))
		},
		func() []string {
			return cmd("INCRBYFLOAT", k(), fmt.Sprint(float64(rapid.IntRange(-5000, 5000).Draw(t, "f"))/64))
		},
		func() []string { return cmd("MGET", k(), k(), k()) },
		func() []string { return cmd("MSET", k(), drawValue(t), k(), drawValue(t)) },
		func() []string { return cmd("MSETNX", k(), drawValue(t), k(), drawValue(t)) },
		func() []string {
			return append(cmd("GETEX", k()), maybe(t, cmd("PERSIST"), cmd("EXAT", drawMoment(t)), cmd("EXAT", "5"))...)
		},
		func() []string {
			return append(cmd("LCS", k(), k()), maybe(t, cmd("LEN"), cmd("IDX"), cmd("IDX", "WITHMATCHLEN"))...)
		},
		func() []string {
			return cmd(rapid.SampledFrom([]string{"DEL", "UNLINK", "EXISTS", "TOUCH"}).Draw(t, "c"), k(), k())
		},
		func() []string { return cmd(rapid.SampledFrom([]string{"RENAME", "RENAMENX"}).Draw(t, "c"), k(), k()) },
		func() []string {
			return append(cmd("COPY", k(), k()), maybe(t, cmd("REPLACE"), cmd("DB", "1"), cmd("REPLACE", "DB", "1"))...)
		},
		func() []string { return cmd("MOVE", k(), "1") },
		func() []string {
			return append(cmd("EXPIREAT", k(), drawMoment(t)), maybe(t, cmd("NX"), cmd("XX"), cmd("GT"), cmd("LT"), cmd("XX", "LT"))...)
		},
		func() []string {
			return cmd(rapid.SampledFrom([]string{"PEXPIREAT", "EXPIRE"}).Draw(t, "c"), k(), "-1")
		},
		func() []string {
			return cmd(rapid.SampledFrom([]string{"PERSIST", "EXPIRETIME", "PEXPIRETIME"}).Draw(t, "c"), k())
		},
		func() []string { return cmd("OBJECT", "ENCODING", k()) },
		func() []string { return drawSetChange(t) },
		func() []string { return drawSetChange(t) },
		func() []string { return drawSetLook(t) },
		func() []string { return drawHashChange(t) },
		func() []string { return drawHashChange(t) },
		func() []string { return drawHashLook(t) },
		func() []string { return drawBits(t) },
	}
	kinds = append(append(kinds, drawList(t)...), drawZset(t)...)
	return kinds[rapid.IntRange(0, len(kinds)-1).Draw(t, "kind")]()
}

// drawList are the kinds of list commands. Elements come from few, so that some
// are found.
func drawList(t *rapid.T) []func() []string {
	k := func() string { return drawKey(t) }
	element := func() string {
		if rapid.IntRange(0, 9).Draw(t, "rare") == 0 {
			return drawValue(t)
		}
		return rapid.SampledFrom([]string{"x", "y", "7", "-300", "zz"}).Draw(t, "element")
	}
	index := func() string { return fmt.Sprint(rapid.IntRange(-6, 6).Draw(t, "index")) }
	side := func() string { return rapid.SampledFrom([]string{"LEFT", "right"}).Draw(t, "side") }
	push := func() []string {
		c := cmd(rapid.SampledFrom([]string{"LPUSH", "RPUSH", "RPUSH", "LPUSHX", "RPUSHX"}).Draw(t, "c"), k())
		for range rapid.IntRange(1, 4).Draw(t, "n") {
			c = append(c, element())
		}
		return c
	}
	return []func() []string{
		push, push, push,
		func() []string {
			return append(cmd(rapid.SampledFrom([]string{"LPOP", "RPOP"}).Draw(t, "c"), k()), maybe(t, cmd("2"), cmd("0"), cmd("9"))...)
		},
		func() []string { return cmd("LLEN", k()) },
		func() []string { return cmd("LRANGE", k(), index(), index()) },
		func() []string { return cmd("LRANGE", k(), "0", "-1") },
		func() []string { return cmd("LINDEX", k(), index()) },
		func() []string { return cmd("LSET", k(), index(), element()) },
		func() []string {
			return cmd("LINSERT", k(), rapid.SampledFrom([]string{"BEFORE", "AFTER"}).Draw(t, "c"), element(), element())
		},
		func() []string { return cmd("LREM", k(), index(), element()) },
		func() []string { return cmd("LTRIM", k(), index(), index()) },
		func() []string {
			c := append(cmd("LPOS", k(), element()), maybe(t, cmd("RANK", "-1"), cmd("RANK", "2"))...)
			return append(append(c, maybe(t, cmd("COUNT", "0"), cmd("COUNT", "2"))...), maybe(t, cmd("MAXLEN", "3"))...)
		},
		func() []string { return cmd("LMOVE", k(), k(), side(), side()) },
		func() []string { return cmd("RPOPLPUSH", k(), k()) },
		func() []string { return append(cmd("LMPOP", "2", k(), k(), side()), maybe(t, cmd("COUNT", "2"))...) },
		func() []string { return cmd("LMPOP", "1", k(), side()) },
	}
}

// drawZset are some kinds of commands of sorted sets, among other types; all of them are
// in their room's own test.
func drawZset(t *rapid.T) []func() []string {
	k := func() string { return drawKey(t) }
	number := func() string {
		return rapid.OneOf(rapid.Map(rapid.IntRange(-3, 9), strconv.Itoa), rapid.SampledFrom([]string{"0.1", "inf", "-inf", "1e17", "x"})).Draw(t, "number")
	}
	add := func() []string {
		c := append(cmd("ZADD", k()), maybe(t, cmd("NX"), cmd("XX", "GT"), cmd("CH"))...)
		for range rapid.IntRange(1, 3).Draw(t, "pairs") {
			c = append(c, number(), drawMembers(t)[0])
		}
		return c
	}
	return []func() []string{
		add, add, add,
		func() []string { return cmd("ZINCRBY", k(), number(), drawMembers(t)[0]) },
		func() []string { return append(cmd("ZREM", k()), drawMembers(t)...) },
		func() []string {
			return append(cmd("ZRANGE", k(), "0", "-1"), maybe(t, cmd("WITHSCORES"), cmd("REV"))...)
		},
		func() []string {
			return append(cmd(rapid.SampledFrom([]string{"ZPOPMIN", "ZPOPMAX"}).Draw(t, "c"), k()), maybe(t, cmd("2"))...)
		},
		func() []string {
			return cmd(rapid.SampledFrom([]string{"ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"}).Draw(t, "c"), k(), "2", k(), k())
		},
		func() []string { return cmd("ZRANGESTORE", k(), k(), "0", "2") },
		func() []string { return cmd("ZREMRANGEBYSCORE", k(), number(), number()) },
	}
}

func drawMembers(t *rapid.T) (out []string) {
	for range rapid.IntRange(1, 4).Draw(t, "members") {
		out = append(out, rapid.OneOf(rapid.Map(rapid.IntRange(-3, 12), strconv.Itoa), rapid.Custom(drawValue)).Draw(t, "member"))
	}
	return out
}

func drawSetChange(t *rapid.T) []string {
	k := func() string { return drawKey(t) }
	switch rapid.IntRange(0, 5).Draw(t, "change") {
	case 0:
		return cmd("SMOVE", k(), k(), drawMembers(t)[0])
	case 1:
		return cmd(rapid.SampledFrom([]string{"SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"}).Draw(t, "c"), k(), k(), k(), k())
	case 2:
		return append(cmd("SREM", k()), drawMembers(t)...)
	}
	return append(cmd("SADD", k()), drawMembers(t)...)
}

// drawSetLook draws what has one answer, whatever the order of members.
func drawSetLook(t *rapid.T) []string {
	k := drawKey(t)
	switch rapid.IntRange(0, 3).Draw(t, "look") {
	case 0:
		return cmd("SISMEMBER", k, drawMembers(t)[0])
	case 1:
		return append(cmd("SMISMEMBER", k), drawMembers(t)...)
	case 2:
		return cmd("SCARD", k)
	}
	return append(cmd("SINTERCARD", "2", k, drawKey(t)), maybe(t, cmd("LIMIT", "2"))...)
}

func drawField(t *rapid.T) string {
	return rapid.OneOf(rapid.Map(rapid.IntRange(-3, 9), strconv.Itoa), rapid.Custom(drawValue)).Draw(t, "field")
}

func drawHashChange(t *rapid.T) []string {
	k := drawKey(t)
	switch rapid.IntRange(0, 6).Draw(t, "change") {
	case 0:
		return cmd("HSETNX", k, drawField(t), drawValue(t))
	case 1:
		return cmd("HINCRBY", k, drawField(t), drawInt(t))
	case 2:
		return cmd("HINCRBYFLOAT", k, drawField(t), fmt.Sprint(float64(rapid.IntRange(-5000, 5000).Draw(t, "f"))/64))
	case 3:
		c := cmd("HDEL", k)
		for range rapid.IntRange(1, 3).Draw(t, "n") {
			c = append(c, drawField(t))
		}
		return c
	}
	c := cmd(rapid.SampledFrom([]string{"HSET", "HMSET"}).Draw(t, "c"), k)
	for range rapid.IntRange(1, 3).Draw(t, "n") {
		c = append(c, drawField(t), drawValue(t))
	}
	return c
}

// drawHashLook draws what has one answer, whatever the order of fields.
func drawHashLook(t *rapid.T) []string {
	k := drawKey(t)
	switch rapid.IntRange(0, 2).Draw(t, "look") {
	case 0:
		return cmd("HMGET", k, drawField(t), drawField(t))
	case 1:
		return cmd("HLEN", k)
	}
	return cmd(rapid.SampledFrom([]string{"HGET", "HEXISTS", "HSTRLEN"}).Draw(t, "c"), k, drawField(t))
}

// drawBits draws what looks at a string as at bits, or as at a HyperLogLog.
func drawBits(t *rapid.T) []string {
	at := fmt.Sprint(rapid.IntRange(0, 500).Draw(t, "at"))
	switch rapid.IntRange(0, 6).Draw(t, "bits") {
	case 5:
		return cmd("PFADD", drawKey(t), drawValue(t), at)
	case 6:
		return rapid.SampledFrom([][]string{cmd("PFCOUNT", drawKey(t)), cmd("PFMERGE", drawKey(t), drawKey(t)), cmd("PFCOUNT", drawKey(t), drawKey(t))}).Draw(t, "pf")
	case 0:
		return cmd("SETBIT", drawKey(t), at, rapid.SampledFrom([]string{"0", "1"}).Draw(t, "bit"))
	case 1:
		return cmd("BITFIELD", drawKey(t), "SET", "u7", at, drawInt(t), "OVERFLOW", "FAIL", "INCRBY", "i20", at, drawInt(t))
	case 2:
		return cmd("BITOP", rapid.SampledFrom([]string{"AND", "OR", "XOR"}).Draw(t, "op"), drawKey(t), drawKey(t), drawKey(t))
	case 3:
		return cmd("BITCOUNT", drawKey(t))
	}
	return cmd("BITOP", "NOT", drawKey(t), drawKey(t))
}

// drawTimed draws commands that count from now on.
func drawTimed(t *rapid.T) []string {
	life := fmt.Sprint(rapid.IntRange(1, 50).Draw(t, "life"))
	k := drawKey(t)
	return rapid.SampledFrom([][]string{
		{"PEXPIRE", k, life}, {"PEXPIRE", k, life, "NX"}, {"PEXPIRE", k, life, "GT"}, {"SET", k, "v", "PX", life},
		{"SET", k, "v", "PX", life, "NX"}, {"PSETEX", k, life, "v"}, {"GETEX", k, "PX", life}, {"EXPIRE", k, "1"},
		{"SPOP", k}, {"SPOP", k, "2"}, {"SADD", k, "1", "2", "3", "x"}, {"SRANDMEMBER", k, "2"},
		{"PTTL", k}, {"SCAN", "0", "COUNT", "100"}, {"RANDOMKEY"}, {"KEYS", "*"}, {"EXPIRE", k, "0"},
	}).Draw(t, "timed")
}

func TestRandomAgainstRedis(outer *testing.T) {
	theirs := enginetest.StartRedis(outer, "--enable-debug-command", "yes").Client(outer)
	rapid.Check(outer, func(t *rapid.T) {
		theirs.Do("FLUSHALL")
		s := enginetest.NewEngine(outer)
		s.Config.EnableDebugCommand.Set("yes")
		ours := s.Client()
		s.Host.Set(time.Now().UnixMilli())
		nodes := rapid.SampledFrom([]string{"-2", "1", "3"}).Draw(t, "list-max-listpack-size")
		ours.Do("CONFIG", "SET", "list-max-listpack-size", nodes)
		theirs.Do("CONFIG", "SET", "list-max-listpack-size", nodes)
		fields := rapid.SampledFrom([]string{"512", "4", "0"}).Draw(t, "hash-max-listpack-entries")
		ours.Do("CONFIG", "SET", "hash-max-ziplist-entries", fields)
		theirs.Do("CONFIG", "SET", "hash-max-ziplist-entries", fields)
		for range rapid.IntRange(1, oracleSteps).Draw(t, "steps") {
			c := drawExact(t)
			want := theirs.Do(c...)
			if got := ours.Do(c...); got != want {
				t.Fatalf("%q\n  got  %q\n  want %q", c, got, want)
			}
		}
		keys := enginetest.Elements(theirs.Do("KEYS", "*"))
		slices.Sort(keys)
		mine := enginetest.Elements(ours.Do("KEYS", "*"))
		slices.Sort(mine)
		if !slices.Equal(keys, mine) {
			t.Fatalf("keys %q, not %q", mine, keys)
		}
		for _, c := range append(keys, "none") {
			if got, want := ours.Do("DEBUG", "DIGEST-VALUE", c), theirs.Do("DEBUG", "DIGEST-VALUE", c); got != want {
				t.Fatalf("the digest of %q is %q, not %q", c, got, want)
			}
		}
		if got, want := ours.Do("DEBUG", "DIGEST"), theirs.Do("DEBUG", "DIGEST"); got != want {
			t.Fatalf("the digest is %q, not %q", got, want)
		}
	})
}

// TestReplay carries out what random commands left in the log on another
// engine, whose clock is far ahead: the keyspaces must be the same.
func TestReplay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := enginetest.NewEngine(t)
		c := s.Client()
		c.Do("CONFIG", "SET", "list-max-listpack-size", rapid.SampledFrom([]string{"-2", "2"}).Draw(rt, "list-max-listpack-size"))
		for range rapid.IntRange(1, replaySteps).Draw(rt, "steps") {
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				s.Host.Advance(time.Duration(rapid.IntRange(1, 40).Draw(rt, "ms")) * time.Millisecond)
			case 1:
				s.ExpireCycle(rapid.IntRange(1, 10).Draw(rt, "limit"))
			case 2, 3, 4:
				c.Do(drawTimed(rt)...)
			default:
				c.Do(drawExact(rt)...)
			}
		}
		follower := enginetest.NewEngine(t)
		follower.Host.Advance(1000 * time.Hour)
		a := follower.NewApplier()
		for _, rec := range s.Log.Records() {
			a.SetDB(rec.DB)
			if err := a.Apply(rec.Args); err != nil {
				rt.Fatalf("%s: %v", rec, err)
			}
		}
		if got, want := follower.Dump(), s.Dump(); !slices.Equal(got, want) {
			rt.Fatalf("the log\n%q\nbuilds\n%q\nnot\n%q", s.Log.Lines(), got, want)
		}
		if keys := append(s.Misweighed(), follower.Misweighed()...); len(keys) > 0 {
			rt.Fatalf("%q are not counted right, or empty", keys)
		}
	})
}
