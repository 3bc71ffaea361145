package sim

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// A segment is bytes on their way to a conn, or the end of them.
type segment struct {
	b   []byte
	at  time.Time // of arrival; zero: it lies about, as the way is cut
	fin bool
}

// A conn is one end of a connection.
type conn struct {
	n             *network
	host          *host
	peer          *conn
	local, remote *net.TCPAddr
	patience      time.Duration // 0: it is never given up
	moved         *sync.Cond

	in       []segment // to this end
	size     int       // bytes of in
	last     time.Time // arrival of the newest segment that arrives
	finished bool      // this end has sent its end
	err      error     // this end is over
	stuck    *time.Timer
	alarm    *time.Timer // of what arrives here next
	alarmed  bool        // it is set
	read     deadline
	write    deadline
}

// A deadline has a timer once somebody waits for it: most are set anew long before.
type deadline struct {
	at   time.Time
	t    *time.Timer
	wake time.Time // when the timer ends, zero: it is not set
}

func (d *deadline) over() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (c *conn) peerIP() string { return c.peer.host.ip }

// Read reads what has arrived.
func (c *conn) Read(p []byte) (int, error) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	for {
		switch {
		case c.host.stopped && c.err == nil:
			c.host.going.Wait()
			continue
		case c.read.over():
			return 0, c.fault("read", os.ErrDeadlineExceeded)
		case len(c.in) > 0 && c.in[0].arrived() && c.err == nil:
			return c.take(p)
		case c.err != nil:
			return 0, c.fault("read", c.err)
		}
		c.wait(&c.read)
	}
}

// wait waits until something moves or the deadline comes; it may return for nothing.
func (c *conn) wait(d *deadline) {
	if !d.at.IsZero() && (d.wake.IsZero() || d.wake.After(d.at)) {
		d.wake = d.at
		if d.t == nil {
			d.t = time.AfterFunc(time.Until(d.at), func() { c.due(d) })
		} else {
			d.t.Reset(time.Until(d.at))
		}
	}
	c.moved.Wait()
}

// due wakes who waits for a deadline. It may have been moved meanwhile.
func (c *conn) due(d *deadline) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	d.wake = time.Time{}
	c.moved.Broadcast()
}

func (s *segment) arrived() bool { return !s.at.IsZero() && !s.at.After(time.Now()) }

func (c *conn) take(p []byte) (n int, err error) {
	for len(c.in) > 0 && c.in[0].arrived() && n < len(p) {
		s := &c.in[0]
		if s.fin {
			if n == 0 {
				return 0, io.EOF // and again at the next call
			}
			break
		}
		k := copy(p[n:], s.b)
		n, s.b = n+k, s.b[k:]
		if len(s.b) > 0 {
			break
		}
		c.in = c.in[1:]
	}
	if c.size >= window {
		c.peer.moved.Broadcast()
	}
	c.size -= n
	return n, nil
}

// Write sends p, in pieces if the window is full.
func (c *conn) Write(p []byte) (n int, err error) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	for {
		switch {
		case c.host.stopped && c.err == nil:
			c.host.going.Wait()
			continue
		case c.err != nil:
			return n, c.fault("write", c.err)
		case c.finished:
			return n, c.fault("write", net.ErrClosed)
		case c.write.over():
			return n, c.fault("write", os.ErrDeadlineExceeded)
		case n == len(p):
			return n, nil
		case c.peer.size < window:
			k := min(len(p)-n, window-c.peer.size)
			c.send(segment{b: append([]byte(nil), p[n:n+k]...)})
			n += k
			continue
		}
		c.wait(&c.write)
	}
}

func (c *conn) fault(op string, err error) error {
	if err == net.ErrClosed || err == os.ErrDeadlineExceeded {
		return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: os.NewSyscallError(op, err)}
}

// send puts a segment on its way to the other end. The caller holds mu.
func (c *conn) send(s segment) {
	to := c.peer
	c.n.count.segments++
	c.n.count.bytes += int64(len(s.b))
	if to.err != nil {
		c.hitNobody()
		return
	}
	to.size += len(s.b)
	to.in = append(to.in, s)
	if !c.n.passes(c.host.ip, c.peerIP()) {
		c.lie()
		return
	}
	c.travel(len(to.in) - 1)
}

