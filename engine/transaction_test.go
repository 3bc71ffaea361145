package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/enginetest"
	"regent/resp"
)

// unitLog counts what is appended as a unit.
type unitLog struct {
	enginetest.Log
	units []int // records of each
}

func (l *unitLog) Append(e *engine.Effects) int64 {
	l.units = append(l.units, len(e.Recs))
	return l.Log.Append(e)
}

// TestTransactionIsOneUnit: what a transaction did, what it did for those that wait
// included, is one unit of the log, and its reply waits for the end of it.
func TestTransactionIsOneUnit(t *testing.T) {
	log := &unitLog{}
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Log = log })
	c, waits := s.Client(), s.Client()
	waits.Do("BLPOP", "l", "0")
	for _, line := range [][]string{{"MULTI"}, {"SET", "a", "1"}, {"GET", "a"}, {"MSET", "b", "2", "c", "3"}, {"RPUSH", "l", "x"}, {"SELECT", "2"}, {"SET", "d", "4"}} {
		c.Do(line...)
	}
	if len(log.units) != 0 {
		t.Fatalf("%v was logged before EXEC", log.Lines())
	}
	c.Do("EXEC")
	if !slices.Equal(log.units, []int{5}) {
		t.Errorf("units of %v records, want one of 5: %q", log.units, log.Lines())
	}
	if c.Session.Barrier != log.End() {
		t.Errorf("the reply waits for %d, the log ends at %d", c.Session.Barrier, log.End())
	}
}

// TestTransactionsCountKeysInAllDatabases: DBSIZE is right in each, whichever the session ends in.
func TestTransactionsCountKeysInAllDatabases(t *testing.T) {
	s := enginetest.NewEngine(t)
	c, other := s.Client(), s.Client()
	other.Do("SELECT", "1")
	for _, step := range []struct {
		queue [][]string
		size  string // of database 1, afterwards
	}{
		{[][]string{{"SELECT", "1"}, {"SET", "a", "1"}, {"SELECT", "0"}}, ":1\r\n"},
		{[][]string{{"SET", "b", "1"}, {"COPY", "b", "c", "DB", "1"}, {"MOVE", "b", "1"}}, ":3\r\n"},
		{[][]string{{"SET", "d", "1"}, {"SWAPDB", "0", "1"}}, ":1\r\n"},
		{[][]string{{"SET", "d", "1"}, {"FLUSHALL"}}, ":0\r\n"},
	} {
		c.Do("MULTI")
		for _, line := range step.queue {
			c.Do(line...)
		}
		c.Do("EXEC")
		if got := other.Do("DBSIZE"); got != step.size {
			t.Errorf("%v: DBSIZE is %q, want %q", step.queue, got, step.size)
		}
	}
}

// TestNobodySeesHalfATransaction: neither where it is carried out nor where it is
// applied.
func TestNobodySeesHalfATransaction(t *testing.T) {
	const times = 3000
	s, follower := enginetest.NewEngine(t), enginetest.NewEngine(t)
	for _, where := range []struct {
		name  string
		s     *enginetest.Server
		write func() error
	}{
		{"carried out", s, func() error {
			c := s.Client()
			for range times {
				for _, line := range [][]string{{"MULTI"}, {"INCR", "a"}, {"INCR", "b"}, {"EXEC"}} {
					c.Do(line...)
				}
			}
			return nil
		}},
		{"applied", follower, func() error {
			a := follower.NewApplier()
			for range times {
				for _, rec := range [][]string{{"MULTI"}, {"INCR", "a"}, {"INCR", "b"}, {"EXEC"}} {
					if err := a.Apply(enginetest.Raw(rec...)); err != nil {
						return err
					}
				}
			}
			return nil
		}},
	} {
		t.Run(where.name, func(t *testing.T) {
			done := make(chan error, 1)
			go func() { done <- where.write() }()
			c := where.s.Client()
			for {
				got := enginetest.Elements(c.Do("MGET", "a", "b"))
				if len(got) != 2 || got[0] != got[1] {
					t.Fatalf("seen: %q", got)
				}
				select {
				case err := <-done:
					if err != nil {
						t.Fatal(err)
					}
					return
				default:
				}
			}
		})
	}
}

