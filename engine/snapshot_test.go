package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"regent/engine"
	"regent/engine/enginetest"
)

// dump is enginetest.Dump without a snapshot.
func dump(e *engine.Engine) (lines []string) {
	e.EachEntry(func(en *engine.SnapshotEntry) { lines = append(lines, enginetest.EntryLine(en)) })
	slices.Sort(lines)
	return lines
}

// A taker collects what a snapshot gives out; between runs after each batch.
type taker struct {
	lines   []string
	between func() error
}

func (tk *taker) take(b *engine.SnapshotBatch) error {
	before := len(tk.lines)
	err := b.Each(func(en *engine.SnapshotEntry) error {
		tk.lines = append(tk.lines, enginetest.EntryLine(en))
		return nil
	})
	if err == nil && len(tk.lines)-before != b.Len() {
		err = fmt.Errorf("a batch of %d has %d entries", b.Len(), len(tk.lines)-before)
	}
	if err == nil && tk.between != nil {
		err = tk.between()
	}
	return err
}

// differ tells how two sorted lists of lines differ, "" if they do not.
func differ(got, want []string) string {
	slices.Sort(got)
	if slices.Equal(got, want) {
		return ""
	}
	count := map[string]int{}
	for _, l := range got {
		count[l]++
	}
	for _, l := range want {
		count[l]--
	}
	maps.DeleteFunc(count, func(_ string, n int) bool { return n == 0 })
	var text strings.Builder
	fmt.Fprintf(&text, "%d entries, want %d:", len(got), len(want))
	for l, n := range count {
		fmt.Fprintf(&text, "\n%+d %.120s", n, l)
	}
	return text.String()
}

// A scribbler changes the keyspace in every way there is. Keys are of few
// slots, so that a dictionary is walked in many steps.
type scribbler struct {
	rnd *rand.Rand
	c   *enginetest.Client
}

func (s scribbler) key() string {
	return fmt.Sprintf("{%d}%d", s.rnd.IntN(3), s.rnd.IntN(151))
}

// value is short as a rule, sometimes long enough to be pinned, and sometimes of
// a size that has memory of its own and is not pinned.
func (s scribbler) value() string {
	size := []int{3, 40, 40, 40, 900, 900, 2500, 40_000, 70_000, 1_100_000}[min(s.rnd.IntN(12), s.rnd.IntN(10))]
	return strings.Repeat(string(rune('a'+s.rnd.IntN(26))), size)
}

func (s scribbler) change() {
	c, k := s.c, s.key()
	switch s.rnd.IntN(29) {
	case 26, 27, 28:
		s.changeHash()
	case 16, 17, 18, 19, 20, 21:
		s.changeList()
	case 22, 23, 24, 25:
		s.changeSet()
	case 0, 1, 2, 3:
		c.Do("SET", k, s.value())
	case 4:
		c.Do("SET", k, fmt.Sprint(s.rnd.IntN(1<<40)-5), "PX", "9999999")
	case 5:
		c.Do("APPEND", k, s.value())
	case 6:
		c.Do("SETRANGE", k, fmt.Sprint([]int{0, 7, 70_001}[s.rnd.IntN(3)]), "written over")
	case 7:
		c.Do("INCR", k)
	case 8:
		c.Do("DEL", k, s.key())
	case 9:
		c.Do("PEXPIRE", k, "12345678")
	case 10:
		c.Do("PERSIST", k)
	case 11:
		c.Do("RENAME", k, s.key())
	case 12:
		c.Do("COPY", k, s.key(), "DB", fmt.Sprint(s.rnd.IntN(4)), "REPLACE")
	case 13:
		c.Do("MOVE", k, fmt.Sprint(s.rnd.IntN(4)))
	case 14:
		c.Do("SELECT", fmt.Sprint(s.rnd.IntN(4)))
	default:
		s.rarely()
	}
}

// changeSet changes a set, which grows to several pages if it is let live.
func (s scribbler) changeSet() {
	key := func() string { return fmt.Sprintf("s{%d}%d", s.rnd.IntN(3), s.rnd.IntN(15)) }
	c, k := s.c, key()
	switch s.rnd.IntN(6) {
	case 0, 1, 2:
		args := []string{"SADD", k}
		for range s.rnd.IntN(200) + 1 {
			args = append(args, []string{"", "member:"}[s.rnd.IntN(2)]+fmt.Sprint(s.rnd.IntN(1000)))
		}
		c.Do(args...)
	case 3:
		c.Do("SPOP", k, fmt.Sprint(s.rnd.IntN(100)))
	case 4:
		c.Do("SUNIONSTORE", k, k, key())
	default:
		c.Do("SREM", k, fmt.Sprint("member:", s.rnd.IntN(1000)), fmt.Sprint(s.rnd.IntN(1000)))
	}
}

