package server

import (
	"strings"
	"testing"

	"regent/engine/config"
)

// TestReadsAndCopies: of what a client sends without a pause, much is read at once and
// little is copied before it is carried out, whatever its commands' size is.
func TestReadsAndCopies(t *testing.T) {
	h := start(t, config.IOEventLoop, nil)
	const total = 8 << 20 // bytes, about
	for _, c := range []struct {
		size   int
		reads  float64 // at most, for a command
		copied float64 // at most, for a byte
	}{
		{100, 0.01, 0.1},
		{4 << 10, 0.1, 0.2},
		{16 << 10, 0.4, 0.7},
		{30 << 10, 0.8, 0.8},
		{64 << 10, 1.1, 0.1},
		{256 << 10, 1.2, 0.1},
		{1 << 20, 1.3, 0.1},
	} {
		one := command("SET", "k", strings.Repeat("v", c.size))
		commands := total / len(one)
		w := h.dial()
		w.send("GET none\r\n")
		w.expect("$-1\r\n")
		reads, copied := h.feed(strings.Repeat(one, commands))
		w.expect(strings.Repeat("+OK\r\n", commands))
		if got := float64(reads) / float64(commands); got > c.reads {
			t.Errorf("values of %d bytes: %.3f reads for a command, %.3f at most", c.size, got, c.reads)
		}
		if got := float64(copied) / float64(commands*len(one)); got > c.copied {
			t.Errorf("values of %d bytes: %.3f bytes were copied for each, %.3f at most", c.size, got, c.copied)
		}
		_ = w.Close()
		eventually(t, "it is gone", func() bool { return h.Sessions() == 0 })
	}
}

// TestDribbleIsNotCopied: a command that comes in small pieces is not copied anew with each.
func TestDribbleIsNotCopied(t *testing.T) {
	h := start(t, config.IOEventLoop, nil)
	w := h.dial()
	w.send("GET none\r\n")
	w.expect("$-1\r\n")
	one := command("SET", "k", strings.Repeat("v", 20<<10))
	_, copied := h.feed(strings.SplitAfter(one, strings.Repeat("v", 100))...)
	w.expect("+OK\r\n")
	if copied > 2*len(one) {
		t.Errorf("%d bytes were copied for a command of %d", copied, len(one))
	}
}

// feed hands pieces to the only client as if its socket had them, each as far as it
// fits a read. copied is how many bytes of them were copied on their way.
func (h *house) feed(pieces ...string) (reads, copied int) {
	h.front.mu.Lock()
	var s *slot
	for c := range h.front.clients {
		s = c.link.(*slot)
	}
	h.front.mu.Unlock()
	lp, done := s.at.Load(), make(chan struct{})
	lp.post(nil, &order{ask: func() {
		defer close(done)
		for _, rest := range pieces {
			for rest != "" {
				p, by := s.place(lp.w)
				n := copy(p[:min(len(p), maxRead)], rest)
				before := len(s.in) - s.client.at
				s.came(lp.w, by, p, n)
				after := len(s.in) - s.client.at
				switch {
				case by == wayOwn:
				case after > before && before > 0: // what came was put behind it
					copied += n
				default:
					copied += before + after
				}
				reads, rest = reads+1, rest[n:]
				lp.w.end(&s.client)
				s.release(lp.w)
				lp.w.reset()
			}
		}
	}})
	<-done
	return reads, copied
}