// TestTransactionIsBounded: what cannot be kept is refused, and EXEC does nothing.
func TestTransactionIsBounded(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("CONFIG", "SET", "client-query-buffer-limit", "1mb")
	half := strings.Repeat("x", 600<<10)
	c.Do("MULTI")
	if got := c.Do("SET", "a", half); got != "+QUEUED\r\n" {
		t.Fatal(got)
	}
	if got := c.Do("SET", "b", half); got != "-"+resp.ErrMultiTooLarge+"\r\n" {
		t.Fatalf("%.80q", got)
	}
	if got := c.Do("EXEC"); got != "-"+resp.ErrExecAbort+"\r\n" {
		t.Fatalf("%.80q", got)
	}
	if got := c.Do("DBSIZE"); got != ":0\r\n" {
		t.Error(got)
	}
}

// TestTransactionWhereLeadershipMoves: what was watched under another leader counts as
// changed, and what was queued at a leader is redirected where that leads no more.
func TestTransactionWhereLeadershipMoves(t *testing.T) {
	cluster := enginetest.NewCluster()
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Cluster = cluster })
	lead := func(leader int, epoch int64) {
		v := enginetest.ThreeNodes(1, leader)
		v.Epoch = epoch
		s.Freeze(func() { cluster.SetView(v) })
	}
	c := s.Client()
	say := func(want string, line ...string) {
		t.Helper()
		if got := c.Do(line...); !strings.HasPrefix(got, want) {
			t.Fatalf("%q: %q, want %q", line, got, want)
		}
	}
	lead(1, 1)
	say("+OK", "WATCH", "a")
	say("+OK", "MULTI")
	say("+QUEUED", "SET", "a", "1")
	lead(1, 3) // deposed, and elected again
	say("*-1", "EXEC")
	say("$-1", "GET", "a")

	say("+OK", "MULTI")
	say("+QUEUED", "SET", "a", "1")
	lead(2, 4)
	say("-MOVED 15495 ", "EXEC")
	say("-ERR EXEC without MULTI", "EXEC")
	say("+OK", "MULTI")
	say("-MOVED 15495 ", "SET", "a", "1")
	say("-EXECABORT Transaction discarded because of previous errors.", "EXEC")
	say("+OK", "READONLY")
	say("+OK", "MULTI")
	say("+QUEUED", "GET", "a")
	say("*1\r\n$-1", "EXEC")
	lead(0, 4)
	say("+OK", "MULTI")
	say("-CLUSTERDOWN", "SET", "a", "1")
	say("+OK", "DISCARD")
}

// TestWatchedKeyExpires: that its time comes is a change; that it is deleted then, at a
// follower where it was past its time when it was watched, is none.
func TestWatchedKeyExpires(t *testing.T) {
	cluster := enginetest.NewCluster()
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Cluster = cluster })
	c := s.Client()
	exec := func(want string) {
		t.Helper()
		c.Do("MULTI")
		c.Do("PING")
		if got := c.Do("EXEC"); got != want {
			t.Errorf("EXEC: %q, want %q", got, want)
		}
	}
	const carriedOut, not = "*1\r\n+PONG\r\n", "*-1\r\n"
	c.Do("SET", "a", "1", "PX", "5")
	c.Do("WATCH", "a")
	exec(carriedOut)
	c.Do("WATCH", "a")
	s.Host.Advance(10 * time.Millisecond)
	exec(not)
	c.Do("WATCH", "a")
	exec(carriedOut)
	c.Do("SET", "a", "1", "PX", "5")
	c.Do("WATCH", "a")
	s.Host.Advance(10 * time.Millisecond)
	s.ExpireCycle(100)
	exec(not)

	c.Do("SET", "a", "1", "PX", "5")
	s.Config.FollowerReads.Set(config.FollowerReadsYes)
	s.Freeze(func() { cluster.SetView(enginetest.ThreeNodes(1, 2)) })
	s.Host.Advance(10 * time.Millisecond)
	a := s.NewApplier()
	for i, rec := range [][]string{{"DEL", "a"}, {"SET", "a", "2"}} {
		c.Do("WATCH", "a")
		if err := a.Apply(enginetest.Raw(rec...)); err != nil {
			t.Fatal(err)
		}
		exec([]string{carriedOut, not}[i])
	}
}

