package main

import (
	"context"
	"net"
	"slices"

	"regent/integration/harness"
)

// A site is where a system's nodes run: all on loopback, or each on a host of
// its own, a network namespace, that can be cut off from the others.
type site struct{ hosts hosts }

// hosts are harness.Hosts, where there are any.
type hosts interface {
	IP(i int) string
	Prefix(i int) []string
	Hub() []string
	Dial(ctx context.Context, network, addr string) (net.Conn, error)
	Cluster(binary, dir string, args ...string) *harness.Cluster
	Isolate(host int) error
	Rejoin(host int) error
	Remove() error
}

// sitePort is the port of every redis-server on a host of its own.
const sitePort = 7000

// regents prepares three Regent nodes.
func (at site) regents(o options, dir string) (*harness.Cluster, error) {
	if at.hosts != nil {
		return at.hosts.Cluster(o.regent, dir), nil
	}
	return harness.NewCluster(o.regent, dir, 3)
}

// nodes prepares n nodes of redis-server, without directories and arguments,
// whose cluster buses are free as well.
func (at site) nodes(o options, n int) (nodes []*harness.Node, err error) {
	ports := slices.Repeat([]int{sitePort}, n)
	if at.hosts == nil {
		if ports, err = busPorts(n); err != nil {
			return nil, err
		}
	}
	for i, port := range ports {
		node := &harness.Node{Binary: o.redis, Port: port}
		at.put(node, i)
		nodes = append(nodes, node)
	}
	return nodes, nil
}

// put puts a node on host i.
func (at site) put(n *harness.Node, i int) {
	if at.hosts != nil {
		n.Host, n.Prefix, n.Dialer = at.hosts.IP(i), at.hosts.Prefix(i), at.hosts.Dial
	}
}

// spare are n ports beside those of nodes.
func (at site) spare(n int) ([]int, error) {
	if at.hosts != nil {
		return slices.Repeat([]int{sitePort + 1}, n), nil
	}
	return harness.FreePorts(n)
}

// command is a command as it is run where the clients are.
func (at site) command(words ...string) []string {
	if at.hosts != nil {
		return append(at.hosts.Hub(), words...)
	}
	return words
}

// dialer connects from where the clients are; nil is net's own.
func (at site) dialer() harness.Dialer {
	if at.hosts != nil {
		return at.hosts.Dial
	}
	return nil
}
