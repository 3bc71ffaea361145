package engine_test

import (
	"errors"
	"fmt"
	"slices"
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
	key := func() string { return fmt.Sprint("k", rapid.IntRange(0, 60).Draw(t, "key")) }
	faults := rapid.IntRange(0, 3).Draw(t, "faults") == 0
	for range rapid.IntRange(1, 3000).Draw(t, "records") {
		switch what := rapid.IntRange(0, 99).Draw(t, "what"); {
		case what < 60:
			put("SET", key(), fmt.Sprint("v", len(log)))
		case what < 65:
			put("RPUSH", "l"+key(), fmt.Sprint("e", len(log)), "x")
		case what < 67:
			put("LPOP", "l"+key())
		case what < 68:
			put("LMOVE", "l"+key(), "l"+key(), "left", "right")
		case what < 75:
			put("APPEND", key(), fmt.Sprint("+", len(log)))
		case what < 77:
			put("SADD", fmt.Sprint("s", rapid.IntRange(0, 9).Draw(t, "set")), fmt.Sprint(len(log)%50), fmt.Sprint("m", len(log)))
		case what < 78:
			put("SUNIONSTORE", fmt.Sprint("s", rapid.IntRange(0, 9).Draw(t, "set")), "s1", "s2")
		case what < 80:
			put("DEL", key(), key())
		case what < 84:
			put("MSET", key(), fmt.Sprint("m", len(log)), key(), fmt.Sprint("n", len(log)))
		case what < 87:
			put("PEXPIREAT", key(), "33177117420000")
		case what < 90:
			put("COPY", key(), key(), "REPLACE")
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
