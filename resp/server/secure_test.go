package server

import (
	"container/list"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"regent/engine/config"
)

// A certificate is made when it is needed, and signs itself.
type certificate struct {
	once sync.Once
	cfg  *tls.Config
}

// tlsConfig is how a house speaks TLS.
func (h *house) tlsConfig() *tls.Config {
	h.cert.once.Do(func() {
		h.cert.cfg = &tls.Config{Certificates: []tls.Certificate{selfSigned(h.t)}, DynamicRecordSizingDisabled: true}
	})
	return h.cert.cfg
}

func selfSigned(t testing.TB) tls.Certificate { return signedBy(t, "bob") }

// signedBy is a certificate of a name that signs itself.
func signedBy(t testing.TB, name string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	is := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, is, is, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// raw is a connection without TLS to a house that speaks it.
func (h *house) raw() *wire {
	h.t.Helper()
	c, err := net.Dial(h.addr.Network(), h.addr.String())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = c.Close() })
	return &wire{c, h.t}
}

// tlsModels are the models that speak TLS.
func tlsModels(t *testing.T, test func(t *testing.T, model int64)) {
	for name, model := range map[string]int64{"goroutine": config.IOGoroutine, "eventloop": config.IOEventLoop, "moving": moving} {
		t.Run(name, func(t *testing.T) { test(t, model+byTLS) })
	}
}

// TestNoTLS: a client that does not speak it is not answered, and nothing of what it says
// is carried out.
func TestNoTLS(t *testing.T) {
	tlsModels(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		w := h.raw()
		w.send(command("SET", "k", "v"))
		b := make([]byte, 256)
		n, _ := w.Read(b) // an alert at most
		if strings.Contains(string(b[:n]), "OK") {
			t.Errorf("it is answered %q", b[:n])
		}
		good := h.dial()
		good.send(command("GET", "k"))
		good.expect("$-1\r\n")
	})
}

// TestHalfHandshakes: clients that stop in the middle of a handshake are more than may be
// computed at once, and keep nobody out; when they have taken too long they are gone.
func TestHalfHandshakes(t *testing.T) {
	tlsModels(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		var hello capture
		_ = tls.Client(&hello, &tls.Config{InsecureSkipVerify: true}).Handshake()
		const many = 40
		var half []*wire
		for i := range many {
			w := h.raw()
			w.send(hello.String()[:len(hello.String())*(i%4+1)/4]) // every fourth is whole
			half = append(half, w)
		}
		good := h.dial()
		good.send(command("PING"))
		good.expect("+PONG\r\n")
		h.Server.Host.StepWall(5 * time.Hour) // which is no time that passes
		h.front.doChores()
		if n := h.Sessions(); n != many+1 {
			t.Errorf("the wall clock is set, and %d of %d clients are left", n, many+1)
		}
		h.Server.Host.Advance((shakeLimit + 1) * time.Millisecond)
		eventually(t, "they are gone", func() bool { h.front.doChores(); return h.Sessions() == 1 })
		good.send(command("PING"))
		good.expect("+PONG\r\n")
		_ = half
		g := &h.front.shakers
		eventually(t, "their places are free", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return g.n == 0 })
	})
}

// A capture is a connection that keeps what is written, and ends there.
type capture struct {
	net.Conn
	strings.Builder
}

func (c *capture) Write(p []byte) (int, error)      { return c.Builder.Write(p) }
func (c *capture) Read([]byte) (int, error)         { return 0, net.ErrClosed }
func (c *capture) Close() error                     { return nil }
func (c *capture) SetDeadline(time.Time) error      { return nil }
func (c *capture) SetWriteDeadline(time.Time) error { return nil }

// TestMoreHandshakesThanPlaces: those beyond the places wait, in their order, and get the
// place of one that ends; one that ends while it waits takes nobody's.
func TestMoreHandshakesThanPlaces(t *testing.T) {
	var g shakers
	var came []int
	enter := func(i int) (seat *list.Element, placed bool) {
		return g.enter(shakeFunc(func() { came = append(came, i) }))
	}
	for range maxShakes {
		if _, placed := enter(0); !placed {
			t.Fatal("a place is free, and one waits")
		}
	}
	seats := make([]*list.Element, 4)
	for i := range seats {
		var placed bool
		if seats[i], placed = enter(i); placed {
			t.Fatalf("more than %d have a place", maxShakes)
		}
	}
	g.leave(seats[1]) // it waits
	g.leave(nil)
	g.leave(nil)
	if want := []int{0, 2}; !slices.Equal(came, want) {
		t.Errorf("%v have got places, not %v", came, want)
	}
	g.leave(seats[0]) // it has a place
	if want := []int{0, 2, 3}; !slices.Equal(came, want) {
		t.Errorf("%v have got places, not %v", came, want)
	}
	for range maxShakes {
		g.leave(nil)
	}
	if g.n != 0 || g.queue.Len() != 0 {
		t.Errorf("%d have a place and %d wait after all have left", g.n, g.queue.Len())
	}
}

