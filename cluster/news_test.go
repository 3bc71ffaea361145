package cluster_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/cluster"
	"regent/cluster/bully"
	"regent/cluster/clustertest"
	"regent/engine"
	"regent/engine/config"
)

// TestNewsLines: what the log says of each kind of event.
func TestNewsLines(t *testing.T) {
	const notice, warning = engine.LevelNotice, engine.LevelWarning
	ms := time.Millisecond
	for _, try := range []struct {
		e     bully.Event
		level engine.Level
		want  string
	}{
		{bully.Event{Kind: bully.LeaderSilent, Node: 3, Epoch: 4, For: 503 * ms}, warning,
			"Nothing was heard of the leader of epoch 4, node 3 at h3:1, for 503 ms (election-timeout is 500 ms): it is taken for dead, another is to be elected"},
		{bully.Event{Kind: bully.LeaderGone, Node: 3, Epoch: 4, How: bully.Proof}, warning,
			"The process of the leader of epoch 4, node 3 at h3:1, has ended: nobody listens on its port of this machine. Another is to be elected"},
		{bully.Event{Kind: bully.LeaderGone, Node: 3, Epoch: 4, How: bully.Sign}, warning,
			"The leader of epoch 4, node 3 at h3:1, seems to have ended: connections to its port are refused. Another is to be elected unless it is heard again within 150 ms"},
		{bully.Event{Kind: bully.LeaderResigned, Node: 3, Epoch: 4, Reason: bully.DiskFailed}, warning,
			"The leader of epoch 4, node 3 at h3:1, gave up the lead: it can't write its data; see the lines about its disk"},
		{bully.Event{Kind: bully.Follows, Node: 3, Epoch: 4}, notice, "The leader of epoch 4 is node 3 at h3:1"},
		{bully.Event{Kind: bully.Stands, Epoch: 5}, notice, "Standing for election in epoch 5"},
		{bully.Event{Kind: bully.StoodDown, Node: 3}, notice,
			"Not standing for election: node 3 at h3:1 has as much of the log and goes before this one, and stands itself"},
		{bully.Event{Kind: bully.Elected, Epoch: 5, Votes: []bully.Vote{{Node: 2, Verdict: bully.Grant}, {Node: 3}}}, notice,
			"Elected leader of epoch 5: node 2 at h2:1 granted its vote, node 3 at h3:1 has not answered"},
		{bully.Event{Kind: bully.Elected, Epoch: 5}, notice, "Elected leader of epoch 5: this node is the only voter"},
		{bully.Event{Kind: bully.NotElected, Phase: bully.Pre, Epoch: 5, Votes: []bully.Vote{
			{Node: 2, Verdict: bully.Refuse, Reason: bully.LeaderAlive, Leader: 3}, {Node: 4, Verdict: bully.Grant, Reason: bully.MayHaveLost}}}, warning,
			"No leader, and this node can't be elected at the moment: node 2 at h2:1 refused (it hears a leader, node 3 at h3:1), node 4 at h4:1 granted its vote, which counts only together with all others: it may have lost data. It asks again"},
		{bully.Event{Kind: bully.NotElected, Phase: bully.Real, Epoch: 5, Votes: []bully.Vote{
			{Node: 2, Verdict: bully.Refuse, Reason: bully.StaleLog}, {Node: 3, Verdict: bully.Refuse, Reason: bully.VoteTaken}}}, warning,
			"Not elected in epoch 5: node 2 at h2:1 refused (the voter has data that the candidate lacks), node 3 at h3:1 refused (the vote went to another node). This node stands again"},
		{bully.Event{Kind: bully.NotElected, Phase: bully.Real, Node: 2, Epoch: 7}, notice, "Not elected: node 2 at h2:1 has promised the later epoch 7"},
		{bully.Event{Kind: bully.Voted, Node: 2, Epoch: 5}, notice, "Voted for node 2 at h2:1 in epoch 5"},
		{bully.Event{Kind: bully.VoteDenied, Node: 2, Epoch: 5, Reason: bully.JustStarted}, notice,
			"Refused node 2 at h2:1 this node's vote in epoch 5: the voter has just started and waits until all it may have promised before is over"},
		{bully.Event{Kind: bully.Deposed, Node: 2, Epoch: 7}, warning,
			"Deposed: node 2 at h2:1 is in the later epoch 7, for which a majority has or may have voted"},
		{bully.Event{Kind: bully.Resigned, Epoch: 5, Reason: bully.LeaseLost}, warning,
			"Giving up the lead of epoch 5: no majority of the nodes has answered this node for election-timeout; see the lines about links"},
		{bully.Event{Kind: bully.Resigned, Epoch: 5, Reason: bully.Stopping}, warning, "Giving up the lead of epoch 5: this node is shutting down"},
		{bully.Event{Kind: bully.HandedOver, Node: 2, Epoch: 5}, notice, "Handing the lead of epoch 5 over to node 2 at h2:1"},
		{bully.Event{Kind: bully.TakesOver, Node: 2, Epoch: 5}, notice, "Taking over: the leader of epoch 5, node 2 at h2:1, hands the lead to this node"},
		{bully.Event{Kind: bully.Emptied, Node: 2}, warning,
			"This node's disk is empty or its state file is gone, but node 2 at h2:1 has data: this node does not know what it has promised and acknowledged. Until it has caught up with a leader, its vote counts only together with all others"},
		{bully.Event{Kind: bully.Regained, Node: 2, Epoch: 5}, notice,
			"This node is a full voter again: it has caught up with node 2 at h2:1, the leader of epoch 5"},
		{bully.Event{Kind: bully.LeaseLapsed, Epoch: 5, For: 92 * ms}, warning,
			"The lease of epoch 5 had run out for 92 ms, in which commands waited: no majority answered a heartbeat in time. If this comes often without load, raise leader-lease (120 ms) on every node"},
		{bully.Event{Kind: bully.LeaseLate, Epoch: 5, For: 202 * ms}, warning,
			"The lease of epoch 5 never holds: a majority's answers to a heartbeat take 202 ms and leader-lease is 120 ms. Until that is better each reply waits for a round trip to a majority, as with read-lease no. " +
				"If the network is as slow as that, set leader-lease 1010 and election-timeout 2530 on every node and restart them"},
	} {
		if level, got := cluster.NewsLine(try.e); got != try.want || level != try.level {
			t.Errorf("%+v:\n got %d %s\nwant %d %s", try.e, level, got, try.level, try.want)
		}
	}
}

