package functions_test

import (
	"strconv"
	"testing"

	"regent/engine/enginetest"
)

func TestScripts(t *testing.T) {
	enginetest.RunScripts(t, enginetest.StartRedis(t), "testdata/scripts")
}

func TestEffects(t *testing.T) { enginetest.RunEffects(t, "testdata/effects") }

// TestCopies: a function that runs in a copy of its library is the one that was loaded last, and
// what calls leave behind in a library is there for the next.
func TestCopies(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	load := func(body string) {
		if got := c.Do("FUNCTION", "LOAD", "REPLACE", "#!lua name=l\n"+body); got != "$1\r\nl\r\n" {
			t.Fatalf("FUNCTION LOAD: %q", got)
		}
	}
	const times = 20
	expect := func(want func(i int) string) {
		t.Helper()
		for i := range times {
			if got := c.Do("FCALL", "F", "1", "k", "x"); got != want(i) {
				t.Fatalf("call %d: %q, want %q", i, got, want(i))
			}
		}
	}
	load("redis.register_function('f', function(KEYS, ARGV) redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1]) end)")
	expect(func(int) string { return "$1\r\nx\r\n" })
	load("redis.register_function('f', function(k) return redis.call('STRLEN', k[1]) end)")
	expect(func(int) string { return ":1\r\n" })
	load("local n = 0 redis.register_function('f', function(k) n = n + 1 return redis.call('GET', k[1]) .. n end)")
	expect(func(i int) string {
		n := "x" + strconv.Itoa(i+1)
		return "$" + strconv.Itoa(len(n)) + "\r\n" + n + "\r\n"
	})
	load("redis.register_function('f', function(k, a) return {#k, #a} end)")
	expect(func(int) string { return "*2\r\n:1\r\n:1\r\n" })
	c.Do("FUNCTION", "FLUSH")
	expect(func(int) string { return "-ERR Function not found\r\n" })
}