type shakeFunc func()

func (f shakeFunc) placed() { f() }

// TestCertificateIsUser: the name in a certificate that counts is the user, if there is one.
func TestCertificateIsUser(t *testing.T) {
	tlsModels(t, func(t *testing.T, model int64) {
		mine := selfSigned(t)
		h := start(t, model, func(h *house, _ *Options) {
			cfg := h.tlsConfig()
			cfg.ClientAuth, cfg.ClientCAs = tls.VerifyClientCertIfGiven, x509.NewCertPool()
			leaf, _ := x509.ParseCertificate(mine.Certificate[0])
			cfg.ClientCAs.AddCert(leaf)
		})
		asks := h.Client()
		defer h.EndSession(asks.Session)
		who := func(certs ...tls.Certificate) *wire {
			w := &wire{tls.Client(h.raw().Conn, &tls.Config{InsecureSkipVerify: true, Certificates: certs}), t}
			w.send(command("ACL", "WHOAMI"))
			return w
		}
		who(mine).expect("$7\r\ndefault\r\n")
		h.Config.TLSAuthClientsUser.Set(config.TLSUserCN)
		who(mine).expect("$7\r\ndefault\r\n") // there is no bob
		asks.Do("ACL", "SETUSER", "bob", "on", "+acl")
		who(mine).expect("$3\r\nbob\r\n")
		who().expect("$7\r\ndefault\r\n")
		asks.Do("ACL", "SETUSER", "bob", "off")
		who(mine).expect("$7\r\ndefault\r\n")
	})
}

// TestANameWithAZero: a certificate's name that goes on behind a zero byte is not the user's
// that is named before it.
func TestANameWithAZero(t *testing.T) {
	mine := signedBy(t, "bob\x00by")
	h := start(t, config.IOGoroutine+byTLS, func(h *house, _ *Options) {
		cfg := h.tlsConfig()
		cfg.ClientAuth, cfg.ClientCAs = tls.VerifyClientCertIfGiven, x509.NewCertPool()
		leaf, err := x509.ParseCertificate(mine.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		cfg.ClientCAs.AddCert(leaf)
	})
	h.Config.TLSAuthClientsUser.Set(config.TLSUserCN)
	asks := h.Client()
	defer h.EndSession(asks.Session)
	asks.Do("ACL", "SETUSER", "bob", "on", "+acl")
	w := &wire{tls.Client(h.raw().Conn, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{mine}}), t}
	w.send(command("ACL", "WHOAMI"))
	w.expect("$7\r\ndefault\r\n")
}

// TestEndedWithInputPending: clients end one another, and themselves, while commands of theirs
// have been decrypted and wait for their turn. None is carried out afterwards by nobody, and the
// server goes on.
func TestEndedWithInputPending(t *testing.T) {
	tlsModels(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		keeps := h.dial()
		for range 20 {
			var ends []*wire
			ids := ""
			for range 4 {
				w := h.dial()
				w.send(command("CLIENT", "ID"))
				ends, ids = append(ends, w), ids+strings.Trim(w.until("\r\n"), ":\r\n")+" "
			}
			for i, w := range ends {
				id := strings.Fields(ids)[(i+1)%len(ends)] // in a ring
				_, _ = io.WriteString(w, strings.Repeat(command("PING"), 200)+command("CLIENT", "KILL", "ID", id)+strings.Repeat(command("INCR", "after"), 200)+
					command("CLIENT", "KILL", "SKIPME", "no", "ID", strings.Fields(ids)[i])+command("INCR", "never")) // it may be gone before all of it is sent
			}
			for _, w := range ends {
				w.goes()
			}
			keeps.send(command("PING"))
			keeps.expect("+PONG\r\n")
		}
		keeps.send(command("GET", "never"))
		keeps.expect("$-1\r\n")
		eventually(t, "all are gone", func() bool { return h.Sessions() == 1 })
	})
}

// shakesWith reports whether the handshake with a client is under way.
func (s *Server) shakesWith(peer string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		if c.peer == peer && c.shakes.Load() != 0 {
			return true
		}
	}
	return false
}
