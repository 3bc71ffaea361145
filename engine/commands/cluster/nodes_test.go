package cluster_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// TestRegentNode: what is asked of the cluster, and how its answers are put.
func TestRegentNode(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	two := config.Peer{ID: 2, Host: "fd00::2", Port: 7000}
	alone, leads, follows := engine.View{Leading: true}, enginetest.ThreeNodes(1, 1), enginetest.ThreeNodes(1, 3)
	for _, try := range []struct {
		view   engine.View
		refuse error
		want   string
		args   []string
	}{
		{leads, nil, "+OK", []string{"ADD", "4@host:7000"}},
		{leads, nil, "+OK", []string{"add", "10.0.0.9:7004"}},
		{leads, nil, "+OK", []string{"REMOVE", "3"}},
		{follows, nil, "-MOVED 0 10.0.0.3:7000", []string{"ADD", "4@host:7000"}},
		{follows, nil, "-MOVED 0 10.0.0.3:7000", []string{"REMOVE", "3"}},
		{enginetest.ThreeNodes(1, 0), nil, "-CLUSTERDOWN The cluster is down", []string{"REMOVE", "3"}},
		{alone, nil, "-ERR This server has no peers: start it with peers to make a cluster of it", []string{"REMOVE", "3"}},
		{leads, nil, "-ERR value is not an integer or out of range", []string{"REMOVE", "host:7000"}},
		{leads, nil, "-ERR not a node as id@host:port: address host: missing port in address", []string{"ADD", "host"}},
		{leads, nil, "-ERR unknown subcommand or wrong number of arguments for 'ADD'. Try REGENT HELP.", []string{"ADD"}},
		{leads, engine.ErrChangeRuns, "-ERR Another change of the nodes or of the leader is under way: see REGENT NODE LIST, and try again", []string{"REMOVE", "3"}},
		{leads, engine.ErrChangeUnknown, "-UNCERTAIN The change of the nodes was not confirmed in time: it may or may not come into force, see REGENT NODE LIST", []string{"REMOVE", "3"}},
		{leads, engine.ErrLeaderStays, "-ERR Node 1 leads, and no other node can take over: see REGENT NODE LIST, and try again", []string{"REMOVE", "1"}},
		{leads, engine.ErrStillLearning, "-ERR Node 4 follows and has not caught up yet: it votes as soon as it has, see REGENT NODE LIST", []string{"ADD", "4@host:7000"}},
		{leads, &engine.TakenError{By: two}, "-ERR Node 2 is at [fd00::2]:7000: nothing is changed", []string{"ADD", "4@fd00::2:7000"}},
		{leads, &engine.UnprovedError{Node: two, Err: errors.New("why\r\nnot")}, "-ERR Node 2 has not proved that it is at [fd00::2]:7000, nothing is changed: why  not", []string{"ADD", "2@[fd00::2]:7000"}},
		{leads, &engine.ApartError{Near: config.Peer{ID: 4, Host: "::1", Port: 7}, Far: two}, "-ERR [::1]:7 is on one machine alone, and [fd00::2]:7000 need not be there: nothing is changed", []string{"ADD", "4@::1:7"}},
		{leads, engine.ErrNoSuchNode, "-ERR No node has the ID 9", []string{"REMOVE", "9"}},
		{leads, errors.New("no"), "-ERR The nodes cannot be changed: no", []string{"REMOVE", "9"}},
	} {
		s.Cluster.SetView(try.view)
		s.Cluster.SetHandover(try.refuse)
		if got := wait(s, c, append([]string{"REGENT", "NODE"}, try.args...)...); got != try.want+"\r\n" {
			t.Errorf("%q: %q, want %q", try.args, got, try.want)
		}
	}
	want := []string{"add 4@host:7000 within 30s", "add 7004@10.0.0.9:7004 within 30s", "remove 3 within 30s"}
	if !slices.Equal(s.Cluster.Asked[:3], want) {
		t.Errorf("asked of the cluster: %q, want %q", s.Cluster.Asked, want)
	}
}

// wait is a command whose work is done elsewhere meanwhile.
func wait(s *enginetest.Server, c *enginetest.Client, args ...string) string {
	reply := c.Do(args...)
	for c.Parked() {
		s.Host.Advance(0)
		reply = c.Go()
	}
	return reply
}

// TestLearnersDoNotCount: one that has not caught up is no replica yet for
// clients, and nobody waits for it.
func TestLearnersDoNotCount(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	v := enginetest.ThreeNodes(1, 1)
	v.Nodes[2].Learner = true
	s.Cluster.SetView(v)
	if got := show(t, c.Do("CLUSTER", "SLOTS")); strings.Contains(got, "10.0.0.3") || !strings.Contains(got, "10.0.0.2") {
		t.Errorf("SLOTS: %s", got)
	}
	if got := show(t, c.Do("CLUSTER", "SHARDS")); !strings.Contains(got, "loading") {
		t.Errorf("SHARDS: %s", got)
	}
	if got := show(t, c.Do("REGENT", "NODE", "LIST")); !strings.Contains(got, "learner") {
		t.Errorf("LIST: %s", got)
	}
	v.Missing = 1 // the one follower that counts
	s.Cluster.SetView(v)
	if got := c.Do("SET", "k", "v"); !strings.HasPrefix(got, "-NOREPLICAS") {
		t.Errorf("a write that the learner alone would hold: %q", got)
	}
}
