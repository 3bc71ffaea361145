package engine_test

import (
	"testing"
	"time"

	"regent/engine/enginetest"
)

// What save points count: the changes by each command are those that redis-server
// counts for it.

// TestKeysThatGoByThemselvesAreNoChanges: neither expiry nor eviction counts.
func TestKeysThatGoByThemselvesAreNoChanges(t *testing.T) {
	s := enginetest.NewEngine(t)
	ours, theirs := s.Client(), enginetest.StartRedis(t).Client(t)
	do := func(args ...string) []string {
		ours.Do(args...)
		theirs.Do(args...)
		return args
	}
	gone := func(what string) []string {
		for end := time.Now().Add(30 * time.Second); theirs.Do("DBSIZE") != ":0\r\n"; {
			if time.Now().After(end) {
				t.Fatalf("%s: redis-server keeps the keys", what)
			}
		}
		if got := ours.Do("DBSIZE"); got != ":0\r\n" {
			t.Fatalf("%s: DBSIZE is %q", what, got)
		}
		return []string{what}
	}
	y := enginetest.NewTally(t, s, theirs)

	y.Since(t.Errorf, do("SET", "k", "v", "PX", "1"))
	for theirs.Do("GET", "k") != "$-1\r\n" { // whichever way it goes there
	}
	s.Host.Advance(time.Second)
	ours.Do("GET", "k")
	if n := y.Since(t.Errorf, gone("expiry at a look")); n != 0 {
		t.Errorf("redis-server counts %d", n)
	}

	y.Since(t.Errorf, do("SET", "k", "v", "PX", "1"))
	s.Host.Advance(time.Second)
	if n := s.ExpireCycle(10); n != 1 {
		t.Fatalf("%d keys expired", n)
	}
	y.Since(t.Errorf, gone("expiry"))

	y.Since(t.Errorf, do("MSET", "k", "v", "l", "w"))
	do("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
	do("CONFIG", "SET", "maxmemory", "1")
	theirs.Do("SET", "m", "refused")
	s.EvictAsAsked() // in vain: a limit of one byte holds nothing
	if got := ours.Do("DBSIZE"); got != ":0\r\n" {
		t.Fatalf("after making room: %q", got)
	}
	y.Since(t.Errorf, gone("eviction"))
}
