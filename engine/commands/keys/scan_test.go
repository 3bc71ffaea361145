package keys_test

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regent/engine"
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
