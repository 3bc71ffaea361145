package integration

import (
	"fmt"
	"sync"
	"sync/atomic"
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
	var wg sync.WaitGroup
	var done atomic.Bool
	const callers = 4
	var counts [callers]int64
	var longest [callers]time.Duration
	for i := range callers {
		wg.Go(func() {
			key := fmt.Sprint("n", i)
			for last := time.Now(); !done.Load(); {
				n, err := cc.Incr(t.Context(), key).Result()
				if err != nil {
					t.Errorf("INCR %d of %s: %v", counts[i]+1, key, err)
					return
				}
				// A connection that closes under an INCR makes the client say it
				// twice: that is the client's, and no reply is wrong for it.
				if n <= counts[i] {
					t.Errorf("%s went from %d to %d", key, counts[i], n)
					return
				}
				counts[i] = n
				now := time.Now()
				longest[i] = max(longest[i], now.Sub(last))
				last = now
			}
		})
	}
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
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
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
	done.Store(true)
	wg.Wait()
	var total int64
	for i, n := range counts {
		equal(t, cc.Get(t.Context(), fmt.Sprint("n", i)), fmt.Sprint(n))
		total += n
	}
	t.Logf("%d increments; the longest a caller waited: %s", total, longest)
}
