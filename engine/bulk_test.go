package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regent/engine"
	"regent/engine/enginetest"
)

// A logRecord is a record as a log's player hands it over: with the database
// that is selected before its unit.
type logRecord struct {
	db   int
	args []string
}

// drawLog draws a log: commands of one key and of several, transactions,
// databases, and now and then a record that cannot be carried out.
func drawLog(t *rapid.T) (log []logRecord) {
	db, next, multi := 0, 0, 0
	put := func(args ...string) { log = append(log, logRecord{db, args}) }
	// One key in seven shares its shard with a given one: what has two keys may be single.
	key := func() string {
		n := rapid.IntRange(0, 60).Draw(t, "key")
		return fmt.Sprintf("k{%d}%d", n%7, n)
	}
	of := func(letter string) string {
		return fmt.Sprintf("%s{7}%d", letter, rapid.IntRange(0, 9).Draw(t, "of"))
	}
	faults := rapid.IntRange(0, 3).Draw(t, "faults") == 0
	for range rapid.IntRange(1, 3000).Draw(t, "records") {
		switch what := rapid.IntRange(0, 99).Draw(t, "what"); {
		case what < 40:
			put("SET", key(), fmt.Sprint("v", len(log)))
		case what < 50:
			n := len(log)
			put(rapid.SampledFrom([][]string{
				{"SADD", of("s"), fmt.Sprint(n % 50), fmt.Sprint("m", n)},
				{"ZADD", of("z"), fmt.Sprint(n % 50), fmt.Sprint("m", n%70)},
				{"HSET", of("h"), fmt.Sprint("f", n%20), fmt.Sprint("v", n)},
				{"RPUSH", of("l"), fmt.Sprint("e", n), "x"},
			}).Draw(t, "made")...)
		case what < 58:
			put(rapid.SampledFrom([][]string{
				{"SUNIONSTORE", of("s"), of("s"), of("s")},
				{"SDIFFSTORE", of("s"), of("s"), of("s")},
				{"SMOVE", of("s"), of("s"), fmt.Sprint(len(log) % 50)},
				{"ZUNIONSTORE", of("z"), "2", of("z"), of("s")},
				{"ZINTERSTORE", of("z"), "2", of("z"), of("z")},
				{"ZRANGESTORE", of("z"), of("z"), "0", "5"},
				{"RPOPLPUSH", of("l"), of("l")},
				{"LMOVE", of("l"), of("l"), "left", "right"},
				{"COPY", of("h"), of("g"), "REPLACE"},
			}).Draw(t, "several")...)
		case what < 63:
			put("RPUSH", "l"+key(), fmt.Sprint("e", len(log)), "x")
		case what < 65:
			put("LPOP", "l"+key())
		case what < 66:
			put("LMOVE", "l"+key(), "l"+key(), "left", "right")
		case what < 73:
			put("APPEND", key(), fmt.Sprint("+", len(log)))
		case what < 80:
			put("DEL", key(), key())
		case what < 84:
			put("MSET", key(), fmt.Sprint("m", len(log)), key(), fmt.Sprint("n", len(log)))
		case what < 87:
			put("PEXPIREAT", key(), "33177117420000")
		case what < 90:
			if from, to := key(), key(); from != to {
				put("COPY", from, to, "REPLACE")
			}
		case what < 93:
			next = rapid.IntRange(0, 2).Draw(t, "db")
			put("SELECT", fmt.Sprint(next))
		case what < 96 && multi == 0:
			put("MULTI")
			multi = rapid.IntRange(1, 5).Draw(t, "length")
			continue
		case what == 96 && multi == 0:
			put("FLUSHDB")
		case what == 97 && faults:
			put("INCR", key()) // of no number, as a rule
		case what == 98 && faults:
			put("NOSUCH", key())
		default:
			put("SETRANGE", key(), "3", "x")
		}
		if multi > 0 {
			if multi--; multi == 0 {
				put("EXEC")
			}
		}
		if multi == 0 {
			db = next
		}
	}
	if multi > 0 {
		put("EXEC")
	}
	return log
}

