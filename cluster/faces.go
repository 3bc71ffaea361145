package cluster

import (
	"regent/cluster/peer"
	"regent/engine"
	"regent/engine/config"
)

// Where the nodes show their other faces. Each node says so with every PING, the first
// of which leaves when a channel opens; so what is configured on one node need not be on
// the others, and no list of nodes has to hold it.

// facePorts are this node's.
func facePorts(cfg *config.Config) peer.Ports {
	return peer.Ports{Plain: int(cfg.PlainPort.Get()), Sentinel: int(cfg.SentinelPort.Get())}
}

// hearPorts takes what a member said of its ports. The view follows when it has changed.
func (c *Cluster) hearPorts(m *member, f *peer.Frame) error {
	is, err := f.Ports()
	if err != nil {
		return err
	}
	if was := m.faces.Load(); was != nil && *was == is {
		return nil
	}
	m.faces.Store(&is)
	poke(c.chores)
	return nil
}

// showFaces fills in a node's other faces.
func (c *Cluster) showFaces(n *engine.NodeView, m *member) {
	is := facePorts(c.opts.Config)
	if m != nil {
		is = peer.Ports{}
		if told := m.faces.Load(); told != nil {
			is = *told
		}
	}
	n.PlainPort, n.SentinelPort = is.Plain, is.Sentinel
}
