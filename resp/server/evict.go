package server

import (
	"cmp"
	"math"
	"slices"

	"regent/engine"
)

// Client eviction (maxmemory-clients): what all clients' buffers take together is bounded; over
// the limit the largest clients are ended, until the others fit. Each client counts what it
// held at the end of its last turn, so the sum is known without looking at all of them. They
// are looked at when the limit changes, and when it is passed. Other nodes' connections and
// clients that have said CLIENT NO-EVICT count for nothing.
//
// Without a limit it costs a turn one look at the configuration.
//
// Invariant: weights is the sum of all clients' weight.

// heldFrom is from which size on a client's buffers count for maxmemory, in bytes: below that they are as
// large as those of a client that waits in redis-server, and a quick command costs no count
// that all cores share.
const heldFrom = 32 << 10

// gone is the holds of a client that has left.
const gone = -1

// kilobytes is n of them, in bytes; of a client that has left none.
func kilobytes(n int32) int64 { return int64(max(n, 0)) << 10 }

// measure counts c's buffers in what maxmemory bounds, as in Redis. Other nodes' count for nothing, nor
// does input while it is carried out: it becomes data, which would count twice.
func (c *client) measure() {
	n := c.outBytes.Load()
	if !c.works {
		n += c.inBytes.Load() + c.inFree.Load()
	}
	if n < heldFrom || c.guest != nil {
		n = 0
	}
	old, now := c.holds.Load(), int32(min(n>>10, math.MaxInt32))
	if old != now && old != gone && c.holds.CompareAndSwap(old, now) {
		c.srv.count.CountHeld(kilobytes(now) - kilobytes(old))
	}
}

// noLimit is maxmemory-clients without a limit, as it is written.
const noLimit = "0"

// weigh counts what c holds, on its own turn.
func (c *client) weigh() {
	if c.srv.cfg.MaxMemoryClients.Get() != noLimit || c.srv.weighed.Load() != 0 {
		c.srv.weigh(c)
	}
}

func (s *Server) weigh(c *client) {
	limit := s.cfg.ClientsLimit()
	if s.weighed.Load() != limit && s.weighed.Swap(limit) != limit && limit > 0 {
		s.evictClients(limit)
		return
	}
	if limit <= 0 {
		return
	}
	if s.weights.Add(c.reweigh()) > limit {
		s.evictClients(limit)
	}
}

// reweigh notes what c holds now, and returns by how much that is more than before.
func (c *client) reweigh() int64 {
	n := int64(0)
	if c.guest == nil && !c.killed.Load() {
		n = c.sess.Evictable(c.Buffers())
	}
	return n - c.weight.Swap(n)
}

// evictClients ends the largest clients until the others fit.
func (s *Server) evictClients(limit int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Load() {
		return
	}
	type weighed struct {
		c *client
		n int64
	}
	sum := int64(0)
	list := make([]weighed, 0, len(s.clients))
	for c := range s.clients {
		s.weights.Add(c.reweigh())
		if n := c.weight.Load(); n > 0 {
			sum += n
			list = append(list, weighed{c, n})
		}
	}
	if sum <= limit {
		return
	}
	slices.SortFunc(list, func(a, b weighed) int { return cmp.Compare(b.n, a.n) })
	for _, w := range list {
		if sum <= limit {
			return
		}
		sum -= w.n
		s.evictClient(w.c)
	}
}

// evictClient ends c.
func (s *Server) evictClient(c *client) {
	s.log(engine.LevelNotice, "Evicting client: %s", s.engine.ClientLine(c.sess))
	s.count.CountEvictedClient()
	c.sess.Evict()
	s.weights.Add(-c.weight.Swap(0))
	c.Kill()
}
