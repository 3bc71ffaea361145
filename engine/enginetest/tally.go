package enginetest

import (
	"strconv"
	"strings"
	"testing"
)

// A Tally compares how many changes commands make (what save points go by) with
// what redis-server counts for them.
type Tally struct {
	t            testing.TB
	ours         *Server
	theirs       *RedisClient
	ours0, them0 int64
}

// NewTally begins to count.
func NewTally(t testing.TB, ours *Server, theirs *RedisClient) *Tally {
	return &Tally{t, ours, theirs, ours.Changes(), dirty(t, theirs)}
}

// Since returns redis-server's changes since the last call, and complains if ours
// are not as many.
func (y *Tally) Since(fatalf func(format string, args ...any), after []string) int64 {
	y.t.Helper()
	ours, theirs := y.ours.Changes(), dirty(y.t, y.theirs)
	got, want := ours-y.ours0, theirs-y.them0
	if y.ours0, y.them0 = ours, theirs; got != want {
		fatalf("%q made %d changes, with redis-server %d", after, got, want)
	}
	return want
}

// dirty is redis-server's count.
func dirty(t testing.TB, c *RedisClient) int64 {
	t.Helper()
	_, rest, _ := strings.Cut(c.Do("INFO", "persistence"), "rdb_changes_since_last_save:")
	line, _, _ := strings.Cut(rest, "\r\n")
	n, err := strconv.ParseInt(line, 10, 64)
	if err != nil {
		t.Fatalf("no count of changes: %v", err)
	}
	return n
}