// TestWatchedKeyIsEvicted: by the memory gate, which is no command's.
func TestWatchedKeyIsEvicted(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("SET", "a", strings.Repeat("x", 1000))
	c.Do("WATCH", "a")
	c.Do("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
	c.Do("CONFIG", "SET", "maxmemory", "1")
	s.EvictAsAsked()
	c.Do("CONFIG", "SET", "maxmemory", "0")
	if got := c.Do("DBSIZE"); got != ":0\r\n" {
		t.Fatalf("nothing was evicted: %q", got)
	}
	c.Do("MULTI")
	if got := c.Do("EXEC"); got != "*-1\r\n" {
		t.Errorf("EXEC: %q", got)
	}
}

// TestWatchLeavesNothingBehind: however a session ends what it watches.
func TestWatchLeavesNothingBehind(t *testing.T) {
	s := enginetest.NewEngine(t)
	for _, end := range []string{"EXEC", "DISCARD", "UNWATCH", "RESET", "hang up"} {
		c := s.Client()
		c.Do("WATCH", "a", "b", "a", "c")
		if end != "UNWATCH" {
			c.Do("MULTI")
			c.Do("SET", "a", end)
		}
		if got := s.Watching(); got != 3 {
			t.Fatalf("%d keys are watched, want 3", got)
		}
		if end == "hang up" {
			s.EndSession(c.Session)
		} else {
			c.Do(end)
		}
		if got := s.Watching(); got != 0 {
			t.Errorf("after %s %d keys are watched", end, got)
		}
		if got := c.Do("CLIENT", "INFO"); end != "hang up" && !strings.Contains(got, " multi=-1 multi-mem=0 ") && !strings.Contains(got, " multi=-1 ") {
			t.Errorf("after %s: %s", end, got)
		}
	}
}

// TestWatchIsSerializable: counters that are read, watched and written back lose no
// increment, whatever comes between.
func TestWatchIsSerializable(t *testing.T) {
	const sessions, times = 4, 300
	s := enginetest.NewEngine(t)
	var wg sync.WaitGroup
	for range sessions {
		c := s.Client()
		wg.Go(func() {
			for done := 0; done < times; {
				c.Do("WATCH", "n", "m")
				n := 0
				if got := c.Do("GET", "n"); got != "$-1\r\n" {
					_, _ = fmt.Sscan(strings.Split(got, "\r\n")[1], &n)
				}
				c.Do("MULTI")
				c.Do("SET", "n", fmt.Sprint(n+1))
				if c.Do("EXEC") != "*-1\r\n" {
					done++
				}
			}
		})
	}
	wg.Wait()
	if got := s.Client().Do("GET", "n"); got != "$4\r\n1200\r\n" {
		t.Errorf("%d increments of 1, and now it is %q", sessions*times, got)
	}
}

// TestTransactionInABatch: what others see of a session is what it has said before its batch ended, and
// what looks at that inside a batch sees what was said before it.
func TestTransactionInABatch(t *testing.T) {
	s := enginetest.NewEngine(t)
	c, other := s.Client(), s.Client()
	batch := func(commands ...string) (last string) {
		t.Helper()
		s.BeginBatch(c.Session, 100, nil)
		for _, command := range commands {
			last = c.Do(strings.Fields(command)...)
		}
		s.EndBatch(c.Session, nil)
		return last
	}
	shows := func(got string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("no %q in %s", w, got)
			}
		}
	}
	list := func() string { return other.Do("CLIENT", "LIST", "ID", fmt.Sprint(c.Session.ID)) }
	batch("MULTI")
	shows(list(), "flags=x ", "multi=0 ", "cmd=multi ", "multi-mem=0 ")
	batch("SET a 1", "SET b 2")
	shows(list(), "flags=x ", "multi=2 ", "cmd=set ", "multi-mem=10 ")
	batch("GET a", "EXEC")
	shows(list(), "flags=N ", "multi=-1 ", "cmd=exec ", "multi-mem=0 ")
	shows(batch("MULTI", "SET a 1", "CLIENT LIST", "EXEC"), "flags=x ", "multi=2 ", "cmd=exec ")
	shows(batch("MULTI", "SET a 1", "DISCARD", "GET a", "CLIENT LIST"), "flags=N ", "multi=-1 ", "cmd=client|list ")
	batch("MULTI", "SET a 1", "nosuch")
	shows(list(), "flags=x ", "multi=1 ", "cmd=NULL ")
	batch("DISCARD", "MULTI", "SET a 1")
	batch("CONFIG GET save")
	shows(list(), "flags=x ", "multi=2 ", "cmd=config|get ")
	batch("DISCARD", "WATCH a", "MULTI", "GET a")
	shows(list(), "flags=x ", "multi=1 ", "cmd=get ", "multi-mem=84 ")
	batch("DISCARD")
	shows(list(), "flags=N ", "multi=-1 ", "cmd=discard ", "multi-mem=0 ")
	batch("MULTI", "nosuch", "EXEC", "GET a")
	shows(list(), "flags=N ", "multi=-1 ", "cmd=get ")
	shows(batch("CONFIG RESETSTAT", "MULTI", "SET a 1", "SET b 2", "GET a", "EXEC", "INFO commandstats"),
		"cmdstat_set:calls=2,", "cmdstat_get:calls=1,", "cmdstat_exec:calls=1,", "cmdstat_multi:calls=1,")
	shows(batch("MULTI", "INCR a", "HGET a f", "LLEN a", "SCARD a", "ZCARD a", "INFO commandstats", "EXEC"),
		"cmdstat_incr:calls=1,", "cmdstat_hget:calls=1,", "failed_calls=1", "cmdstat_zcard:calls=1,")
	if got := batch("SET a 1", "CONFIG RESETSTAT", "INFO commandstats"); strings.Contains(got, "cmdstat_set") {
		t.Errorf("RESETSTAT leaves %s", got)
	}
	shows(batch("MULTI", "SET a 1", "GET a", "EXEC", "INFO latencystats"), "latency_percentiles_usec_set:", "latency_percentiles_usec_get:", "latency_percentiles_usec_exec:", "latency_percentiles_usec_multi:")
	if got := other.Do("INFO", "commandstats"); !strings.Contains(got, "cmdstat_set:calls=1,") {
		t.Errorf("others see %s", got)
	}
}

