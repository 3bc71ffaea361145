package cluster

import "regent/cluster/bully"

// Kill ends everything without a word to anybody, as kill -9 does.
func (c *Cluster) Kill() {
	c.mu.Lock()
	c.stopping = true
	c.mu.Unlock()
	c.cancel()
	c.Sever()
	c.wg.Wait()
	c.endSenders()
}

// Sever closes every connection to other nodes; they are dialled again.
func (c *Cluster) Sever() {
	c.follow.drop()
	for _, m := range c.others() {
		m.replace(nil)
	}
}

// ReadMark is how far the log had come, as the last process of a directory left it.
func ReadMark(dir string) (at bully.Position, found bool, err error) { return readMark(dir) }

// Copies is how many bytes of the log were taken from leaders.
func (c *Cluster) Taken() int64 { return c.follow.bytes.Load() }
