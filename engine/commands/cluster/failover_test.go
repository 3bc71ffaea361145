package cluster_test

import (
	"slices"
	"testing"

	"regent/engine"
	"regent/engine/enginetest"
)

// TestFailoverRefusals are Redis's, in Redis's order (replication.c).
func TestFailoverRefusals(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	alone, leads, follows := engine.View{Leading: true}, enginetest.ThreeNodes(1, 1), enginetest.ThreeNodes(1, 3)
	busy, copies := leads, enginetest.ThreeNodes(1, 1)
	busy.Handover = engine.HandoverWaiting
	copies.Nodes[1].Copy = "send_bulk"
	for _, try := range []struct {
		view engine.View
		want string
		args []string
	}{
		{leads, "+OK\r\n", []string{"FAILOVER"}},
		{leads, "+OK\r\n", []string{"FAILOVER", "TO", "10.0.0.2", "7000", "TIMEOUT", "100", "FORCE"}},
		{leads, "-ERR syntax error\r\n", []string{"FAILOVER", "NOW"}},
		{leads, "-ERR syntax error\r\n", []string{"FAILOVER", "TO", "10.0.0.2"}},
		{leads, "-ERR syntax error\r\n", []string{"FAILOVER", "FORCE", "FORCE"}},
		{leads, "-ERR FAILOVER timeout must be greater than 0\r\n", []string{"FAILOVER", "TIMEOUT", "0"}},
		{leads, "-ERR value is not an integer or out of range\r\n", []string{"FAILOVER", "TO", "h", "p"}},
		{leads, "-ERR value is not an integer or out of range\r\n", []string{"FAILOVER", "TIMEOUT", "soon"}},
		{busy, "-ERR FAILOVER already in progress.\r\n", []string{"FAILOVER"}},
		{follows, "-ERR FAILOVER is not valid when server is a replica.\r\n", []string{"FAILOVER"}},
		{alone, "-ERR FAILOVER requires connected replicas.\r\n", []string{"FAILOVER"}},
		{leads, "-ERR FAILOVER with force option requires both a timeout and target HOST and IP.\r\n", []string{"FAILOVER", "FORCE"}},
		{leads, "-ERR FAILOVER target HOST and PORT is not a replica.\r\n", []string{"FAILOVER", "TO", "10.0.0.9", "7000"}},
		{copies, "-ERR FAILOVER target replica is not online.\r\n", []string{"FAILOVER", "TO", "10.0.0.2", "7000"}},
		{leads, "-ERR You should send CLUSTER FAILOVER to a replica\r\n", []string{"CLUSTER", "FAILOVER"}},
		{follows, "+OK\r\n", []string{"CLUSTER", "FAILOVER"}},
		{follows, "+OK\r\n", []string{"CLUSTER", "FAILOVER", "takeover"}},
		{follows, "-ERR syntax error\r\n", []string{"CLUSTER", "FAILOVER", "now"}},
		{enginetest.ThreeNodes(1, 0), "-ERR I'm a replica but my master is unknown to me\r\n", []string{"CLUSTER", "FAILOVER"}},
	} {
		s.Cluster.SetView(try.view)
		if got := c.Do(try.args...); got != try.want {
			t.Errorf("%q: %q, want %q", try.args, got, try.want)
		}
	}
	want := []string{"hand over to 0 within 1h0m0s", "hand over to 2 within 100ms", "ask", "ask"}
	if !slices.Equal(s.Cluster.Asked, want) {
		t.Errorf("asked of the cluster: %q, want %q", s.Cluster.Asked, want)
	}
	if got := c.Do("FAILOVER", "ABORT"); got != "+OK\r\n" {
		t.Errorf("ABORT: %q", got)
	}
	s.Cluster.SetHandover(engine.ErrNoTarget)
	if got := c.Do("FAILOVER", "ABORT"); got != "-ERR No failover in progress.\r\n" {
		t.Errorf("ABORT of nothing: %q", got)
	}
	s.Cluster.SetView(leads)
	if got := c.Do("FAILOVER"); got != "-ERR FAILOVER target replica is not online.\r\n" {
		t.Errorf("nobody can take over: %q", got)
	}
}