// travel lets the other end's i-th segment arrive.
func (c *conn) travel(i int) {
	to, now := c.peer, time.Now()
	at := now.Add(c.n.delay(c.host.ip, c.peerIP()))
	if at.Before(to.last) {
		at = to.last // TCP keeps the order
	}
	to.in[i].at, to.last = at, at
	if to.alarmed {
		return
	}
	to.alarmed = true
	if to.alarm == nil {
		to.alarm = time.AfterFunc(at.Sub(now), to.arrive)
	} else {
		to.alarm.Reset(at.Sub(now))
	}
}

// arrive is called when a segment has come: it wakes who reads, and waits for the next.
func (c *conn) arrive() {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	c.alarmed = false
	if c.err != nil {
		if c.n.passes(c.host.ip, c.peerIP()) {
			c.peer.fail(syscall.ECONNRESET)
		}
		return
	}
	c.moved.Broadcast()
	for i := range c.in {
		if s := &c.in[i]; !s.at.IsZero() && !s.arrived() {
			c.alarmed = true
			c.alarm.Reset(time.Until(s.at))
			return
		}
	}
}

// hitNobody: the other machine knows of no such connection, and says so if it is on and
// both ways are open. The caller holds mu.
func (c *conn) hitNobody() {
	if !c.n.passes(c.host.ip, c.peerIP()) || !c.n.passes(c.peerIP(), c.host.ip) {
		c.lie()
		return
	}
	time.AfterFunc(c.n.delay(c.host.ip, c.peerIP()), func() {
		c.n.mu.Lock()
		defer c.n.mu.Unlock()
		c.fail(syscall.ECONNRESET)
	})
}

// lie notes that something lies about, and gives the connection up in a while.
func (c *conn) lie() {
	if c.patience == 0 || c.stuck != nil {
		return
	}
	c.stuck = time.AfterFunc(c.patience, func() {
		c.n.mu.Lock()
		defer c.n.mu.Unlock()
		if c.stuck != nil && c.err == nil {
			c.fail(syscall.ETIMEDOUT)
		}
	})
}

// sendAgain lets what lies about travel, in its order. The caller holds mu.
func (c *conn) sendAgain() {
	if !c.n.passes(c.host.ip, c.peerIP()) {
		return
	}
	if c.stuck != nil {
		c.stuck.Stop()
		c.stuck = nil
	}
	for i := range c.peer.in {
		if c.peer.in[i].at.IsZero() {
			c.travel(i)
		}
	}
}

// finish sends the end of this side's bytes. The caller holds mu.
func (c *conn) finish() {
	if !c.finished && c.err == nil {
		c.finished = true
		c.send(segment{fin: true})
	}
}

// fail ends this end. The caller holds mu.
func (c *conn) fail(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	if c.stuck != nil {
		c.stuck.Stop()
		c.stuck = nil
	}
	for _, d := range []*deadline{&c.read, &c.write} {
		if d.t != nil {
			d.t.Stop()
		}
	}
	c.moved.Broadcast()
	c.host.going.Broadcast()
	c.in, c.size = nil, 0
	c.peer.moved.Broadcast()
	if c.peer.err != nil {
		delete(c.n.conns, c)
		delete(c.n.conns, c.peer)
	}
}

// Close ends this end and says so to the other.
func (c *conn) Close() error {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if c.err == net.ErrClosed {
		return c.fault("close", net.ErrClosed)
	}
	c.finish()
	if c.err != nil {
		c.err = net.ErrClosed
		return nil
	}
	c.fail(net.ErrClosed)
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *conn) SetReadDeadline(t time.Time) error  { return c.setDeadline(&c.read, t) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.write, t) }

func (c *conn) setDeadline(d *deadline, t time.Time) error {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if c.err != nil {
		return c.fault("set", c.err)
	}
	d.at = t
	c.moved.Broadcast()
	return nil
}
