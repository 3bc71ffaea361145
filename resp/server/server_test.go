package server

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/enginetest"
	"regent/resp"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// silence is how long a test listens for what must not.
const silence = 50 * time.Millisecond

// A gate is an engine.Barrier that the test opens.
type gate struct {
	mu        sync.Mutex
	committed int64 // -1: everything
	epoch     int64
	sealed    int // calls of Pass
	tickets   map[engine.Conn]*gateTicket
	inTurn    func() // called once by the next Pass, which is on a client's turn
	work      func() // returned once by Settle, to a caller that may hand itself off
	soon      bool   // returned by Settle while there is no work
	waits     int    // calls of Wait
	proven    int    // calls of Pass with a proof of an earlier one
}

func (g *gate) Settle(handOff bool) (work func(), soon bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if handOff {
		work, g.work = g.work, nil
	}
	return work, work == nil && g.soon
}

type gateTicket struct {
	off, epoch int64
	outcome    engine.Outcome
}

func newGate() *gate { return &gate{committed: -1, tickets: map[engine.Conn]*gateTicket{}} }

func (g *gate) passes(off, epoch int64) bool {
	return (g.committed < 0 || off <= g.committed) && (epoch == 0 || epoch == g.epoch)
}

func (g *gate) Pass(off, epoch int64, _ engine.AckSet, p *engine.Proof) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sealed++
	if p.Epoch != 0 {
		g.proven++
	}
	p.Epoch = epoch
	if f := g.inTurn; f != nil {
		g.inTurn = nil
		f()
	}
	return g.passes(off, epoch)
}

func (g *gate) Wait(off, epoch int64, _ engine.AckSet, c engine.Conn) {
	g.mu.Lock()
	g.tickets[c] = &gateTicket{off: off, epoch: epoch}
	g.waits++
	g.mu.Unlock()
	g.advance()
}

func (g *gate) Outcome(c engine.Conn) engine.Outcome {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tickets[c]
	if t == nil || t.outcome == engine.Pending {
		return engine.Pending
	}
	delete(g.tickets, c)
	return t.outcome
}

func (g *gate) Leave(c engine.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.tickets, c)
}

// set changes what is committed and which node leads.
func (g *gate) set(committed, epoch int64) {
	g.mu.Lock()
	g.committed, g.epoch = committed, epoch
	g.mu.Unlock()
	g.advance()
}

// advance decides and wakes; a wait whose leadership is over is uncertain.
func (g *gate) advance() {
	g.mu.Lock()
	var woken []engine.Conn
	for c, t := range g.tickets {
		if t.outcome != engine.Pending {
			continue
		}
		switch {
		case g.passes(t.off, t.epoch):
			t.outcome = engine.Committed
		case t.epoch != 0 && t.epoch != g.epoch:
			t.outcome = engine.Uncertain
		default:
			continue
		}
		woken = append(woken, c)
	}
	g.mu.Unlock()
	for _, c := range woken {
		c.Wake()
	}
}

// giveUp makes every wait uncertain.
func (g *gate) giveUp() {
	g.mu.Lock()
	var woken []engine.Conn
	for c, t := range g.tickets {
		t.outcome = engine.Uncertain
		woken = append(woken, c)
	}
	g.mu.Unlock()
	for _, c := range woken {
		c.Wake()
	}
}

func (g *gate) waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.tickets)
}

// A house is an engine behind a listener.
type house struct {
	*enginetest.Server
	gate  *gate
	front *Server
	addr  net.Addr
	t     testing.TB

	secure bool // clients speak TLS
	cert   certificate
}

// Sessions counts the clients that the engine knows.
func (h *house) Sessions() int {
	asks := h.Client()
	asks.Authenticated = true
	defer h.EndSession(asks.Session)
	return strings.Count(asks.Do("CLIENT", "LIST"), "id=") - 1
}

// models are the ways connections are served; every test runs over each.
func models(t *testing.T, test func(t *testing.T, model int64)) {
	plainModels(t, test)
	t.Run("by TLS", func(t *testing.T) { tlsModels(t, test) })
}

