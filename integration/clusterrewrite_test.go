package integration

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"regent/integration/harness"
)

// TestClusterRewrites rewrites the logs of all nodes over and over while leaders
// are killed and writers write: nothing acknowledged is missing, all nodes hold
// the same, and still do when each has started from its base.
func TestClusterRewrites(t *testing.T) {
	c, _ := startCluster(t, 3, "--enable-debug-command", "yes")
	load := harness.StartLoad(4, "rewrite", c.Addrs(), nil)
	defer load.Stop()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	var rewrites [3]int
	for i, n := range c.Nodes {
		wg.Go(func() {
			rc := n.Client()
			defer rc.Close()
			for ctx.Err() == nil {
				if rc.BgRewriteAOF(ctx).Err() == nil {
					rewrites[i]++
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	for range faults(t) {
		wait(t, load)
		leader, err := c.Leader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := leader.Kill(); err != nil {
			t.Fatal(err)
		}
		wait(t, load)
		if err := leader.Start(); err != nil {
			t.Fatal(err)
		}
		ready(t, leader)
		if _, err := c.Agreed(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	wg.Wait()
	load.Stop()
	t.Logf("rewrites begun: %v; %d writes acknowledged, %d unknown", rewrites, load.Acked(), load.Unknown())
	sameEverywhere(t, c)
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	sameEverywhere(t, c)
	nothingMissing(t, c, load)
	done := 0
	for _, n := range c.Nodes {
		done += strings.Count(n.Log(), "Background append only file rewriting terminated with success")
		if text := n.Log(); strings.Contains(text, "panic") {
			t.Errorf("node %d:\n%s", n.Port, text)
		}
	}
	if done < 10 {
		t.Errorf("only %d rewrites came to their end", done)
	}
}

// sameEverywhere waits until all nodes hold the same.
func sameEverywhere(t *testing.T, c *harness.Cluster) {
	t.Helper()
	err := harness.Until(within(t, time.Minute), func() error {
		first := ""
		for _, n := range c.Nodes {
			rc := n.Client()
			digest, err := rc.Do(t.Context(), "DEBUG", "DIGEST").Text()
			rc.Close()
			if err != nil {
				return err
			}
			if first == "" {
				first = digest
			}
			if digest != first {
				return fmt.Errorf("node %d holds %s, another %s", n.Port, digest, first)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
