package secure

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/tls"
	"errors"
	"io"
	"net"
)

// An Asider is a connection whose handshake others wait for, such as an event loop's other
// clients.
type Asider interface {
	net.Conn
	// Aside has work done on another goroutine and returns when it is over, or when it is
	// not wanted any more: done is false then, and work may run still, or never.
	Aside(work func()) (done bool)
}

// errLeft says that a connection was closed while its handshake was computed.
var errLeft = errors.New("the connection is closed")

// quick reports whether a key signs in some tens of microseconds. RSA takes milliseconds
// (4096 bits: about 6), curves larger than P-256 hundreds of microseconds.
func quick(key crypto.PrivateKey) bool {
	switch k := key.(type) {
	case ed25519.PrivateKey:
		return true
	case *ecdsa.PrivateKey:
		return k.Curve == elliptic.P256()
	}
	return false
}

// Present has c show own to clients. A key that is not quick is used aside where the
// connection asks for that.
func Present(c *tls.Config, own *tls.Certificate) {
	key, signs := own.PrivateKey.(crypto.Signer)
	if !signs || quick(own.PrivateKey) {
		c.Certificates = []tls.Certificate{*own}
		return
	}
	c.Certificates = nil // else GetCertificate is asked for clients alone that name the server
	c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		conn, asks := hello.Conn.(Asider)
		if !asks {
			return own, nil
		}
		its := *own
		its.PrivateKey = asideKey{key, conn}
		return &its, nil
	}
}

// An asideKey is a key for one handshake.
type asideKey struct {
	crypto.Signer
	conn Asider
}

// Sign is crypto.Signer's.
func (k asideKey) Sign(rand io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	digest = bytes.Clone(digest) // the handshake may be over first
	return k.aside(func() ([]byte, error) { return k.Signer.Sign(rand, digest, o) })
}

// Decrypt is crypto.Decrypter's, for TLS 1.2 with RSA's own exchange of keys.
func (k asideKey) Decrypt(rand io.Reader, text []byte, o crypto.DecrypterOpts) ([]byte, error) {
	d, is := k.Signer.(crypto.Decrypter)
	if !is {
		return nil, errors.New("the key does not decrypt")
	}
	text = bytes.Clone(text)
	return k.aside(func() ([]byte, error) { return d.Decrypt(rand, text, o) })
}

func (k asideKey) aside(work func() ([]byte, error)) ([]byte, error) {
	type result struct {
		b   []byte
		err error
	}
	out := make(chan result, 1)
	if !k.conn.Aside(func() {
		b, err := work()
		out <- result{b, err}
	}) {
		return nil, errLeft
	}
	r := <-out
	return r.b, r.err
}
