package peer

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"regent/cluster/bully"
	"regent/resp"
)

// The handshake: see the package's page for its order.

// Kinds of channels.
const (
	Control  = "control"  // the election's messages, from the dialer alone
	Stream   = "stream"   // the log, from the leader, and its acknowledgements
	Copying  = "copy"     // a full copy, from the leader, and its acknowledgement
	Messages = "messages" // what clients publish, from the dialer alone
	Tunnel   = "tunnel"   // a plain client's bytes, both ways
	Probe    = "probe"    // nothing: the handshake proves which node is there
)

// kinds are all of them.
var kinds = [...]string{Control, Stream, Copying, Messages, Tunnel, Probe}

// Unknown stands for a cluster ID that a node does not know yet.
const Unknown = "-"

// nonceBytes is the length of a nonce in bytes.
const nonceBytes = 16

// A Hello says which node speaks to which, and on which kind of channel.
type Hello struct {
	Cluster  string // confirmed cluster ID, or Unknown
	From, To int64
	Kind     string
	// Process is a number that the dialling process has drawn at its start: two
	// processes that say they are the same node differ in it.
	Process string
}

// ErrForeign says that the other side belongs to another cluster.
var ErrForeign = errors.New("belongs to another cluster")

// ErrSecret says that the other side does not know the secret.
var ErrSecret = errors.New("does not know the cluster's secret")

// A Refusal is what the other side answered in place of the handshake's next
// step: an error line, whole. Whoever listens there has not proved anything.
type Refusal struct{ Text string }

func (r *Refusal) Error() string { return fmt.Sprintf("it answers %q", r.Text) }