// plainModels are those of them that speak no TLS.
func plainModels(t *testing.T, test func(t *testing.T, model int64)) {
	for name, model := range map[string]int64{"goroutine": config.IOGoroutine, "eventloop": config.IOEventLoop, "moving": moving} {
		t.Run(name, func(t *testing.T) { test(t, model) })
	}
}

// byTLS added to a model has clients speak TLS.
const byTLS = 100

// moving are event loops whose clients are moved from one to another all the
// time.
const moving = -1

// start opens a house on the loopback; change may adapt it first.
func start(t testing.TB, model int64, change func(h *house, o *Options)) *house {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, l, model, change)
}

func startOn(t testing.TB, l net.Listener, model int64, change func(h *house, o *Options)) *house {
	t.Helper()
	h := &house{Server: enginetest.NewEngine(t), gate: newGate(), addr: l.Addr(), t: t}
	if h.secure = model >= byTLS-1; h.secure {
		model -= byTLS
	}
	cfg := h.Config
	cfg.MaxClients.Set(10000)
	cfg.ClientQueryBufferLimit.Set(1 << 30)
	cfg.IOThreads.Set(4)
	cfg.IOModel.Set(model)
	if model == moving {
		cfg.IOModel.Set(config.IOEventLoop)
	}
	o := Options{Engine: h.Engine, Barrier: h.gate, Config: cfg, Host: h.Server.Host, TLS: h.tlsConfig}
	if change != nil {
		change(h, &o)
	}
	h.front = New(o)
	served := make(chan error, 1)
	serve := h.front.Serve
	if h.secure {
		serve = h.front.ServeTLS
	}
	go func() { served <- serve(l, engine.FacePort) }()
	rest := func() {}
	if model == moving {
		rest = shuffle(t, h.front)
	}
	t.Cleanup(func() {
		rest()
		if err := h.front.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := <-served; err != nil && !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
		if n := h.Sessions(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
	return h
}

// A wire is a client's end.
type wire struct {
	net.Conn
	t testing.TB
}

func (h *house) dial() *wire {
	h.t.Helper()
	c, err := net.Dial(h.addr.Network(), h.addr.String())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = c.Close() })
	if h.secure {
		secure := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
		if secure.Handshake() == nil { // or the server has closed it
			eventually(h.t, "its handshake is over on both sides", func() bool { return !h.front.shakesWith(c.LocalAddr().String()) })
		}
		return &wire{secure, h.t}
	}
	return &wire{c, h.t}
}

func (w *wire) send(s string) {
	w.t.Helper()
	if err := w.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		w.t.Fatal(err)
	}
	if _, err := io.WriteString(w, s); err != nil {
		w.t.Fatalf("sending %.100q: %v", s, err)
	}
}

// expect reads exactly want.
func (w *wire) expect(want string) {
	w.t.Helper()
	if err := w.SetReadDeadline(time.Now().Add(patience)); err != nil {
		w.t.Fatal(err)
	}
	got := make([]byte, len(want))
	n, err := io.ReadFull(w, got)
	if err != nil || string(got) != want {
		w.t.Fatalf("got %.300q, %v; want %.300q", got[:n], err, want)
	}
}

// silent checks that nothing comes.
func (w *wire) silent() {
	w.t.Helper()
	if err := w.SetReadDeadline(time.Now().Add(silence)); err != nil {
		w.t.Fatal(err)
	}
	var b [100]byte
	if n, err := w.Read(b[:]); n > 0 || err == io.EOF {
		w.t.Fatalf("got %q, %v; want silence", b[:n], err)
	}
}

// ended checks that the connection is closed with nothing more said.
func (w *wire) ended() {
	w.t.Helper()
	if rest := w.rest(); rest != "" {
		w.t.Fatalf("got %.300q; want the end", rest)
	}
}

// rest is what comes before the connection is closed.
func (w *wire) rest() string {
	w.t.Helper()
	if err := w.SetReadDeadline(time.Now().Add(patience)); err != nil {
		w.t.Fatal(err)
	}
	rest, err := io.ReadAll(w)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.t.Fatalf("got %.300q, %v; want the end", rest, err)
	}
	return string(rest)
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: does not happen", what)
		}
	}
}

