package zsets_test

import (
	"slices"
	"strconv"
	"testing"

	"regent/engine"
	"regent/engine/enginetest"
)

func TestEffects(t *testing.T) { enginetest.RunEffects(t, "testdata/effects") }

func TestScripts(t *testing.T) {
	enginetest.RunScripts(t, enginetest.StartRedis(t, "--enable-debug-command", "yes"), "testdata/scripts", func(o *engine.Options) { o.Config.EnableDebugCommand.Set("yes") })
}

// TestZsetsMakeNoGarbage: looking, and what changes little, allocates nothing.
func TestZsetsMakeNoGarbage(t *testing.T) {
	do := enginetest.HotSession(t, &enginetest.Tape{})
	for key, size := range map[string]int{"small": 20, "large": 3000} {
		for i := range size {
			do(enginetest.Raw("ZADD", key, strconv.Itoa(i), "member:"+strconv.Itoa(i)))
		}
		for _, cmd := range [][][]byte{
			enginetest.Raw("ZSCORE", key, "member:7"), enginetest.Raw("ZSCORE", key, "x"), enginetest.Raw("ZRANK", key, "member:7"), enginetest.Raw("ZCARD", key),
			enginetest.Raw("ZADD", key, "7", "member:7"), enginetest.Raw("ZADD", key, "GT", "1", "member:7"), enginetest.Raw("ZREM", key, "x"), enginetest.Raw("ZCOUNT", key, "1", "(5"),
			enginetest.Raw("ZRANGE", key, "1", "5", "WITHSCORES"), enginetest.Raw("ZRANGEBYSCORE", key, "2", "+inf", "LIMIT", "1", "3"), enginetest.Raw("ZMSCORE", key, "member:1", "y"),
			enginetest.Raw("ZPOPMIN", "nokey"), enginetest.Raw("ZINCRBY", key, "0.001", "member:7"), enginetest.Raw("ZINCRBY", key, "-0.001", "member:9"),
		} {
			do(cmd)
			if n := testing.AllocsPerRun(100, func() { do(cmd) }); n != 0 {
				t.Errorf("%s: %v allocations", cmd, n)
			}
		}
	}
	add, pop := enginetest.Raw("ZADD", "small", "0.5", "member:new"), enginetest.Raw("ZREM", "small", "member:new")
	do(add)
	if n := testing.AllocsPerRun(100, func() { do(pop); do(add) }); n != 0 {
		t.Errorf("ZREM and ZADD: %v allocations", n)
	}
	one, gone := enginetest.Raw("ZADD", "new", "1", "a", "2", "b"), enginetest.Raw("DEL", "new")
	if n := testing.AllocsPerRun(100, func() { do(one); do(gone) }); n != 0 {
		t.Errorf("ZADD and DEL of a new sorted set: %v allocations", n)
	}
}

// TestCommandsMakeTheValue: a log whose base is commands holds the same, but for -0, which
// is 0 in the listpack that the first of them makes, as with redis-server.
func TestCommandsMakeTheValue(t *testing.T) {
	s, other := enginetest.NewEngine(t), enginetest.NewEngine(t)
	c := s.Client()
	for i := range 1000 {
		score := strconv.FormatFloat(1/float64(i+1), 'g', -1, 64)
		c.Do("ZADD", "large", score, "member:"+strconv.Itoa(i))
		c.Do("ZADD", "small", score, strconv.Itoa(i%50))
	}
	c.Do("ZADD", "large", "inf", "", "-inf", "low", "1e-300", "tiny")
	a := other.NewApplier()
	err := s.Snapshot(t.Context(), engine.SnapshotOptions{}, func(b *engine.SnapshotBatch) error {
		return b.Each(func(en *engine.SnapshotEntry) error {
			return en.Obj.Commands(en.Key, func(args ...[]byte) error {
				if len(args) > 66 {
					t.Errorf("a command of %d words", len(args))
				}
				return a.Apply(args)
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := other.Dump(), s.Dump(); !slices.Equal(got, want) || len(got) != 2 {
		t.Errorf("the commands make\n%.300q\nnot\n%.300q", got, want)
	}
}
