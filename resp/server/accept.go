package server

import (
	"crypto/tls"
	"net"
	"time"

	"regent/engine"
	"regent/resp"
)

// Where a connection becomes a client, and where a client ends.

// accept serves conn, which has come to a face's port, in the goroutine model.
func (s *Server) accept(conn net.Conn, face engine.Face, secure bool) {
	remote := addressOf(conn.RemoteAddr(), conn.LocalAddr())
	if tcp, ok := conn.(*net.TCPConn); ok {
		s.keepAlive(tcp)
	}
	if secure {
		conn = tls.Server(conn, s.tls())
	}
	l := newNetLink(conn)
	c := &client{srv: s, link: l, face: face, secure: secure, peer: remote.text, local: addressOf(conn.LocalAddr(), conn.LocalAddr()).text}
	l.c = c
	why := s.refusal(remote, face, 0)
	if why != "" && !s.invite(c, conn.RemoteAddr()) && !s.hears(c, why) {
		s.turnAway(plain(conn), why, secure)
		return
	}
	if !s.welcome(c, why) {
		l.close(false)
		return
	}
	go l.serve()
}

// plain is the socket under a TLS connection, or conn itself.
func plain(conn net.Conn) net.Conn {
	for {
		under, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = under.NetConn()
	}
}

// hears reports whether a client that is refused can be told why: by TLS it cannot before
// the handshake, which is for those alone that protected mode refuses. When there are
// too many clients the connection is closed, as in Redis.
func (s *Server) hears(c *client, why string) bool { return c.secure && why == resp.ErrProtected }

// An address is where a peer is, as CLIENT LIST shows it.
type address struct {
	text  string
	local bool // on this machine
	from  net.Addr
}

// addressOf describes a. A peer on a unix socket has no address of its own:
// the socket's stands for it, with port 0, as in Redis.
func addressOf(a, socket net.Addr) address {
	switch a := a.(type) {
	case *net.TCPAddr:
		return address{a.String(), a.IP.IsLoopback(), a}
	case *net.UnixAddr:
		return address{socket.String() + ":0", true, a}
	}
	return address{a.String(), false, a}
}

// refusal is why no more clients, or not this one, are served at a face; "": it is. As
// redis-sentinel does, the Sentinel face answers everybody without a password: there
// the gates refuse what changes anything. counted is how many of those that are here are
// the client itself.
func (s *Server) refusal(remote address, face engine.Face, counted int) string {
	s.mu.Lock()
	n := int64(len(s.clients) - s.guests + s.carried - counted)
	s.mu.Unlock()
	switch {
	case n >= s.cfg.MaxClients.Get():
		return resp.ErrMaxClients
	case face != engine.FaceSentinel && !remote.local && s.cfg.ProtectedMode.Get() && !s.engine.PasswordNeeded():
		return resp.ErrProtected
	}
	return ""
}

// turnAway says why and closes. The text is short and the socket new, so it
// fits; a peer that makes it not fit is not waited for.
func (s *Server) turnAway(conn net.Conn, why string, secure bool) {
	if secure {
		s.count.CountRejected()
		_ = conn.Close()
		return
	}
	_ = conn.SetWriteDeadline(time.Now().Add(acceptPause))
	_, _ = conn.Write(s.uninvited(why))
	_ = conn.Close()
}

func (s *Server) keepAlive(c *net.TCPConn) {
	secs := s.cfg.TCPKeepalive.Seconds()
	// What the system does not know is left as it is.
	_ = c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: secs > 0, Idle: secs, Interval: max(secs/3, time.Second), Count: 3})
}

// welcome makes c a client, or a guest that would be denied; false: the server is
// closing.
func (s *Server) welcome(c *client, denied string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Load() {
		if c.guest != nil {
			c.guest.end()
		}
		return false
	}
	c.sess = s.engine.NewSession(c, c.face)
	c.sess.Lends = true
	c.sess.TLS = c.secure
	if c.sess.Denied = denied; c.guest != nil {
		s.guests++
	}
	s.clients[c] = struct{}{}
	s.meet(c)
	s.gone.Add(1)
	return true
}

// farewell ends c, on its own turn: its socket is closed, or goes to the
// peers' channel.
func (s *Server) farewell(c *client) {
	s.barrier.Leave(c)
	s.engine.EndSession(c.sess)
	defer func() {
		c.takeBack()
		c.letGo(&scratch{spans: s.engine.Spans()})
		c.dropSpans()
	}()
	s.mu.Lock()
	delete(s.clients, c)
	s.weights.Add(-c.weight.Swap(0))
	s.count.CountHeld(-kilobytes(c.holds.Swap(gone)))
	s.forgetStranger(c)
	if c.guest != nil {
		s.guests--
	}
	s.mu.Unlock()
	s.gone.Done()
	if c.guest != nil {
		c.guest.end()
		if c.hello() == nil {
			s.count.CountRejected()
		}
	}
	if hello := c.hello(); hello != nil && s.hijack != nil && !c.dead && !c.waiting && c.unsent() == 0 && !s.stopping.Load() {
		conn, err := c.link.detach()
		if err == nil && c.far { // all before is out: there is room for it
			if _, err = conn.Write(resp.AppendNote(nil, resp.NoteRaw, nil)); err != nil {
				_ = conn.Close()
			}
		}
		if err == nil {
			early := append([]byte(nil), c.in[c.at:]...)
			go s.hijack(conn, early, hello)
			return
		}
		s.log(engine.LevelWarning, "Handing over the connection from %s: %v", c.peer, err)
	}
	if s.carry != nil && c.carriesOn() && s.carriedAway(c) {
		return
	}
	c.link.close(c.closing)
}
