package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"regent/integration/harness"
)

// A watch for false elections: three nodes, writers, and processes beside them
// that take all the machine has. Nothing fails, so nobody should be elected after
// the start.

const (
	// maxBusy bounds the processes that do nothing but work.
	maxBusy = 64
	// watchEvery is how often the nodes are asked for their epoch.
	watchEvery = time.Second
)

// errElected says that somebody was elected although nothing failed.
var errElected = errors.New("there were elections although nothing failed")

func watch(ctx context.Context, o options) error {
	if o.busy < 0 || o.busy > maxBusy || o.watch > longest {
		return fmt.Errorf("-busy must be within 0 and %d, -watch at most %s", maxBusy, longest)
	}
	dir, err := os.MkdirTemp("", "regent-failbench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	c, err := harness.NewCluster(o.regent, filepath.Join(dir, "watch"), 3, "--takeover", "manual")
	if err != nil {
		return err
	}
	defer c.Kill()
	if err := c.Start(ctx); err != nil {
		return err
	}
	leader, err := c.Agreed(ctx)
	if err != nil {
		return err
	}
	first, err := leader.Info(ctx, "regent")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.watch)
	defer cancel()
	for range o.busy {
		busy := exec.CommandContext(ctx, "sh", "-c", "while :; do :; done")
		if err := busy.Start(); err != nil {
			return fmt.Errorf("start a busy process: %w", err)
		}
		defer func() {
			cancel()
			_ = busy.Wait() // killed, as it must be
		}()
	}
	load := harness.StartLoad(1, "watch", c.Addrs(), nil)
	defer load.Stop()
	load.Slow(true)
	began := time.Now()
	elections := countElections(ctx, c, epochOf(first))
	load.Stop()
	gap, _ := load.Gap(began)
	fmt.Printf("%s beside %d busy processes: %d elections, longest gap between writes %d ms, %d acknowledged\n",
		time.Since(began).Round(time.Second), o.busy, elections, gap.Milliseconds(), load.Acked())
	if elections > 0 {
		return errElected
	}
	return nil
}

// countElections counts until the context ends how often the epoch has risen above last.
func countElections(ctx context.Context, c *harness.Cluster, last int64) (elections int) {
	began := time.Now()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(watchEvery):
		}
		for _, n := range c.Nodes {
			info, err := n.Info(ctx, "regent")
			if epoch := epochOf(info); err == nil && epoch > last {
				elections++
				fmt.Printf("after %s: epoch %d after %d\n", time.Since(began).Round(time.Second), epoch, last)
				last = epoch
			}
		}
	}
	return elections
}

func epochOf(info map[string]string) int64 {
	epoch, _ := strconv.ParseInt(info["epoch"], 10, 64)
	return epoch
}
