package server

import (
	"errors"
	"net"

	"regent/engine"
	"regent/resp"
)

// Plain clients that are carried from node to node (engine/carry.go says why).
//
//	away   a client here says what is the leader's: once its replies are out, its socket
//	       goes to Options.Carry, with what it has said and was not carried out
//	far    a client of another node's: Adopt. Beside its replies its connection carries
//	       notes: in which state its session is, and at its end why it ends
//
// A node that leads no more ends its plain clients: those of other nodes are told so, and
// go on at the next leader; its own are closed, unless leadership was handed over as
// planned, and they can be carried.

// carriesOn reports whether the client goes away now: all that it was answered is out. One
// of another node's does not: its tunnel is told first (depart).
func (c *client) carriesOn() bool {
	return c.away() != nil && !c.far && !c.waiting && c.unsent() == 0 && !c.dead && !c.killed.Load() && !c.srv.stopping.Load()
}

// leave notes that the command that has just been said is another node's.
func (c *client) leave() {
	if c.sess.Carry() == nil {
		return
	}
	if c.far {
		c.sendAway([][]byte{}) // no command follows
		c.deposed.Store(lost)
		c.Wake() // to depart
		return
	}
	c.sendAway(c.sess.Carry())
}

// carriedAway gives c's socket to what carries clients. Of maxclients it takes a place here,
// as before, and one at the leader.
func (s *Server) carriedAway(c *client) bool {
	conn, err := c.link.detach()
	if err != nil {
		s.log(engine.LevelWarning, "Carrying the connection from %s: %v", c.peer, err)
		return false
	}
	s.mu.Lock()
	s.carried++
	s.mu.Unlock()
	away := c.away()
	early := resp.AppendArray(nil, len(away))
	for _, a := range away {
		early = resp.AppendBulk(early, a)
	}
	early = append(early, c.in[c.at:]...)
	go s.carry(conn, engine.Carried{Peer: c.peer, Local: c.local, State: c.sess.State(), Early: early, Late: c.late || c.led}, s.carriedBack)
	return true
}

func (s *Server) carriedBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.carried--
}

// What has become of this node's leadership, as a client has to know of it.
const (
	leads int32 = iota
	lost
	handedOver // by plan
)

// Deposed tells that this node leads no more: planned, if leadership was handed over.
func (s *Server) Deposed(planned bool) {
	how := lost
	if planned {
		how = handedOver
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		if c.face == engine.FacePlain {
			c.deposed.Store(how)
			c.Wake()
		}
	}
}

// depart ends a client of a node that leads no more, or lets it be carried.
func (c *client) depart(w *scratch) {
	s := c.sess
	switch {
	case c.far:
		if !c.batch.open {
			w.begin(c)
		}
		s.Barrier, s.LeaderEpoch = 0, 0
		c.parkAt = parkPoint{s.W.Len(), s.LastWriteEnd}
		s.W.Raw(resp.AppendNote(nil, resp.NoteMoved, nil))
		c.closing, c.moved = true, true
		c.note(w)
	case c.away() != nil:
	case c.deposed.Load() == handedOver && c.srv.carry != nil && c.srv.cfg.PlainForward.Get() && !s.State().Bound:
		c.carry(w)
	default:
		c.closing = true
	}
	c.deposed.Store(leads)
}

// tell notes behind a reply what the other end of the tunnel must know.
func (c *client) tell() {
	w := &c.sess.W
	if st, moved := c.sess.StateMoved(); moved {
		kind := byte(resp.NoteState)
		if st.Bound {
			kind = resp.NoteBound
		}
		w.Raw(resp.AppendNote(nil, kind, st.Append(nil)))
	}
	if c.closing && !c.moved {
		w.Raw(resp.AppendNote(nil, resp.NoteEnd, nil))
	}
}

var errStopping = errors.New("the server is closing")

// Refusal is why a client that comes from another node may not be one here, "": it may.
func (s *Server) Refusal(carried engine.Carried) string { return s.unwelcome(carried, 0) }

// unwelcome is Refusal where the client is counted already, or not.
func (s *Server) unwelcome(carried engine.Carried, counted int) string {
	from := address{text: carried.Peer, local: true}
	if host, _, err := net.SplitHostPort(carried.Peer); err == nil {
		if ip := net.ParseIP(host); ip != nil {
			from.local = ip.IsLoopback()
		}
	}
	why := s.refusal(from, engine.FacePlain, counted)
	if why != "" {
		s.count.CountRejected()
	}
	return why
}

// Adopt makes a client of a connection that comes from another node, or comes back from
// one: far, if its replies go through a tunnel. refusal is why it may be none; conn is the
// caller's then.
func (s *Server) Adopt(conn net.Conn, carried engine.Carried, far bool) (refusal string, err error) {
	counted := 1 // one that comes back is among those that are carried, until it is a client again
	if far {
		counted = 0
	}
	if why := s.unwelcome(carried, counted); why != "" {
		return why, nil
	}
	set := func(c *client) {
		c.srv, c.face, c.far, c.peer, c.local, c.in = s, engine.FacePlain, far, carried.Peer, carried.Local, carried.Early
		c.led = !far // it comes back
	}
	begin := func(c *client) bool {
		if !s.welcome(c, "") {
			return false
		}
		s.engine.Restore(c.sess, carried.State, far)
		s.meetAgain(c)
		return true
	}
	if s.loops != nil {
		if taken, err := s.loops.adopt(conn, set, begin); taken || err != nil {
			return "", err
		}
	}
	l := newNetLink(conn)
	c := &client{link: l}
	set(c)
	l.c = c
	if !begin(c) {
		return "", errStopping
	}
	go l.serve()
	return "", nil
}
