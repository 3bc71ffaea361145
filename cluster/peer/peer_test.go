package peer_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"regent/cluster/bully"
	"regent/cluster/peer"
	"regent/resp"
)

const limit = 5 * time.Second

// hello is node 2's greeting to node 1.
var hello = peer.Hello{Cluster: "c", From: 2, To: 1, Kind: peer.Control, Process: strings.Repeat("0", 32)}

// An acceptor is node 1's end of connections.
type acceptor struct {
	l       net.Listener
	secret  string
	cluster string
	tls     *tls.Config // nil: it speaks no TLS
	// heard changes the greeting between the wire and the acceptor, as somebody
	// on the way would.
	heard   func(h *peer.Hello)
	refuses string               // what it answers to a node that has proved the secret
	tells   *bully.Configuration // what it tells
	opens   chan open
}

type open struct {
	conn *peer.Conn
	err  error
}

func listen(t *testing.T, a *acceptor) *acceptor {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	a.l, a.opens = l, make(chan open, 8)
	go func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				conn, err := a.accept(raw)
				if err != nil {
					raw.Close()
				}
				a.opens <- open{conn, err}
			}()
		}
	}()
	return a
}

func (a *acceptor) accept(raw net.Conn) (*peer.Conn, error) {
	if a.tls != nil {
		raw = tls.Server(raw, a.tls)
	}
	words, early, err := greeting(raw)
	if err != nil {
		return nil, err
	}
	h, nonce, err := peer.ParseHello(words)
	if err != nil {
		return nil, err
	}
	if a.heard != nil {
		a.heard(&h)
	}
	end := peer.Acceptor{Cluster: a.cluster, Secrets: peer.NewSecrets(a.secret), Limit: limit,
		Proved: func() (string, *bully.Configuration) { return a.refuses, a.tells }}
	return end.Accept(raw, early, h, nonce)
}

// greeting reads the words that open a channel, and what came behind them.
func greeting(raw net.Conn) (words [][]byte, early []byte, err error) {
	var got bytes.Buffer
	v, err := resp.NewReader(io.TeeReader(raw, &got), resp.DefaultLimits()).Read()
	if err != nil {
		return nil, nil, err
	}
	for _, e := range v.Elems {
		words = append(words, []byte(e.Text))
	}
	n := len(resp.AppendCommand(nil, words...))
	if n > got.Len() {
		return nil, nil, errors.New("it is not spelled as a command is")
	}
	return words, got.Bytes()[n:], nil
}

