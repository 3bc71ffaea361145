package engine_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/enginetest"
	"regent/engine/slots"
)

func TestFlushAndSwap(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	for i := range 100 {
		c.Do("SET", fmt.Sprint(i), "v", "EX", "100")
		c.Do("COPY", fmt.Sprint(i), fmt.Sprint(i), "DB", "1")
	}
	c.Do("PERSIST", "7")
	check := func(db int, keys, expires int64) {
		t.Helper()
		if k, x := s.DBSize(db); k != keys || x != expires {
			t.Errorf("database %d: %d keys, %d expiring, not %d and %d", db, k, x, keys, expires)
		}
	}
	check(0, 100, 99)
	check(1, 100, 100)
	s.SwapDB(0, 2)
	check(0, 0, 0)
	check(2, 100, 99)
	if n := s.Flush(1); n != 100 {
		t.Errorf("%d keys flushed", n)
	}
	check(1, 0, 0)
	check(2, 100, 99)
	if n := s.Flush(-1); n != 100 {
		t.Errorf("%d keys flushed", n)
	}
	check(2, 0, 0)
	if got := c.Do("SET", "new", "v"); got != "+OK\r\n" {
		t.Error(got)
	}
	check(0, 1, 0)
}

func TestExpireCycle(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	for i := range 1000 {
		c.Do("SET", fmt.Sprint(i), "v", "PX", strconv.Itoa(1+i%2*1000))
	}
	s.Log.Drop()
	if n := s.ExpireCycle(100); n != 0 {
		t.Errorf("%d deleted before their time", n)
	}
	s.Host.Advance(10 * time.Millisecond)
	s.Cluster.SetView(engine.View{Leading: false})
	if n := s.ExpireCycle(100); n != 0 {
		t.Errorf("a follower deleted %d", n)
	}
	s.Cluster.SetView(engine.View{Leading: true})
	s.Cluster.SetLeaseOver(true)
	if n := s.ExpireCycle(100); n != 0 {
		t.Errorf("a leader without a lease deleted %d", n)
	}
	s.Cluster.SetLeaseOver(false)
	if n := s.ExpireCycle(100); n != 100 {
		t.Errorf("%d deleted of 100 allowed", n)
	}
	if n := s.ExpireCycle(10000); n != 400 {
		t.Errorf("%d deleted of the 400 left", n)
	}
	if keys, _ := s.DBSize(0); keys != 500 {
		t.Errorf("%d keys left", keys)
	}
	gone := map[string]bool{}
	for _, r := range s.Log.Records() {
		if string(r.Args[0]) != "DEL" {
			t.Fatalf("%s", r)
		}
		for _, k := range r.Args[1:] {
			gone[string(k)] = true
		}
	}
	if len(gone) != 500 {
		t.Errorf("%d keys in the log's deletions", len(gone))
	}
	for s.Maintain() { // ends: the work left is finite
		continue
	}
}

// TestExpireCycleIsFair: however much is due in one shard, the others get
// their turn.
func TestExpireCycleIsFair(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	for i := range 2000 {
		c.Do("SET", fmt.Sprint("{crowded}", i), "v", "PX", "1")
	}
	const fewestShards = 16
	for i := range 50 {
		key := fmt.Sprint("lonely", i)
		if slots.Of([]byte(key))%fewestShards != slots.Of([]byte("crowded"))%fewestShards {
			c.Do("SET", key, "v", "PX", "1")
		}
	}
	s.Host.Advance(time.Second)
	for range 64 {
		s.ExpireCycle(8)
	}
	left := strings.Join(s.Dump(), "\n")
	if strings.Contains(left, "lonely") || !strings.Contains(left, "crowded") {
		t.Errorf("left:\n%s", left)
	}
}

