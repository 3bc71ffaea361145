package integration

import (
	"testing"
	"time"
)

// TestRollingRestart ends each node in order and starts it again, under
// go-redis's cluster client: no call fails, each INCR happens once, and the
// highest ID leads in the end.
func TestRollingRestart(t *testing.T) {
	c, _ := startCluster(t, 3)
	cc := c.ClusterClient()
	t.Cleanup(func() { cc.Close() })
	counting := startCounters(t, cc)
	for _, n := range c.Nodes {
		time.Sleep(200 * time.Millisecond)
		if err := n.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		ready(t, n)
		if _, err := c.Agreed(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	highest := c.Nodes[0]
	for _, n := range c.Nodes {
		if n.Port > highest.Port {
			highest = n
		}
	}
	for end := time.Now().Add(90 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		leader, err := c.Leader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if leader == highest {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("node %d leads, the highest is %d", leader.Port, highest.Port)
		}
	}
	counting.stop()
}
