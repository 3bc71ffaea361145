package cluster

import (
	"cmp"

	"regent/cluster/peer"
	"regent/engine"
	"regent/engine/config"
)

// Where the nodes show their other faces. Each node says so with every PING, the first
// of which leaves when a channel opens; so what is configured on one node need not be on
// the others, and no list of nodes has to hold it.

// facePorts are this node's.
func facePorts(cfg *config.Config) peer.Ports {
	bare, tls := cfg.ShownPorts()
	p := peer.Ports{
		Witness: cfg.Role.Get() == config.RoleWitness,
		Plain:   bare.Plain, Sentinel: bare.Sentinel, TLS: tls.Port, TLSPlain: tls.Plain, TLSSentinel: tls.Sentinel,
	}
	if cfg.BaseTLS() {
		p.Other = bare.Port
	}
	return p
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
	c.isWitness(m, is.Witness)
	poke(c.chores)
	return nil
}

// show has a node's view tell of its ports. A node that is reached by TLS alone is that
// to all clients; those without TLS find out.
func show(n *engine.NodeView, is peer.Ports) {
	n.PlainPort, n.SentinelPort = is.Plain, is.Sentinel
	n.TLS = config.FacePorts{Port: is.TLS, Plain: is.TLSPlain, Sentinel: is.TLSSentinel}
	n.Bare = is.Other
	n.Port = cmp.Or(is.Other, n.Port)
}

// showFaces fills in a node's other faces.
func (c *Cluster) showFaces(n *engine.NodeView, m *member) {
	is := facePorts(c.opts.Config)
	n.Witness = c.opts.Witness
	if m != nil {
		n.Witness = m.witness.Load()
		is = peer.Ports{}
		if told := m.faces.Load(); told != nil {
			is = *told
		}
	}
	show(n, is)
}
