package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

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
	r.begin("Three nodes, SET of 64 bytes, 50 clients, log everysec",
		[]string{"P", "write-acks", "regent/s", "redis + 2 replicas/s", "ratio", "to leader", "p99 ms", "redis", "ratio", "all CPU µs", "redis", "ratio", "all switches", "redis"})
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

// nodesAt measures one depth: each policy, and redis-server, in turn.
func nodesAt(ctx context.Context, o options, ours *harness.Cluster, leader *harness.Node, theirs []*harness.Node, depth int, r *report) error {
	const redisAt = len(acksMeasured)
	c := cell{familyNamed("set"), valueBytes, 50, depth}
	var samples [redisAt + 1][]sample
	var rates [redisAt + 1]float64
	for round := -1; round < o.plan.rounds; round++ {
		for i := range samples {
			group, target := theirs, theirs[0]
			if i != redisAt {
				group, target = ours.Nodes, leader
				if err := setAcks(ctx, leader, acksMeasured[i]); err != nil {
					return err
				}
			}
			requests := o.plan.requests(rates[i], depth)
			if round < 0 {
				requests = o.plan.requests(5000, depth) // more is not known yet
			}
			s, err := measureGroup(ctx, group, target, c, requests)
			if err != nil {
				return err
			}
			if rates[i] = s.rps; round >= 0 {
				samples[i] = append(samples[i], s)
			}
		}
	}
	lead, b := median(samples[0]), median(samples[redisAt])
	for i, acks := range acksMeasured {
		a := median(samples[i])
		r.ratio(fmt.Sprintf("3 nodes, %s P=%d", acks, depth), true, a.rps/b.rps)
		r.row(strconv.Itoa(depth), acks, fmt.Sprintf("%.0f", a.rps), fmt.Sprintf("%.0f", b.rps), ratioOf(a.rps, b.rps), ratioOf(a.rps, lead.rps),
			fmt.Sprintf("%.2f", a.p99), fmt.Sprintf("%.2f", b.p99), ratioOf(a.p99, b.p99),
			fmt.Sprintf("%.2f", a.cpu()), fmt.Sprintf("%.2f", b.cpu()), ratioOf(a.cpu(), b.cpu()),
			fmt.Sprintf("%.3f", a.switching()), fmt.Sprintf("%.3f", b.switching()))
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
	after, err := cpuOf(group)
	s.busy, s.switches = after-before, switchesOf(group)-switched
	return s, err
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
