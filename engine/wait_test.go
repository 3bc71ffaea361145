package engine_test

import (
	"strings"
	"testing"

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
