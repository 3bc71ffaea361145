package engine_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regent/engine"
	"regent/engine/enginetest"
	"regent/engine/slots"
)

// scanAll iterates to the end and counts how often each key came. between
// runs before every call but the first.
func scanAll(t interface{ Fatalf(string, ...any) }, c *enginetest.Client, count int, between func()) map[string]int {
	seen := map[string]int{}
	cursor := "0"
	for calls := 0; ; calls++ {
		if calls > 100000 {
			t.Fatalf("SCAN does not end")
		}
		n, _, err := enginetest.Parse([]byte(c.Do("SCAN", cursor, "COUNT", strconv.Itoa(count))))
		if err != nil || len(n.Elems) != 2 {
			t.Fatalf("SCAN %s: %v %v", cursor, n, err)
		}
		for _, el := range n.Elems[1].Elems {
			seen[el.Text]++
		}
		if cursor = n.Elems[0].Text; cursor == "0" {
			return seen
		}
		between()
	}
}

// TestScanGuarantee: what is there throughout is returned at least once,
// whatever comes and goes meanwhile; without changes, exactly once.
func TestScanGuarantee(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := enginetest.NewEngine(t)
		c := s.Client()
		stable := rapid.IntRange(0, 300).Draw(rt, "stable")
		for i := range stable {
			c.Do("SET", fmt.Sprint("stable", i), "v")
		}
		count := rapid.IntRange(1, 50).Draw(rt, "count")
		for key, n := range scanAll(rt, c, count, func() {}) {
			if n != 1 {
				rt.Fatalf("%s %d times with nothing changing", key, n)
			}
		}
		fresh := 0
		seen := scanAll(rt, c, count, func() {
			if fresh > 2000 {
				return
			}
			grow := rapid.IntRange(0, 100).Draw(rt, "grow")
			for range grow {
				c.Do("SET", fmt.Sprint("passing", fresh), "v")
				fresh++
			}
			for i := range rapid.IntRange(0, 100).Draw(rt, "shrink") {
				c.Do("DEL", fmt.Sprint("passing", fresh-i))
			}
		})
		for i := range stable {
			if seen[fmt.Sprint("stable", i)] == 0 {
				rt.Fatalf("stable%d was not returned", i)
			}
		}
	})
}

func TestRandomKeyReachesAll(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	for i := range 50 {
		c.Do("SET", fmt.Sprint(i), "v")
	}
	seen := map[string]int{}
	for range 5000 {
		seen[c.Do("RANDOMKEY")]++
	}
	for i := range 50 {
		reply := fmt.Sprintf("$%d\r\n%d\r\n", len(strconv.Itoa(i)), i)
		if n := seen[reply]; n < 10 {
			t.Errorf("key %d came %d times in 5000, where 100 were to be expected", i, n)
		}
	}
}

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
	s.Cluster.SetFenced(true)
	if n := s.ExpireCycle(100); n != 0 {
		t.Errorf("a fenced leader deleted %d", n)
	}
	s.Cluster.SetFenced(false)
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
		if got := c.Do(words(t, line)...); strings.Contains(got, "$1\r\nk") || strings.Contains(got, "v") || got == ":1\r\n" {
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
