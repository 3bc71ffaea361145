package harness

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// electTimeout is how long an election may take in a test.
const electTimeout = 90 * time.Second

// followersAnswer has tests see what followers hold without saying READONLY.
var followersAnswer = []string{"--follower-reads", "yes"}

// A Cluster is some nodes that know each other.
type Cluster struct {
	Nodes []*Node
}

// NewCluster prepares n Regent nodes below dir; extra arguments go to each.
func NewCluster(binary, dir string, n int, args ...string) (*Cluster, error) {
	ports, err := FreePorts(n)
	if err != nil {
		return nil, err
	}
	var peers []string
	for _, p := range ports {
		peers = append(peers, "127.0.0.1:"+strconv.Itoa(p))
	}
	c := &Cluster{}
	for _, p := range ports {
		node := &Node{Binary: binary, Port: p, Dir: filepath.Join(dir, strconv.Itoa(p))}
		if n > 1 {
			node.Args = append([]string{"--peers", strings.Join(peers, ",")}, followersAnswer...)
		}
		node.Args = append(node.Args, args...)
		c.Nodes = append(c.Nodes, node)
	}
	return c, nil
}

// Join prepares one more node, which knows the first of the others and is none
// of them until REGENT NODE ADD says so.
func (c *Cluster) Join(args ...string) (*Node, error) {
	ports, err := FreePorts(1)
	if err != nil {
		return nil, err
	}
	seed := c.Nodes[0]
	node := &Node{Binary: seed.Binary, Port: ports[0], Dir: filepath.Join(filepath.Dir(seed.Dir), strconv.Itoa(ports[0]))}
	node.Args = slices.Concat([]string{"--peers", seed.Addr(), "--join", "yes"}, followersAnswer, args)
	c.Nodes = append(c.Nodes, node)
	return node, nil
}

// Start starts all nodes and waits for a leader that all of them know.
func (c *Cluster) Start(ctx context.Context) error {
	for _, n := range c.Nodes {
		if err := n.Start(); err != nil {
			return err
		}
	}
	for _, n := range c.Nodes {
		if err := n.Ready(ctx); err != nil {
			return err
		}
	}
	_, err := c.Agreed(ctx)
	return err
}

// Stop ends all nodes; the first error counts.
func (c *Cluster) Stop() error {
	var first error
	for _, n := range c.Nodes {
		if err := n.Stop(); err != nil && first == nil {
			first = fmt.Errorf("node %d: %w", n.Port, err)
		}
	}
	return first
}

// Kill ends whatever still runs, for cleaning up.
func (c *Cluster) Kill() {
	for _, n := range c.Nodes {
		_ = n.Kill()
	}
}

// Leader waits until some running node says that it leads.
func (c *Cluster) Leader(ctx context.Context) (*Node, error) {
	ctx, cancel := context.WithTimeout(ctx, electTimeout)
	defer cancel()
	var leader *Node
	err := Until(ctx, func() error {
		for _, n := range c.Nodes {
			if n.PID() == 0 {
				continue
			}
			info, err := n.Info(ctx, "replication", "regent")
			if err == nil && info["role"] == "master" && info["leader_id"] == info["node_id"] {
				leader = n
				return nil
			}
		}
		return errors.New("no node leads")
	})
	return leader, err
}

// Agreed waits until all running nodes name the same leader and follow it.
func (c *Cluster) Agreed(ctx context.Context) (*Node, error) {
	ctx, cancel := context.WithTimeout(ctx, electTimeout)
	defer cancel()
	var leader *Node
	err := Until(ctx, func() error {
		var err error
		if leader, err = c.Leader(ctx); err != nil {
			return err
		}
		for _, n := range c.Nodes {
			if n.PID() == 0 || n == leader {
				continue
			}
			info, err := n.Info(ctx, "replication", "regent")
			if err != nil {
				return err
			}
			if info["leader_addr"] != leader.Addr() || info["master_link_status"] != "up" {
				return fmt.Errorf("node %d: leader %q, link %q", n.Port, info["leader_addr"], info["master_link_status"])
			}
		}
		return nil
	})
	return leader, err
}

// Addrs are all nodes' addresses.
func (c *Cluster) Addrs() []string {
	var out []string
	for _, n := range c.Nodes {
		out = append(out, n.Addr())
	}
	return out
}

// ClusterClient is go-redis's cluster client as the README shows it: patient,
// and with a fresh idea of which node leads. When a node cannot be dialled the client
// goes by the slots it knows, and those are a minute old at worst by default.
func (c *Cluster) ClusterClient() *redis.ClusterClient {
	return redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: c.Addrs(), MaxRedirects: 30, ClusterStateReloadInterval: 100 * time.Millisecond, DialerRetries: 1,
		DialTimeout: 500 * time.Millisecond, ReadTimeout: time.Second, WriteTimeout: time.Second,
	})
}
