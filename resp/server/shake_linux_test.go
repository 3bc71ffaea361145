package server

import (
	"crypto/tls"
	"testing"
	"time"

	"regent/engine/config"
)

// TestHandshakesLeaveTime: while others want turns a handshake waits for as long as the last
// one took, and while nobody does it does not.
func TestHandshakesLeaveTime(t *testing.T) {
	h := start(t, config.IOEventLoop+byTLS, nil)
	var hello capture
	_ = tls.Client(&hello, &tls.Config{InsecureSkipVerify: true}).Handshake()
	h.raw().send(hello.String()[:len(hello.String())/2])
	lp := h.front.loops.all()[0]
	in := func(what func()) {
		done := make(chan struct{})
		lp.post(nil, &order{ask: func() { what(); close(done) }})
		<-done
	}
	half := func() *slot {
		for _, s := range lp.slots {
			if s != nil && s.tls.wire.fed() > 0 {
				return s
			}
		}
		return nil
	}
	eventually(t, "half of a record has come", func() (come bool) { in(func() { come = half() != nil }); return come })
	in(func() {
		s := half()
		s.tls.begun = true
		_, placed := h.front.shakers.enter(s)
		s.tls.ready.Store(placed)
		lp.shake(s)
		lp.shaken = lp.set.ticks() + int64(time.Hour)
		if lp.serveShakes(true); !s.tls.due {
			t.Error("others want turns, and it is computed")
		}
		lp.shaken = lp.set.ticks()
		began := lp.shaken
		if lp.serveShakes(true); s.tls.due || s.tls.wire.hand == nil {
			t.Error("others have had their time, and it is not computed")
		}
		if now := lp.set.ticks(); lp.shaken <= began || lp.shaken > now+(now-began) {
			t.Errorf("the next is computed after %d ns, in %d ns that this one took", lp.shaken-now, now-began)
		}
		lp.release()
	})
	in(func() { lp.shaken = lp.set.ticks() + int64(time.Hour) })
	good := h.dial()
	good.send(command("PING"))
	good.expect("+PONG\r\n")
	in(func() {
		if len(lp.hands) != 1 {
			t.Errorf("%d hands are kept after a handshake", len(lp.hands))
		}
	})
}

// TestWritesByTLSAreCalls: the governor counts them as system calls, not as work that another
// loop could do beside.
func TestWritesByTLSAreCalls(t *testing.T) {
	h := start(t, config.IOEventLoop+byTLS, nil)
	w := h.dial()
	w.send(command("PING"))
	w.expect("+PONG\r\n")
	lp, done := h.front.loops.all()[0], make(chan struct{})
	lp.post(nil, &order{ask: func() {
		defer close(done)
		for _, s := range lp.slots {
			if s == nil || s.tls.wire.shaking {
				continue
			}
			lp.meter.sample, lp.meter.calls = true, 0
			if _, err := s.write([]byte("+PONG\r\n")); err != nil || lp.meter.calls == 0 {
				t.Errorf("%d ns of system calls, %v", lp.meter.calls, err)
			}
		}
	}})
	<-done
	w.expect("+PONG\r\n")
}
