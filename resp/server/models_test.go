package server

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// plainNames are the commands whose replies depend on nothing but the
// commands before them.
var plainNames = []string{"get", "set", "append", "incr", "del", "exists", "mget", "ping", "echo", "quit", "select", "strlen", "getrange"}

// FuzzModels: whatever is sent in whatever pieces, every way of serving
// answers it as the engine does that is given the commands one by one.
func FuzzModels(f *testing.F) {
	for i, s := range frames {
		f.Add([]byte(s+"*1\r\n$4\r\nPING\r\n"), uint64(i))
	}
	f.Add([]byte("SET k v\r\nGET k\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\nQUIT\r\nGET k\r\n"), uint64(1))
	f.Add([]byte(strings.Repeat("APPEND k 0123456789\r\nGET k\r\n", 200)), uint64(3))
	f.Add([]byte(strings.Repeat("INCR n\r\n", 3*maxBatch)+"*"), uint64(4))
	ref := enginetest.NewEngine(f)
	known := commandNames(ref.Engine)
	houses := map[string]*house{}
	for name, model := range map[string]int64{"goroutine": config.IOGoroutine, "eventloop": config.IOEventLoop, "moving": moving} {
		houses[name] = start(quiet{f}, model, nil)
	}
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		o := model(b, limits{bulk: ref.Config.ProtoMaxBulkLen.Get()})
		for _, c := range o.commands {
			name := strings.ToLower(c[0])
			if slices.Contains(known, name) && !slices.Contains(plainNames, name) {
				return
			}
		}
		cuts := cutsOf(len(b), seed)
		if len(cuts) > 50 {
			cuts = cuts[:50] // the rest in one piece: a piece is a system call
		}
		cuts = append(cuts, len(b))
		want := answers(ref.Engine, o)
		for name, h := range houses {
			if got := exchange(t, h.addr, b, cuts); !bytes.Equal(got, want) {
				t.Fatalf("%s: %.300q is answered by\n%.500q, want\n%.500q", name, b, got, want)
			}
		}
	})
}

// quiet lets goroutines of a server log while a fuzzer runs, which panics
// else.
type quiet struct{ testing.TB }

func (quiet) Helper()             {}
func (quiet) Logf(string, ...any) {}

// commandNames asks for the names of all commands.
func commandNames(e *engine.Engine) []string {
	s := e.NewSession(&client{link: &tape{}}, engine.FacePort)
	defer e.EndSession(s)
	e.Execute(s, [][]byte{[]byte("COMMAND"), []byte("LIST")})
	return strings.Fields(string(s.W.Bytes())) // the lengths among them do no harm
}

// answers carries out commands on an engine without a listener.
func answers(e *engine.Engine, o outcome) []byte {
	s := e.NewSession(&client{link: &tape{}}, engine.FacePort)
	defer e.EndSession(s)
	for _, c := range o.commands {
		args := make([][]byte, len(c))
		for i := range c {
			args[i] = []byte(c[i])
		}
		e.Execute(s, args)
		if s.CloseAfterReply {
			return s.W.Bytes()
		}
	}
	if o.refusal != "" {
		s.W.Error(o.refusal)
	}
	return s.W.Bytes()
}

// exchange sends b in pieces, says that this was all, and reads to the end.
func exchange(t *testing.T, addr net.Addr, b []byte, cuts []int) []byte {
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	go func() {
		from := 0
		for _, cut := range cuts {
			if _, err := c.Write(b[from:cut]); err != nil {
				return // it has closed, and the answer says why
			}
			from = cut
		}
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%.300q: no end after %.300q", b, got)
	}
	return got
}

// TestNobodyStarves: however much one client has to say, others are answered.
func TestNobodyStarves(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, func(h *house, _ *Options) { h.Config.IOThreads.Set(1) })
		hog, good := h.dial(), h.dial()
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			ask := []byte(strings.Repeat(command("GET", "k"), 10_000))
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = hog.Write(ask)
				}
			}
		}()
		go func() { _, _ = io.Copy(io.Discard, hog) }()
		for range 100 {
			good.send(command("GET", "k"))
			good.expect("$-1\r\n")
		}
		close(stop)
		_ = hog.Close()
		<-stopped
	})
}

// TestLastWords: commands whose sender hangs up at once are carried out.
func TestLastWords(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		l, err := net.Listen("unix", t.TempDir()+"/s")
		if err != nil {
			t.Fatal(err)
		}
		h := startOn(t, l, model, nil)
		const n = 50
		for range n {
			w := h.dial()
			w.send(command("INCR", "n"))
			_ = w.Close()
		}
		eventually(t, "they are carried out", func() bool { return len(h.Log.Lines()) == n })
	})
}
