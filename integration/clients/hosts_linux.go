package main

import (
	"context"
	"errors"
	"os"
	"slices"

	"regent/integration/harness"
)

// Ports of nodes and of HAProxy on hosts of their own.
const (
	hostPlain    = harness.HostPort + 1
	hostSentinel = harness.HostPort + 2
	hostFront    = harness.HostPort + 3
)

// newHostsPlace is newPlace with a host of its own for each node, so that one can be cut
// off from the others.
func newHostsPlace(ctx context.Context, binary, dir string) (*place, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("network namespaces need root")
	}
	hosts, err := harness.NewHosts(nodes)
	if err != nil {
		return nil, errors.Join(err, hosts.Remove())
	}
	p := &place{Cluster: hosts.Cluster(binary, dir, nodeArgs()...), prefix: hosts.Hub(), remove: hosts.Remove}
	for range nodes {
		p.plain, p.sentinel = append(p.plain, hostPlain), append(p.sentinel, hostSentinel)
	}
	p.cut = func(n *harness.Node) (func() error, error) {
		i := slices.Index(p.Nodes, n)
		return func() error { return hosts.Rejoin(i) }, hosts.Isolate(i)
	}
	var ports []int
	for i := range fronts {
		ports = append(ports, hostFront+i)
	}
	return p.start(ctx, dir, hosts.HubIP(), ports)
}
