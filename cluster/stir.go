package cluster

import (
	"sync/atomic"
	"time"
)

// A stirrer wakes whatever waits for a state that many places change: it is told
// after each change, and those that wait look again. Nothing is paid while none
// waits.
type stirrer struct{ ch atomic.Pointer[chan struct{}] }

// stir says that something has changed. It takes no lock.
func (s *stirrer) stir() {
	if ch := s.ch.Swap(nil); ch != nil {
		close(*ch)
	}
}

// next is closed by the next stir.
func (s *stirrer) next() <-chan struct{} {
	for {
		if ch := s.ch.Load(); ch != nil {
			return *ch
		}
		ch := make(chan struct{})
		s.ch.CompareAndSwap(nil, &ch)
	}
}

// until waits until done is true, at most for limit or until the cluster stops,
// and reports whether it is. done reads what stirs: this node's role and what it
// holds, the offset that is committed, the rounds that are confirmed, View.
func (c *Cluster) until(limit time.Duration, done func() bool) bool {
	over := time.NewTimer(limit)
	defer over.Stop()
	for {
		changed := c.stirs.next()
		if done() {
			return true
		}
		select {
		case <-changed:
		case <-over.C:
			return done()
		case <-c.ctx.Done():
			return done()
		}
	}
}
