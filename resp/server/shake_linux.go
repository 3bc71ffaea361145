package server

import (
	"crypto/tls"

	"golang.org/x/sys/unix"
)

// Handshakes in an event loop, and what loops do with the sockets of TLS.
//
//	accepted ─► the first record is whole ─► a place among maxShakes ─► a goroutine ─► steady
//	            no goroutine, no buffer      in the order of arrival    computes       the loop's
//
// The loop reads and feeds; the goroutine computes, which takes some tenths of a millisecond
// of a processor, and at most shakers.computing do so at once: loops keep the rest. A
// handshake ends its connection when it has taken shakeLimit.

// secure makes p speak TLS.
func (p *slot) secure(cfg *tls.Config) {
	w := newWire(p.sock)
	w.owes = p.wake
	p.tls = &secured{conn: tls.Server(w, cfg), wire: w}
	p.client.shakes.Store(p.client.srv.host.Now())
}

// eventTLS serves a socket of TLS that is ready.
func (lp *loop) eventTLS(s *slot, e *unix.EpollEvent) {
	const hangUp = unix.EPOLLHUP | unix.EPOLLERR
	t := s.tls
	if e.Events&(unix.EPOLLOUT|hangUp) != 0 && (s.unsent() > 0 || t.wire.unsent()) {
		if _, err := t.wire.flush(); err != nil {
			s.dead = true
		}
		lp.visit(s)
		return // input stays ready
	}
	switch {
	case t.wire.shaking && s.deaf:
		lp.unwatch(s)
	case t.wire.shaking:
		lp.feed(s)
	case s.reads() || s.listens():
		lp.readTLS(s, true)
	case e.Events&hangUp != 0:
		lp.unwatch(s)
	default:
		lp.watch(s, true)
	}
}

// feed gives a handshake what has come.
func (lp *loop) feed(s *slot) {
	t := s.tls
	if t.wire.fed() >= maxFed {
		lp.watch(s, true) // until it is over
		return
	}
	n, err := readNow(s.sock, lp.w.read)
	if err == errNotNow {
		return
	}
	t.wire.feed(lp.w.read[:max(n, 0)], err == nil && n == 0)
	switch {
	case err != nil || n == 0 && !t.begun:
		s.dead = true
	case n == 0:
		s.deaf = true // the handshake hears of it
		lp.watch(s, true)
	case !t.begun && t.wire.begun():
		t.begun = true
		lp.set.srv.shakers.enter(s)
	}
	lp.opened(s)
}

// shaken ends a handshake whose goroutine has ended.
func (lp *loop) shaken(s *slot) {
	t := s.tls
	t.wire.shaking = false
	s.shakes.Store(0)
	if t.err != nil {
		s.srv.shakeFailed(&s.client, t.err)
		s.dead = true
		return
	}
	t.wire.waits, t.wire.owes = nil, nil
	s.srv.introduce(&s.client, t.conn)
	t.more = !s.expelled.Load() // what came behind it
}

// readTLS decrypts what has come for s and carries it out; fresh: the socket is ready.
func (lp *loop) readTLS(s *slot, fresh bool) {
	t, raw, eof := s.tls, []byte(nil), false
	if fresh {
		lp.meter.call(lp.set.ticks)
		n, err := readNow(s.sock, lp.w.read)
		lp.meter.called(lp.set.ticks)
		switch {
		case err == errNotNow:
			return
		case err != nil:
			s.dead = true
			lp.opened(s)
			return
		}
		raw, eof = lp.w.read[:n], n == 0
	}
	t.more = false
	if lp.plain == nil {
		lp.plain = make([]byte, plainBytes)
	}
	n, end, err := t.read(lp.plain, raw, eof)
	s.eof, s.dead = s.eof || end, s.dead || err != nil
	if n > 0 {
		s.arrived(n)
		s.weigh(lp.set.windows.Load(), turnWeight)
		s.take(lp.w, lp.plain[:n])
	}
	if t.more {
		lp.hurry(s)
	}
	lp.opened(s)
}

// visitTLS is what a turn without new input has to do first for TLS, and reports whether
// that was the turn.
func (lp *loop) visitTLS(s *slot) bool {
	t := s.tls
	if t.wire.shaking {
		if !t.done.Load() {
			return false
		}
		lp.shaken(s)
	}
	if t.more && !s.dead && (s.reads() || s.listens()) {
		lp.readTLS(s, false)
		return true
	}
	return false
}

// watches adds to what the poller reports what TLS alone waits for.
func (t *secured) watches(want uint32, deaf bool) uint32 {
	if t.wire.shaking && (deaf || t.wire.fed() >= maxFed) {
		want &^= unix.EPOLLIN
	}
	if t.wire.unsent() {
		want |= unix.EPOLLOUT
	}
	return want
}

// shake is the goroutine of a handshake.
func (s *slot) shake() {
	t := s.tls
	g := &s.client.srv.shakers
	g.compute(true)
	t.wire.waits = func(waits bool) { g.compute(!waits) }
	t.err = t.conn.Handshake()
	g.compute(false)
	t.done.Store(true)
	s.wake()
	g.leave()
}
