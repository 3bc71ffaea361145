package peer

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"time"

	"regent/cluster/bully"
	"regent/resp"
)

// The handshake: see the package's page for its order.

// Kinds of channels.
const (
	Control = "control" // the election's messages, from the dialer alone
	Stream  = "stream"  // the log, from the leader, and its acknowledgements
	Copying = "copy"    // a full copy, from the leader, and its acknowledgement
)

// Unknown stands for a cluster ID that a node does not know yet.
const Unknown = "-"

// nonceBytes is the length of a nonce in bytes.
const nonceBytes = 16

// A Hello says who speaks to whom on which kind of channel.
type Hello struct {
	Cluster  string // confirmed cluster ID, or Unknown
	From, To int64
	Kind     string
}

// ErrForeign says that the other side belongs to another cluster.
var ErrForeign = errors.New("belongs to another cluster")

// ErrSecret says that the other side does not know the secret.
var ErrSecret = errors.New("does not know the cluster's secret")

// transcript is what both proofs are about.
type transcript struct {
	hello          Hello
	acceptor       string // the acceptor's cluster ID
	nonceD, nonceA string
	secret         []byte
}

// mac proves knowledge of the secret as the given side. Each part is preceded
// by its length, so that no two transcripts look the same.
func (t *transcript) mac(side string) string {
	h := hmac.New(sha256.New, t.secret)
	part := func(s string) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	part("regent-peer")
	part(side)
	for _, n := range [...]int64{Version, t.hello.From, t.hello.To} {
		part(fmt.Sprint(n))
	}
	for _, s := range [...]string{t.hello.Cluster, t.acceptor, t.hello.Kind, t.nonceD, t.nonceA} {
		part(s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (t *transcript) proves(side, mac string) bool {
	return hmac.Equal([]byte(mac), []byte(t.mac(side)))
}

func nonce() string {
	var b [nonceBytes]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process first
	return hex.EncodeToString(b[:])
}

func validNonce(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == nonceBytes
}

// Dial connects to a peer and proves the secret. An error that Refused
// reports says that nobody listens there.
func Dial(ctx context.Context, addr string, h Hello, secret []byte, limit time.Duration) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	raw, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Now()) })
	c := newConn(raw, nil, maxGreeting)
	if err := c.introduce(h, secret); err != nil {
		stop()
		_ = raw.Close()
		return nil, fmt.Errorf("handshake with node %d at %s: %w", h.To, addr, err)
	}
	if !stop() {
		_ = raw.Close()
		return nil, fmt.Errorf("handshake with node %d at %s: %w", h.To, addr, context.Cause(ctx))
	}
	c.open(h.To)
	return c, nil
}

func (c *Conn) introduce(h Hello, secret []byte) error {
	t := transcript{hello: h, nonceD: nonce(), secret: secret}
	hello := resp.AppendCommand(nil, "REGENT", "PEER", fmt.Sprint(Version), h.Cluster,
		fmt.Sprint(h.From), fmt.Sprint(h.To), h.Kind, t.nonceD)
	if _, err := c.Conn.Write(hello); err != nil {
		return err
	}
	answer, err := c.words("CHALLENGE", 4)
	if err != nil {
		return err
	}
	t.acceptor, t.nonceA = answer[1], answer[2]
	if !validNonce(t.nonceA) || !t.proves("acceptor", answer[3]) {
		return ErrSecret
	}
	if foreign(h.Cluster, t.acceptor) {
		return ErrForeign
	}
	if _, err := c.Conn.Write(resp.AppendCommand(nil, "PROOF", t.mac("dialer"))); err != nil {
		return err
	}
	// From here on the acceptor is believed as every frame of its is.
	c.dec.limit = MaxFrame
	got, err := c.dec.elements()
	if err != nil {
		return noEOF(err)
	}
	if got != 1 && got != 1+membersArgs || string(c.dec.args[0]) != "WELCOME" {
		return malformed("%d words where WELCOME should stand", got)
	}
	if got > 1 {
		c.Told, err = readMembers(c.dec.args[1:got])
	}
	return err
}

// ParseHello reads the words REGENT PEER … that open a channel.
func ParseHello(words [][]byte) (h Hello, nonce string, err error) {
	if len(words) != 8 {
		return h, "", malformed("a greeting of %d words", len(words))
	}
	for _, w := range words {
		if len(w) > maxGreeting/8 {
			return h, "", malformed("a word of %d bytes", len(w))
		}
	}
	version, ok := parseUint(words[2])
	if !ok || version != Version {
		return h, "", malformed("protocol version %.16q, not %d", words[2], Version)
	}
	h.Cluster, h.Kind, nonce = string(words[3]), string(words[6]), string(words[7])
	var ok1, ok2 bool
	h.From, ok1 = parseUint(words[4])
	h.To, ok2 = parseUint(words[5])
	if !ok1 || !ok2 || h.Kind != Control && h.Kind != Stream && h.Kind != Copying || !validNonce(nonce) {
		return h, "", malformed("a greeting that says nothing")
	}
	return h, nonce, nil
}

// Accept answers a dialer's greeting. early is what was already read after
// it. The caller has checked that it wants to hear from h.From and is h.To;
// cluster is its own confirmed cluster ID or Unknown. A dialer that is no member
// is told who is.
func Accept(raw net.Conn, early []byte, h Hello, nonceD, cluster string, secret []byte, limit time.Duration, tell *bully.Configuration) (*Conn, error) {
	_ = raw.SetDeadline(time.Now().Add(limit))
	c := newConn(raw, early, maxGreeting)
	t := transcript{hello: h, acceptor: cluster, nonceD: nonceD, nonceA: nonce(), secret: secret}
	challenge := resp.AppendCommand(nil, "CHALLENGE", cluster, t.nonceA, t.mac("acceptor"))
	if _, err := raw.Write(challenge); err != nil {
		return nil, err
	}
	proof, err := c.words("PROOF", 2)
	if err != nil {
		return nil, err
	}
	if !t.proves("dialer", proof[1]) {
		return nil, ErrSecret
	}
	if foreign(h.Cluster, cluster) {
		return nil, ErrForeign
	}
	welcome := resp.AppendCommand(nil, "WELCOME")
	if tell != nil {
		welcome = appendMembers(resp.AppendBulk(resp.AppendArray(nil, 1+membersArgs), "WELCOME"), tell, true)
	}
	if _, err := raw.Write(welcome); err != nil {
		return nil, err
	}
	_ = raw.SetDeadline(time.Time{})
	c.open(h.From)
	return c, nil
}

func foreign(a, b string) bool { return a != Unknown && b != Unknown && a != b }

// words reads one step of the handshake.
func (c *Conn) words(first string, n int) ([]string, error) {
	got, err := c.dec.elements()
	if err != nil {
		return nil, noEOF(err)
	}
	if got != n || string(c.dec.args[0]) != first {
		return nil, malformed("%d words where %s should stand", got, first)
	}
	out := make([]string, n)
	for i := range out {
		out[i] = string(c.dec.args[i])
	}
	return out, nil
}
