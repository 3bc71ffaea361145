package server

import (
	"container/list"

	"regent/engine"
)

// Strangers: clients that have not said a password where one is asked for. What each may
// send, and may leave unread, is bounded (guard.go, maxStrangerInput, maxUnsent); here is how
// many they may be (unauthenticated-clients), and for how long (unauthenticated-timeout).
// So they take neither the memory of the server nor the places of those that know the
// password: one that comes when there are too many ends the one that has been there longest.

// meet counts c among the strangers, or no more, as its session is now. The caller has s.mu.
func (s *Server) meet(c *client) {
	known := c.sess.Authenticated || c.guest != nil
	switch {
	case known:
		s.forgetStranger(c)
	case c.seldom == nil || c.seldom.stranger == nil:
		r := c.rarely()
		r.strangeSince = s.ticks()
		r.stranger = s.strangers.PushBack(c)
		if most := s.cfg.UnauthenticatedClients.Get(); most > 0 && int64(s.strangers.Len()) > most {
			s.endStranger(s.strangers.Front(), "there are more than unauthenticated-clients of them")
		}
	}
	c.strange = c.seldom != nil && c.seldom.stranger != nil
}

// meetAgain is meet, once a command has changed what the client is.
func (s *Server) meetAgain(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meet(c)
}

// forgetStranger takes an ended client from the strangers. The caller has s.mu.
func (s *Server) forgetStranger(c *client) {
	if r := c.seldom; r != nil && r.stranger != nil {
		s.strangers.Remove(r.stranger)
		r.stranger = nil
	}
}

// endStrangers ends those whose time is over. A face that asks for no password any more has
// none. The caller has s.mu.
func (s *Server) endStrangers(now int64) {
	limit := s.cfg.UnauthenticatedTimeout.Get() * 1000
	if limit == 0 {
		return
	}
	for e := s.strangers.Front(); e != nil; {
		c, next := e.Value.(*client), e.Next()
		if now-c.seldom.strangeSince <= limit {
			return
		}
		if !s.engine.LetsIn(c.face) {
			s.endStranger(e, "unauthenticated-timeout is over")
		}
		e = next
	}
}

func (s *Server) endStranger(e *list.Element, why string) {
	c := e.Value.(*client)
	s.forgetStranger(c)
	s.log(engine.LevelVerbose, "Closing client %s, which has not authenticated: %s", c.peer, why)
	c.Kill()
}
