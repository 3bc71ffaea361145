package server

import (
	"container/list"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"regent/engine"
	"regent/engine/config"
)

// TLS, whatever moves the bytes: how many handshakes there are at once, for how long, and
// which user a certificate names.

const (
	// shakeLimit is how long a handshake may take, in ms.
	shakeLimit = 10_000
	// maxShakes is how many handshakes have a stack and a buffer at once; others wait
	// for one of these to end.
	maxShakes = 1024
	// misfitEvery is how often a client that speaks TLS where there is none, or none where
	// there is, is news.
	misfitEvery = 10 * time.Second
	// typeHandshake and versionMajor begin a client's first record, whatever its version.
	typeHandshake, versionMajor = 22, 3
)

// shakers are the handshakes under way in event loops.
type shakers struct {
	mu    sync.Mutex
	n     int       // that have a place
	queue list.List // of shakers: that wait for one
}

// A shaker is a connection whose handshake needs a place.
type shaker interface {
	placed() // it has one now, after a wait; from any goroutine
}

// enter gives s a place, or has it wait for one: then seat is what leave needs.
func (g *shakers) enter(s shaker) (seat *list.Element, placed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n >= maxShakes {
		return g.queue.PushBack(s), false // of clients: maxclients bounds it
	}
	g.n++
	return nil, true
}

// leave ends one that has a place, which the next gets, or waits for one.
func (g *shakers) leave(seat *list.Element) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if seat != nil && seat.Value != nil {
		g.queue.Remove(seat)
		return
	}
	next := g.queue.Front()
	if next == nil {
		g.n--
		return
	}
	s := g.queue.Remove(next).(shaker)
	next.Value = nil // it waits no more
	s.placed()
}

// ServeTLS is Serve for a port at which clients speak TLS.
func (s *Server) ServeTLS(l net.Listener, face engine.Face) error {
	if s.tls == nil {
		return net.ErrClosed
	}
	return s.serve(l, face, true)
}

// userOf is the user that the certificate of a connection names; "": none.
func (s *Server) userOf(conn *tls.Conn) string {
	by := s.cfg.TLSAuthClientsUser.Get()
	if by == config.TLSUserOff {
		return ""
	}
	cs := conn.ConnectionState()
	if len(cs.VerifiedChains) == 0 {
		return "" // it was not asked for, or does not count
	}
	leaf := cs.PeerCertificates[0]
	if by == config.TLSUserCN {
		return leaf.Subject.CommonName
	}
	for _, u := range leaf.URIs {
		if name := u.String(); s.engine.HasUser(name) {
			return name
		}
	}
	return ""
}

// shakeAlone is a handshake in the goroutine model, which has its client's own.
func (l *netLink) shakeAlone() bool {
	conn, ok := l.conn.(*tls.Conn)
	if !ok || conn.ConnectionState().HandshakeComplete {
		return true
	}
	c := l.c
	_ = conn.SetDeadline(time.Now().Add(shakeLimit * time.Millisecond))
	if err := conn.Handshake(); err != nil {
		c.srv.shakeFailed(c, err)
		return false
	}
	_ = conn.SetDeadline(time.Time{})
	c.srv.introduce(c, conn)
	return true
}

// introduce has a client be the user that its certificate names, once its handshake is over.
func (s *Server) introduce(c *client, conn *tls.Conn) {
	if name := s.userOf(conn); name != "" {
		s.engine.KnownBy(c.sess, name)
	}
	if c.sess.Denied != "" && c.guest == nil {
		c.expelled.Store(true)
	}
}

// shakeFailed says that a handshake has not come to a connection.
func (s *Server) shakeFailed(c *client, err error) {
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) {
		s.tellMisfit("A client at %s speaks no TLS at a port that is for it: %s", c)
		return
	}
	s.log(engine.LevelVerbose, "Error accepting a client connection: %v (addr=%s laddr=%s)", err, c.peer, c.local)
}

// tellMisfit says, now and then, that a client has come to the wrong port: another node may be
// configured otherwise.
func (s *Server) tellMisfit(format string, c *client) {
	now, last := s.host.Mono(), s.misfit.Load()
	if (last == 0 || now-last >= int64(misfitEvery)) && s.misfit.CompareAndSwap(last, max(now, 1)) {
		s.log(engine.LevelNotice, format, c.peer, c.local)
	}
}