// changeHash changes a hash, of either form.
func (s scribbler) changeHash() {
	key := func() string { return fmt.Sprintf("h{%d}%d", s.rnd.IntN(3), s.rnd.IntN(15)) }
	field := func() string { return fmt.Sprint("field:", s.rnd.IntN(700)) }
	c, k := s.c, key()
	switch s.rnd.IntN(8) {
	case 0, 1, 2:
		args := []string{"HSET", k}
		for range s.rnd.IntN(100) + 1 {
			args = append(args, field(), fmt.Sprint(s.rnd.IntN(1<<20)))
		}
		c.Do(args...)
	case 3:
		c.Do("HSET", k, field(), s.value())
	case 4:
		c.Do("HINCRBY", k, field(), "7")
	case 5:
		c.Do("DEL", k)
	case 6:
		c.Do("COPY", k, key(), "REPLACE")
	default:
		c.Do("HDEL", k, field(), field(), field())
	}
}

// changeList changes a list, which has several nodes if it is let live.
func (s scribbler) changeList() {
	key := func() string { return fmt.Sprintf("l{%d}%d", s.rnd.IntN(3), s.rnd.IntN(15)) }
	c, k := s.c, key()
	few := fmt.Sprint(s.rnd.IntN(3))
	switch s.rnd.IntN(11) {
	case 0, 1, 2:
		c.Do("RPUSH", k, s.value(), s.value(), few)
	case 3:
		c.Do("LPUSH", k, strings.Repeat("e", s.rnd.IntN(300)))
	case 4:
		c.Do("LSET", k, fmt.Sprint(s.rnd.IntN(5)), "written over")
	case 5:
		c.Do("LPOP", k)
	case 6:
		c.Do("LTRIM", k, "1", "20")
	case 7:
		c.Do("LMOVE", k, key(), "LEFT", "RIGHT")
	case 8, 9:
		c.Do("LREM", k, "1", few)
	default:
		c.Do("LINSERT", k, "AFTER", few, "a new one")
	}
}

func (s scribbler) rarely() {
	switch s.rnd.IntN(10) {
	case 0:
		s.c.Do("FLUSHALL")
	case 1, 2:
		s.c.Do("FLUSHDB")
	default:
		s.c.Do("SWAPDB", fmt.Sprint(s.rnd.IntN(4)), fmt.Sprint(s.rnd.IntN(4)))
	}
}

// TestSnapshotIsTheCut: whatever changes between two batches, a snapshot shows the
// state at its cut, each key once; and one that is given up disturbs nobody.
func TestSnapshotIsTheCut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := enginetest.NewEngine(t)
		w := scribbler{rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0)), s.Client()}
		w.c.Do("SELECT", "0")
		for range rapid.IntRange(1, 3).Draw(rt, "snapshots") {
			for range rapid.IntRange(0, 300).Draw(rt, "before") {
				w.change()
			}
			want := dump(s.Engine)
			giveUp := rapid.IntRange(-20, 12).Draw(rt, "give up after")
			errEnough := errors.New("enough")
			var tk taker
			tk.between = func() error {
				for range rapid.IntRange(0, 40).Draw(rt, "between") {
					w.change()
				}
				if giveUp--; giveUp == 0 {
					return errEnough
				}
				if rapid.Bool().Draw(rt, "maintain") {
					s.Maintain()
				}
				return nil
			}
			switch err := s.Snapshot(context.Background(), engine.SnapshotOptions{}, tk.take); {
			case err == errEnough:
			case err != nil:
				rt.Fatal(err)
			default:
				if diff := differ(tk.lines, want); diff != "" {
					rt.Fatal(diff)
				}
			}
			if now, _ := s.SnapshotUse(); now != 0 {
				rt.Fatalf("%d bytes are held after a snapshot", now)
			}
		}
	})
}

