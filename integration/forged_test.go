//go:build linux

package integration

import (
	"context"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// TestForgedDeath: a firewall refuses connections in the name of a leader that
// lives and answers clients. The others elect another, as they must; but no read
// at the old leader returns less than what was acknowledged before it was asked.
// With a long lease an election that did not wait for it would be over long
// before the old leader falls silent, on any machine.
func TestForgedDeath(t *testing.T) {
	for name, times := range map[string][]string{
		"by default":   nil,
		"a long lease": {"--leader-lease", "1200", "--election-timeout", "2000"},
	} {
		t.Run(name, func(t *testing.T) {
			c, hosts := startOnHosts(t, 3, append(times, "--takeover", "manual", "--follower-reads", "no")...)
			for range forgeries() {
				old, err := c.Agreed(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				forgeDeath(t, c, hosts, old)
			}
		})
	}
}

// forgeries is how many rounds there are; REGENT_FORGERIES says so too.
func forgeries() int {
	if n, err := strconv.Atoi(os.Getenv("REGENT_FORGERIES")); err == nil {
		return n
	}
	if os.Getenv("REGENT_SOAK") != "" {
		return 50
	}
	return 3
}

// forgeDeath is one round: readers at the old leader, a writer at the next.
func forgeDeath(t *testing.T, c *harness.Cluster, hosts *harness.Hosts, old *harness.Node) {
	t.Helper()
	const readers = 4
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var acked, stale, reads, refused atomic.Int64
	var wg sync.WaitGroup
	r := old.Client()
	defer r.Close()
	n, err := r.Incr(ctx, "forged").Result()
	if err != nil {
		t.Fatal(err)
	}
	acked.Store(n)
	for range readers {
		r := old.Client()
		t.Cleanup(func() { r.Close() })
		wg.Go(func() {
			for ctx.Err() == nil {
				floor := acked.Load()
				text, err := r.Get(ctx, "forged").Result()
				if err != nil && err != redis.Nil {
					refused.Add(1)
					continue
				}
				reads.Add(1)
				if got, _ := strconv.ParseInt(text, 10, 64); got < floor {
					stale.Add(1)
				}
			}
		})
	}
	await(t, "reads before the fault", func() bool { return reads.Load() > readers })
	at := slices.Index(c.Nodes, old)
	if err := hosts.Refuse(at); err != nil {
		t.Fatal(err)
	}
	others := harness.Cluster{}
	for _, n := range c.Nodes {
		if n != old {
			others.Nodes = append(others.Nodes, n)
		}
	}
	// A write at the old leader, which never ends, would make its readers wait.
	wg.Go(func() { countUp(ctx, &others, &acked) })
	await(t, "writes at the next leader", func() bool { return acked.Load() > n+100 })
	next, err := others.Leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop()
	wg.Wait()
	if err := hosts.Admit(at); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s after %s: %d writes, %d reads at the old leader, %d refused", next.Addr(), old.Addr(), acked.Load(), reads.Load(), refused.Load())
	if n := stale.Load(); n > 0 {
		t.Errorf("%d reads at the old leader returned less than was acknowledged", n)
	}
}

// impatience is how long the writer waits for a node before it tries the next.
const impatience = 100 * time.Millisecond

// countUp increments a key at the node that takes it, and tells the highest value
// that was acknowledged.
func countUp(ctx context.Context, c *harness.Cluster, acked *atomic.Int64) {
	var at []*redis.Client
	for _, n := range c.Nodes {
		r := redis.NewClient(&redis.Options{Dialer: n.Dialer, Addr: n.Addr(), MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true})
		defer r.Close()
		at = append(at, r)
	}
	for i := 0; ctx.Err() == nil; {
		brief, cancel := context.WithTimeout(ctx, impatience)
		n, err := at[i].Incr(brief, "forged").Result()
		cancel()
		if err != nil {
			i = (i + 1) % len(at)
			continue
		}
		acked.Store(max(acked.Load(), n))
	}
}

// await waits for what must come sooner or later.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	const patience = time.Minute
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s within %v", what, patience)
		}
	}
}
