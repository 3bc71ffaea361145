package cluster_test

import (
	"fmt"
	"testing"
	"time"

	"regent/engine/enginetest"
)

// waitFor says WAIT in a session and returns the reply.
func waitFor(t *testing.T, c *enginetest.Client, nodes string) string {
	t.Helper()
	reply := c.Do("WAIT", nodes, "0")
	for end := time.Now().Add(deadline); c.Parked(); time.Sleep(50 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatal("WAIT is not answered")
		}
		if c.Link.Woken.Swap(0) > 0 {
			reply = c.Go()
		}
	}
	return reply
}

// TestWaitedForIsSeen: what WAIT counts followers for, their readers see when it
// answers. The session goes on only when it is woken.
func TestWaitedForIsSeen(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	w.start()
	leader := w.leader()
	leader.try(deadline, "SET", "first", "v") // from now on it has its lease
	c := (&enginetest.Server{Engine: leader.engine}).Client()
	defer leader.engine.EndSession(c.Session)
	seen := func(key, value string) {
		t.Helper()
		for _, x := range w.nodes {
			if got, sent := x.try(deadline, "GET", key); !sent || got != bulk(value) {
				t.Errorf("node %d, which WAIT counted: %s is %q", x.id, key, got)
			}
		}
	}
	for i := range 80 {
		key := fmt.Sprint("k", i)
		c.Do("SET", key, "v")
		if i%2 == 0 {
			leader.release(leader.log.End(), 0, deadline) // a client that waits for +OK before
		} else {
			_ = leader.log.Seal()
		}
		if got := waitFor(t, c, "2"); got != ":2\r\n" {
			t.Fatalf("round %d: %q", i, got)
		}
		seen(key, "v")
	}
	// A follower that comes back is counted without a write that tells of it.
	for _, x := range w.nodes {
		if x != leader {
			x.kill()
			x.start()
			break
		}
	}
	if got := waitFor(t, c, "2"); got != ":2\r\n" {
		t.Fatal(got)
	}
	seen("k79", "v")
}