// TestLeaseAdviceHolds: what the log says is to be set is taken.
func TestLeaseAdviceHolds(t *testing.T) {
	for _, trip := range []int{121, 130, 202, 499, 3000} {
		_, text := cluster.NewsLine(bully.Event{Kind: bully.LeaseLate, Epoch: 1, For: time.Duration(trip) * time.Millisecond})
		c := config.New()
		lease, silence := int64(0), c.ElectionTimeout.Get()
		if _, err := fmt.Sscanf(text[strings.Index(text, "set leader-lease"):], "set leader-lease %d", &lease); err != nil {
			t.Fatal(err)
		}
		if _, rest, ok := strings.Cut(text, " and election-timeout "); ok {
			if _, err := fmt.Sscan(rest, &silence); err != nil {
				t.Fatal(err)
			}
		}
		c.LeaderLease.Set(lease)
		c.ElectionTimeout.Set(silence)
		if lease <= int64(trip) {
			t.Errorf("a lease of %d ms is proposed for a round trip of %d", lease, trip)
		}
		if err := c.CheckTimes(); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestNewsIsBounded: what goes on and on gets a line every ten seconds.
func TestNewsIsBounded(t *testing.T) {
	s := time.Second
	lapsed := bully.Event{Kind: bully.LeaseLapsed}
	if got, want := cluster.NewsDue(lapsed, 1*s, 2*s, 3*s, 11*s, 12*s, 30*s), []string{"1s +0", "11s +2", "30s +1"}; !slices.Equal(got, want) {
		t.Errorf("lines at %v, want %v", got, want)
	}
	if got := cluster.NewsDue(bully.Event{Kind: bully.Voted}, 1*s, 1*s); len(got) != 2 {
		t.Errorf("of two votes %v were told", got)
	}
}

// tells waits until a node has logged lines that hold the given words, in their
// order, among those from on.
func (x *node) tells(from int, words ...string) {
	x.net.t.Helper()
	x.net.until(fmt.Sprintf("node %d says %q", x.id, words), func() bool {
		lines, at := x.host.Lines()[from:], 0
		for _, line := range lines {
			if at < len(words) && strings.Contains(line, words[at]) {
				at++
			}
		}
		return at == len(words)
	})
}

// TestTheLogSaysWhy: each change of leader, and its reason, stands in the logs of
// the nodes that have a part in it.
func TestTheLogSaysWhy(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	for _, x := range w.nodes {
		x.start()
	}
	leader := w.leader()
	leader.must("SET", "k", "v")
	others := slices.DeleteFunc(slices.Clone(w.nodes), func(x *node) bool { return x == leader })
	named := fmt.Sprintf("node %d at ", leader.id)
	leader.tells(0, "Standing for election in epoch", "Elected leader of epoch", "Leading epoch")
	for _, x := range others {
		x.tells(0, "The leader of epoch ", "Following "+named)
	}
	if !slices.ContainsFunc(others, func(x *node) bool {
		return slices.ContainsFunc(x.host.Lines(), func(line string) bool { return strings.Contains(line, "Voted for "+named) })
	}) {
		t.Error("nobody says that it voted, and one of two has")
	}

	leader.kill()
	next := w.leader(others...)
	next.must("SET", "k", "w")
	for _, x := range others {
		x.tells(0, "The process of the leader of epoch")
	}
	next.tells(0, "The process of the leader of epoch", "Standing for election", "granted its vote")

	leader.log = clustertest.NewLog()
	if err := os.RemoveAll(leader.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(leader.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	from := len(leader.host.Lines())
	leader.start()
	leader.tells(from, "This node's disk is empty or its state file is gone", "This node is a full voter again: it has caught up with")

	from = len(next.host.Lines())
	next.stop()
	next.tells(from, "Handing the lead of epoch")
}
