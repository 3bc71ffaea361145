package peer

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"regent/cluster/bully"
)

// A Conn is an open channel to a peer. One goroutine may read and one may
// write at a time; Close may be called from anywhere.
type Conn struct {
	net.Conn
	Peer    int64     // the node at the other end
	Since   time.Time // of the end of the handshake
	Process string    // at the other end; known to the acceptor
	// Told is which the members are, as the acceptor says that does not know the
	// dialer; without voters: nothing was told.
	Told   bully.Configuration
	dec    *Decoder
	now    *direct       // nil: a write may always have to wait
	own    *socket       // nil: Go's scheduler waits for it
	wrote  time.Duration // how long a write may stand still
	under  *steady       // dialled by TLS: what lies under it
	secure bool          // TLS is spoken
	alive  bool          // what comes from the peer counts too
	heard  atomic.Int64  // frames read so far
}

func newConn(raw net.Conn, early []byte, limit int) *Conn {
	_, secure := raw.(*tls.Conn)
	c := &Conn{Conn: raw, now: newDirect(raw), secure: secure}
	var r io.Reader = c // whatever its connection is
	if len(early) > 0 {
		r = io.MultiReader(bytes.NewReader(bytes.Clone(early)), r)
	}
	c.dec = NewDecoder(r, limit)
	return c
}

// Own takes the connection out of the hands of Go's scheduler, if it is one of the
// system's without TLS: for one that carries a frame every few hundred microseconds. It
// comes before anything else is done with c after the handshake. keeps: reads may keep a
// processor of the scheduler's while they wait, which is to have one for each such connection
// beside what it needs for all others.
func (c *Conn) Own(keeps bool) {
	if s := newSocket(c.Conn, keeps); s != nil {
		c.Conn, c.now, c.own = s, &direct{sock: s}, s
	}
}

// With calls f with the descriptor of a connection that Own has taken, which is open as
// long as f lasts; no other has one.
func (c *Conn) With(f func(fd int)) {
	if c.own != nil {
		c.own.with(f)
	}
}

// open ends the handshake.
func (c *Conn) open(peer int64) {
	c.Peer, c.Since = peer, time.Now()
	c.dec.limit = MaxFrame
	_ = c.Conn.SetDeadline(time.Time{})
}

// Read reads the next frame; its Args are valid until the next call. A frame
// that does not come from the peer is refused.
func (c *Conn) Next(f *Frame) error {
	if err := c.dec.Next(f); err != nil {
		return err
	}
	if f.From != c.Peer {
		return Malformed("node %d speaks for node %d", c.Peer, f.From)
	}
	c.heard.Add(1)
	return nil
}

// errNotNow says that nothing has come.
var errNotNow = errors.New("not at once")

// Fill takes what has come, which may be nothing, by one read that does not wait: of a
// connection that Own has taken and with frames that are smaller than readBuffer. Whole
// reports whether Next needs no more than that.
func (c *Conn) Fill() error {
	c.own.nowait = true
	defer func() { c.own.nowait = false }()
	return c.dec.fill()
}

// Whole reports whether a whole frame, or something that is none, has been read.
func (c *Conn) Whole() bool { return c.dec.whole() }

// Owned reports whether Own has taken the connection.
func (c *Conn) Owned() bool { return c.own != nil }

// Await waits for input, and reports whether there is any, or the connection's end, before a
// time is over: of a connection that Own has taken.
func (c *Conn) Await(most time.Duration) bool { return c.Buffered() || c.own.await(most) }

// Bare gives the connection up to bytes of another kind: no frame is read any more. early
// is what has come of them.
func (c *Conn) Bare() (raw net.Conn, early []byte) {
	early, _ = c.dec.r.Peek(c.dec.r.Buffered())
	return c.Conn, bytes.Clone(early)
}

// Buffered reports whether more has arrived than was read.
func (c *Conn) Buffered() bool { return c.dec.Buffered() }

// SetPatience bounds how long each later Write may stand still.
func (c *Conn) SetPatience(d time.Duration) { c.wrote = d }

// WaitWhileHeard has a Write wait on beyond the patience as long as frames come from the
// peer: it is busy with what it has.
func (c *Conn) WaitWhileHeard() { c.alive = true }

// Direct reports whether WriteNow may send anything.
func (c *Conn) Direct() bool { return c.now != nil }

// WriteNow sends what of b is taken at once, which may be none of it. It never waits. The
// caller sends the rest before anything else.
func (c *Conn) WriteNow(b []byte) (n int, err error) { return c.now.write(b) }

// Write sends all of b. It fails when the peer takes none of it for as long as the
// patience lasts.
func (c *Conn) Write(b []byte) (n int, err error) {
	// As a rule all is taken at once, and nothing need be said of when to give up.
	if n, err = c.WriteNow(b); n == len(b) || err != nil {
		return n, err
	}
	switch {
	case c.wrote <= 0 || c.under != nil: // which is patient itself
		m, err := c.Conn.Write(b[n:])
		return n + m, err
	case c.secure:
		return c.inPieces(b)
	}
	m, err := c.push(c.Conn, b[n:])
	return n + m, err
}

// push sends all of b to a connection, with patience.
func (c *Conn) push(raw net.Conn, b []byte) (n int, err error) {
	if c.wrote <= 0 {
		return raw.Write(b)
	}
	defer func() { _ = raw.SetWriteDeadline(time.Time{}) }() // WriteNow has none
	for {
		heard := c.heard.Load()
		_ = raw.SetWriteDeadline(time.Now().Add(c.wrote))
		m, err := raw.Write(b[n:])
		n += m
		moves := m > 0 || c.alive && c.heard.Load() != heard
		if !moves || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
}
