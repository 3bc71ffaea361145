package integration

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"regent/integration/harness"
)

// elections is how many leaders are killed in a row.
func elections() int {
	if os.Getenv("REGENT_SOAK") != "" {
		return 50
	}
	return 5
}

// highest is the node with the highest ID, which is its port.
func highest(c *harness.Cluster) *harness.Node {
	best := c.Nodes[0]
	for _, n := range c.Nodes {
		if n.Port > best.Port {
			best = n
		}
	}
	return best
}

// leads waits until a node leads and all others follow it.
func leads(ctx context.Context, t *testing.T, c *harness.Cluster, want *harness.Node) {
	t.Helper()
	err := harness.Until(ctx, func() error {
		leader, err := c.Agreed(ctx)
		if err == nil && leader != want {
			err = fmt.Errorf("node %d leads, not %d", leader.Port, want.Port)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// settled bounds the time until the highest ID leads: a node that has died
// again and again is waited for longer each time.
const settled = 90 * time.Second

// TestElections kills leader after leader. Each time another takes over, and in
// the end the highest ID leads.
func TestElections(t *testing.T) {
	t.Parallel()
	c, old := startCluster(t, 3)
	for range elections() {
		if err := old.Kill(); err != nil {
			t.Fatal(err)
		}
		_, err := c.Agreed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := old.Start(); err != nil {
			t.Fatal(err)
		}
		ready(t, old)
		if old, err = c.Agreed(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	leads(within(t, settled), t, c, highest(c))
}

// TestSizes starts clusters of each size; each elects its highest ID and takes
// a write. A minority of them may die, and two need both.
func TestSizes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 4, 5, 7} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c, _ := startCluster(t, n)
			leads(within(t, 30*time.Second), t, c, highest(c))
			load := harness.StartLoad(1, "size", c.Addrs(), nil)
			defer load.Stop()
			if err := load.Wait(within(t, time.Minute), 100); err != nil {
				t.Fatal(err)
			}
			for i := range (n - 1) / 2 {
				if err := c.Nodes[i].Kill(); err != nil {
					t.Fatal(err)
				}
			}
			if err := load.Wait(within(t, time.Minute), 100); err != nil {
				t.Fatal(err)
			}
		})
	}
}