// TestBulkIsOneByOne carries out a log one by one and on several workers: the
// keyspaces are the same, and so is the first record that fails.
func TestBulkIsOneByOne(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		log := drawLog(rt)
		shards := rapid.SampledFrom([]int{1, 4, 64}).Draw(rt, "shards")
		withShards := func(o *engine.Options) { o.Shards = shards }
		one, many := enginetest.NewEngine(t, withShards), enginetest.NewEngine(t, withShards)
		a, failed := one.NewApplier(), -1
		for i, r := range log {
			a.SetDB(r.db)
			if err := a.Apply(enginetest.Raw(r.args...)); err != nil {
				failed = i
				break
			}
		}
		b := many.NewBulkApplier(rapid.IntRange(1, 5).Draw(rt, "workers"))
		defer b.Close()
		var err error
		for i, r := range log {
			args := enginetest.Raw(r.args...)
			if err = b.Apply(r.db, args); err != nil {
				break
			}
			for _, a := range args {
				clear(a) // they were valid until Apply returned
			}
			if rapid.IntRange(0, 500).Draw(rt, "progress") == 0 {
				b.Progress(int64(i)<<20, int64(len(log))<<20)
			}
		}
		if err == nil {
			err = b.Drain()
		}
		var at *engine.RecordError
		switch {
		case failed < 0 && err != nil:
			rt.Fatalf("one by one all is well, at once %v", err)
		case failed >= 0 && (!errors.As(err, &at) || at.Index != int64(failed)):
			rt.Fatalf("one by one record %d (%q) fails, at once %v", failed, log[failed].args, err)
		case failed >= 0:
			return
		}
		if got, want := many.Dump(), one.Dump(); !slices.Equal(got, want) {
			rt.Fatalf("got\n%q\nwant\n%q", got, want)
		}
		for db := range 3 {
			want, _ := many.DBSize(db)
			if keys, used, bytes := many.Noted(db); keys != want || used != bytes {
				rt.Fatalf("database %d: %d keys and %d bytes of all are noted, there are %d and %d", db, keys, used, want, bytes)
			}
		}
	})
}

func BenchmarkApply(b *testing.B) {
	args := enginetest.Raw("SET", "key:0000000000", "0123456789012345678901234567890123456789012345678901234567890123")
	name := func(i int) [][]byte {
		args[1] = fmt.Appendf(args[1][:0], "key:%010d", i*7919%1_000_000)
		return args
	}
	b.Run("one by one", func(b *testing.B) {
		a := enginetest.NewEngine(b).NewApplier()
		for i := range b.N {
			if err := a.Apply(name(i)); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, workers := range []int{1, 2, 4} {
		b.Run(fmt.Sprint("bulk/workers=", workers), func(b *testing.B) {
			a := enginetest.NewEngine(b).NewBulkApplier(workers)
			defer a.Close()
			for i := range b.N {
				if err := a.Apply(0, name(i)); err != nil {
					b.Fatal(err)
				}
			}
			if err := a.Drain(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// TestBulkMovesWithinAShard: what has two keys of one shard sees both of them.
func TestBulkMovesWithinAShard(t *testing.T) {
	e := enginetest.NewEngine(t)
	b := e.NewBulkApplier(2)
	defer b.Close()
	for _, line := range []string{
		"RPUSH {t}a 1 2", "RPUSH {t}b 3 4", "LMOVE {t}a {t}b left right",
		"SADD {t}s 1 2", "SADD {t}u 2 3", "SDIFFSTORE {t}d {t}s {t}u", "SMOVE {t}s {t}u 1",
		"ZADD {t}y 1 m", "ZADD {t}z 2 n", "ZUNIONSTORE {t}x 2 {t}y {t}z",
	} {
		if err := b.Apply(0, enginetest.Raw(strings.Fields(line)...)); err != nil {
			t.Fatal(line, err)
		}
	}
	if err := b.Drain(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`0 "{t}a" ["RPUSH" "key" "2"] 0`,
		`0 "{t}b" ["RPUSH" "key" "3" "4" "1"] 0`,
		`0 "{t}d" set ["1"] 0`,
		`0 "{t}s" set ["2"] 0`,
		`0 "{t}u" set ["1" "2" "3"] 0`,
		`0 "{t}x" ["ZADD" "key" "1" "m" "2" "n"] 0`,
		`0 "{t}y" ["ZADD" "key" "1" "m"] 0`,
		`0 "{t}z" ["ZADD" "key" "2" "n"] 0`,
	}
	if got := e.Dump(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
