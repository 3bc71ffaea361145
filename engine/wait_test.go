package engine_test

import (
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/enginetest"
)

func TestWait(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	s.Cluster.SetAcked(0, 0)
	if got := c.Do("WAIT", "2", "0"); got != ":2\r\n" {
		t.Errorf("before any write: %q", got)
	}
	c.Do("SET", "k", "v")
	end := s.Log.End()
	if got := c.Do("WAIT", "1", "0"); got != "" || !c.Parked() {
		t.Fatalf("nobody holds the write: %q, parked %v", got, c.Parked())
	}
	s.Client().Do("SET", "other", "v") // not this session's concern
	s.Cluster.SetAcked(end-1, 0)
	s.ReplicaAcked()
	if got := c.Go(); got != "" || c.Link.Woken.Load() != 1 {
		t.Fatalf("woken %d times, %q", c.Link.Woken.Load(), got)
	}
	s.Cluster.SetAcked(end, 0)
	s.ReplicaAcked()
	if got := c.Go(); got != ":1\r\n" || c.Parked() {
		t.Fatalf("one node holds it: %q", got)
	}
	woken := c.Link.Woken.Load()
	s.ReplicaAcked()
	if c.Link.Woken.Load() != woken {
		t.Error("woken after the end")
	}
}

func TestWaitEnds(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	s.Cluster.SetAcked(0)
	c.Do("SET", "k", "v")
	if got := c.Do("WAIT", "1", "50"); got != "" {
		t.Fatal(got)
	}
	if got := c.Go(); got != "" {
		t.Fatalf("too early: %q", got)
	}
	s.Host.Set(enginetest.Start + 50)
	if got := c.Go(); got != ":0\r\n" {
		t.Fatalf("at its deadline: %q", got)
	}
	c.Do("WAIT", "1", "0")
	s.Cluster.SetView(engine.View{Clustered: true, NodeID: 1, LeaderID: 2, Leader: "h:2"})
	s.ReplicaAcked()
	if got := c.Go(); !strings.HasPrefix(got, "-UNBLOCKED ") {
		t.Fatalf("no longer leading: %q", got)
	}
	if got := c.Do("WAIT", "0", "0"); !strings.HasPrefix(got, "-ERR WAIT cannot be used with replica") {
		t.Fatalf("at a follower: %q", got)
	}
	s.Cluster.SetView(engine.View{Leading: true})
	c.Do("SET", "k", "v")
	c.Do("WAIT", "5", "0")
	s.EndSession(c.Session)
	woken := c.Link.Woken.Load()
	s.ReplicaAcked()
	if c.Link.Woken.Load() != woken {
		t.Error("a session that is gone is still waited for")
	}
}

// TestWaitAOF waits for this node's fsync and for others', and tells both.
func TestWaitAOF(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Cluster.SetView(threeNodes(1, 1))
	c := s.Client()
	c.Do("SET", "k", "v")
	end := s.Log.End()
	if got := c.Do("WAITAOF", "1", "1", "0"); got != "" || !c.Parked() {
		t.Fatalf("nothing is on any disk: %q", got)
	}
	s.Log.SetSynced(end)
	s.LogSynced()
	if c.Link.Woken.Load() != 1 {
		t.Fatal("the fsync did not wake it")
	}
	if got := c.Go(); got != "" {
		t.Fatalf("the other node has not: %q", got)
	}
	s.Cluster.SetAcked(end, 0)
	s.ReplicaAcked()
	if got := c.Go(); got != "*2\r\n:1\r\n:1\r\n" {
		t.Fatalf("%q", got)
	}
	c.Do("SET", "k", "w")
	if got := c.Do("WAITAOF", "0", "2", "100"); got != "" {
		t.Fatal(got)
	}
	s.Host.Advance(100 * time.Millisecond)
	if got := c.Go(); got != "*2\r\n:0\r\n:0\r\n" {
		t.Fatalf("after its time: %q", got)
	}
	for _, try := range [][2]string{
		{"2", "-ERR value is out of range, value must between 0 and 1\r\n"},
		{"x", "-ERR value is not an integer or out of range\r\n"},
	} {
		if got := c.Do("WAITAOF", try[0], "0", "0"); got != try[1] {
			t.Errorf("numlocal %s: %q", try[0], got)
		}
	}
	if got := c.Do("WAITAOF", "0", "-1", "0"); got != "-ERR value is out of range, must be positive\r\n" {
		t.Errorf("numreplicas -1: %q", got)
	}
	s.Cluster.SetView(threeNodes(1, 3))
	if got := c.Do("WAITAOF", "0", "0", "0"); got[:40] != "-ERR WAITAOF cannot be used with replica" {
		t.Errorf("at a follower: %q", got)
	}
}
