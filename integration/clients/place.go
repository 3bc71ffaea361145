package main

import (
	"context"
	"net"
	"path/filepath"
	"strconv"

	"regent/integration/harness"
)

const nodes = 3

// A place is the cluster that programs run against, and HAProxy in front of its plain ports.
type place struct {
	*harness.Cluster
	plain, sentinel []int    // ports, by node
	tries           int      // each has a key of its own
	prefix          []string // words that run a program where the clients are
	front           *balancer
	cut             func(n *harness.Node) (mend func() error, err error) // from the other nodes, not from clients
	remove          func() error                                         // what is left when all processes have ended
}

// newPlace starts three nodes with all three faces on the loopback address.
func newPlace(ctx context.Context, binary, dir string) (*place, error) {
	c, err := harness.NewCluster(binary, dir, nodes, nodeArgs()...)
	if err != nil {
		return nil, err
	}
	p := &place{Cluster: c}
	for _, ports := range []*[]int{&p.plain, &p.sentinel} {
		if *ports, err = harness.FreePorts(nodes); err != nil {
			return nil, err
		}
	}
	for i, n := range c.Nodes {
		n.Dir = filepath.Join(dir, "node"+strconv.Itoa(i))
	}
	ports, err := harness.FreePorts(fronts)
	if err != nil {
		return nil, err
	}
	return p.start(ctx, dir, "127.0.0.1", ports)
}

// nodeArgs are those of each node, without its ports.
func nodeArgs() []string {
	return []string{"--takeover", "manual", "--masterauth", "clients", "--follower-reads", "readonly"}
}

// start starts the nodes, and HAProxy at host where it is installed.
func (p *place) start(ctx context.Context, dir, host string, ports []int) (*place, error) {
	for i, n := range p.Nodes {
		n.Args = append(n.Args, "--plain-port", strconv.Itoa(p.plain[i]), "--sentinel-port", strconv.Itoa(p.sentinel[i]))
	}
	err := p.Start(ctx)
	if err == nil {
		p.front, err = p.balance(ctx, dir, host, ports)
	}
	if err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// Kill ends all that runs.
func (p *place) Kill() {
	p.front.kill()
	p.Cluster.Kill()
	if p.remove != nil {
		_ = p.remove()
	}
}

// at is one of a node's ports.
func at(n *harness.Node, port int) string {
	host, _, _ := net.SplitHostPort(n.Addr())
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// addrs are where a program of a face begins. A plain client has one address: of a node
// that does not lead when it starts.
func (p *place) addrs(face string, leader *harness.Node) (out []string) {
	if i, ok := frontOf(face); ok {
		return p.front.addrs[i : i+1]
	}
	for i, n := range p.Nodes {
		switch {
		case face == clusterFace:
			out = append(out, n.Addr())
		case face == sentinelFace:
			out = append(out, at(n, p.sentinel[i]))
		case n != leader:
			out = append(out, at(n, p.plain[i]))
		}
	}
	return out
}
