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
	at     site
	nodes  []*harness.Node // that hold data
	others []*harness.Node // that do not: Sentinels
	// masters is how many nodes call themselves master when all is well.
	masters int
	// leader waits for the node that takes writes of the keys used here.
	leader func(context.Context) (*harness.Node, error)
	// well waits until every node is up and follows.
	well func(context.Context) error
	// change moves leadership from a healthy leader, by the system's own means.
	change func(ctx context.Context, leader *harness.Node) error
}

// A starter starts a system; what was started comes back also with an error.
type starter struct {
	nodes int // that need a host each
	start func(ctx context.Context, o options, dir string, at site) (*system, error)
}

func systems() map[string]starter {
	return map[string]starter{"regent": {3, startRegent}, "sentinel": {3, startSentinel}, "cluster": {6, startCluster}}
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
		fmt.Fprintf(&b, "  node %s\n", n.Addr())
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

func startRegent(ctx context.Context, o options, dir string, at site) (*system, error) {
	c, err := at.regents(o, dir)
	if err != nil {
		return nil, err
	}
	s := &system{title: "regent, defaults", at: at, masters: 1, nodes: c.Nodes, leader: c.Leader}
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

// redisNodes starts redis-servers with a log each. A replica that is back need
// not wait for others that may want the same copy: nothing is measured then.
func redisNodes(ctx context.Context, o options, dir string, at site, n int, args func(i int, first *harness.Node) []string) ([]*harness.Node, error) {
	nodes, err := at.nodes(o, n)
	if err != nil {
		return nil, err
	}
	for i, node := range nodes {
		node.Dir = filepath.Join(dir, "redis-"+strconv.Itoa(i))
		node.Args = append([]string{"--save", "", "--appendonly", "yes", "--protected-mode", "no", "--repl-diskless-sync-delay", "0"}, args(i, nodes[0])...)
		if err := node.Start(); err != nil {
			return nodes, err
		}
		if err := node.Ready(ctx); err != nil {
			return nodes, err
		}
	}
	return nodes, nil
}

// startSentinel is a master with two replicas and three Sentinels, one beside
// each.
func startSentinel(ctx context.Context, o options, dir string, at site) (*system, error) {
	s := &system{title: "redis + 3 sentinels", at: at, masters: 1}
	var err error
	s.nodes, err = redisNodes(ctx, o, dir, at, 3, func(i int, first *harness.Node) []string {
		if i == 0 {
			return nil
		}
		host, port, _ := net.SplitHostPort(first.Addr())
		return []string{"--replicaof", host + " " + port}
	})
	if err != nil {
		return s, err
	}
	ports, err := at.spare(3)
	if err != nil {
		return s, err
	}
	for i, p := range ports {
		n, err := sentinel(o, filepath.Join(dir, "sentinel-"+strconv.Itoa(i)), p, s.nodes[0])
		if err != nil {
			return s, err
		}
		at.put(n, i)
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

func sentinel(o options, dir string, port int, master *harness.Node) (*harness.Node, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	host, masterPort, err := net.SplitHostPort(master.Addr())
	if err != nil {
		return nil, fmt.Errorf("the master's address: %w", err)
	}
	conf := filepath.Join(dir, "sentinel.conf")
	text := fmt.Sprintf("protected-mode no\nsentinel monitor m %s %s 2\nsentinel down-after-milliseconds m %d\nsentinel failover-timeout m %d\n",
		host, masterPort, o.down.Milliseconds(), 4*o.down.Milliseconds())
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
				return fmt.Errorf("replica %s: link %s", n.Addr(), info["master_link_status"])
			}
		}
		for _, n := range s.others {
			info, err := n.Info(ctx, "sentinel")
			if err != nil {
				return err
			}
			if m := info["master0"]; !strings.Contains(m, "status=ok") || !strings.Contains(m, "slaves=2,sentinels=3") {
				return fmt.Errorf("sentinel %s: %s", n.Addr(), m)
			}
		}
		return nil
	})
}

// startCluster is a Redis Cluster of three masters with a replica each. All
// keys share a hash tag: one master takes all the writes.
func startCluster(ctx context.Context, o options, dir string, at site) (*system, error) {
	s := &system{title: "redis cluster", at: at, masters: 3}
	var err error
	s.nodes, err = redisNodes(ctx, o, dir, at, 6, func(int, *harness.Node) []string {
		return []string{"--cluster-enabled", "yes", "--cluster-node-timeout", strconv.FormatInt(2*o.down.Milliseconds(), 10)}
	})
	if err != nil {
		return s, err
	}
	words := append(at.command("redis-cli", "--cluster", "create"), s.addrs()...)
	words = append(words, "--cluster-replicas", "1", "--cluster-yes")
	if out, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput(); err != nil {
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
	for _, n := range s.nodes {
		info, err := n.Info(ctx, "replication")
		if err == nil && info["role"] == "slave" && net.JoinHostPort(info["master_host"], info["master_port"]) == leader.Addr() {
			return say(ctx, n, "CLUSTER", "FAILOVER")
		}
	}
	return fmt.Errorf("node %s has no replica", leader.Addr())
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
			return fmt.Errorf("node %s: %.60s\n%s", n.Addr(), info, nodes)
		}
		rep, err := n.Info(ctx, "replication")
		if err != nil {
			return err
		}
		if rep["role"] == "slave" && rep["master_link_status"] != "up" {
			return fmt.Errorf("replica %s: link %s", n.Addr(), rep["master_link_status"])
		}
	}
	return nil
}
