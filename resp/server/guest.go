package server

import (
	"net"
	"time"
)

// Guests: connections that are refused as clients and may become a channel of
// the peers. Neither protected mode nor maxclients may keep the nodes of a cluster
// apart: what a peer has to show is the cluster's secret, and that it does after
// its first word.
//
//	refused ─► a place for it? ─no─► told why, closed
//	               │ yes
//	               ▼
//	           REGENT PEER ─► handed over (Options.Hijack)
//	           anything else, its time is over, the place is needed ─► told why, closed
//
// A server without peers has no guests.

const (
	// guestPatience is how long a guest may take to say its first word.
	guestPatience = time.Second
	// guestHaste is how long it may take when there are no descriptors left: a peer's
	// first word comes with its connection.
	guestHaste = 50 * time.Millisecond
	// maxGuestInput is how much of a guest's input may be kept, in bytes.
	maxGuestInput = 32 << 10
)

// A guest is what a client has that is one.
type guest struct {
	leave     func() // gives the place back
	since     int64  // Host.Mono
	stopClock func() bool
}

// invite makes a guest of c, which is refused as a client; false: there is no
// place. The caller then tells it why.
func (s *Server) invite(c *client, from net.Addr) bool {
	if s.admit == nil {
		return false
	}
	evict := func() {
		c.expelled.Store(true)
		c.Wake()
	}
	leave := s.admit(from, evict)
	if leave == nil {
		return false
	}
	c.guest = &guest{leave: leave, since: s.host.Mono(), stopClock: s.host.AfterFunc(guestPatience, evict)}
	return true
}

// crowded ends the guests that say nothing, since there are no descriptors left:
// they would keep a peer out, and the node's own files.
func (s *Server) crowded() {
	now := s.host.Mono()
	var out []*client
	s.mu.Lock()
	for c := range s.clients {
		if c.guest != nil && now-c.guest.since >= int64(guestHaste) {
			out = append(out, c)
		}
	}
	s.mu.Unlock()
	for _, c := range out {
		c.expelled.Store(true)
		c.Wake()
	}
}

// end gives back what a guest has.
func (g *guest) end() {
	g.stopClock()
	g.leave()
}

// expel ends a guest whose time is over, or whose place is needed.
func (c *client) expel(w *scratch) {
	if !c.batch.open {
		w.begin(c)
	}
	c.refuse(w, c.sess.Denied)
}

// uninvited counts and tells a connection that is neither client nor guest.
func (s *Server) uninvited(why string) []byte {
	s.count.CountRejected()
	return greet(why)
}
