package engine_test

import (
	"strconv"
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
	if got := c.Go(); got != "" || c.Link.Woken.Load() != 0 {
		t.Fatalf("woken %d times for less than it waits for, %q", c.Link.Woken.Load(), got)
	}
	s.Cluster.SetAcked(end, 0)
	s.ReplicaAcked()
	if c.Link.Woken.Load() != 1 {
		t.Fatalf("woken %d times", c.Link.Woken.Load())
	}
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

// TestWaitWakesWhoIsServed: of many sessions an acknowledgement wakes those whose
// offset enough nodes have reached, once each, whatever number they ask for.
func TestWaitWakesWhoIsServed(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Cluster.SetView(enginetest.ThreeNodes(1, 1))
	s.Cluster.SetAcked(0, 0)
	type waiting struct {
		*enginetest.Client
		off   int64
		nodes int
	}
	var all []waiting
	for i := range 60 {
		c, nodes := s.Client(), 1+i%3
		c.Do("SET", "k", "v")
		if got := c.Do("WAIT", strconv.Itoa(nodes), "0"); got != "" || !c.Parked() {
			t.Fatalf("session %d: %q", i, got)
		}
		all = append(all, waiting{c, s.Log.End(), nodes})
	}
	s.EndSession(all[7].Session)
	s.EndSession(all[40].Session)
	for _, at := range [][2]int64{{all[9].off, 0}, {all[9].off + 1, all[4].off}, {all[30].off, all[20].off - 1}, {all[59].off, all[59].off}} {
		s.Cluster.SetAcked(at[0], at[1])
		s.ReplicaAcked()
		s.ReplicaAcked() // they have not had their turn yet
		for i, w := range all {
			reached := 0
			for _, off := range at {
				if off >= w.off {
					reached++
				}
			}
			want := int64(0)
			if reached >= w.nodes && w.Parked() {
				want = 1
			}
			if got := w.Link.Woken.Load(); got != want {
				t.Errorf("at %v: session %d, which waits for %d nodes at %d, was woken %d times", at, i, w.nodes, w.off, got)
			}
		}
	}
	for i, w := range all {
		if !w.Parked() {
			continue
		}
		got := w.Go()
		if want := ":2\r\n"; w.nodes < 3 && got != want || w.nodes == 3 && got != "" {
			t.Errorf("session %d, which waits for %d nodes: %q", i, w.nodes, got)
		}
	}
}

// TestWaitIsWokenAgain: what was reached when a session was woken may be so no
// more when it has its turn, since a follower may begin anew.
func TestWaitIsWokenAgain(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Cluster.SetAcked(0)
	c := s.Client()
	c.Do("SET", "k", "v")
	c.Do("WAIT", "1", "0")
	s.Cluster.SetAcked(s.Log.End())
	s.ReplicaAcked()
	s.Cluster.SetAcked(0)
	if got := c.Go(); got != "" || !c.Parked() {
		t.Fatalf("no node holds it any more: %q", got)
	}
	s.Cluster.SetAcked(s.Log.End())
	s.ReplicaAcked()
	if got := c.Go(); got != ":1\r\n" || c.Link.Woken.Load() != 2 {
		t.Fatalf("woken %d times, %q", c.Link.Woken.Load(), got)
	}
}

// TestWaitAOF waits for this node's fsync and for others', and tells both.
func TestWaitAOF(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Cluster.SetView(enginetest.ThreeNodes(1, 1))
	c := s.Client()
	c.Do("SET", "k", "v")
	end := s.Log.End()
	if got := c.Do("WAITAOF", "1", "1", "0"); got != "" || !c.Parked() {
		t.Fatalf("nothing is on any disk: %q", got)
	}
	s.Log.SetSynced(end)
	s.LogSynced()
	if got := c.Go(); got != "" || c.Link.Woken.Load() != 0 {
		t.Fatalf("the other node has not: %q, woken %d times", got, c.Link.Woken.Load())
	}
	s.Cluster.SetAcked(end, 0)
	s.ReplicaAcked()
	if c.Link.Woken.Load() != 1 {
		t.Fatal("the other node's fsync did not wake it")
	}
	if got := c.Go(); got != "*2\r\n:1\r\n:1\r\n" {
		t.Fatalf("%q", got)
	}
	c.Do("SET", "k", "u")
	if got := c.Do("WAITAOF", "1", "0", "0"); got != "" {
		t.Fatalf("it is on no disk: %q", got)
	}
	s.Log.SetSynced(s.Log.End())
	s.LogSynced()
	if c.Link.Woken.Load() != 2 {
		t.Fatal("the fsync here did not wake it")
	}
	if got := c.Go(); got != "*2\r\n:1\r\n:0\r\n" {
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
	s.Cluster.SetView(enginetest.ThreeNodes(1, 3))
	if got := c.Do("WAITAOF", "0", "0", "0"); got[:40] != "-ERR WAITAOF cannot be used with replica" {
		t.Errorf("at a follower: %q", got)
	}
}
