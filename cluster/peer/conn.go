package peer

import (
	"bytes"
	"io"
	"net"
	"time"

	"regent/cluster/bully"
)

// A Conn is an open channel to a peer. One goroutine may read and one may
// write at a time; Close may be called from anywhere.
type Conn struct {
	net.Conn
	Peer    int64     // who is at the other end
	Since   time.Time // of the end of the handshake
	Process string    // at the other end; known to the acceptor
	// Told is who the members are, as the acceptor says that does not know the
	// dialer; without voters: nothing was told.
	Told  bully.Configuration
	dec   *Decoder
	wrote time.Duration // how long a write may take
}

func newConn(raw net.Conn, early []byte, limit int) *Conn {
	var r io.Reader = raw
	if len(early) > 0 {
		r = io.MultiReader(bytes.NewReader(bytes.Clone(early)), raw)
	}
	return &Conn{Conn: raw, dec: NewDecoder(r, limit)}
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
	return nil
}

// Buffered reports whether more has arrived than was read.
func (c *Conn) Buffered() bool { return c.dec.Buffered() }

// SetPatience bounds each later Write.
func (c *Conn) SetPatience(d time.Duration) { c.wrote = d }

// Write sends bytes, all of them or fails within the patience.
func (c *Conn) Write(b []byte) (int, error) {
	if c.wrote > 0 {
		_ = c.Conn.SetWriteDeadline(time.Now().Add(c.wrote))
	}
	return c.Conn.Write(b)
}
