package secure

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// An asiding connection counts what is done aside.
type asiding struct {
	net.Conn
	n    atomic.Int64
	left bool // nothing is wanted any more
}

func (a *asiding) Aside(work func()) bool {
	a.n.Add(1)
	if a.left {
		return false
	}
	done := make(chan struct{})
	go func() { work(); close(done) }()
	<-done
	return true
}

func certified(t *testing.T, key crypto.Signer) *tls.Certificate {
	t.Helper()
	is := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, is, is, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestSlowKeysAreUsedAside: keys that take long are used aside, if the connection wants
// that, and all kinds of handshakes come about.
func TestSlowKeysAreUsedAside(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	slow := must(rsa.GenerateKey(rand.Reader, 2048))
	for name, c := range map[string]struct {
		key     crypto.Signer
		version uint16
		suites  []uint16
		sni     string
		plain   bool // the connection asks for nothing
		left    bool
		want    int64
	}{
		"RSA":                        {key: slow, version: tls.VersionTLS13, want: 1},
		"RSA, the server named":      {key: slow, version: tls.VersionTLS13, sni: "regent", want: 1},
		"RSA, TLS 1.2":               {key: slow, version: tls.VersionTLS12, want: 1},
		"RSA, TLS 1.2, its exchange": {key: slow, version: tls.VersionTLS12, suites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}, want: 1},
		"RSA, a goroutine's own":     {key: slow, version: tls.VersionTLS13, plain: true},
		"RSA, the client leaves":     {key: slow, version: tls.VersionTLS13, left: true, want: 1},
		"P-384":                      {key: must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)), version: tls.VersionTLS13, want: 1},
		"P-256":                      {key: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), version: tls.VersionTLS13},
		"Ed25519":                    {key: ed, version: tls.VersionTLS13},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := &tls.Config{MaxVersion: c.version, CipherSuites: c.suites}
			Present(cfg, certified(t, c.key))
			here, there := net.Pipe()
			defer here.Close()
			defer there.Close()
			conn := &asiding{Conn: here, left: c.left}
			var under net.Conn = conn
			if c.plain {
				under = here
			}
			served := make(chan error, 1)
			go func() {
				served <- tls.Server(under, cfg).Handshake()
				here.Close()
			}()
			client := tls.Client(there, &tls.Config{InsecureSkipVerify: true, ServerName: c.sni, MaxVersion: c.version, CipherSuites: c.suites})
			err := client.Handshake()
			if c.left {
				if err := <-served; err == nil || !strings.Contains(err.Error(), errLeft.Error()) {
					t.Errorf("the server's handshake ended with %v", err)
				}
			} else if err != nil {
				t.Errorf("the handshake ended with %v", err)
			}
			if n := conn.n.Load(); n != c.want {
				t.Errorf("%d times a key was used aside, want %d", n, c.want)
			}
		})
	}
}