func (a *acceptor) dial(t *testing.T, h peer.Hello, secret string) (*peer.Conn, error) {
	t.Helper()
	d := peer.Dialer{Secrets: peer.NewSecrets(secret), Limit: limit}
	conn, err := d.Dial(context.Background(), a.l.Addr().String(), h)
	if conn != nil {
		t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

func TestHandshake(t *testing.T) {
	a := listen(t, &acceptor{secret: "s", cluster: "c"})
	out, err := a.dial(t, hello, "s")
	if err != nil {
		t.Fatal(err)
	}
	in := <-a.opens
	if in.err != nil {
		t.Fatal(in.err)
	}
	sent := peer.Frame{Type: peer.Data, Cluster: "c", From: 2, To: 1, Epoch: 7, Seq: 9, Args: [][]byte{{}, []byte("\r\n$1")}}
	if _, err := out.Write(peer.AppendFrame(nil, &sent)); err != nil {
		t.Fatal(err)
	}
	var got peer.Frame
	if err := in.conn.Next(&got); err != nil || fmt.Sprint(got) != fmt.Sprint(sent) {
		t.Errorf("%v arrived as %v: %v", sent, got, err)
	}
	sent.From = 3
	if _, err := out.Write(peer.AppendFrame(nil, &sent)); err != nil {
		t.Fatal(err)
	}
	if err := in.conn.Next(&got); err == nil {
		t.Error("node 2 may speak for node 3")
	}
}

// TestWhoIsKeptOut: either side turns away what does not know the secret, what
// belongs to another cluster, and whose greeting was changed on the way.
func TestWhoIsKeptOut(t *testing.T) {
	for name, c := range map[string]struct {
		a      acceptor
		h      peer.Hello
		secret string
		want   error
	}{
		"another secret":          {acceptor{secret: "s", cluster: "c"}, hello, "z", peer.ErrSecret},
		"no secret":               {acceptor{secret: "s", cluster: "c"}, hello, "", peer.ErrSecret},
		"an acceptor without one": {acceptor{secret: "", cluster: "c"}, hello, "s", peer.ErrSecret},
		"another cluster":         {acceptor{secret: "s", cluster: "d"}, hello, "s", peer.ErrForeign},
		"another sender":          {acceptor{secret: "s", cluster: "c", heard: func(h *peer.Hello) { h.From = 3 }}, hello, "s", peer.ErrSecret},
		"another addressee":       {acceptor{secret: "s", cluster: "c", heard: func(h *peer.Hello) { h.To = 3 }}, hello, "s", peer.ErrSecret},
		"another channel":         {acceptor{secret: "s", cluster: "c", heard: func(h *peer.Hello) { h.Kind = peer.Stream }}, hello, "s", peer.ErrSecret},
	} {
		t.Run(name, func(t *testing.T) {
			a := listen(t, &c.a)
			if _, err := a.dial(t, c.h, c.secret); !errors.Is(err, c.want) {
				t.Errorf("the dialer: %v", err)
			}
			if in := <-a.opens; in.err == nil {
				t.Error("the acceptor let it in")
			}
		})
	}
}

// raw opens a connection to the acceptor, says a greeting of node 2, and returns
// the challenge.
func (a *acceptor) raw(t *testing.T, nonce string) (net.Conn, []string) {
	t.Helper()
	c, err := net.Dial("tcp", a.l.Addr().String())
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
	var challenge []string
	for _, w := range words {
		challenge = append(challenge, string(w))
	}
	return c, challenge
}

func (a *acceptor) mustRefuse(t *testing.T, c net.Conn, proof string) {
	t.Helper()
	if _, err := c.Write(resp.AppendCommand(nil, "PROOF", proof)); err != nil {
		t.Fatal(err)
	}
	if in := <-a.opens; !errors.Is(in.err, peer.ErrSecret) {
		t.Errorf("let in, or turned away for another reason: %v", in.err)
	}
}

// TestNoReplay: what was heard of another conversation, or of this one in the
// other direction, opens nothing.
func TestNoReplay(t *testing.T) {
	a := listen(t, &acceptor{secret: "s", cluster: "c"})
	spy := &spy{}
	spy.listen(t, a.l.Addr().String())
	d := peer.Dialer{Secrets: peer.NewSecrets("s"), Limit: limit}
	conn, err := d.Dial(context.Background(), spy.l.Addr().String(), hello)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if in := <-a.opens; in.err != nil {
		t.Fatal(in.err)
	}
	// The same words again, in the same order.
	c, err := net.Dial("tcp", a.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(spy.said.Bytes()); err != nil {
		t.Fatal(err)
	}
	if in := <-a.opens; !errors.Is(in.err, peer.ErrSecret) {
		t.Errorf("a conversation that was heard opens another: %v", in.err)
	}
	// The acceptor's own proof of that conversation, sent back to it.
	nonce := strings.Repeat("ab", 16)
	mirror, _ := a.raw(t, nonce)
	a.mustRefuse(t, mirror, proofIn(t, spy.heard.String()))
	// The dialer's, with its nonce as one's own.
	again, _ := a.raw(t, nonceIn(t, spy.said.String()))
	a.mustRefuse(t, again, proofIn(t, spy.said.String()))
}

// proofIn and nonceIn find the parts of a conversation by their lengths.
func proofIn(t *testing.T, said string) string { return partIn(t, said, "$64\r\n", 64) }
func nonceIn(t *testing.T, said string) string { return partIn(t, said, "$32\r\n", 32) }

func partIn(t *testing.T, said, head string, n int) string {
	t.Helper()
	_, rest, ok := strings.Cut(said, head)
	if !ok || len(rest) < n {
		t.Fatalf("no %q in %q", head, said)
	}
	return rest[:n]
}

// TestReflection: node 1 is made to dial, and what it says there is brought back
// to it as if it came from node 2. Its proof is that of a dialer to somebody else.
func TestReflection(t *testing.T) {
	a := listen(t, &acceptor{secret: "s", cluster: "c"})
	stranger := listen(t, &acceptor{})
	stranger.l.Close()
	trap, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer trap.Close()
	victim, challenge := a.raw(t, strings.Repeat("ab", 16))
	go func() {
		d := peer.Dialer{Secrets: peer.NewSecrets("s"), Limit: limit}
		_, err := d.Dial(context.Background(), trap.Addr().String(), peer.Hello{Cluster: "c", From: 1, To: 2, Kind: peer.Control, Process: hello.Process})
		if !errors.Is(err, peer.ErrSecret) {
			t.Errorf("it believes a stranger: %v", err)
		}
	}()
	c, proof := lured(t, trap, challenge[2])
	a.mustRefuse(t, victim, proof)
	// It is told its own proof as the acceptor's.
	if _, err := c.Write(resp.AppendCommand(nil, "WELCOME", proof)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("it goes on")
	}
}

// TestNothingForStrangers: a dialer that has not proved the secret hears nothing
// that rests on it.
func TestNothingForStrangers(t *testing.T) {
	a := listen(t, &acceptor{secret: "s", cluster: "c"})
	_, challenge := a.raw(t, strings.Repeat("ab", 16))
	if len(challenge) != 3 || challenge[0] != "CHALLENGE" || challenge[1] != "c" || len(challenge[2]) != 32 {
		t.Errorf("a stranger is told %q", challenge)
	}
	_, again := a.raw(t, strings.Repeat("ab", 16))
	if again[2] == challenge[2] {
		t.Error("the same nonce twice")
	}
}

// TestWelcomeIsProved: what is told about the members is proved with the rest.
func TestWelcomeIsProved(t *testing.T) {
	told := &bully.Configuration{Epoch: 3, Version: 7, Voters: []int64{1, 3}, Addrs: "1@a:1,3@b:3"}
	a := listen(t, &acceptor{secret: "s", cluster: "c", tells: told})
	conn, err := a.dial(t, hello, "s")
	if err != nil || conn.Told.Addrs != told.Addrs || conn.Told.Version != 7 {
		t.Fatalf("%+v, %v", conn, err)
	}
	changed := &spy{change: func(b []byte) []byte { return bytes.Replace(b, []byte("1@a:1"), []byte("1@x:1"), 1) }}
	changed.listen(t, a.l.Addr().String())
	d := peer.Dialer{Secrets: peer.NewSecrets("s"), Limit: limit}
	if _, err := d.Dial(context.Background(), changed.l.Addr().String(), hello); !errors.Is(err, peer.ErrSecret) {
		t.Errorf("members that somebody has changed on the way: %v", err)
	}
}

// TestAnswersAreToldWhole: what is answered in place of the handshake reaches
// a person who looks for the reason, up to its last word.
func TestAnswersAreToldWhole(t *testing.T) {
	for _, text := range []string{resp.ErrProtected, resp.ErrLoading, "ERR unknown command 'REGENT'", "ERR " + strings.Repeat("x", 100_000)} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if c, err := l.Accept(); err == nil {
				_, _, _ = greeting(c)
				peer.TurnAway(c, text, limit)
				c.Close()
			}
		}()
		d := peer.Dialer{Limit: limit}
		_, err = d.Dial(context.Background(), l.Addr().String(), hello)
		l.Close()
		var refusal *peer.Refusal
		if !errors.As(err, &refusal) || refusal.Text != text[:min(len(text), 2048)] {
			t.Errorf("%.40q is told as %.200v", text, err)
		}
	}
	a := listen(t, &acceptor{secret: "s", cluster: "c", refuses: "ERR not you"})
	if _, err := a.dial(t, hello, "s"); err == nil || !strings.Contains(err.Error(), `"ERR not you"`) {
		t.Errorf("a node that has proved the secret and is refused hears %v", err)
	}
}

// TestVersions: another version is told which one is spoken here, in whatever
// form its greeting is.
func TestVersions(t *testing.T) {
	for _, words := range [][]string{
		{"REGENT", "PEER", "1", "c", "2", "1", "control", strings.Repeat("ab", 16)},
		{"REGENT", "PEER", "3"},
		{"REGENT", "PEER", strings.Repeat("9", 1000), "x"},
		{"REGENT", "PEER", "\r\nOK"},
	} {
		var bs [][]byte
		for _, w := range words {
			bs = append(bs, []byte(w))
		}
		_, _, err := peer.ParseHello(bs)
		var refusal *peer.Refusal
		if !errors.As(err, &refusal) || !strings.Contains(refusal.Text, "protocol version 2") || strings.ContainsAny(refusal.Text, "\r\n") {
			t.Errorf("%.60q: %v", words, err)
		}
	}
}

// A spy passes a connection on and remembers what the dialer said.
type spy struct {
	l      net.Listener
	said   bytes.Buffer
	heard  bytes.Buffer        // until the connection is closed it is the spy's
	change func([]byte) []byte // what the dialer hears, if given
	done   chan struct{}       // the dialer has said all
}

func (s *spy) listen(t *testing.T, to string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s.l, s.done = l, make(chan struct{})
	go func() {
		defer close(s.done)
		in, err := l.Accept()
		if err != nil {
			return
		}
		defer in.Close()
		out, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer out.Close()
		go func() {
			b := make([]byte, 4096)
			for {
				n, err := out.Read(b)
				if err != nil {
					return
				}
				p := b[:n]
				if s.change != nil {
					p = s.change(p)
				}
				s.heard.Write(p)
				if _, err := in.Write(p); err != nil {
					return
				}
			}
		}()
		_, _ = io.Copy(out, io.TeeReader(in, &s.said))
	}()
}

// FuzzDecoder: no bytes make a frame of more than its limit, and what is
// understood reads the same when it is written again.
func FuzzDecoder(f *testing.F) {
	f.Add(peer.AppendFrame(nil, &peer.Frame{Type: peer.Heartbeat, Cluster: "-", From: 1, To: 2, Args: [][]byte{[]byte("x")}}))
	f.Add([]byte("*1\r\n$9223372036854775807\r\n"))
	f.Add([]byte("*-1\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		const most = 4096
		d := peer.NewDecoder(bytes.NewReader(b), most)
		for {
			var frame, again peer.Frame
			if d.Next(&frame) != nil {
				return
			}
			text := peer.AppendFrame(nil, &frame)
			if err := peer.NewDecoder(bytes.NewReader(text), 2*most).Next(&again); err != nil || fmt.Sprint(frame) != fmt.Sprint(again) {
				t.Fatalf("%v, written and read again: %v, %v", frame, again, err)
			}
		}
	})
}

// lured is the connection of a node that has dialled the trap, and its proof; it was given nonce, that of its own
// challenge, so that the proof fits if anything does.
func lured(t *testing.T, trap net.Listener, nonce string) (c net.Conn, proof string) {
	t.Helper()
	c, err := trap.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, _, err := greeting(c); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(resp.AppendCommand(nil, "CHALLENGE", "c", nonce)); err != nil {
		t.Fatal(err)
	}
	words, _, err := greeting(c)
	if err != nil {
		t.Fatal(err)
	}
	return c, string(words[1])
}
