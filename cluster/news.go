package cluster

import (
	"regent/cluster/bully"
	"regent/engine"
)

// tell logs why leadership moves, as far as this node has a part in it: each
// event once. The caller holds mu.
func (c *Cluster) tell(o bully.Output) {
	for i := range o.Messages {
		m := &o.Messages[i]
		if i > 0 && o.Messages[i-1].Kind == m.Kind {
			continue // the same to another node
		}
		switch {
		case m.Kind == bully.Resign:
			c.opts.Host.Logf(engine.LevelWarning, "Giving up the lead of epoch %d: %s", m.Epoch, resignText(m.Reason))
		case m.Kind == bully.Takeover && o.Fence:
			c.opts.Host.Logf(engine.LevelNotice, "Handing the lead of epoch %d over to node %d", m.Epoch, m.To)
		case m.Kind == bully.Election && m.Phase == bully.Real && o.Persist != nil:
			c.opts.Host.Logf(engine.LevelNotice, "Standing for election in epoch %d", m.Epoch)
		}
	}
}

// resignText is why a leader resigns.
func resignText(r bully.Reason) string {
	switch r {
	case bully.LeaseLost:
		return "no majority of the nodes has answered for election-timeout; see the lines about their links"
	case bully.DiskFailed:
		return "this node can't write its data; see the lines about its disk"
	case bully.Stopping:
		return "this node is shutting down"
	}
	return "it can't go on"
}
