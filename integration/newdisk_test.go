package integration

import (
	"errors"
	"os"
	"testing"
	"time"

	"regent/integration/harness"
)

// TestReplacedDisks kills one node after the other, the leader among them, and
// starts it with an empty directory, under writers. Each is waited for until its
// vote counts again: then the next may go. In the end no node has anything left
// of what it had, and nothing is missing.
func TestReplacedDisks(t *testing.T) {
	c, _ := startCluster(t, 3)
	load := harness.StartLoad(2, "disk", c.Addrs(), nil)
	defer load.Stop()
	for _, n := range c.Nodes {
		wait(t, load)
		if err := n.Kill(); err != nil {
			t.Fatal(err)
		}
		wait(t, load)
		if err := os.RemoveAll(n.Dir); err != nil {
			t.Fatal(err)
		}
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		ready(t, n)
		err := harness.Until(within(t, 30*time.Second), func() error {
			if info(t, n, "regent")["recovering"] != "0" {
				return errors.New("it does not know yet what it has promised")
			}
			return nil
		})
		if err != nil {
			t.Fatalf("node %s: %v", n.Addr(), err)
		}
	}
	wait(t, load)
	load.Stop()
	t.Logf("%d writes acknowledged, %d unknown: %v", load.Acked(), load.Unknown(), load.Reasons())
	nothingMissing(t, c, load)
}
