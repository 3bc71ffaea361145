package cluster

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

// Copies is how many bytes of the log were taken from leaders.
func (c *Cluster) Taken() int64 { return c.follow.bytes.Load() }
