package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"regent/integration/harness"
)

// nodes measures writes with copies: three Regent nodes under each policy of
// acknowledgement, against a redis-server with two replicas, all with a log.
func nodes(ctx context.Context, o options, r *report) error {
	dir, err := os.MkdirTemp("", "regent-bench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	r.begin("Three nodes, SET of 64 bytes, 50 clients, log everysec", []string{"P", "write-acks", "regent/s", "redis + 2 replicas/s", "ratio", "p99 ms", "redis", "ratio"})
	for _, acks := range []string{"leader", "quorum"} {
		if err := nodesUnder(ctx, o, acks, filepath.Join(dir, acks), r); err != nil {
			return err
		}
	}
	return nil
}

func nodesUnder(ctx context.Context, o options, acks, dir string, r *report) error {
	ours, err := harness.NewCluster(o.regent, dir, 3, "--write-acks", acks)
	if err != nil {
		return err
	}
	defer ours.Kill()
	if err := ours.Start(ctx); err != nil {
		return err
	}
	leader, err := ours.Leader(ctx)
	if err != nil {
		return err
	}
	ports, err := harness.FreePorts(3)
	if err != nil {
		return err
	}
	theirs := []*harness.Node{redisNode(o, ports[0], dir, persistence("everysec")...)}
	for _, p := range ports[1:] {
		args := append(persistence("everysec"), "--replicaof", "127.0.0.1 "+strconv.Itoa(ports[0]))
		theirs = append(theirs, redisNode(o, p, dir, args...))
	}
	defer stop(theirs...)
	if err := start(ctx, theirs...); err != nil {
		return err
	}
	for _, depth := range o.depths {
		c := cell{familyNamed("set"), valueBytes, 50, depth}
		var samples [2][]sample
		for round := -1; round < o.rounds; round++ {
			for i, n := range []*harness.Node{leader, theirs[0]} {
				s, err := measure(ctx, o, n, c)
				if err != nil {
					return err
				}
				if round >= 0 {
					samples[i] = append(samples[i], s)
				}
			}
		}
		a, b := median(samples[0]), median(samples[1])
		r.ratio(fmt.Sprintf("3 nodes, %s P=%d", acks, depth), true, a.rps/b.rps)
		r.row(strconv.Itoa(depth), acks, fmt.Sprintf("%.0f", a.rps), fmt.Sprintf("%.0f", b.rps), ratioOf(a.rps, b.rps),
			fmt.Sprintf("%.2f", a.p99), fmt.Sprintf("%.2f", b.p99), ratioOf(a.p99, b.p99))
	}
	return nil
}
