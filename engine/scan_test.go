package engine_test

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// scanCalls walks to the end and returns how many calls that took and what came.
func scanCalls(t *testing.T, do func(args ...string) string, options ...string) (calls int, keys []string) {
	t.Helper()
	for cursor := "0"; calls == 0 || cursor != "0"; calls++ {
		n, _, err := enginetest.Parse([]byte(do(append([]string{"SCAN", cursor}, options...)...)))
		if err != nil || len(n.Elems) != 2 || calls > 10000 {
			t.Fatalf("SCAN %s, call %d: %v %v", cursor, calls, n, err)
		}
		for _, el := range n.Elems[1].Elems {
			keys = append(keys, el.Text)
		}
		cursor = n.Elems[0].Text
	}
	sort.Strings(keys)
	return calls, keys
}

// TestScanCallsAsInRedis: a small keyspace is scanned in as few calls as in Redis,
// however many shards it is spread over.
func TestScanCallsAsInRedis(t *testing.T) {
	// Where a key falls is random in both servers; COUNT 1 shows that most.
	const slack = 2
	redis := enginetest.StartRedis(t).Client(t)
	servers := map[int]*enginetest.Client{}
	for _, shards := range []int{16, 256} {
		servers[shards] = enginetest.NewEngine(t, func(o *engine.Options) { o.Shards = shards }).Client()
	}
	everywhere := func(args ...string) {
		redis.Do(args...)
		for _, c := range servers {
			c.Do(args...)
		}
	}
	everywhere("SELECT", "3")
	everywhere("SET", "other", "v")
	everywhere("SELECT", "0")
	for n := 0; n <= 200; n++ {
		if n > 0 {
			everywhere("SET", fmt.Sprint("key", n), "v")
		}
		if n > 24 && n%8 != 0 {
			continue
		}
		for _, count := range []int{1, 10, 100, 1000} {
			options := []string{"COUNT", strconv.Itoa(count)}
			theirs, want := scanCalls(t, redis.Do, options...)
			for shards, c := range servers {
				calls, got := scanCalls(t, c.Do, options...)
				if strings.Join(got, " ") != strings.Join(want, " ") {
					t.Fatalf("%d keys, COUNT %d: %q, not %q", n, count, got, want)
				}
				limit := theirs + slack
				if count == 1 {
					limit = theirs + 8 + theirs/4
				}
				if count > n {
					limit = 1
				} else if count == n {
					limit = 2
				}
				if calls > limit {
					t.Errorf("%d keys in %d shards, COUNT %d: %d calls, redis-server takes %d", n, shards, count, calls, theirs)
				}
			}
		}
	}
	everywhere("RPUSH", "list", "v")
	for _, options := range [][]string{{"MATCH", "key1*"}, {"TYPE", "list"}, {"TYPE", "string", "MATCH", "*7"}, {"MATCH", "none"}} {
		theirs, want := scanCalls(t, redis.Do, options...)
		for shards, c := range servers {
			if calls, got := scanCalls(t, c.Do, options...); calls > theirs+slack || strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("%q in %d shards: %d calls for %q; redis-server takes %d for %q", options, shards, calls, got, theirs, want)
			}
		}
	}
	everywhere("SELECT", "3")
	for shards, c := range servers {
		if calls, got := scanCalls(t, c.Do); calls != 1 || strings.Join(got, " ") != "other" {
			t.Errorf("another database in %d shards: %d calls, %q", shards, calls, got)
		}
	}
}

// TestScanGuaranteeWithFilters: what is there throughout and fits MATCH and TYPE is
// returned, and nothing else, whatever comes and goes in any database.
func TestScanGuaranteeWithFilters(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := enginetest.NewEngine(t, func(o *engine.Options) { o.Shards = rapid.SampledFrom([]int{16, 64, 256}).Draw(rt, "shards") })
		scanner, writer := s.Client(), s.Client()
		db := strconv.Itoa(rapid.IntRange(0, 3).Draw(rt, "db"))
		scanner.Do("SELECT", db)
		stable := rapid.IntRange(0, 200).Draw(rt, "stable")
		for i := range stable {
			scanner.Do("RPUSH", fmt.Sprint("stable", i), "v")
			scanner.Do("SET", fmt.Sprint("string", i), "v")
		}
		count := strconv.Itoa(rapid.SampledFrom([]int{1, 3, 10, 100}).Draw(rt, "count"))
		seen, fresh, cursor := map[string]bool{}, 0, "0"
		for calls := 0; calls == 0 || cursor != "0"; calls++ {
			if calls > 20000 {
				rt.Fatalf("SCAN does not end")
			}
			n, _, err := enginetest.Parse([]byte(scanner.Do("SCAN", cursor, "MATCH", "s*", "TYPE", "list", "COUNT", count)))
			if err != nil || len(n.Elems) != 2 {
				rt.Fatalf("SCAN %s: %v %v", cursor, n, err)
			}
			for _, el := range n.Elems[1].Elems {
				if !strings.HasPrefix(el.Text, "stable") {
					rt.Fatalf("%q was returned", el.Text)
				}
				seen[el.Text] = true
			}
			if cursor = n.Elems[0].Text; calls >= 30 {
				continue
			}
			writer.Do("SELECT", strconv.Itoa(rapid.IntRange(0, 3).Draw(rt, "other")))
			for range rapid.IntRange(0, 200).Draw(rt, "grow") {
				writer.Do("RPUSH", fmt.Sprint("passing", fresh), "v")
				fresh++
			}
			for i := range rapid.IntRange(0, 400).Draw(rt, "shrink") {
				writer.Do("DEL", fmt.Sprint("passing", fresh-i))
			}
		}
		if len(seen) != stable {
			rt.Fatalf("%d keys were returned, where %d were there throughout", len(seen), stable)
		}
	})
}

