package engine_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"regent/engine/enginetest"
)

// TestMonitorIsRedis: the same commands show the same lines, but for times and
// addresses: in the same order, without secrets and administration.
func TestMonitorIsRedis(t *testing.T) {
	s, redis := enginetest.NewEngine(t), enginetest.StartRedis(t)
	ours, sees := s.Client(), s.Client()
	theirs, saw := redis.Client(t), redis.Client(t)
	sees.Do("MONITOR")
	saw.Do("MONITOR")
	for _, line := range [][]string{
		{"SET", "a", "x\r\n\"\x00\xff"}, {"MULTI"}, {"GET", "a"}, {"INCR", "a"}, {"NOSUCH"}, {"EXEC"}, {"MULTI"}, {"GET", "a"}, {"INCR", "a"}, {"EXEC"},
		{"GET"}, {"CONFIG", "GET", "dir"}, {"AUTH", "x"}, {"AUTH", "default", "x"}, {"HELLO", "2", "AUTH", "a", "b"}, {"SELECT", "3"}, {"GET", "a"},
		{"SLOWLOG", "LEN"}, {"PUBLISH", "a", "b"}, {"WATCH", "a"}, {"UNWATCH"}, {"SELECT", "0"}, {"RPUSH", "l", "1"}, {"BLPOP", "l", "0"}, {"EVAL", "redis.call('set', KEYS[1], ARGV[1]); return redis.call('get', KEYS[1])", "1", "foo", "bar"}, {"EVAL_RO", "return redis.call('get', 'foo')", "0"},
		{"MULTI"}, {"EVAL", "redis.call('del', 'foo')", "0"}, {"EXEC"},
		{"FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() return redis.call('incr', 'n') end)"}, {"FCALL", "f", "0"},
		{"EVAL", "return redis.call('nosuch')", "0"}, {"ECHO", "the end"},
	} {
		theirs.Do(line...)
		ours.Do(line...)
	}
	var want []string
	for !strings.Contains(strings.Join(want, ""), "the end") {
		want = append(want, saw.Next())
	}
	shape := regexp.MustCompile(`\+\d+\.\d{6} \[(\d+) (lua)?[^\]]*\]`)
	if got, want := shape.ReplaceAllString(sees.Hear(), "+[$1 $2]"), shape.ReplaceAllString(strings.Join(want, ""), "+[$1 $2]"); got != want {
		t.Errorf("shown:\n%s\nwant:\n%s", got, want)
	}
	if got := sees.Do("CLIENT", "INFO"); !strings.Contains(got, " flags=O ") {
		t.Error(got)
	}
	sees.Hear() // its own CLIENT INFO
	sees.Do("RESET")
	ours.Do("PING")
	if got := sees.Hear(); got != "" {
		t.Errorf("shown after RESET: %q", got)
	}
	sees.Do("MONITOR")
	s.EndSession(sees.Session)
	s.Host.Advance(time.Second)
	ours.Do("PING") // nobody to show it to
}
