package server

import (
	"crypto/tls"
	"iter"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Handshakes in an event loop, and what loops do with the sockets of TLS.
//
//	accepted ─► the first record is whole ─► a place among maxShakes ─► a hand ─► steady
//	            no stack, no buffer          in the order of arrival    computes
//
// crypto/tls carries out a handshake in one call, which reads and writes as it likes. A hand
// is a coroutine in which that call stands still while there is nothing to read, so that the
// loop computes it piece by piece in its own turns: no other thread is woken for it, and
// nothing is locked. A piece takes some tenths of a millisecond; in the meantime the loop's
// clients wait. So a turn computes one piece at most, and while clients want turns that are past
// their handshakes, the next piece has to wait for as long as the last one took: handshakes take no
// more than half of a loop's time from its clients. A handshake ends its connection when it has taken
// shakeLimit. What a key takes milliseconds for, an RSA key above all, is computed on
// another goroutine, and the hand stands still meanwhile (tlsWire.Aside).

// A hand computes handshakes, one after the other. It keeps its stack, which has grown to
// what they need.
type hand struct {
	conn *tls.Conn // whose handshake it computes
	slot *slot     // conn's
	done bool      // that is over
	err  error     // how
	// aside becomes true when what is computed elsewhere for the handshake is over; nil:
	// nothing is.
	aside *atomic.Bool
	// step computes until the handshake is over or stands still; pause is the hand's own.
	step  func() (struct{}, bool)
	pause func(struct{}) bool
	stop  func() // ends it between two handshakes
}

// asides is how many goroutines use slow keys at a time, for all loops: half of the
// processors, so that handshakes take no more than that from clients.
func asides() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// Aside is secure.Asider's: work is done on another goroutine while the handshake stands
// still; done is false if the socket was closed meanwhile.
func (w *tlsWire) Aside(work func()) (done bool) {
	h := w.hand
	if h == nil { // nobody else waits for it
		work()
		return true
	}
	s, over, left := h.slot, &atomic.Bool{}, &atomic.Bool{}
	turns := s.srv.loops.asides
	h.aside = over
	go func() { // of handshakes with a place: maxShakes bounds them
		turns <- struct{}{}
		if !left.Load() {
			work()
		}
		<-turns
		over.Store(true)
		s.wake()
	}()
	for !over.Load() && w.sock >= 0 {
		h.pause(struct{}{})
	}
	h.aside = nil
	left.Store(true)
	return w.sock >= 0
}

// maxHands is how many hands without a handshake a loop keeps.
const maxHands = 16

func newHand() *hand {
	h := &hand{}
	h.step, h.stop = iter.Pull(func(pause func(struct{}) bool) {
		h.pause = pause
		for more := true; more; more = pause(struct{}{}) {
			h.err = h.conn.Handshake()
			h.done = true
		}
	})
	return h
}

// secure makes p speak TLS.
func (p *slot) secure(cfg *tls.Config) {
	w := &tlsWire{sock: p.sock, shaking: true}
	p.tls = &secured{conn: tls.Server(w, cfg), wire: w}
	p.client.shakes.Store(p.client.srv.ticks())
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
		if seat, placed := lp.set.srv.shakers.enter(s); placed {
			t.ready.Store(true)
		} else {
			t.seat = seat
		}
	}
	lp.shake(s)
	lp.opened(s)
}

// placed is the shakers'.
func (s *slot) placed() {
	s.tls.ready.Store(true)
	s.wake()
}

// shake has s's handshake go on in one of the next turns, if it can.
func (lp *loop) shake(s *slot) {
	if t := s.tls; t.ready.Load() && !t.due && !s.dead && (t.wire.hand == nil || !t.wire.idle()) {
		t.due = true
		lp.shakes = append(lp.shakes, s)
	}
}

// unshake takes s from those that can go on.
func (lp *loop) unshake(s *slot) {
	if s.tls != nil && s.tls.due {
		s.tls.due = false
		lp.shakes = slices.DeleteFunc(lp.shakes, func(x *slot) bool { return x == s })
	}
}

// wanted reports whether clients want turns that are past their handshakes. Sockets that are ready for
// a handshake do not count: where many connect some always are, and each piece would wait for as long as it
// took. Measured with 50 clients of redis-benchmark that connect for each PING, on a busy machine: it looks
// for an answer all the while, in 130 to 320 reads for a connection, and in 17 if they do not count.
func (lp *loop) wanted(events []unix.EpollEvent) bool {
	for i := range events {
		if s := lp.of(&events[i]); s != nil && (s.tls == nil || !s.tls.wire.shaking) {
			return true
		}
	}
	return len(lp.again) > 0
}

// serveShakes computes a piece of a handshake. others: somebody else wants a turn.
func (lp *loop) serveShakes(others bool) {
	began := lp.set.ticks()
	if others && began < lp.shaken {
		return
	}
	s := lp.shakes[0]
	if lp.shakes = lp.shakes[1:]; len(lp.shakes) == 0 {
		lp.shakes = nil
	}
	s.tls.due = false
	lp.meter.call(lp.set.ticks) // the other end has as much to compute: another loop would not help
	lp.compute(s)
	lp.meter.called(lp.set.ticks)
	now := lp.set.ticks()
	lp.shaken = now + (now - began)
	if s.tls.more {
		lp.readTLS(s, false)
		return
	}
	lp.opened(s)
}

// compute has s's handshake go on until it is over or has nothing to read.
func (lp *loop) compute(s *slot) {
	t := s.tls
	if t.wire.hand == nil {
		t.wire.hand = lp.takeHand()
		t.wire.hand.conn, t.wire.hand.slot = t.conn, s
	}
	if t.wire.hand.step(); t.wire.hand.done {
		err := t.wire.hand.err
		lp.endShake(s)
		lp.begin(s, err)
	}
}

// takeHand is a hand without a handshake.
func (lp *loop) takeHand() *hand {
	last := len(lp.hands) - 1
	if last < 0 {
		return newHand()
	}
	h := lp.hands[last]
	lp.hands[last] = nil
	lp.hands = lp.hands[:last]
	return h
}

// endShake gives back what s's handshake has had: its place and its hand.
func (lp *loop) endShake(s *slot) {
	t := s.tls
	s.srv.shakers.leave(t.seat)
	t.seat, t.begun = nil, false
	h := t.wire.hand
	if h == nil {
		return
	}
	t.wire.hand = nil
	h.conn, h.slot, h.done, h.err = nil, nil, false, nil
	if len(lp.hands) >= maxHands {
		h.stop()
		return
	}
	lp.hands = append(lp.hands, h)
}

// giveUp ends the handshake of s, whose socket is closed.
func (lp *loop) giveUp(s *slot) {
	lp.unshake(s)
	t := s.tls
	if !t.begun {
		return
	}
	for t.wire.hand != nil && !t.wire.hand.done {
		t.wire.hand.step() // it finds the socket closed
	}
	lp.endShake(s)
}

// dropHands ends all that have no handshake.
func (lp *loop) dropHands() {
	for _, h := range lp.hands {
		h.stop()
	}
	lp.hands = nil
}

// begin makes s a client, after its handshake, or ends it.
func (lp *loop) begin(s *slot, err error) {
	t := s.tls
	t.wire.shaking = false
	s.shakes.Store(0)
	if err != nil {
		s.srv.shakeFailed(&s.client, err)
		s.dead = true
		return
	}
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
		s.arrived(lp.w, n)
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
		lp.shake(s)
		return false
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