// TestSnapshotAmongWriters: with many writers at work, a snapshot is what the log
// says up to the cut.
func TestSnapshotAmongWriters(t *testing.T) {
	s := enginetest.NewEngine(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	for i := range 4 {
		c := s.Client()
		wg.Go(func() {
			for n := i; ctx.Err() == nil && n < 60_000; n += 4 {
				k := fmt.Sprint("key", (n*7919)%5000)
				switch n % 11 {
				case 0:
					c.Do("DEL", k)
				case 1:
					c.Do("APPEND", k, "more")
				case 2:
					c.Do("MSET", k, "x", "other"+k, strings.Repeat("y", n%200))
				case 3:
					c.Do("SETRANGE", "large"+fmt.Sprint(n%3), fmt.Sprint(n%90_000), "z")
				default:
					c.Do("SET", k, strings.Repeat("v", n%300))
				}
				if n%50_001 == 0 {
					c.Do("SWAPDB", "0", "1")
				}
			}
		})
	}
	for range 5 {
		var tk taker
		records := 0
		err := s.Snapshot(ctx, engine.SnapshotOptions{Cut: func(i *engine.SnapshotInfo) error {
			records = len(s.Log.Records())
			return nil
		}}, tk.take)
		if err != nil {
			t.Fatal(err)
		}
		again := enginetest.NewEngine(t)
		a := again.NewApplier()
		for _, rec := range s.Log.Records()[:records] {
			a.SetDB(rec.DB)
			if err := a.Apply(rec.Args); err != nil {
				t.Fatal(err)
			}
		}
		if diff := differ(tk.lines, dump(again.Engine)); diff != "" {
			t.Fatal(diff)
		}
	}
	stop()
	wg.Wait()
}

// TestSnapshotsTakeTurns: the second waits for the first, or for its own context;
// a cut that fails leaves nothing behind.
func TestSnapshotsTakeTurns(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("SET", "k", "v")
	errCut := errors.New("no")
	if err := s.Snapshot(t.Context(), engine.SnapshotOptions{Cut: func(*engine.SnapshotInfo) error { return errCut }}, nil); err != errCut {
		t.Fatalf("a cut that fails: %v", err)
	}
	inside := 0
	err := s.Snapshot(t.Context(), engine.SnapshotOptions{}, func(*engine.SnapshotBatch) error {
		inside++
		if got := infoLine(t, c, "persistence", "current_save_keys_total"); got != "1" {
			t.Errorf("current_save_keys_total is %s", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Snapshot(ctx, engine.SnapshotOptions{}, nil); err != context.Canceled {
			t.Errorf("a second one: %v", err)
		}
		return nil
	})
	if err != nil || inside != 1 {
		t.Fatalf("%d batches, %v", inside, err)
	}
}

// TestSnapshotTellsUse: idle time or frequency comes along with the policies that
// evict by them, as in Redis.
func TestSnapshotTellsUse(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	for policy, want := range map[string]string{"noeviction": "0 0", "allkeys-lru": "1 0", "volatile-lfu": "2 5", "volatile-ttl": "0 0"} {
		c.Do("CONFIG", "SET", "maxmemory-policy", policy)
		c.Do("FLUSHALL")
		c.Do("SET", "k", "v")
		err := s.Snapshot(t.Context(), engine.SnapshotOptions{}, func(b *engine.SnapshotBatch) error {
			return b.Each(func(en *engine.SnapshotEntry) error {
				if got := fmt.Sprint(en.UseKind, en.Use); got != want {
					t.Errorf("%s: %s, want %s", policy, got, want)
				}
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSnapshotCopiesAreBounded: a copy that is taken too slowly is given up, and
// what it held is let go. An emptied database is not copied.
func TestSnapshotCopiesAreBounded(t *testing.T) {
	for _, flush := range []bool{false, true} {
		s := enginetest.NewEngine(t)
		c := s.Client()
		for i := range 4000 {
			c.Do("SET", fmt.Sprint(i), strings.Repeat("v", 500))
		}
		var tk taker
		tk.between = func() error {
			if flush {
				c.Do("FLUSHALL")
				return nil
			}
			for i := range 4000 {
				c.Do("SET", fmt.Sprint(i), "changed")
			}
			return nil
		}
		err := s.Snapshot(t.Context(), engine.SnapshotOptions{MaxCopied: 1 << 20}, tk.take)
		if want := map[bool]error{false: engine.ErrMaxCopied, true: nil}[flush]; err != want {
			t.Errorf("flush %v: %v, want %v", flush, err, want)
		}
		now, peak := s.SnapshotUse()
		if most := int64(1<<20 + 256<<10); !flush && peak > most { // two batches beyond, and what is in use
			t.Errorf("%d bytes were held, of 1 MiB", peak)
		}
		if now != 0 || peak < 1<<20 {
			t.Errorf("flush %v: %d bytes are held, %d were", flush, now, peak)
		}
	}
}

// TestSnapshotTurns: a turn is told to hurry when another one waits, and when what changes
// meanwhile has taken half of what it may; the next one has no haste of its own. One whose
// wait was given up is not waited for.
func TestSnapshotTurns(t *testing.T) {
	s := enginetest.NewEngine(t)
	e, c := s.Engine, s.Client()
	hurried := func(turn *engine.SnapshotTurn) bool {
		select {
		case <-turn.Hurry():
			return true
		default:
			return false
		}
	}
	take := func(ctx context.Context) *engine.SnapshotTurn {
		turn, err := e.SnapshotTurn(ctx)
		if err != nil {
			t.Error(err)
		}
		return turn
	}
	first := take(t.Context())
	if hurried(first) {
		t.Fatal("nobody waits")
	}
	given, giveUp := context.WithCancel(t.Context())
	next := make(chan error)
	go func() { _, err := e.SnapshotTurn(given); next <- err }()
	<-first.Hurry()
	giveUp()
	if err := <-next; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	first.Pass()
	first.Pass() // does nothing
	second := take(t.Context())
	if hurried(second) {
		t.Fatal("nobody waits any more")
	}
	second.Pass()

	for i := range 2000 {
		c.Do("SET", fmt.Sprint("k", i), strings.Repeat("v", 1000))
	}
	third, changed := take(t.Context()), 0
	err := e.Snapshot(t.Context(), engine.SnapshotOptions{Turn: third, MaxCopied: 400 << 10}, func(*engine.SnapshotBatch) error {
		for ; changed < 1000 && !hurried(third); changed++ {
			c.Do("SET", fmt.Sprint("k", changed), "new")
		}
		return nil
	})
	if err != nil || changed < 50 || changed > 500 {
		t.Errorf("hurried after %d changes, %v", changed, err)
	}
	take(t.Context()).Pass() // it was passed
}
