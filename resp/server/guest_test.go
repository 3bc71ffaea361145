package server

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"regent/resp"
)

// TestGuests: a connection that is refused as a client may say one thing, and is told the
// refusal for anything else, when its time is over, and when its place is needed.
func TestGuests(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		type entry struct {
			evict func()
			from  net.Addr
		}
		entries := make(chan entry, 8)
		taken := make(chan string, 8)
		var left atomic.Int64
		h := start(t, model, func(h *house, o *Options) {
			h.Config.MaxClients.Set(1)
			o.Admit = func(from net.Addr, evict func()) func() {
				entries <- entry{evict, from}
				return func() { left.Add(1) }
			}
			o.Hijack = func(conn net.Conn, early []byte, hello [][]byte) {
				taken <- fmt.Sprintf("%s %q", hello, early)
				_ = conn.Close()
			}
		})
		full := "-" + resp.ErrMaxClients + "\r\n"
		a := h.dial()
		a.send("GET k\r\n")
		a.expect("$-1\r\n")
		for _, said := range []string{
			"GET k\r\n", "PING\r\n", "QUIT\r\n", "nonsense\r\n", "AUTH x\r\n", "\r\n\r\nregent help\r\n", command("REGENT", "BACKUP"), "*1\r\n$100000\r\n",
			"*99999999999\r\n", strings.Repeat("x", maxGuestInput/2) + "\r\n", command("HELLO", "3") + command("REGENT", "PEER", "2"),
		} {
			g := h.dial()
			<-entries
			g.send(said)
			g.expect(full)
			g.ended()
		}
		peer := h.dial()
		if from := (<-entries).from; from.String() != peer.LocalAddr().String() {
			t.Errorf("admitted from %s, dialled from %s", from, peer.LocalAddr())
		}
		peer.send(command("regent", "Peer", "2", "x") + "PROOF")
		if got, want := <-taken, `[regent Peer 2 x] "PROOF"`; got != want {
			t.Errorf("handed over %s, want %s", got, want)
		}
		peer.ended()
		silent := h.dial()
		<-entries
		silent.silent()
		h.Server.Host.Advance(guestPatience)
		silent.expect(full)
		silent.ended()
		pushed := h.dial()
		(<-entries).evict()
		pushed.expect(full)
		pushed.ended()
		gone := h.dial()
		<-entries
		gone.Close()
		const guests = 15
		eventually(t, "all places are given back", func() bool { return left.Load() == guests })
		eventually(t, "there is one client", func() bool { return h.Sessions() == 1 })
		a.send("INFO stats\r\n")
		want := fmt.Sprintf("rejected_connections:%d\r\n", guests-1)
		b := make([]byte, 64<<10)
		n, _ := a.Read(b)
		if got := string(b[:n]); !strings.Contains(got, want) {
			t.Errorf("%s is missing in %s", want, got)
		}
		// Guests do not keep clients out.
		g := h.dial()
		<-entries
		eventually(t, "the guest is there", func() bool { return h.Sessions() == 2 })
		a.Close()
		eventually(t, "it is gone", func() bool { return h.Sessions() == 1 })
		c := h.dial()
		c.send("GET k\r\n")
		c.expect("$-1\r\n")
		_ = g.Close()
	})
}

// TestCrowdedGuests: when there are no descriptors left, guests that say nothing
// go before their time is over; clients, and those that have just come, do not.
func TestCrowdedGuests(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		guests := func(h *house) int {
			h.front.mu.Lock()
			defer h.front.mu.Unlock()
			return h.front.guests
		}
		h := start(t, model, func(h *house, o *Options) {
			h.Config.MaxClients.Set(1)
			o.Admit = func(net.Addr, func()) func() { return func() {} }
			o.Hijack = func(conn net.Conn, _ []byte, _ [][]byte) { _ = conn.Close() }
		})
		a := h.dial()
		a.send("GET k\r\n")
		a.expect("$-1\r\n")
		old := []*wire{h.dial(), h.dial()}
		eventually(t, "they are guests", func() bool { return guests(h) == 2 })
		h.Server.Host.Advance(guestHaste)
		young := h.dial()
		eventually(t, "it is a guest", func() bool { return guests(h) == 3 })
		h.front.crowded()
		for _, g := range old {
			g.expect("-" + resp.ErrMaxClients + "\r\n")
			g.ended()
		}
		eventually(t, "they are gone", func() bool { return guests(h) == 1 })
		young.send(command("REGENT", "PEER", "2", "x"))
		young.ended()
		a.send("GET k\r\n")
		a.expect("$-1\r\n")
	})
}

// TestNoPlaceForGuests: without a place the refusal comes at once.
func TestNoPlaceForGuests(t *testing.T) {
	plainModels(t, func(t *testing.T, model int64) {
		h := start(t, model, func(h *house, o *Options) {
			h.Config.MaxClients.Set(1)
			o.Admit = func(net.Addr, func()) func() { return nil }
		})
		a := h.dial()
		a.send("GET k\r\n")
		a.expect("$-1\r\n")
		b := h.dial()
		b.expect("-" + resp.ErrMaxClients + "\r\n")
		b.ended()
	})
}
