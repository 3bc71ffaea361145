package server

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// The goroutine model: a goroutine per connection, for sockets that an event
// loop cannot take (other systems) and for io-model goroutine.
//
// The goroutine stands in one of two places: in Read while the client may say
// something, and at its turn channel while it may not. A wake ends both: it
// fills the channel, and moves the read deadline into the past. A socket that
// takes no more bytes gets a second goroutine until it does, so that input is
// still read and a wake still heard.
type netLink struct {
	c    *client
	conn net.Conn
	turn chan struct{} // one token: somebody wants a turn
	buf  []byte

	mu      sync.Mutex
	reading bool // in Read, or about to be
	gone    bool // the socket is no longer the link's

	now     *immediate // nil where the kernel cannot be asked
	sending bool       // a goroutine is in Write; the owner's
	sent    chan sendResult
}

type sendResult struct {
	n   int
	err error
}

// connBuffer is the size in bytes of a goroutine's read buffer.
const connBuffer = 16 << 10

func newNetLink(conn net.Conn) *netLink {
	return &netLink{
		conn: conn, turn: make(chan struct{}, 1), sent: make(chan sendResult, 1),
		buf: make([]byte, connBuffer), now: newImmediate(conn),
	}
}

func (l *netLink) wake() {
	select {
	case l.turn <- struct{}{}:
	default: // one is on its way
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reading {
		_ = l.conn.SetReadDeadline(time.Unix(1, 0)) // fails only when closed, and then Read ends by itself
	}
}

func (l *netLink) kill() {
	l.mu.Lock()
	if !l.gone {
		_ = plain(l.conn).Close() // its owner hears of it by Read
	}
	l.mu.Unlock()
	l.wake()
}

func (l *netLink) fd() int {
	fd := -1
	l.control(func(n int) { fd = n })
	return fd
}

func (l *netLink) peerGone() (gone bool) {
	l.control(func(fd int) { gone = hungUp(fd) })
	return gone
}

// control calls f with the socket's descriptor, unless it is closed.
func (l *netLink) control(f func(fd int)) {
	sc, ok := plain(l.conn).(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := sc.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { f(int(fd)) }) // it fails when closed
	}
}

func (l *netLink) write(b []byte) (n int, err error) {
	if l.now == nil || l.sending {
		return 0, nil
	}
	return l.now.write(b)
}

// drain has a goroutine send b.
func (l *netLink) drain(b []byte) (n int, err error) {
	if l.sending {
		select {
		case r := <-l.sent:
			l.sending = false
			if r.err != nil || r.n == len(b) {
				return r.n, r.err
			}
			n, b = r.n, b[r.n:]
		default:
			return 0, nil
		}
	}
	l.sending = true
	go func() {
		n, err := l.conn.Write(b)
		l.sent <- sendResult{n, err}
		l.wake()
	}()
	return n, nil
}

// detach gives the socket to somebody else; late wakes do not touch it.
func (l *netLink) detach() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = true
	if l.sending {
		return nil, errors.New("output is on its way")
	}
	return l.conn, l.conn.SetReadDeadline(time.Time{})
}

// serve is the connection's life.
func (l *netLink) serve() {
	c := l.c
	if !l.shakeAlone() {
		c.dead = true
	}
	for {
		l.settle()
		if c.hello() != nil && c.unsent() == 0 || c.over() || c.carriesOn() {
			break
		}
		if !c.reads() && !c.listens() {
			<-l.turn
			continue
		}
		l.read()
	}
	c.srv.farewell(c)
}

// settle gives the client its turn until there is nothing to do but wait.
func (l *netLink) settle() {
	c := l.c
	w := c.srv.scratch.Get().(*scratch)
	defer c.srv.scratch.Put(w)
	for {
		c.flush()
		c.work(w)
		l.release(w)
		if !c.more || !c.runs() || c.over() {
			return
		}
	}
}

func (l *netLink) release(w *scratch) {
	w.end(l.c)
	l.c.release(w)
	w.reset()
	_, _ = l.c.srv.barrier.Settle(false) // nothing is left for us
}

// read waits for input or a wake, whichever comes first.
func (l *netLink) read() {
	c := l.c
	if !l.enter() {
		return
	}
	p, kept := l.buf, c.at < len(c.in)
	if kept {
		w := c.srv.scratch.Get().(*scratch)
		p = c.room(w)
		c.srv.scratch.Put(w)
	}
	n, err := l.conn.Read(p)
	l.leave(err)
	if n > 0 {
		w := c.srv.scratch.Get().(*scratch)
		c.arrived(w, n)
		if kept {
			c.grown(w, n)
		} else {
			c.take(w, p[:n])
		}
		l.release(w)
		c.srv.scratch.Put(w)
	}
	switch {
	case err == nil || errors.Is(err, os.ErrDeadlineExceeded):
	case errors.Is(err, io.EOF):
		c.eof = true
	default:
		c.dead = true
	}
}

// enter reports whether to read; it does not when a wake came first.
func (l *netLink) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.turn:
		return false
	default:
		l.reading = true
		return true
	}
}

func (l *netLink) leave(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reading = false
	if errors.Is(err, os.ErrDeadlineExceeded) {
		_ = l.conn.SetReadDeadline(time.Time{}) // as in wake
	}
}

// close ends the socket; hangUp first takes what lies unread.
func (l *netLink) close(hangUp bool) {
	if hangUp && l.now != nil {
		for range maxClosingReads {
			if n, err := l.now.read(l.buf); n <= 0 || err != nil {
				break
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = true
	_ = l.conn.Close() // there is nobody to tell
}