// TestFollowerHides: what has expired is not there, and not deleted either.
func TestFollowerHides(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("SET", "k", "v", "PX", "10")
	s.Host.Advance(10 * time.Millisecond)
	s.Cluster.SetView(engine.View{Clustered: true, NodeID: 2, LeaderID: 1, Leader: "h:1"})
	s.Log.Drop()
	for _, line := range []string{"GET k", "EXISTS k", "TTL k", "TYPE k", "KEYS *", "SCAN 0", "RANDOMKEY", "OBJECT ENCODING k", "TOUCH k"} {
		if got := c.Do(enginetest.Words(t, line)...); strings.Contains(got, "$1\r\nk") || strings.Contains(got, "v") || got == ":1\r\n" {
			t.Errorf("%s: %q", line, got)
		}
	}
	if keys, _ := s.DBSize(0); keys != 1 || len(s.Log.Records()) != 0 {
		t.Errorf("a follower deleted, or wrote %v", s.Log.Lines())
	}
	if got := c.Do("SET", "k", "w"); !strings.HasPrefix(got, "-MOVED") {
		t.Errorf("SET at a follower: %q", got)
	}
}

// TestMemoryLeavesInSteps: whatever takes much memory from the keyspace at once gives none of it back while shards
// are locked. Steps do, until nothing is left.
func TestMemoryLeavesInSteps(t *testing.T) {
	gaveUp := errors.New("given up")
	// flushedBy has a snapshot's first batch find the keyspace empty.
	flushedBy := func(s *enginetest.Server, c *enginetest.Client, end error) error {
		batches := 0
		return s.Snapshot(t.Context(), engine.SnapshotOptions{}, func(*engine.SnapshotBatch) error {
			if batches++; batches == 1 {
				c.Do("FLUSHALL")
				return nil
			}
			return end
		})
	}
	for name, one := range map[string]struct {
		dicts, spans bool
		leave        func(s *enginetest.Server, c *enginetest.Client) error
	}{
		"emptied":               {true, false, func(_ *enginetest.Server, c *enginetest.Client) error { c.Do("FLUSHALL"); return nil }},
		"emptied in a snapshot": {true, false, func(s *enginetest.Server, c *enginetest.Client) error { return flushedBy(s, c, nil) }},
		"emptied in a snapshot that is given up": {true, false, func(s *enginetest.Server, c *enginetest.Client) error {
			if err := flushedBy(s, c, gaveUp); !errors.Is(err, gaveUp) {
				return fmt.Errorf("the snapshot: %v", err)
			}
			return nil
		}},
		"deleted":     {false, true, func(_ *enginetest.Server, c *enginetest.Client) error { c.Do("DEL", "large"); return nil }},
		"overwritten": {false, true, func(_ *enginetest.Server, c *enginetest.Client) error { c.Do("SET", "large", "small"); return nil }},
		"expired": {false, true, func(s *enginetest.Server, c *enginetest.Client) error {
			c.Do("PEXPIRE", "large", "1")
			s.Host.Advance(2 * time.Millisecond)
			if n := s.ExpireCycle(10); n != 1 {
				return fmt.Errorf("%d keys expired", n)
			}
			return nil
		}},
	} {
		s := enginetest.NewEngine(t)
		c := s.Client()
		for i := range 4000 {
			c.Do("SET", fmt.Sprint(i), strings.Repeat("v", 500))
		}
		if one.spans { // elsewhere the snapshot may be reading it, or not
			c.Do("SET", "large", strings.Repeat("v", 5<<20))
		}
		if err := one.leave(s, c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if dicts, spans, due := s.Leaving(); dicts != one.dicts || spans != one.spans || !due {
			t.Errorf("%s: dictionaries are left %v, large values %v, a step is due %v", name, dicts, spans, due)
		}
		const most = 1000
		steps, due := 0, true
		for ; due && steps < most; steps++ {
			s.Host.Advance(time.Millisecond)
			_, _, due = s.Leaving()
		}
		if dicts, spans, due := s.Leaving(); dicts || spans || due || steps < 2 {
			t.Errorf("%s: after %d steps dictionaries are left %v, large values %v, another step is due %v", name, steps, dicts, spans, due)
		}
	}
}