// keysIn sets n keys that lie in one shard each, and returns them.
func keysIn(s *enginetest.Server, c *enginetest.Client, shard, n int) (keys []string) {
	for i := 0; len(keys) < n; i++ {
		if key := fmt.Sprint("k", i); s.ShardOf(key) == shard {
			c.Do("SET", key, "v")
			keys = append(keys, key)
		}
	}
	return keys
}

// TestWalksLockOneShardAtATime: with a shard locked by another command, only what
// has to look into it waits.
func TestWalksLockOneShardAtATime(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	key := keysIn(s, c, 0, 100)[0]
	last := 15
	within := func(what string, done <-chan string) string {
		t.Helper()
		select {
		case got := <-done:
			return got
		case <-time.After(30 * time.Second):
			t.Fatalf("%s waits for a shard that it does not look at", what)
			return ""
		}
	}
	start := func(args ...string) <-chan string {
		d, done := s.Client(), make(chan string, 1)
		go func() { done <- d.Do(args...) }()
		return done
	}
	unlock := s.LockShard(last)
	if got := within("SCAN", start("SCAN", "0", "COUNT", "5")); !strings.HasPrefix(got, "*2\r\n") {
		t.Errorf("SCAN: %q", got)
	}
	if got := within("RANDOMKEY", start("RANDOMKEY")); !strings.HasPrefix(got, "$") || got == "$-1\r\n" {
		t.Errorf("RANDOMKEY: %q", got)
	}
	var waiting []<-chan string
	for _, args := range [][]string{{"KEYS", "*"}, {"DBSIZE"}, {"SCAN", "0", "COUNT", "1000"}} {
		waiting = append(waiting, start(args...))
	}
	for range 100 {
		if got := within("GET", start("GET", key)); got != "$1\r\nv\r\n" {
			t.Fatalf("GET: %q", got)
		}
	}
	unlock()
	for i, prefix := range []string{"*100\r\n", ":100\r\n", "*2\r\n$1\r\n0\r\n*100\r\n"} {
		if got := within("a walk", waiting[i]); !strings.HasPrefix(got, prefix) {
			t.Errorf("%q, not %q", got, prefix)
		}
	}
}

// A turningCluster changes something at one of the looks at the cluster's view,
// of which a walk takes some in every shard.
type turningCluster struct {
	*enginetest.Cluster
	left int
	turn func()
}

func (c *turningCluster) View() *engine.View {
	if c.left--; c.left == 0 {
		c.turn()
	}
	return c.Cluster.View()
}

// TestWalkIsInterrupted: whatever comes between two shards, a walk's reply is made
// of one state and says what it rests on.
func TestWalkIsInterrupted(t *testing.T) {
	start := func() (*enginetest.Server, *turningCluster, *enginetest.Client) {
		var turning *turningCluster
		s := enginetest.NewEngine(t, func(o *engine.Options) {
			turning = &turningCluster{Cluster: o.Cluster.(*enginetest.Cluster)}
			o.Cluster = turning
		})
		turning.SetView(threeNodes(1, 1))
		c := s.Client()
		for i := range 100 {
			c.Do("SET", strconv.Itoa(i), "v")
		}
		return s, turning, c
	}
	for _, walk := range []struct{ name, whole string }{{"KEYS *", "*100\r\n"}, {"DBSIZE", ":100\r\n"}, {"SCAN 0 COUNT 1000", "*2\r\n$1\r\n0\r\n*100\r\n"}} {
		args := strings.Fields(walk.name)
		for look := 3; look <= 30; look += 9 {
			s, turning, c := start()
			turning.left, turning.turn = look, func() { turning.SetView(threeNodes(1, 3)) }
			s.Config.FollowerReads.Set(config.FollowerReadsNo)
			c.LeaderEpoch, c.Barrier = 0, 0
			if got := c.Do(args...); got != "-MOVED 0 10.0.0.3:7000\r\n" || c.LeaderEpoch != 0 || c.Barrier != 0 {
				t.Errorf("%s, deposed at look %d: %q, epoch %d, barrier %d", walk.name, look, got, c.LeaderEpoch, c.Barrier)
			}

			s, turning, c = start()
			turning.left, turning.turn = look, func() { s.HoldData(300 * time.Millisecond) }
			c.LeaderEpoch, c.Barrier = 0, 0
			if got := c.Do(args...); got != "" {
				t.Errorf("%s, data held at look %d: %q", walk.name, look, got)
			}
			s.ReleaseData()
			if got := c.Go(); !strings.HasPrefix(got, walk.whole) || c.Barrier != s.Log.End() {
				t.Errorf("%s, released: %q, barrier %d, the log ends at %d", walk.name, got, c.Barrier, s.Log.End())
			}
		}
	}
}
