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
	plain, sentinel := cfg.ShownPorts()
	p := peer.Ports{
		Witness: cfg.Role.Get() == config.RoleWitness,
		Plain:   plain, Sentinel: sentinel,
		TLS: int(cfg.TLSPort.Get()), TLSPlain: int(cfg.TLSPlainPort.Get()), TLSSentinel: int(cfg.TLSSentinelPort.Get()),
	}
	if cfg.BaseTLS() {
		p.Other = int(cfg.Port.Get())
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
	n.TLS = engine.FacePorts{Port: is.TLS, Plain: is.TLSPlain, Sentinel: is.TLSSentinel}
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
