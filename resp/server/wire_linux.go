package server

import (
	"container/list"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"sync/atomic"
	"time"
)

// TLS in an event loop. crypto/tls wants a connection that it may read and write as it
// likes; a tlsWire is one over a socket that never waits. It stands in one of three states:
//
//	            bytes come from            bytes go to                  whose it is
//	shaking     feed, by the loop          the socket, else rest        the loop's
//	steady      feed, by the loop          the socket, else rest        the loop's
//	given       the connection             the connection               Hijack's, Carry's
//
// When nothing has been fed that is not read yet, a shaking one's Read has the handshake
// stand still (hand), and a steady one's returns errNothing: a temporary error, after which
// crypto/tls can be asked again. Its Write never fails for want of room, since crypto/tls
// could not go on after that: what the socket does not take is kept in rest, which one call
// of secured.write bounds.
type tlsWire struct {
	sock  int    // -1: closed, or given
	in    []byte // fed, and not read yet
	rest  []byte // what the socket has not taken
	eof   bool
	under net.Conn // given: the connection
	ends  ends     // where the records end in what comes

	shaking bool
	hand    *hand // shaking: that computes it; nil: none yet
	lp      *loop // whose time a write is; nil: nobody measures it
}

// Bounds of TLS in a loop.
const (
	// maxSealed is how many bytes of replies are encrypted before the socket must have
	// taken them.
	maxSealed = 64 << 10
	// maxRecord is what a record of TLS takes, in bytes, with what is around it.
	maxRecord = 16<<10 + 2048 + 5
	// plainBytes is a loop's memory for what was decrypted: all that one read and a record
	// that was begun before can give.
	plainBytes = readBytes + maxRecord
	// maxFed is how many bytes are taken from a client before its handshake is over.
	maxFed = 64 << 10
	// recordHeader is the length of a record's header in bytes.
	recordHeader = 5
)

// errNothing says that nothing was fed. Its being temporary has crypto/tls go on later.
var errNothing net.Error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "nothing has come" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }

// Read is crypto/tls's.
func (w *tlsWire) Read(p []byte) (int, error) {
	for w.shaking && w.idle() {
		w.hand.pause(struct{}{})
	}
	switch {
	case len(w.in) > 0:
		n := copy(p, w.in)
		if w.in = w.in[n:]; len(w.in) == 0 {
			w.in = nil
		}
		return n, nil
	case w.under != nil:
		return w.under.Read(p)
	case w.sock < 0:
		return 0, net.ErrClosed
	case w.eof:
		return 0, io.EOF
	}
	return 0, errNothing
}

// idle reports whether a handshake has nothing to go on with.
func (w *tlsWire) idle() bool {
	if w.sock < 0 {
		return false
	}
	if w.hand != nil && w.hand.aside != nil {
		return !w.hand.aside.Load()
	}
	return len(w.in) == 0 && !w.eof
}

// Write is crypto/tls's.
func (w *tlsWire) Write(p []byte) (int, error) {
	if w.under != nil {
		if len(w.rest) > 0 {
			if _, err := w.under.Write(w.rest); err != nil {
				return 0, err
			}
			w.rest = nil
		}
		return w.under.Write(p)
	}
	n := 0
	if len(w.rest) == 0 {
		var err error
		if n, err = w.send(p); err != nil {
			return n, err
		}
	}
	if n < len(p) {
		w.rest = append(w.rest, p[n:]...)
	}
	return len(p), nil
}

// send gives the socket what it takes.
func (w *tlsWire) send(p []byte) (n int, err error) {
	if w.sock < 0 {
		return 0, net.ErrClosed
	}
	if w.lp != nil {
		w.lp.meter.call(w.lp.set.ticks)
		defer w.lp.meter.called(w.lp.set.ticks)
	}
	n, err = writeNow(w.sock, p)
	if errors.Is(err, errNotNow) {
		return 0, nil
	}
	return n, err
}

// flush sends what the socket has not taken, and reports whether that was all.
func (w *tlsWire) flush() (all bool, err error) {
	if len(w.rest) == 0 {
		return true, nil
	}
	n, err := w.send(w.rest)
	if w.rest = w.rest[n:]; len(w.rest) == 0 {
		w.rest = nil
	}
	return len(w.rest) == 0, err
}

// unsent reports whether the socket has to take more.
func (w *tlsWire) unsent() bool { return len(w.rest) > 0 }

// feed gives what has come to a handshake, which may keep it: it is a copy.
func (w *tlsWire) feed(p []byte, eof bool) {
	w.in = append(w.in, p...)
	w.eof = w.eof || eof
	w.ends.pass(p)
}

// ends follows the bytes that come to where records of TLS end.
type ends struct {
	header [recordHeader]byte
	have   int // bytes of the next record's header that have come
	left   int // bytes of the present record that have not
}

