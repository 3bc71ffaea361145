package acl_test

import (
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// TestParkedAndRevoked: a client waits for a key and loses the right to it. Its command was
// allowed when it was said, so it is answered, as by redis-server 7.0; the next one is not;
// and a user that is deleted takes its clients along.
func TestParkedAndRevoked(t *testing.T) {
	redis := enginetest.StartRedis(t)
	for _, change := range []string{"resetkeys", "-blpop", "off", "resetpass", "-@all"} {
		s := enginetest.NewEngine(t)
		theirs, theirAdmin := redis.Client(t), redis.Client(t)
		ours, admin := s.Client(), s.Client()
		both := func(line string) {
			t.Helper()
			words := strings.Fields(line)
			if a, b := admin.Do(words...), theirAdmin.Do(words...); a != b {
				t.Fatalf("%s: %q, redis-server %q", line, a, b)
			}
		}
		both("FLUSHALL")
		both("ACL SETUSER u reset on >p ~* +@all")
		for _, line := range []string{"AUTH u p", "SELECT 0"} {
			ours.Do(strings.Fields(line)...)
			theirs.Do(strings.Fields(line)...)
		}
		theirs.Send("BLPOP", "k", "0")
		ours.Do("BLPOP", "k", "0")
		for theirAdmin.Do("EVAL", "return 1", "0"); !strings.Contains(theirAdmin.Do("INFO", "clients"), "blocked_clients:1"); {
			theirAdmin.Do("PING")
		}
		both("ACL SETUSER u " + change)
		both("RPUSH k v")
		if got, want := ours.Go(), theirs.Next(); got != want {
			t.Errorf("%s: %q, redis-server %q", change, got, want)
		}
		if got, want := ours.Do("BLPOP", "k", "0.01"), theirs.Do("BLPOP", "k", "0.01"); got != want && !ours.Parked() {
			t.Errorf("%s, again: %q, redis-server %q", change, got, want)
		}
		theirs.Close()
		theirAdmin.Close()
	}
	s := enginetest.NewEngine(t)
	admin, c := s.Client(), s.Client()
	admin.Do("ACL", "SETUSER", "u", "on", ">p", "~*", "+@all")
	c.Do("AUTH", "u", "p")
	c.Do("BLPOP", "k", "0")
	admin.Do("ACL", "DELUSER", "u")
	if c.Link.Killed.Load() == 0 {
		t.Error("a deleted user's client that waits is not ended")
	}
}
