package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"regent/integration/harness"
)

// load measures how long a server takes to start on a log of SETs. The log is
// written by Regent, and redis-server starts on a copy of it.
func load(ctx context.Context, o options, r *report) error {
	dir, err := os.MkdirTemp("", "regent-bench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	ports, err := harness.FreePorts(2)
	if err != nil {
		return err
	}
	ours := regentNode(o, ports[0], dir, persistence("no")...)
	theirs := redisNode(o, ports[1], dir, persistence("no")...)
	defer stop(ours, theirs)
	if err := start(ctx, ours); err != nil {
		return err
	}
	if err := fill(ctx, ours, o.plan.loadKeys, valueBytes); err != nil {
		return err
	}
	if err := ours.Stop(); err != nil {
		return err
	}
	if err := os.CopyFS(theirs.Dir, os.DirFS(ours.Dir)); err != nil {
		return fmt.Errorf("copy the log: %w", err)
	}
	var took [2][]float64
	for round := range min(o.plan.rounds, 3) {
		for i := range 2 {
			at := (i + round) % 2
			n := []*harness.Node{ours, theirs}[at]
			began := time.Now()
			if err := startLoaded(ctx, n, o.plan.loadKeys); err != nil {
				return err
			}
			took[at] = append(took[at], time.Since(began).Seconds())
			if err := n.Stop(); err != nil {
				return err
			}
		}
	}
	a, b := middle(took[0]), middle(took[1])
	r.begin(fmt.Sprintf("Load of a log of %d SETs", o.plan.loadKeys), []string{"from start to ready", "regent s", "redis s", "redis/regent"})
	r.row("incr file", fmt.Sprintf("%.2f", a), fmt.Sprintf("%.2f", b), ratioOf(b, a))
	return nil
}

func startLoaded(ctx context.Context, n *harness.Node, keys int) error {
	if err := n.Start(); err != nil {
		return err
	}
	c := n.Client()
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*fillTimeout)
	defer cancel()
	return harness.Until(ctx, func() error {
		got, err := c.DBSize(ctx).Result()
		if err == nil && got != int64(keys) {
			err = fmt.Errorf("%d of %d keys", got, keys)
		}
		return err
	})
}
