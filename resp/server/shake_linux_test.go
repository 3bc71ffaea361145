package server

import (
	"crypto"
	"crypto/tls"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"regent/engine/config"
	"regent/resp/secure"
)

// TestHandshakesLeaveTime: while others want turns a handshake waits for as long as the last
// one took, and while nobody does it does not.
func TestHandshakesLeaveTime(t *testing.T) {
	h := start(t, config.IOEventLoop+byTLS, nil)
	var hello capture
	_ = tls.Client(&hello, &tls.Config{InsecureSkipVerify: true}).Handshake()
	h.raw().send(hello.String()[:len(hello.String())/2])
	lp := h.firstLoop()
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
	var halved *slot
	in(func() {
		s := half()
		halved = s
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
	event := func(s *slot) []unix.EpollEvent {
		return []unix.EpollEvent{{Fd: firstListener}, {Fd: s.tag.place, Pad: s.tag.gen}}
	}
	in(func() {
		if lp.wanted(event(halved)) {
			t.Error("a listener and another handshake count as clients that want turns")
		}
	})
	good := h.dial()
	good.send(command("PING"))
	good.expect("+PONG\r\n")
	in(func() {
		for _, s := range lp.slots {
			if s != nil && !s.tls.wire.shaking && !lp.wanted(event(s)) {
				t.Error("a client that wants a turn does not count")
			}
		}
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
	lp, done := h.firstLoop(), make(chan struct{})
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

// A heldKey signs when it is let, as a key does that takes long.
type heldKey struct {
	crypto.Signer
	begun chan struct{} // one for each that waits
	let   chan struct{} // nil: all are let
	at    atomic.Int64  // are signing
	most  atomic.Int64  // of them at a time
	n     atomic.Int64  // have signed
}

func (k *heldKey) Sign(rand io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	at := k.at.Add(1)
	for most := k.most.Load(); at > most && !k.most.CompareAndSwap(most, at); most = k.most.Load() {
	}
	if k.let != nil {
		k.begun <- struct{}{}
		<-k.let
	}
	k.n.Add(1)
	k.at.Add(-1)
	return k.Signer.Sign(rand, digest, o)
}

// TestSlowKeysHoldNoLoopUp: while a key is used that takes long, its loop serves others; few
// are used at a time, and one whose client is gone is not used.
func TestSlowKeysHoldNoLoopUp(t *testing.T) {
	own := selfSigned(t)
	key := &heldKey{Signer: own.PrivateKey.(crypto.Signer), begun: make(chan struct{}, 100)}
	own.PrivateKey = key
	cfg := &tls.Config{DynamicRecordSizingDisabled: true}
	secure.Present(cfg, &own)
	h := start(t, config.IOEventLoop+byTLS, func(h *house, o *Options) {
		o.Config.IOThreads.Set(1)
		o.TLS = func() *tls.Config { return cfg }
	})
	other := h.dial()
	other.send(command("PING"))
	other.expect("+PONG\r\n")

	key.let = make(chan struct{}) // nobody is signing
	many := asides() + 3
	var shakes sync.WaitGroup
	var conns []*wire
	for i := range many {
		raw := h.raw()
		conn := tls.Client(raw.Conn, &tls.Config{InsecureSkipVerify: true})
		conns = append(conns, &wire{conn, t})
		shakes.Go(func() {
			if err := conn.Handshake(); i > 0 && i < many-1 && err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
		if i < asides() {
			<-key.begun
		}
	}
	other.send(command("PING"))
	other.expect("+PONG\r\n")
	eventually(t, "all have come to where the key is used", func() bool { return atTheKey(h) == many })
	// The first one goes while its key is used, the last one before it is.
	for _, w := range []*wire{conns[0], conns[many-1]} {
		local := w.LocalAddr().String()
		other.send(command("CLIENT", "KILL", "ADDR", local))
		other.expect(":1\r\n")
		eventually(t, "it is gone", func() bool { return !h.front.shakesWith(local) })
	}
	other.send(command("PING"))
	other.expect("+PONG\r\n")
	close(key.let)
	shakes.Wait()
	for i, w := range conns[1 : many-1] {
		w.send(command("ECHO", string(rune('a'+i))))
		w.expect("$1\r\n" + string(rune('a'+i)) + "\r\n")
	}
	if most := key.most.Load(); most > int64(asides()) {
		t.Errorf("%d keys were used at a time, at most %d may be", most, asides())
	}
	if n := key.n.Load(); n != int64(1+many-1) {
		t.Errorf("a key was used %d times, want %d: once for the first client, and for all that were waited for", n, many)
	}
}

// atTheKey is how many handshakes of the first loop stand still for a slow key.
func atTheKey(h *house) (n int) {
	lp, done := h.firstLoop(), make(chan struct{})
	lp.post(nil, &order{ask: func() {
		defer close(done)
		for _, s := range lp.slots {
			if s != nil && s.tls.wire.hand != nil && s.tls.wire.hand.aside != nil {
				n++
			}
		}
	}})
	<-done
	return n
}