// BenchmarkTransaction is MULTI, five SETs and EXEC.
func BenchmarkTransaction(b *testing.B) {
	s := enginetest.NewEngine(b)
	c := s.Client()
	b.ReportAllocs()
	for b.Loop() {
		s.Log.Drop()
		c.Do("MULTI")
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			c.Do("SET", key, "value")
		}
		c.Do("EXEC")
	}
}

// TestWatchedKeyIsSwapped: what is past its time is nothing, before and after. Redis's
// multi.tcl has the first two.
func TestWatchedKeyIsSwapped(t *testing.T) {
	const carriedOut, not = "*1\r\n+PONG\r\n", "*-1\r\n"
	stale, lives := []string{"SET", "a", "1", "PX", "5"}, []string{"SET", "a", "1"}
	for _, tc := range []struct {
		name        string
		here, there []string // what makes the key watched, and the one that takes its place
		want        string
	}{
		{"none, a stale one comes", nil, stale, carriedOut}, {"a stale one, another comes", stale, stale, carriedOut},
		{"a stale one goes", stale, nil, carriedOut}, {"none stays none", nil, nil, carriedOut},
		{"one comes", nil, lives, not}, {"one goes", lives, nil, not}, {"a stale one becomes one", stale, lives, not}, {"one becomes stale", lives, stale, not},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := enginetest.NewEngine(t)
			c, other := s.Client(), s.Client()
			other.Do("SELECT", "1")
			if tc.here != nil {
				c.Do(tc.here...)
			}
			if tc.there != nil {
				other.Do(tc.there...)
			}
			s.Host.Advance(10 * time.Millisecond)
			c.Do("WATCH", "a")
			c.Do("SWAPDB", "0", "1")
			c.Do("MULTI")
			c.Do("PING")
			if got := c.Do("EXEC"); got != tc.want {
				t.Errorf("EXEC: %q, want %q", got, tc.want)
			}
		})
	}
}
