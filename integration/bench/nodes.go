package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"regent/integration/harness"
)

// nodes measures writes with copies: three Regent nodes under each policy of
// acknowledgement, against a redis-server with two replicas, all with a log. The
// policies are measured at one group of nodes in turn, so that they can be
// compared with each other as well.
func nodes(ctx context.Context, o options, r *report) error {
	dir, remove, err := scratchDir()
	defer remove()
	if err != nil {
		return err
	}
	ours, err := harness.NewCluster(o.regent, dir, 3, "--write-acks", "leader")
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
	theirs, err := redisWithReplicas(o, dir)
	if err != nil {
		return err
	}
	defer stop(theirs...)
	if err := start(ctx, theirs...); err != nil {
		return err
	}
	r.begin("Three nodes beside a redis-server with 2 replicas, SET of 64 bytes, 50 clients, log everysec; CPU and switches of all three",
		slices.Concat([]string{"P", "write-acks"}, comparedHead(), []string{"to leader", "p99 ms", "redis", "ratio", "quartiles", "switches", "redis"}))
	depths := o.depths
	if len(depths) == 0 {
		depths = []int{1, 16, 64}
	}
	for _, depth := range depths {
		if err := nodesAt(ctx, o, ours, leader, theirs, depth, r); err != nil {
			return err
		}
	}
	return nil
}

func redisWithReplicas(o options, dir string) ([]*harness.Node, error) {
	ports, err := harness.FreePorts(3)
	if err != nil {
		return nil, err
	}
	group := []*harness.Node{redisNode(o, ports[0], dir, persistence("everysec")...)}
	for _, p := range ports[1:] {
		args := append(persistence("everysec"), "--replicaof", "127.0.0.1 "+strconv.Itoa(ports[0]))
		group = append(group, redisNode(o, p, dir, args...))
	}
	return group, nil
}

// acksMeasured are the policies, the first of which is the measure for the
// others.
var acksMeasured = [...]string{"leader", "quorum"}

// nodesAt compares at one depth: each policy, and redis-server.
func nodesAt(ctx context.Context, o options, ours *harness.Cluster, leader *harness.Node, theirs []*harness.Node, depth int, r *report) error {
	const redisAt = len(acksMeasured)
	c := cell{familyNamed("set"), valueBytes, 50, depth}
	var who []contestant
	for _, acks := range acksMeasured {
		who = append(who, func(requests int) (sample, error) {
			if err := setAcks(ctx, leader, acks); err != nil {
				return sample{}, err
			}
			return measureGroup(ctx, ours.Nodes, leader, c, requests)
		})
	}
	who = append(who, func(requests int) (sample, error) { return measureGroup(ctx, theirs, theirs[0], c, requests) })
	all, err := o.plan.compare(c.clients, depth).run(ctx, who...)
	if err != nil {
		return err
	}
	lead, redis := all[0], all[redisAt]
	b := summary(redis)
	for i, acks := range acksMeasured {
		a, rates, p99 := summary(all[i]), ratios(all[i], redis, throughputOf), ratios(all[i], redis, p99Of)
		r.ratio(fmt.Sprintf("3 nodes, %s P=%d", acks, depth), true, rates.mid)
		row := append([]string{strconv.Itoa(depth), acks}, compared(all[i], redis)...)
		r.row(append(row, ratios(all[i], lead, throughputOf).String(), fmt.Sprintf("%.2f", a.p99), fmt.Sprintf("%.2f", b.p99), p99.String(), p99.quartiles(),
			fmt.Sprintf("%.3f", a.switching()), fmt.Sprintf("%.3f", b.switching()))...)
	}
	return nil
}

func setAcks(ctx context.Context, leader *harness.Node, acks string) error {
	c := leader.Client()
	defer c.Close()
	if err := c.ConfigSet(ctx, "write-acks", acks).Err(); err != nil {
		return fmt.Errorf("set write-acks: %w", err)
	}
	return nil
}

// measureGroup is measure with the CPU time, and the changes of threads, of all servers that take
// part.
func measureGroup(ctx context.Context, group []*harness.Node, target *harness.Node, c cell, requests int) (sample, error) {
	before, err := cpuOf(group)
	if err != nil {
		return sample{}, err
	}
	switched := switchesOf(group)
	s, err := measure(ctx, target, c, requests)
	if err != nil {
		return sample{}, err
	}
	if err := copied(ctx, target, len(group)-1); err != nil {
		return sample{}, err
	}
	after, err := cpuOf(group)
	s.busy, s.switches = after-before, switchesOf(group)-switched
	return s, err
}

// copied waits until the copies have all that was written, so that what they do for it is
// counted, and does not go on while others are measured.
func copied(ctx context.Context, target *harness.Node, copies int) error {
	const timeout = 10 * time.Second
	c := target.Client()
	defer c.Close()
	// WAIT is about the writes of its own connection.
	one := c.Conn()
	defer one.Close()
	if err := one.Set(ctx, "copied", "", 0).Err(); err != nil {
		return fmt.Errorf("write last: %w", err)
	}
	n, err := one.Wait(ctx, copies, timeout).Result()
	if err != nil || n < int64(copies) {
		return fmt.Errorf("%d of %d copies have the last write after %s: %w", n, copies, timeout, err)
	}
	return nil
}

// switching is how often a core changed to or from a thread of the servers, per request.
func (s sample) switching() float64 { return float64(s.switches) / float64(s.requests) }

// switchesOf is how often the threads of all servers have left a core, of their own will
// or not. A thread that ends takes its count along.
func switchesOf(group []*harness.Node) (sum int64) {
	for _, n := range group {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", n.PID())) // the pattern is right
		for _, name := range files {
			text, _ := os.ReadFile(name) // empty: it has ended
			for line := range strings.Lines(string(text)) {
				if f := strings.Fields(line); len(f) == 2 && strings.HasSuffix(f[0], "voluntary_ctxt_switches:") {
					count, _ := strconv.ParseInt(f[1], 10, 64) // a number always
					sum += count
				}
			}
		}
	}
	return sum
}

func cpuOf(group []*harness.Node) (sum float64, err error) {
	for _, n := range group {
		s, err := cpuSeconds(n.PID())
		if err != nil {
			return 0, err
		}
		sum += s
	}
	return sum, nil
}
