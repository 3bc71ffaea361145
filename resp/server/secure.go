package server

import (
	"crypto/tls"
	"errors"
	"net"
	"runtime"
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
	// maxShakes is how many handshakes have a goroutine and a buffer at once; others wait
	// for one of these to end.
	maxShakes = 1024
	// misfitEvery is how often a client that speaks TLS where there is none, or none where
	// there is, is news.
	misfitEvery = 10 * time.Second
	// typeHandshake and versionMajor begin a client's first record, whatever its version.
	typeHandshake, versionMajor = 22, 3
)

// shakers are the handshakes under way.
type shakers struct {
	mu      sync.Mutex
	n       int      // that have a goroutine
	queue   []shaker // that wait for one
	compute func(bool)
}

// A shaker is a connection whose handshake is to be done.
type shaker interface{ shake() }

// newShakers allows some handshakes to compute at once, so that loops keep a processor.
func newShakers() shakers {
	tokens := make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))
	return shakers{compute: func(begin bool) {
		if begin {
			tokens <- struct{}{}
		} else {
			<-tokens
		}
	}}
}

// enter begins s's handshake, now or when there is a place.
func (g *shakers) enter(s shaker) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n >= maxShakes {
		g.queue = append(g.queue, s) // of clients: maxclients bounds it
		return
	}
	g.n++
	go s.shake()
}

// leave gives a place to the next.
func (g *shakers) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		g.n--
		return
	}
	next := g.queue[0]
	if g.queue = g.queue[1:]; len(g.queue) == 0 {
		g.queue = nil
	}
	go next.shake()
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