// pass goes past p and returns how many records end there.
func (e *ends) pass(p []byte) (n int) {
	for len(p) > 0 {
		if e.left == 0 {
			took := copy(e.header[e.have:], p)
			p = p[took:]
			if e.have += took; e.have < recordHeader {
				break
			}
			e.have, e.left = 0, int(e.header[3])<<8|int(e.header[4])
		}
		took := min(e.left, len(p))
		p = p[took:]
		if e.left -= took; e.left == 0 {
			n++
		}
	}
	return n
}

// fed is how many bytes wait to be read.
func (w *tlsWire) fed() int { return len(w.in) }

// begun reports whether a whole record has come, or something that is none: it is worth a
// hand.
func (w *tlsWire) begun() bool {
	switch {
	case len(w.in) == 0:
		return false
	case w.in[0] != typeHandshake:
		return true
	case len(w.in) < recordHeader:
		return false
	}
	n := int(w.in[3])<<8 | int(w.in[4])
	return n > maxRecord || len(w.in) >= recordHeader+n
}

// end closes the socket.
func (w *tlsWire) end() {
	if w.sock >= 0 {
		closeNow(w.sock)
		w.sock = -1
	}
}

// give has it be one over a connection that waits.
func (w *tlsWire) give(under net.Conn) { w.under, w.sock = under, -1 }

// NetConn is the connection under one that was given away.
func (w *tlsWire) NetConn() net.Conn { return w.under }

// Close is crypto/tls's.
func (w *tlsWire) Close() error {
	if w.under != nil {
		return w.under.Close()
	}
	return nil // by end
}

// The rest of a net.Conn, for one that was given away.

func (w *tlsWire) LocalAddr() net.Addr {
	if w.under != nil {
		return w.under.LocalAddr()
	}
	return nil
}

func (w *tlsWire) RemoteAddr() net.Addr {
	if w.under != nil {
		return w.under.RemoteAddr()
	}
	return nil
}

func (w *tlsWire) SetDeadline(t time.Time) error {
	if w.under != nil {
		return w.under.SetDeadline(t)
	}
	return nil
}

func (w *tlsWire) SetReadDeadline(t time.Time) error {
	if w.under != nil {
		return w.under.SetReadDeadline(t)
	}
	return nil
}

func (w *tlsWire) SetWriteDeadline(t time.Time) error {
	if w.under != nil {
		return w.under.SetWriteDeadline(t)
	}
	return nil
}

// secured is what a slot has that speaks TLS.
type secured struct {
	conn  *tls.Conn
	wire  *tlsWire
	begun bool          // shaking: it has a place, or waits for one
	seat  *list.Element // shaking: where it waits, or has waited
	ready atomic.Bool   // shaking: it has a place
	due   bool          // shaking: it is in loop.shakes
	ahead int           // bytes at the head of what the client has unsent that are encrypted already
	more  bool          // there may be something to decrypt that no socket reports
	whole int           // records that have come whole and were not read yet; negative: it is not known
}

// unknown is secured.whole when a record was read in part.
const unknown = math.MinInt32

// write encrypts b and sends it. Bytes that are encrypted and not all taken count as not
// sent: the client keeps them, and comes back with them.
func (t *secured) write(b []byte) (n int, err error) {
	if t.wire.shaking {
		return 0, errShaking
	}
	if all, err := t.wire.flush(); !all || err != nil {
		return 0, err
	}
	n, t.ahead = t.ahead, 0
	for n < len(b) {
		part := b[n:min(len(b), n+maxSealed)]
		if _, err := t.conn.Write(part); err != nil {
			return n, err
		}
		if len(t.wire.rest) > 0 {
			t.ahead = len(part)
			return n, nil
		}
		n += len(part)
	}
	return n, nil
}

// errShaking is for a client that is to be told something before its handshake is over: it
// cannot be.
var errShaking = errors.New("the handshake is not over")

// read decrypts what was read from the socket into the loop's memory.
func (t *secured) read(plain, raw []byte, eof bool) (n int, end bool, err error) {
	w := t.wire
	if len(w.in) > 0 {
		w.in = append(w.in, raw...)
	} else {
		w.in = raw
	}
	w.eof = w.eof || eof
	t.whole += w.ends.pass(raw)
	for n < len(plain) {
		m, err := t.conn.Read(plain[n:]) // of one record
		n += m
		switch {
		case err == nil:
			if t.whole--; t.whole == 0 && len(w.in) == 0 && n < len(plain) {
				return n, false, nil // asking whether there is more costs as much as a record
			}
		case errors.Is(err, errNothing):
			w.in, t.whole = nil, 0
			return n, false, nil
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			w.in = nil
			return n, true, nil
		default:
			w.in = nil
			return n, false, err
		}
	}
	w.in = append([]byte(nil), w.in...) // raw is the loop's
	t.more, t.whole = true, unknown
	return n, false, nil
}

// close ends the connection, with a word if there is one to be said.
func (t *secured) close(quiet bool) {
	if !t.wire.shaking && !quiet {
		_ = t.conn.CloseWrite() // there is nobody to tell
	}
	t.wire.end()
}
