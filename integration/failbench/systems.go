package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"regent/integration/harness"
)

// A system is a deployment under test.
type system struct {
	title  string
	nodes  []*harness.Node // that hold data
	others []*harness.Node // that do not: Sentinels
	// leader waits for the node that takes writes of the keys used here.
	leader func(context.Context) (*harness.Node, error)
	// well waits until every node is up and follows.
	well func(context.Context) error
	// change moves leadership from a healthy leader, by the system's own means.
	change func(ctx context.Context, leader *harness.Node) error
}

// A starter starts a system; what was started comes back also with an error.
type starter func(ctx context.Context, o options, dir string) (*system, error)

func systems() map[string]starter {
	return map[string]starter{"regent": startRegent, "sentinel": startSentinel, "cluster": startCluster}
}

func (s *system) addrs() (out []string) {
	for _, n := range s.nodes {
		out = append(out, n.Addr())
	}
	return out
}

func (s *system) all() []*harness.Node { return slices.Concat(s.nodes, s.others) }

// logEnds are how long the nodes' logs are.
func (s *system) logEnds() (ends []int) {
	for _, n := range s.all() {
		ends = append(ends, len(n.Log()))
	}
	return ends
}

// logsSince is what the nodes have logged since logEnds, node by node.
func (s *system) logsSince(ends []int) string {
	var b strings.Builder
	for i, n := range s.all() {
		fmt.Fprintf(&b, "  node %d\n", n.Port)
		for line := range strings.Lines(n.Log()[ends[i]:]) {
			b.WriteString("    " + line)
		}
	}
	return b.String()
}

func (s *system) kill() {
	for _, n := range s.all() {
		_ = n.Kill() // measured and done with
	}
}

func startRegent(ctx context.Context, o options, dir string) (*system, error) {
	c, err := harness.NewCluster(o.regent, dir, 3)
	if err != nil {
		return nil, err
	}
	s := &system{title: "regent, defaults", nodes: c.Nodes, leader: c.Leader}
	s.well = func(ctx context.Context) error { _, err := c.Agreed(ctx); return err }
	s.change = func(ctx context.Context, leader *harness.Node) error { return say(ctx, leader, "FAILOVER") }
	return s, c.Start(ctx)
}

// busOffset is how far Redis Cluster's bus is from a node's port.
const busOffset = 10000

// busPorts are n free ports whose buses' are free as well, and below those that
// the system gives to outgoing connections.
func busPorts(n int) (ports []int, err error) {
	const tries, below = 1000, 32768
	for range tries {
		p, err := harness.FreePorts(1)
		if err != nil {
			return nil, err
		}
		if p[0]+busOffset >= below || slices.Contains(ports, p[0]) {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p[0]+busOffset)))
		if err != nil {
			continue // somebody has it
		}
		if err := l.Close(); err != nil {
			return nil, fmt.Errorf("give a port back: %w", err)
		}
		if ports = append(ports, p[0]); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports were found with buses %d above", n, busOffset)
}

// redisNodes starts redis-servers with a log each.
func redisNodes(ctx context.Context, o options, dir string, n int, args func(i int, ports []int) []string) ([]*harness.Node, error) {
	ports, err := busPorts(n)
	if err != nil {
		return nil, err
	}
	var nodes []*harness.Node
	for i, p := range ports {
		node := &harness.Node{Binary: o.redis, Port: p, Dir: filepath.Join(dir, strconv.Itoa(p))}
		node.Args = append([]string{"--save", "", "--appendonly", "yes"}, args(i, ports)...)
		nodes = append(nodes, node)
		if err := node.Start(); err != nil {
			return nodes, err
		}
		if err := node.Ready(ctx); err != nil {
			return nodes, err
		}
	}
	return nodes, nil
}

// startSentinel is a master with two replicas and three Sentinels.
func startSentinel(ctx context.Context, o options, dir string) (*system, error) {
	s := &system{title: "redis + 3 sentinels"}
	var err error
	s.nodes, err = redisNodes(ctx, o, dir, 3, func(i int, ports []int) []string {
		if i == 0 {
			return nil
		}
		return []string{"--replicaof", "127.0.0.1 " + strconv.Itoa(ports[0])}
	})
	if err != nil {
		return s, err
	}
	ports, err := harness.FreePorts(3)
	if err != nil {
		return s, err
	}
	for _, p := range ports {
		n, err := sentinel(o, filepath.Join(dir, "sentinel-"+strconv.Itoa(p)), p, s.nodes[0].Port)
		if err != nil {
			return s, err
		}
		s.others = append(s.others, n)
		if err := n.Start(); err != nil {
			return s, err
		}
	}
	s.leader = func(ctx context.Context) (*harness.Node, error) { return soleMaster(ctx, s.nodes) }
	s.well = func(ctx context.Context) error { return s.sentinelsAgree(ctx) }
	s.change = func(ctx context.Context, _ *harness.Node) error {
		return say(ctx, s.others[0], "SENTINEL", "FAILOVER", "m")
	}
	return s, s.well(ctx)
}