// transcript is what both proofs are about.
type transcript struct {
	hello          Hello
	acceptor       string // the acceptor's cluster ID
	nonceD, nonceA string
	told           string // the acceptor's: the members it tells of, as they are sent
	channel        string // by TLS: its number (channelOf)
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
	for _, s := range [...]string{t.hello.Cluster, t.acceptor, t.hello.Kind, t.hello.Process, t.nonceD, t.nonceA, t.told} {
		part(s)
	}
	if t.channel != "" {
		part(t.channel)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (t *transcript) proves(side, mac string) bool {
	return hmac.Equal([]byte(mac), []byte(t.mac(side)))
}

// provesOne reports whether a dialer has proved one of the secrets, which is the
// conversation's from then on: the acceptor answers with that which the dialer knows.
func (t *transcript) provesOne(mac string, secrets [][]byte) bool {
	for _, s := range secrets {
		if t.secret = s; t.proves("dialer", mac) {
			return true
		}
	}
	return false
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

// NewProcess draws a Hello.Process.
func NewProcess() string { return nonce() }

// A Dialer connects to peers and proves the secret.
type Dialer struct {
	Secrets *Secrets
	Limit   time.Duration // of a dial and its handshake together
	// TLS, if given, is how nodes speak TLS to one another; nil: they do not.
	TLS func() *tls.Config
	// Tried, if given, is told each address that a peer's address means.
	Tried func(netip.Addr)
	// Net opens connections; nil is the system's TCP. What it refuses with ECONNREFUSED is
	// no proof of a death.
	Net func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Dial connects to a peer and proves the secret, and that the peer knows it. An
// error that is a *Refusal says what the peer answered.
func (d *Dialer) Dial(ctx context.Context, addr string, h Hello) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.Limit)
	defer cancel()
	raw, err := d.dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	raw, under, err := d.begin(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("handshake with node %d at %s: %w", h.To, addr, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Now()) })
	c := newConn(raw, nil, maxGreeting)
	if under != nil {
		under.of, c.under = c, under
	}
	if err := c.introduce(h, d.Secrets.proving()); err != nil {
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
	channel, err := channelOf(c.Conn)
	if err != nil {
		return err
	}
	t := transcript{hello: h, nonceD: nonce(), channel: channel, secret: secret}
	hello := resp.AppendCommand(nil, "REGENT", "PEER", fmt.Sprint(Version), h.Cluster,
		fmt.Sprint(h.From), fmt.Sprint(h.To), h.Kind, t.nonceD, h.Process)
	if _, err := c.Conn.Write(hello); err != nil {
		return err
	}
	answer, err := c.words("CHALLENGE", 3)
	if errors.Is(err, io.ErrUnexpectedEOF) && !c.secure {
		return fmt.Errorf("it closes the connection at the first word, as where nodes speak TLS, which tls-cluster says the same on every node: %w", err)
	}
	if err != nil {
		return err
	}
	if t.acceptor, t.nonceA = answer[1], answer[2]; !validNonce(t.nonceA) {
		return Malformed("a challenge without a nonce")
	}
	if foreign(h.Cluster, t.acceptor) {
		return ErrForeign
	}
	if _, err := c.Conn.Write(resp.AppendCommand(nil, "PROOF", t.mac("dialer"))); err != nil {
		return err
	}
	c.dec.limit = maxWelcome
	got, err := c.step("WELCOME", 2, 2+membersArgs)
	if err != nil {
		return err
	}
	t.told = string(appendWords(nil, got[2:]))
	if !t.proves("acceptor", string(got[1])) {
		return ErrSecret
	}
	if len(got) > 2 {
		c.Told, err = readMembers(got[2:])
	}
	return err
}

// ParseHello reads the words REGENT PEER … that open a channel. A Refusal says
// what to answer the dialer.
func ParseHello(words [][]byte) (h Hello, nonce string, err error) {
	if len(words) < 3 {
		return h, "", &Refusal{resp.ErrPeerGreeting}
	}
	if version, ok := parseUint(words[2]); !ok || version != Version {
		return h, "", &Refusal{fmt.Sprintf(resp.ErrPeerVersion, printable(words[2]), Version)}
	}
	if len(words) != helloWords {
		return h, "", &Refusal{resp.ErrPeerGreeting}
	}
	for _, w := range words {
		if len(w) > maxGreeting/helloWords {
			return h, "", &Refusal{resp.ErrPeerGreeting}
		}
	}
	h.Cluster, h.Kind, nonce, h.Process = string(words[3]), string(words[6]), string(words[7]), string(words[8])
	var ok1, ok2 bool
	h.From, ok1 = parseUint(words[4])
	h.To, ok2 = parseUint(words[5])
	if !ok1 || !ok2 || !slices.Contains(kinds[:], h.Kind) || !validNonce(nonce) || !validNonce(h.Process) {
		return h, "", &Refusal{resp.ErrPeerGreeting}
	}
	return h, nonce, nil
}

// helloWords are the words of a greeting.
const helloWords = 9

// printable is at most a few bytes of b, in a form that a line may hold.
func printable(b []byte) string {
	const most = 16
	return strings.Trim(strconv.QuoteToASCII(string(b[:min(len(b), most)])), `"`)
}

// TurnAway answers a connection with an error in place of the handshake's next step.
func TurnAway(raw net.Conn, text string, limit time.Duration) {
	_ = raw.SetWriteDeadline(time.Now().Add(limit))
	_, _ = raw.Write([]byte("-" + text + "\r\n")) // it finds out by itself otherwise
}

// An Acceptor is the other end of handshakes.
type Acceptor struct {
	Cluster string // confirmed cluster ID, or Unknown
	Secrets *Secrets
	Limit   time.Duration // of a handshake
	// Proved is asked once the dialer has proved the secret: a text refuses it,
	// and members, if any, are what it is told.
	Proved func() (refusal string, tell *bully.Configuration)
}

// Accept answers a dialer's greeting. early is what was already read after
// it. Nothing that rests on the secret, or tells more than that a node is here, is said
// before the dialer has proved that it knows it: what a stranger hears lets it
// guess nothing.
func (a *Acceptor) Accept(raw net.Conn, early []byte, h Hello, nonceD string) (*Conn, error) {
	_ = raw.SetDeadline(time.Now().Add(a.Limit))
	c := newConn(raw, early, maxGreeting)
	channel, err := channelOf(raw)
	if err != nil {
		return nil, err
	}
	t := transcript{hello: h, acceptor: a.Cluster, nonceD: nonceD, nonceA: nonce(), channel: channel}
	if _, err := raw.Write(resp.AppendCommand(nil, "CHALLENGE", a.Cluster, t.nonceA)); err != nil {
		return nil, err
	}
	proof, err := c.words("PROOF", 2)
	if err != nil {
		return nil, err
	}
	if !t.provesOne(proof[1], a.Secrets.accepted()) {
		TurnAway(raw, resp.ErrPeerSecret, a.Limit)
		return nil, ErrSecret
	}
	if foreign(h.Cluster, a.Cluster) {
		TurnAway(raw, resp.ErrPeerForeign, a.Limit)
		return nil, ErrForeign
	}
	refusal, tell := a.Proved()
	if refusal != "" {
		TurnAway(raw, refusal, a.Limit)
		return nil, &Refusal{refusal}
	}
	if _, err := raw.Write(t.welcome(tell)); err != nil {
		return nil, err
	}
	_ = raw.SetDeadline(time.Time{})
	c.Process = h.Process
	c.open(h.From)
	return c, nil
}

// welcome is the acceptor's last word, proved with all that it says.
func (t *transcript) welcome(tell *bully.Configuration) []byte {
	var members []byte
	n := 2
	if tell != nil {
		members = appendMembers(nil, tell, true)
		n += membersArgs
	}
	t.told = string(members)
	b := resp.AppendBulk(resp.AppendArray(nil, n), "WELCOME")
	return append(resp.AppendBulk(b, t.mac("acceptor")), members...)
}

func foreign(a, b string) bool { return a != Unknown && b != Unknown && a != b }

// step reads one step of the handshake, which has one of two lengths. The words
// are valid until the next step. An error line is a Refusal.
func (c *Conn) step(first string, lengths ...int) ([][]byte, error) {
	got, err := c.dec.answer()
	if err != nil {
		var refusal *Refusal
		if errors.As(err, &refusal) && refusal.Text == resp.ErrPeerSecret {
			between := ""
			if c.secure {
				between = ", and TLS must not end between the nodes"
			}
			return nil, fmt.Errorf("this node %w, says the other side: cluster-secret or masterauth must be the same on every node%s", ErrSecret, between)
		}
		return nil, noEOF(err)
	}
	if !slices.Contains(lengths, got) || string(c.dec.args[0]) != first {
		return nil, Malformed("%d words where %s should stand", got, first)
	}
	return c.dec.args[:got], nil
}

// words is step, with words that stay.
func (c *Conn) words(first string, n int) ([]string, error) {
	got, err := c.step(first, n)
	if err != nil {
		return nil, err
	}
	out := make([]string, n)
	for i := range out {
		out[i] = string(got[i])
	}
	return out, nil
}

// appendWords appends words as they are sent.
func appendWords(dst []byte, words [][]byte) []byte {
	for _, w := range words {
		dst = resp.AppendBulk(dst, w)
	}
	return dst
}
