package engine_test

import (
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// TestALeaderWithoutALease does not say that it leads, since another may by now;
// but clients find no one else in its list yet.
func TestALeaderWithoutALease(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	s.Cluster.SetView(enginetest.ThreeNodes(1, 1))
	slots := c.Do("CLUSTER", "SLOTS")
	for _, lease := range []bool{true, false} {
		s.Cluster.SetLeaseOver(!lease)
		for _, ask := range [][]string{{"INFO", "replication"}, {"ROLE"}, {"HELLO"}} {
			if got := c.Do(ask...); strings.Contains(got, "master\r\n") != lease {
				t.Errorf("lease %v, %v: %s", lease, ask, got)
			}
		}
		if got := c.Do("INFO", "regent"); strings.Contains(got, "leader_id:1\r\n") != lease || strings.Contains(got, "election_in_progress:1\r\n") == lease {
			t.Errorf("lease %v: %s", lease, got)
		}
		if got := c.Do("CLUSTER", "SLOTS"); got != slots {
			t.Errorf("lease %v: slots %q", lease, got)
		}
	}
}

// TestMasterOfAFollower: a follower names a master whatever happens, another node
// than itself, and by the same address everywhere.
func TestMasterOfAFollower(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	check := func(when, host string, v engine.View) {
		t.Helper()
		s.Cluster.SetView(v)
		if got := c.Do("INFO", "replication"); !strings.Contains(got, "master_host:"+host+"\r\nmaster_port:7000\r\n") {
			t.Errorf("%s: %s", when, got)
		}
		if got := enginetest.Parsed(t, c.Do("ROLE")).String(); !strings.HasPrefix(got, `*["slave" "`+host+`" :7000 `) {
			t.Errorf("%s: %s", when, got)
		}
	}
	check("one leads", "10.0.0.3", enginetest.ThreeNodes(1, 3))
	v := enginetest.ThreeNodes(1, 0)
	v.LastLeaderID = 2
	check("one has led", "10.0.0.2", v)
	v = enginetest.ThreeNodes(1, 0)
	v.LastLeaderID = 1
	check("this one has led", "10.0.0.2", v)
	v = enginetest.ThreeNodes(1, 0)
	v.Nodes[1].Up = false
	check("none has led yet", "10.0.0.3", v)
	v = enginetest.ThreeNodes(1, 0)
	v.Nodes[1].Up, v.Nodes[2].Up = false, false
	check("nobody is there", "10.0.0.2", v)
}

// TestFollowerReads: which node answers reads.
func TestFollowerReads(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Client().Do("SET", "k", "v")
	s.Cluster.SetView(enginetest.ThreeNodes(1, 3))
	const here, moved = "$1\r\nv\r\n", "-MOVED 7629 10.0.0.3:7000\r\n"
	for _, c := range []struct {
		mode            int64
		plain, readonly string
	}{
		{config.FollowerReadsYes, here, here},
		{config.FollowerReadsReadonly, moved, here},
		{config.FollowerReadsNo, moved, moved},
	} {
		s.Config.FollowerReads.Set(c.mode)
		cl := s.Client()
		if got := cl.Do("GET", "k"); got != c.plain {
			t.Errorf("mode %d: %q", c.mode, got)
		}
		cl.Do("READONLY")
		if got := cl.Do("GET", "k"); got != c.readonly {
			t.Errorf("mode %d after READONLY: %q", c.mode, got)
		}
		if got := cl.Do("SET", "k", "w"); got != moved {
			t.Errorf("mode %d: a write: %q", c.mode, got)
		}
		cl.Do("READWRITE")
		if got := cl.Do("GET", "k"); got != c.plain {
			t.Errorf("mode %d after READWRITE: %q", c.mode, got)
		}
	}
	s.Cluster.SetView(enginetest.ThreeNodes(1, 0))
	if got := s.Client().Do("GET", "k"); !strings.HasPrefix(got, "-CLUSTERDOWN") {
		t.Errorf("nobody leads: %q", got)
	}
}