func sentinel(o options, dir string, port, master int) (*harness.Node, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	conf := filepath.Join(dir, "sentinel.conf")
	text := fmt.Sprintf("sentinel monitor m 127.0.0.1 %d 2\nsentinel down-after-milliseconds m %d\nsentinel failover-timeout m %d\n",
		master, o.down.Milliseconds(), 4*o.down.Milliseconds())
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return nil, fmt.Errorf("write a Sentinel's configuration: %w", err)
	}
	return &harness.Node{Binary: o.redis, Port: port, Dir: dir, Before: []string{conf}, Args: []string{"--sentinel"}}, nil
}

// soleMaster waits until exactly one node calls itself master.
func soleMaster(ctx context.Context, nodes []*harness.Node) (*harness.Node, error) {
	var master *harness.Node
	err := harness.Until(ctx, func() error {
		master = nil
		for _, n := range nodes {
			if info, err := n.Info(ctx, "replication"); err == nil && info["role"] == "master" {
				if master != nil {
					return errors.New("two masters")
				}
				master = n
			}
		}
		if master == nil {
			return errors.New("no master")
		}
		return nil
	})
	return master, err
}

// sentinelsAgree waits until every Sentinel knows the master, both replicas
// and the other Sentinels, and the replicas' links are up.
func (s *system) sentinelsAgree(ctx context.Context) error {
	return harness.Until(ctx, func() error {
		if _, err := soleMaster(ctx, s.nodes); err != nil {
			return err
		}
		for _, n := range s.nodes {
			info, err := n.Info(ctx, "replication")
			if err != nil {
				return err
			}
			if info["role"] == "slave" && info["master_link_status"] != "up" {
				return fmt.Errorf("replica %d: link %s", n.Port, info["master_link_status"])
			}
		}
		for _, n := range s.others {
			info, err := n.Info(ctx, "sentinel")
			if err != nil {
				return err
			}
			if m := info["master0"]; !strings.Contains(m, "status=ok") || !strings.Contains(m, "slaves=2,sentinels=3") {
				return fmt.Errorf("sentinel %d: %s", n.Port, m)
			}
		}
		return nil
	})
}

// startCluster is a Redis Cluster of three masters with a replica each. All
// keys share a hash tag: one master takes all the writes.
func startCluster(ctx context.Context, o options, dir string) (*system, error) {
	s := &system{title: "redis cluster"}
	var err error
	s.nodes, err = redisNodes(ctx, o, dir, 6, func(int, []int) []string {
		return []string{"--cluster-enabled", "yes", "--cluster-node-timeout", strconv.FormatInt(2*o.down.Milliseconds(), 10)}
	})
	if err != nil {
		return s, err
	}
	args := append([]string{"--cluster", "create"}, s.addrs()...)
	args = append(args, "--cluster-replicas", "1", "--cluster-yes")
	if out, err := exec.CommandContext(ctx, "redis-cli", args...).CombinedOutput(); err != nil {
		return s, fmt.Errorf("redis-cli --cluster create: %w\n%s", err, out)
	}
	s.leader = s.slotOwner
	s.change = s.clusterFailover
	s.well = func(ctx context.Context) error {
		return harness.Until(ctx, func() error { return s.clusterWell(ctx) })
	}
	return s, s.well(ctx)
}

// say sends one command to a node.
func say(ctx context.Context, n *harness.Node, words ...any) error {
	c := n.Client()
	defer c.Close()
	return c.Do(ctx, words...).Err()
}

// clusterFailover asks a replica of the leader to take over.
func (s *system) clusterFailover(ctx context.Context, leader *harness.Node) error {
	port := strconv.Itoa(leader.Port)
	for _, n := range s.nodes {
		info, err := n.Info(ctx, "replication")
		if err == nil && info["role"] == "slave" && info["master_port"] == port {
			return say(ctx, n, "CLUSTER", "FAILOVER")
		}
	}
	return fmt.Errorf("node %s has no replica", port)
}

// slotOwner waits for the master that takes a write of the tag used here.
func (s *system) slotOwner(ctx context.Context) (*harness.Node, error) {
	var owner *harness.Node
	err := harness.Until(ctx, func() error {
		for _, n := range s.nodes {
			c := n.Client()
			err := c.Set(ctx, "{t}probe", time.Now().String(), 0).Err()
			c.Close()
			if err == nil {
				owner = n
				return nil
			}
		}
		return errors.New("no node takes the write")
	})
	return owner, err
}

func (s *system) clusterWell(ctx context.Context) error {
	for _, n := range s.nodes {
		c := n.Client()
		info, err := c.ClusterInfo(ctx).Result()
		nodes, err2 := c.ClusterNodes(ctx).Result()
		c.Close()
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		if !strings.Contains(info, "cluster_state:ok") || strings.Contains(nodes, "fail") || strings.Count(nodes, "slave") != 3 {
			return fmt.Errorf("node %d: %.60s\n%s", n.Port, info, nodes)
		}
		rep, err := n.Info(ctx, "replication")
		if err != nil {
			return err
		}
		if rep["role"] == "slave" && rep["master_link_status"] != "up" {
			return fmt.Errorf("replica %d: link %s", n.Port, rep["master_link_status"])
		}
	}
	return nil
}