func command(words ...string) string { return string(resp.AppendCommand(nil, words...)) }

func TestServesCommands(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		a, b := h.dial(), h.dial()
		a.send(command("SET", "k", "v") + "GET k\r\n" + command("GET", "none"))
		a.expect("+OK\r\n$1\r\nv\r\n$-1\r\n")
		b.send(command("APPEND", "k", "w"))
		b.expect(":2\r\n")
		// Byte by byte is as good as at once.
		for _, c := range command("GET", "k") {
			a.send(string(c))
		}
		a.expect("$2\r\nvw\r\n")
	})
}

// TestPipelineLongerThanABatch: bounds on a batch are not seen from outside.
func TestPipelineLongerThanABatch(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		w := h.dial()
		const n = 5*maxBatch + 3
		var ask, want strings.Builder
		for i := range n {
			ask.WriteString(command("INCR", "n"))
			fmt.Fprintf(&want, ":%d\r\n", i+1)
		}
		go w.send(ask.String())
		w.expect(want.String())

		big := strings.Repeat("x", 100<<10)
		w.send(command("SET", "big", big))
		w.expect("+OK\r\n")
		w.send(strings.Repeat(command("GET", "big"), 20))
		w.expect(strings.Repeat(fmt.Sprintf("$%d\r\n%s\r\n", len(big), big), 20))
	})
}

func TestBigValue(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		w := h.dial()
		value := bytes.Repeat([]byte("0123456789abcdef"), 8<<20/16)
		w.send(fmt.Sprintf("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", len(value)))
		for at := 0; at < len(value); at += 100_003 {
			w.send(string(value[at:min(len(value), at+100_003)]))
		}
		w.send("\r\n" + command("STRLEN", "k") + command("GET", "k"))
		w.expect(fmt.Sprintf("+OK\r\n:%d\r\n$%d\r\n%s\r\n", len(value), len(value), value))
	})
}

// TestHalfClosed: a client that says all and hangs up one way still gets the answers.
func TestHalfClosed(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		h.gate.set(0, 0)
		w := h.dial()
		w.send(command("SET", "k", "v") + command("GET", "k") + "*1\r\n$4\r\nha")
		if err := w.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		w.silent()
		h.gate.set(-1, 0)
		w.expect("+OK\r\n$1\r\nv\r\n")
		w.ended()
		eventually(t, "the session ends", func() bool { return h.Sessions() == 0 })
	})
}

func TestHijack(t *testing.T) {
	type got struct {
		conn  net.Conn
		early []byte
		hello [][]byte
	}
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		taken := make(chan got, 1)
		h.front.hijack = func(conn net.Conn, early []byte, hello [][]byte) { taken <- got{conn, early, hello} }
		w := h.dial()
		w.send(command("GET", "k"))
		w.expect("$-1\r\n")
		// No command sets Session.Hijack without a cluster: the test does, on
		// the client's own turn.
		h.front.mu.Lock()
		h.gate.mu.Lock()
		for c := range h.front.clients {
			h.gate.inTurn = func() { c.sess.Hijack = [][]byte{[]byte("REGENT"), []byte("PEER")} }
		}
		h.gate.mu.Unlock()
		h.front.mu.Unlock()
		w.send(command("SET", "other", "v"))
		w.expect("+OK\r\n")
		w.send(command("GET", "k") + "early bytes")
		w.expect("$-1\r\n")
		g := <-taken
		defer g.conn.Close()
		if fmt.Sprintf("%s", g.hello) != "[REGENT PEER]" || string(g.early) != "early bytes" {
			t.Fatalf("handed over %s and %q", g.hello, g.early)
		}
		if n := h.Sessions(); n != 0 {
			t.Fatalf("%d sessions are left", n)
		}
		if _, err := io.WriteString(g.conn, "hello"); err != nil {
			t.Fatal(err)
		}
		w.expect("hello")
		w.send("there")
		b := make([]byte, 5)
		if _, err := io.ReadFull(g.conn, b); err != nil || string(b) != "there" {
			t.Fatalf("the new owner reads %q, %v", b, err)
		}
	})
}

