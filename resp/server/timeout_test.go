package server

import (
	"testing"
	"time"
)

// What timeout ends, and what it spares.

func TestIdleTimeout(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, func(h *house, _ *Options) { h.Config.Timeout.Set(10) })
		idle, busy, waiting := h.dial(), h.dial(), h.dial()
		h.Cluster.SetAcked(0)
		waiting.send(command("SET", "k", "v") + command("WAIT", "1", "0"))
		waiting.expect("+OK\r\n")
		for _, w := range []*wire{idle, busy} {
			w.send("GET none\r\n")
			w.expect("$-1\r\n")
		}
		for range 8 {
			h.Server.Host.Advance(2 * time.Second)
			busy.send("GET none\r\n")
			busy.expect("$-1\r\n")
		}
		idle.ended()
		waiting.silent()
	})
}

// TestIdleIsWhoNeitherSpeaksNorHears: as in redis-server, a client that monitors is never idle, and one
// whose command has waited is idle from its reply on. A reply that waits to be committed ends nobody.
func TestIdleIsWhoNeitherSpeaksNorHears(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, func(h *house, _ *Options) { h.Config.Timeout.Set(10) })
		pass := func(seconds int) {
			for range seconds {
				h.Server.Host.Advance(time.Second)
			}
		}
		monitors, served, last := h.dial(), h.dial(), h.dial()
		monitors.send("MONITOR\r\n")
		monitors.expect("+OK\r\n")
		last.send("PING\r\n") // else it may be no client yet, on a busy machine, when the time passes
		last.expect("+PONG\r\n")
		served.send(command("BLPOP", "l", "0"))
		eventually(t, "it waits", func() bool { return h.asleep() == 1 })
		pass(30)
		last.ended()
		last = h.dial()
		last.send(command("LPUSH", "l", "x"))
		last.expect(":1\r\n")
		served.expect("*2\r\n$1\r\nl\r\n$1\r\nx\r\n")
		pass(8)
		served.send("PING\r\n")
		served.expect("+PONG\r\n")
		h.lead(1)
		h.gate.set(0, 1)
		served.send(command("SET", "k", "v"))
		eventually(t, "its reply waits", func() bool { return h.gate.waiting() == 1 })
		pass(30)
		h.gate.set(-1, 1)
		served.expect("+OK\r\n")
		pass(30)
		served.ended()
	})
}
