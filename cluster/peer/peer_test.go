package peer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"regent/cluster/peer"
	"regent/resp"
)

const limit = 5 * time.Second

// hello is node 2's greeting to node 1.
var hello = peer.Hello{Cluster: "c", From: 2, To: 1, Kind: peer.Control}

// An acceptor is node 1's end of connections.
type acceptor struct {
	l       net.Listener
	secret  string
	cluster string
	// heard changes the greeting between the wire and the acceptor, as somebody
	// on the way would.
	heard func(h *peer.Hello)
	opens chan open
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
	return peer.Accept(raw, early, h, nonce, a.cluster, []byte(a.secret), limit, nil)
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
	return words, got.Bytes()[len(resp.AppendCommand(nil, words...)):], nil
}

func (a *acceptor) dial(t *testing.T, h peer.Hello, secret string) (*peer.Conn, error) {
	t.Helper()
	conn, err := peer.Dial(context.Background(), a.l.Addr().String(), h, []byte(secret), limit)
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

// TestWhoIsKeptOut: either side turns away who does not know the secret, who
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
	if _, err := c.Write(resp.AppendCommand(nil, "REGENT", "PEER", fmt.Sprint(peer.Version), "c", "2", "1", peer.Control, nonce)); err != nil {
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
	conn, err := peer.Dial(context.Background(), spy.l.Addr().String(), hello, []byte("s"), limit)
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
	// The acceptor's own proof, sent back to it.
	nonce := strings.Repeat("ab", 16)
	mirror, challenge := a.raw(t, nonce)
	a.mustRefuse(t, mirror, challenge[3])
	// With its nonce as one's own, in a second conversation.
	first, challenge := a.raw(t, nonce)
	_, second := a.raw(t, challenge[2])
	a.mustRefuse(t, first, second[3])
}

// A spy passes a connection on and remembers what the dialer said.
type spy struct {
	l    net.Listener
	said bytes.Buffer
}

func (s *spy) listen(t *testing.T, to string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s.l = l
	go func() {
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
		go func() { _, _ = io.Copy(in, out) }()
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