func TestTooManyClients(t *testing.T) {
	plainModels(t, func(t *testing.T, model int64) {
		h := start(t, model, func(h *house, _ *Options) { h.Config.MaxClients.Set(2) })
		a, b := h.dial(), h.dial()
		for _, w := range []*wire{a, b} {
			w.send("GET k\r\n")
			w.expect("$-1\r\n")
		}
		c := h.dial()
		c.expect("-ERR max number of clients reached\r\n")
		c.ended()
		_ = a.Close()
		eventually(t, "a place is free", func() bool { return h.Sessions() == 1 })
		d := h.dial()
		d.send("GET k\r\n")
		d.expect("$-1\r\n")
	})
}

func TestKillAndClose(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		a, b := h.dial(), h.dial()
		for _, w := range []*wire{a, b} {
			w.send("GET k\r\n")
			w.expect("$-1\r\n")
		}
		h.front.mu.Lock()
		var first *client
		for c := range h.front.clients {
			if c.peer == a.LocalAddr().String() {
				first = c
			}
		}
		h.front.mu.Unlock()
		if first == nil || first.LocalAddr() != h.addr.String() || first.FD() < 0 {
			t.Fatalf("no client %s, or it does not know its socket", a.LocalAddr())
		}
		first.Kill()
		a.ended()
		if err := h.front.Close(); err != nil {
			t.Fatal(err)
		}
		b.ended()
		if c, err := net.Dial("tcp", h.addr.String()); err == nil {
			c.Close()
			t.Fatal("still lets clients in")
		}
	})
}

func TestUnixSocket(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		l, err := net.Listen("unix", t.TempDir()+"/s")
		if err != nil {
			t.Fatal(err)
		}
		h := startOn(t, l, model, func(h *house, _ *Options) { h.Config.ProtectedMode.Set(true) })
		w := h.dial()
		w.send("SET k v\r\nGET k\r\n")
		w.expect("+OK\r\n$1\r\nv\r\n")
		h.front.mu.Lock()
		defer h.front.mu.Unlock()
		for c := range h.front.clients {
			if c.peer != l.Addr().String()+":0" {
				t.Fatalf("the peer is %q", c.peer)
			}
		}
	})
}

// TestClientListShowsBuffers: the own command as redis-server counts it, arguments of a
// command that waits, and replies that are not taken.
func TestClientListShowsBuffers(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		w, waits, slow := h.dial(), h.dial(), h.dial()
		slow.send("SETRANGE big 33554432 x\r\nGET big\r\n")
		eventually(t, "output is unsent", func() bool { return h.unsent() > 1<<20 })
		waits.send(command("BLPOP", "key", "0") + "PING\r\n")
		eventually(t, "it waits", func() bool { return h.asleep() == 1 })
		list := func() string {
			w.send(command("CLIENT", "LIST"))
			_ = w.SetReadDeadline(time.Now().Add(patience))
			var head [16]byte
			n := 0
			for head[n] = 0; n == 0 || head[n-1] != '\n'; n++ {
				if _, err := io.ReadFull(w, head[n:n+1]); err != nil {
					t.Fatal(err)
				}
			}
			size := 0
			if _, err := fmt.Sscanf(string(head[:n]), "$%d", &size); err != nil {
				t.Fatal(err)
			}
			text := make([]byte, size+2)
			if _, err := io.ReadFull(w, text); err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		got := list()
		for _, want := range []string{
			" qbuf=26 qbuf-free=0 argv-mem=10 ", // redis-server says 26 and 10 for CLIENT LIST
			" flags=b db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=6 ", " argv-mem=9 ", " cmd=blpop ",
			" obl=16384 oll=", " events=rw cmd=get ",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is not in\n%s", want, got)
			}
		}
		if again := list(); !strings.Contains(again, " qbuf=26 ") {
			t.Errorf("the second time\n%s", again)
		}
	})
}
