package peer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"regent/cluster/peer"
	"regent/resp"
)

// The peers' channel by TLS, attacked by those that have a certificate which counts, as each
// client has: what the certificate is worth is package secure's to say.

// byTLS is how all ends here speak TLS.
func byTLS(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	is := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, is, is, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, InsecureSkipVerify: true}
}

func (a *acceptor) dialler() *peer.Dialer {
	return &peer.Dialer{Secrets: peer.NewSecrets("s"), Limit: limit, TLS: func() *tls.Config { return a.tls }}
}

// TestHandshakeByTLS: two nodes meet by TLS, by each version that there is, also through
// somebody that passes on bytes which it cannot read.
func TestHandshakeByTLS(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		a := listen(t, &acceptor{secret: "s", cluster: "c", tls: byTLS(t)})
		a.tls.MaxVersion = version
		spy := &spy{}
		spy.listen(t, a.l.Addr().String())
		conn, err := a.dialler().Dial(context.Background(), spy.l.Addr().String(), hello)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
		if in := <-a.opens; in.err != nil {
			t.Errorf("%x: %v", version, in.err)
		}
	}
}

// TestNobodyBetween: somebody with a certificate that counts ends the TLS of two nodes at
// itself and passes on what they say. Neither believes the other, so neither is heard.
func TestNobodyBetween(t *testing.T) {
	a := listen(t, &acceptor{secret: "s", cluster: "c", tls: byTLS(t)})
	between, err := tls.Listen("tcp", "127.0.0.1:0", a.tls)
	if err != nil {
		t.Fatal(err)
	}
	defer between.Close()
	go func() {
		in, err := between.Accept()
		if err != nil {
			return
		}
		defer in.Close()
		out, err := tls.Dial("tcp", a.l.Addr().String(), a.tls)
		if err != nil {
			return
		}
		defer out.Close()
		go func() { _, _ = io.Copy(in, out) }()
		_, _ = io.Copy(out, in)
	}()
	if _, err := a.dialler().Dial(context.Background(), between.Addr().String(), hello); !errors.Is(err, peer.ErrSecret) || !strings.Contains(err.Error(), "TLS must not end between") {
		t.Errorf("the dialler goes on, or gives another reason: %v", err)
	}
	if in := <-a.opens; !errors.Is(in.err, peer.ErrSecret) {
		t.Errorf("it is let in, or turned away for another reason: %v", in.err)
	}
}

// says opens a connection by TLS and says a greeting of node 2.
func (a *acceptor) says(t *testing.T, nonce string) (c *tls.Conn, challenge []string) {
	t.Helper()
	c, err := tls.Dial("tcp", a.l.Addr().String(), a.tls)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.Write(resp.AppendCommand(nil, "REGENT", "PEER", fmt.Sprint(peer.Version), "c", "2", "1", peer.Control, nonce, hello.Process)); err != nil {
		t.Fatal(err)
	}
	words, _, err := greeting(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range words {
		challenge = append(challenge, string(w))
	}
	return c, challenge
}

// proof is what node 2 proves by the secret "s" on a connection.
func proof(t *testing.T, c *tls.Conn, side, nonce, challenge string) string {
	t.Helper()
	cs := c.ConnectionState()
	number, err := cs.ExportKeyingMaterial("EXPORTER-regent-peer", nil, 32)
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, []byte("s"))
	for _, part := range []string{"regent-peer", side, fmt.Sprint(peer.Version), "2", "1", "c", "c", peer.Control, hello.Process, nonce, challenge, "", string(number)} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// TestNoReplayByTLS: neither the bytes of a conversation open another, nor its words inside
// another TLS connection, nor what the acceptor has proved, nor a proof made for TLS without it.
func TestNoReplayByTLS(t *testing.T) {
	a := listen(t, &acceptor{secret: "s", cluster: "c", tls: byTLS(t)})
	nonce := strings.Repeat("ab", 16)
	c, challenge := a.says(t, nonce)
	right := proof(t, c, "dialer", nonce, challenge[2])
	if _, err := c.Write(resp.AppendCommand(nil, "PROOF", right)); err != nil {
		t.Fatal(err)
	}
	welcome, _, err := greeting(c)
	if err != nil || len(welcome) != 2 || string(welcome[0]) != "WELCOME" {
		t.Fatalf("the node itself hears %q, %v", welcome, err)
	}
	if in := <-a.opens; in.err != nil {
		t.Fatal(in.err)
	}
	for what, said := range map[string]string{"the dialler's": right, "the acceptor's": string(welcome[1])} {
		c, _ := a.says(t, nonce)
		if _, err := c.Write(resp.AppendCommand(nil, "PROOF", said)); err != nil {
			t.Fatal(err)
		}
		if in := <-a.opens; !errors.Is(in.err, peer.ErrSecret) {
			t.Errorf("%s proof, again: it is let in, or turned away for another reason: %v", what, in.err)
		}
	}

	// A proof is for the connection that it is made on, TLS or none.
	bare := listen(t, &acceptor{secret: "s", cluster: "c"})
	raw, told := bare.raw(t, nonce)
	bare.mustRefuse(t, raw, proof(t, c, "dialer", nonce, told[2]))

	// What passed on the line, as it was.
	spy := &spy{}
	spy.listen(t, a.l.Addr().String())
	conn, err := a.dialler().Dial(context.Background(), spy.l.Addr().String(), hello)
	if err != nil {
		t.Fatal(err)
	}
	<-a.opens
	_ = conn.Close()
	<-spy.done
	again, err := net.Dial("tcp", a.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := again.Write(spy.said.Bytes()); err != nil {
		t.Fatal(err)
	}
	if in := <-a.opens; in.err == nil || errors.Is(in.err, peer.ErrSecret) {
		t.Errorf("bytes of another conversation are understood: %v", in.err)
	}
}

// TestReflectionByTLS: node 1 is made to dial an attacker with a certificate, and its proof is
// sent back to it.
func TestReflectionByTLS(t *testing.T) {
	a := listen(t, &acceptor{secret: "s", cluster: "c", tls: byTLS(t)})
	trap, err := tls.Listen("tcp", "127.0.0.1:0", a.tls)
	if err != nil {
		t.Fatal(err)
	}
	defer trap.Close()
	victim, challenge := a.says(t, strings.Repeat("ab", 16))
	dialled := make(chan error, 1)
	go func() {
		_, err := a.dialler().Dial(context.Background(), trap.Addr().String(), peer.Hello{Cluster: "c", From: 1, To: 2, Kind: peer.Control, Process: hello.Process})
		dialled <- err
	}()
	c, proof := lured(t, trap, challenge[2])
	if _, err := victim.Write(resp.AppendCommand(nil, "PROOF", proof)); err != nil {
		t.Fatal(err)
	}
	if in := <-a.opens; !errors.Is(in.err, peer.ErrSecret) {
		t.Errorf("its own proof lets somebody in: %v", in.err)
	}
	if _, err := c.Write(resp.AppendCommand(nil, "WELCOME", proof)); err != nil {
		t.Fatal(err)
	}
	if err := <-dialled; !errors.Is(err, peer.ErrSecret) {
		t.Errorf("it believes its own proof: %v", err)
	}
}
