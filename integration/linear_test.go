package integration

import (
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"regent/integration/harness"
)

// linearTime is how long histories are recorded: longer in a soak.
func linearTime() time.Duration {
	if os.Getenv("REGENT_SOAK") != "" {
		return 10 * time.Minute
	}
	return time.Minute
}

// TestHistoriesAreLinearizable lets clients read and write while nodes are
// killed and stopped and leadership is moved at random, and asks porcupine whether one order of all
// calls explains every reply.
func TestHistoriesAreLinearizable(t *testing.T) {
	t.Run("by lease", func(t *testing.T) { linear(t, linearTime()) })
	t.Run("by rounds", func(t *testing.T) { linear(t, linearTime()/3, "--read-lease", "no") })
}

func linear(t *testing.T, long time.Duration, args ...string) {
	t.Helper()
	args = append(args, "--follower-reads", "no") // followers may be behind, and say so in the README
	c, _ := startCluster(t, 3, args...)
	h := harness.Record(6, c.Addrs(), nil)
	defer h.Stop()
	seed := uint64(time.Now().UnixNano())
	t.Logf("faults by seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for end := time.Now().Add(long); time.Now().Before(end); {
		pause(rnd, 500, 1500)
		fault(t, rnd, c)
	}
	h.Stop()
	answered, unknown, refused := h.Counts()
	t.Logf("%d calls answered, %d with an unknown outcome, %d refused", answered, unknown, refused)
	if answered < 1000 {
		t.Fatal("too few calls were answered: nothing was tested")
	}
	if err := h.Check(5 * time.Minute); err != nil {
		t.Fatal(err)
	}
}

func pause(rnd *rand.Rand, least, most int) {
	time.Sleep(time.Duration(least+rnd.IntN(most-least)) * time.Millisecond)
}

// fault kills or stops a node, more often the leader, and mends it; or it has
// the leader hand over.
func fault(t *testing.T, rnd *rand.Rand, c *harness.Cluster) {
	t.Helper()
	n := c.Nodes[rnd.IntN(len(c.Nodes))]
	if rnd.IntN(2) == 0 {
		leader, err := c.Leader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n = leader
	}
	if rnd.IntN(3) == 0 {
		cl := n.Client()
		defer cl.Close()
		_ = cl.Do(t.Context(), "FAILOVER").Err() // a follower refuses
		return
	}
	if rnd.IntN(2) == 0 {
		if err := n.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		pause(rnd, 50, 2500)
		if err := n.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := n.Kill(); err != nil {
		t.Fatal(err)
	}
	pause(rnd, 50, 1500)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, n)
}
