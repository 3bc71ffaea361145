package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// The peers' channel by TLS. The nodes show one another certificates, and prove the secret
// inside all the same: a certificate is also a client's, and a secret is not encrypted
// traffic.

// A steady connection lies under a dialer's TLS. crypto/tls cannot go on after a write that
// has timed out, so it sees none that the channel goes on after: the patience is kept here.
type steady struct {
	net.Conn
	of *Conn // nil: during the handshake
}

// Write sends all of b, as Conn.Write says.
func (s *steady) Write(b []byte) (int, error) {
	if s.of == nil {
		return s.Conn.Write(b)
	}
	return s.of.push(s.Conn, b)
}

// begin begins TLS on a connection, if nodes speak it; under is nil else. With an error raw
// is closed.
func (d *Dialer) begin(ctx context.Context, raw net.Conn) (conn net.Conn, under *steady, err error) {
	if d.TLS == nil {
		return raw, nil, nil
	}
	defer func() {
		if err != nil {
			_ = raw.Close()
		}
	}()
	under = &steady{Conn: raw}
	secure := tls.Client(under, d.TLS())
	err = secure.HandshakeContext(ctx)
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &plain):
		return nil, nil, errors.New("it speaks no TLS there: tls-cluster must be the same on every node, and peers name tls-port then")
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET):
		return nil, nil, errors.New("it closes the connection where TLS begins: tls-cluster must be the same on every node, and what peers name is tls-port then")
	case err != nil:
		return nil, nil, fmt.Errorf("TLS, which tls-cluster asks for: %w", err)
	}
	return secure, under, nil
}

// Secured is why a connection that says it is a peer's is not taken, for what TLS says of
// it; "": it may be one. verified is nil where nodes speak no TLS.
func Secured(conn net.Conn, verified func(tls.ConnectionState) error) error {
	secure, is := conn.(*tls.Conn)
	switch {
	case verified == nil && is:
		return errNoTLS
	case verified == nil:
		return nil
	case !is:
		return errTLS
	}
	if err := verified(secure.ConnectionState()); err != nil {
		return fmt.Errorf("%w: %w", errCertificate, err)
	}
	return nil
}

// Why Secured refuses.
var (
	errTLS         = errors.New("nodes speak TLS here (tls-cluster yes): it must be the same on every node, and peers name tls-port")
	errNoTLS       = errors.New("nodes speak no TLS here (tls-cluster no): it must be the same on every node, and peers name port")
	errCertificate = errors.New("the certificate is none of a node's")
)

// What channelOf draws from a TLS connection: a label of RFC 5705 that is the peers' own, and how
// many bytes.
const (
	channelLabel = "EXPORTER-regent-peer"
	channelBytes = 32
)

// channelOf is a number that the two ends of one TLS connection know, and nobody else; "":
// without TLS. Both proofs are about it. Names in certificates count for nothing, so an attacker
// with one that counts, a client's too, may come between two nodes: it has a connection with either.
// The numbers of these differ, and what one node proves on the first is no proof on the second.
func channelOf(conn net.Conn) (string, error) {
	secure, is := conn.(*tls.Conn)
	if !is {
		return "", nil
	}
	cs := secure.ConnectionState()
	number, err := cs.ExportKeyingMaterial(channelLabel, nil, channelBytes)
	if err != nil {
		return "", fmt.Errorf("TLS: %w", err)
	}
	return string(number), nil
}

// tlsAlert begins what a port for TLS answers to what is none.
const tlsAlert = 21

var errAlert = errors.New("it speaks TLS there: tls-cluster must be the same on every node")

// maxPiece is how much of a write by TLS has to leave within the patience, in bytes: where
// the acceptor writes there is no steady below.
const maxPiece = 16 << 10

// inPieces is Conn.Write where TLS lies between.
func (c *Conn) inPieces(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		_ = c.Conn.SetWriteDeadline(time.Now().Add(c.wrote))
		m, err = c.Conn.Write(b[n:min(len(b), n+maxPiece)])
		n += m
	}
	return n, err
}
