package server

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// guarded has a password from now on.
func guarded(h *house) {
	c := h.Client()
	c.Do("CONFIG", "SET", "requirepass", "open sesame")
	h.EndSession(c.Session)
}

// goes reads until the connection ends.
func (w *wire) goes() {
	w.t.Helper()
	if err := w.SetReadDeadline(time.Now().Add(patience)); err != nil {
		w.t.Fatal(err)
	}
	var b [64 << 10]byte
	for {
		if _, err := w.Read(b[:]); err != nil {
			if e, ok := err.(interface{ Timeout() bool }); ok && e.Timeout() {
				w.t.Fatal("the connection stays")
			}
			return
		}
	}
}

// strangersAre waits until so many are counted.
func (h *house) strangersAre(want int) {
	h.t.Helper()
	eventually(h.t, fmt.Sprintf("%d clients that have not authenticated", want), func() bool {
		h.front.mu.Lock()
		defer h.front.mu.Unlock()
		return h.front.strangers.Len() == want
	})
}

const knock = "*2\r\n$4\r\nAUTH\r\n$11\r\nopen sesame\r\n"

// TestStrangersAreFew: one more than there may be ends the one that was there first, never
// one that has said the password; RESET makes a stranger again.
func TestStrangersAreFew(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, func(h *house, _ *Options) { guarded(h) })
		h.Config.UnauthenticatedClients.Set(2)
		known := h.dial()
		known.send(knock)
		known.expect("+OK\r\n")
		h.strangersAre(0)
		first := h.dial()
		h.strangersAre(1)
		second := h.dial()
		h.strangersAre(2)
		third := h.dial()
		first.goes()
		h.strangersAre(2)
		known.send("PING\r\n")
		known.expect("+PONG\r\n")
		second.send(knock)
		second.expect("+OK\r\n")
		h.strangersAre(1)
		known.send("RESET\r\n")
		known.expect("+RESET\r\n")
		h.strangersAre(2)
		h.dial()
		third.goes()
		second.send("PING\r\n")
		second.expect("+PONG\r\n")
	})
}

// TestStrangersAreBrief: a client that says no password in time goes, whatever else it says and
// whoever sets the wall clock; where no password is asked for any more nobody does.
func TestStrangersAreBrief(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, func(h *house, _ *Options) { guarded(h) })
		known, stranger := h.dial(), h.dial()
		known.send(knock)
		known.expect("+OK\r\n")
		stranger.send("GET k\r\n")
		stranger.expect("-NOAUTH Authentication required.\r\n")
		h.strangersAre(1)
		h.Server.Host.StepWall(5 * time.Hour) // which is no time that passes
		h.front.doChores()
		h.Server.Host.StepWall(-9 * time.Hour)
		h.front.doChores()
		h.Server.Host.Advance(59 * time.Second)
		stranger.send("GET k\r\n")
		stranger.expect("-NOAUTH Authentication required.\r\n")
		h.Server.Host.Advance(3 * time.Second)
		stranger.goes()
		h.strangersAre(0)
		known.send("PING\r\n")
		known.expect("+PONG\r\n")

		late := h.dial()
		h.strangersAre(1)
		known.send("*4\r\n$6\r\nCONFIG\r\n$3\r\nSET\r\n$11\r\nrequirepass\r\n$0\r\n\r\n")
		known.expect("+OK\r\n")
		h.Server.Host.Advance(100 * time.Second)
		late.send("GET k\r\n")
		late.expect("$-1\r\n")
	})
}

// TestStrangersHoldLittle: a client without the password that sends without end and never
// reads holds bounded memory, of input and of replies.
func TestStrangersHoldLittle(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, func(h *house, _ *Options) { guarded(h) })
		c := h.dial()
		most := 0
		flood := []byte(strings.Repeat("GET k\r\n", 16<<10))
		_ = c.SetWriteDeadline(time.Now().Add(patience))
		for range 200 { // 22 MB, which are answered by 100 MB
			_ = c.SetWriteDeadline(time.Now().Add(silence))
			if _, err := c.Write(flood); err != nil {
				break
			}
			h.front.mu.Lock()
			for c := range h.front.clients {
				b := c.Buffers()
				most = max(most, b.Input+b.InputFree+b.Output)
			}
			h.front.mu.Unlock()
		}
		if bound := 2*maxStrangerInput + 2*maxUnsent + 4*maxBatchReply; most > bound {
			t.Errorf("%d bytes are held, at most %d may be", most, bound)
		}
	})
}

// TestStrangersSayLittle: what a client may announce before it has said the password is
// far below what it may afterwards.
func TestStrangersSayLittle(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, func(h *house, _ *Options) { guarded(h) })
		for said, answer := range map[string]string{
			fmt.Sprintf("*%d\r\n", maxStrangerArgs+1):             "-ERR Protocol error: unauthenticated multibulk length\r\n",
			fmt.Sprintf("*1\r\n$%d\r\n", maxStrangerBulk+1):       "-ERR Protocol error: unauthenticated bulk length\r\n",
			fmt.Sprintf("*2\r\n$4\r\nAUTH\r\n$%d\r\n", 512<<20-1): "-ERR Protocol error: unauthenticated bulk length\r\n",
		} {
			c := h.dial()
			c.send(said)
			c.expect(answer)
			c.goes()
		}
	})
}

// TestEmptyRequests leave nothing behind for the request after them, nor does one that is cut
// off, and an error of the protocol ends the connection at once.
func TestEmptyRequests(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		c := h.dial()
		for _, empty := range []string{"*0\r\n", "*-1\r\n", "\r\n", "*0\r\n*0\r\n\r\n*-1\r\n"} {
			c.send(empty + "PING\r\n" + empty + command("PING") + empty)
			c.expect("+PONG\r\n+PONG\r\n")
			for _, part := range []string{empty, "*1\r\n$4\r\n", "PI", "NG\r\n"} {
				c.send(part)
			}
			c.expect("+PONG\r\n")
		}
		behind := 1000
		if h.secure {
			behind = 100 // one record of TLS: the connection may be gone before a second one
		}
		for range 50 {
			c := h.dial()
			c.send("*1\r\n$x\r\n" + strings.Repeat("PING\r\n", behind))
			c.expect("-ERR Protocol error: invalid bulk length\r\n")
			c.ended()
		}
		c.send("PING\r\n")
		c.expect("+PONG\r\n")
	})
}
