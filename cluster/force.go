package cluster

import (
	"time"

	"regent/cluster/bully"
	"regent/engine"
)

// ForceLeader lets this node run although voters that may have lost what they
// acknowledged are among those it needs, by an operator's word: what only the
// voters hold that do not answer is given up.
func (c *Cluster) ForceLeader() error {
	var err error
	c.do(func(now time.Duration) bully.Output {
		var o bully.Output
		o, err = c.node.ForceLeader(now)
		return o
	})
	if err == nil {
		c.opts.Host.Logf(engine.LevelWarning, "By command this node runs without the nodes that do not answer: what only they hold is given up")
	}
	return err
}
