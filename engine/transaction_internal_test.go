package engine

import "testing"

// TestExecLocksWhatIsWatched, although nothing that is queued touches it: a change must not
// come between looking at it and carrying out the queue.
func TestExecLocksWhatIsWatched(t *testing.T) {
	e := &Engine{mask: 63}
	s := &Session{tx: &transaction{open: true, watched: []watchedKey{{0, "watched"}, {3, "another"}}}}
	var set lockSet
	e.collectQueued(&set, s)
	for _, key := range []string{"watched", "another"} {
		if !set.has(e.shardIndex([]byte(key))) {
			t.Errorf("the shard of %q is not locked", key)
		}
	}
}
