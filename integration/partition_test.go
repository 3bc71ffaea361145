//go:build linux

package integration

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"regent/integration/harness"
)

// startOnHosts starts n nodes, each on a host of its own.
func startOnHosts(t *testing.T, n int, args ...string) (*harness.Cluster, *harness.Hosts) {
	t.Helper()
	return startOn(t, n, harness.NewHosts, args...)
}

func startOn(t *testing.T, n int, newHosts func(n int) (*harness.Hosts, error), args ...string) (*harness.Cluster, *harness.Hosts) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("network namespaces need root")
	}
	hosts, err := newHosts(n)
	t.Cleanup(func() {
		if err := hosts.Remove(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	c := hosts.Cluster(binary(), t.TempDir(), args...)
	t.Cleanup(func() {
		c.Kill()
		if t.Failed() {
			for _, n := range c.Nodes {
				t.Logf("log of node %s:\n%s", n.Addr(), n.Log())
			}
		}
	})
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, hosts
}

// TestPartitions cuts links at random, whole hosts and single directions,
// under writers, mends them, and reads every acknowledged write back; a
// history recorded meanwhile must be linearizable.
func TestPartitions(t *testing.T) {
	c, hosts := startOnHosts(t, 3, "--follower-reads", "no")
	load := harness.StartLoad(2, "cut", c.Addrs(), hosts.Dial)
	defer load.Stop()
	h := harness.Record(4, c.Addrs(), hosts.Dial)
	defer h.Stop()
	rnd := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for range partitions() {
		mend := cutSome(t, rnd, c, hosts)
		pause(rnd, 300, 3000)
		mend()
		if _, err := c.Agreed(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	soundHistory(t, c, load, h)
}

// soundHistory ends load and history: one order must explain the calls, and
// nothing that was acknowledged may be missing anywhere.
func soundHistory(t *testing.T, c *harness.Cluster, load *harness.Load, h *harness.History) {
	t.Helper()
	load.Stop()
	h.Stop()
	answered, unknown, refused := h.Counts()
	t.Logf("%d writes acknowledged; history: %d calls answered, %d with an unknown outcome, %d refused", load.Acked(), answered, unknown, refused)
	if err := h.Check(5 * time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, n := range c.Nodes {
		if err := client(t, n).ConfigSet(t.Context(), "follower-reads", "yes").Err(); err != nil {
			t.Fatal(err)
		}
	}
	nothingMissing(t, c, load)
}

func partitions() int {
	if os.Getenv("REGENT_SOAK") != "" {
		return 100
	}
	return 8
}

// cutSome cuts the leader off, or another host, or one direction of one
// link, and returns what mends it.
func cutSome(t *testing.T, rnd *rand.Rand, c *harness.Cluster, hosts *harness.Hosts) (mend func()) {
	t.Helper()
	leader, err := c.Leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	victim := rnd.IntN(len(c.Nodes))
	if rnd.IntN(2) == 0 {
		for i, n := range c.Nodes {
			if n == leader {
				victim = i
			}
		}
	}
	var cuts [][2]int
	kind := rnd.IntN(3)
	for i := range c.Nodes {
		if i == victim {
			continue
		}
		switch {
		case kind == 0: // whole
			cuts = append(cuts, [2]int{i, victim}, [2]int{victim, i})
		case kind == 1: // it hears, and is not heard
			cuts = append(cuts, [2]int{victim, i})
		case len(cuts) == 0: // one link of it, one way
			cuts = append(cuts, [2]int{i, victim})
		}
	}
	t.Logf("victim %s, cuts %v", c.Nodes[victim].Addr(), cuts)
	for _, cut := range cuts {
		if err := hosts.Cut(cut[0], cut[1]); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		for _, cut := range cuts {
			if err := hosts.Mend(cut[0], cut[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestLeaderIsNotHeard: a leader hears everybody and nobody hears it. It loses
// its lease, answers nothing as leader, another leads, and when it is heard
// again it follows and nothing is missing.
func TestLeaderIsNotHeard(t *testing.T) {
	c, hosts := startOnHosts(t, 3, "--takeover", "manual")
	load := harness.StartLoad(2, "deaf", c.Addrs(), hosts.Dial)
	defer load.Stop()
	wait(t, load)
	old, err := c.Leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var others harness.Cluster
	at := 0
	for i, n := range c.Nodes {
		if n == old {
			at = i
		} else {
			others.Nodes = append(others.Nodes, n)
		}
	}
	for i := range c.Nodes {
		if i != at {
			if err := hosts.Cut(at, i); err != nil {
				t.Fatal(err)
			}
		}
	}
	next, err := others.Leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wait(t, load)
	for i := range c.Nodes {
		if i != at {
			if err := hosts.Mend(at, i); err != nil {
				t.Fatal(err)
			}
		}
	}
	if leader, err := c.Agreed(t.Context()); err != nil || leader != next {
		t.Fatalf("%v leads, not %v: %v", leader, next, err)
	}
	load.Stop()
	nothingMissing(t, c, load)
}
