package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// The network: machines with an address each, and TCP connections between them whose
// bytes take their time. What may happen to them:
//
//   - a way from one machine to another is cut: what is sent there lies about until it
//     is mended (TCP sends again), and the sender gives the connection up after a while.
//     The other side hears nothing of that: its end is half open;
//   - a machine loses its power: nothing of it answers, and its connections are gone
//     when it is back, which the others learn when they send;
//   - a process is killed: its machine ends its connections and refuses new ones;
//   - a process is stopped: its machine takes what comes, and nobody reads it;
//   - a connection is reset.

const (
	// userTimeout is after how long a dialled connection with unacknowledged bytes is
	// given up: what nodes ask of the kernel.
	userTimeout = 1500 * time.Millisecond
	// window is how many bytes of one direction may be under way.
	window = 256 << 10
	// lastAttempt bounds the attempts to connect, 1, 2, 4, … s apart.
	lastAttempt = 8 * time.Second
)

// A network is all machines. Its lock is held for moments only.
type network struct {
	mu       sync.Mutex
	rnd      *rand.Rand
	hosts    map[string]*host
	cut      map[[2]string]bool // from, to
	min, max time.Duration      // of a segment's way
	slow     map[[2]string]time.Duration
	conns    map[*conn]struct{}
	port     uint16
	count    struct{ dials, segments, bytes int64 }
}

// A host is one machine on the network.
type host struct {
	n         *network
	ip        string
	off       bool // without power
	stopped   bool // its process is
	life      int  // counts its processes
	going     *sync.Cond
	listeners map[uint16]*listener
}

func newNetwork(seed uint64, least, most time.Duration) *network {
	return &network{
		rnd: rand.New(rand.NewPCG(seed, 1)), hosts: map[string]*host{}, cut: map[[2]string]bool{},
		slow: map[[2]string]time.Duration{}, conns: map[*conn]struct{}{}, min: least, max: most, port: 20000,
	}
}

func (n *network) host(ip string) *host {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.hosts[ip]
	if h == nil {
		h = &host{n: n, ip: ip, listeners: map[uint16]*listener{}, going: sync.NewCond(&n.mu)}
		n.hosts[ip] = h
	}
	return h
}

// delay draws how long a segment takes. The caller holds mu.
func (n *network) delay(from, to string) time.Duration {
	if from == to {
		return 20 * time.Microsecond
	}
	return n.min + time.Duration(n.rnd.Int64N(int64(n.max-n.min)+1)) + n.slow[[2]string{from, to}]
}

// setCut cuts or mends the way from one machine to another.
func (n *network) setCut(from, to string, is bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	way := [2]string{from, to}
	if n.cut[way] == is {
		return
	}
	if is {
		n.cut[way] = true
		return
	}
	delete(n.cut, way)
	for c := range n.conns {
		if c.host.ip == from && c.peerIP() == to {
			c.sendAgain()
		}
	}
}

// setSlow makes a way take longer by d.
func (n *network) setSlow(from, to string, d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.slow[[2]string{from, to}] = d
}

// passes reports whether a segment gets from one machine to another. The caller holds mu.
func (n *network) passes(from, to string) bool {
	return !n.cut[[2]string{from, to}] && !n.hosts[from].off && !n.hosts[to].off
}

// resetOne resets a connection between two machines, if there is one.
func (n *network) resetOne(pick func(a, b string) bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.conns {
		if c.err == nil && pick(c.host.ip, c.peerIP()) {
			c.fail(syscall.ECONNRESET)
			c.peer.fail(syscall.ECONNRESET)
			return true
		}
	}
	return false
}

// kill ends everything of a machine's process: the machine itself says so to the others.
func (h *host) kill() {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	h.end(true)
}

// powerOff ends the machine: it says nothing any more.
func (h *host) powerOff() {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	h.end(false)
	h.off = true
}

// powerOn: the machine answers again. It knows of no connection.
func (h *host) powerOn() {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	h.off = false
	for c := range h.n.conns {
		if c.peerIP() == h.ip {
			c.sendAgain()
		}
	}
}

func (h *host) end(tells bool) {
	h.life++
	h.resume()
	for _, l := range h.listeners {
		l.shut()
	}
	clear(h.listeners)
	for c := range h.n.conns {
		if c.host != h {
			continue
		}
		if tells {
			c.finish()
		}
		c.fail(net.ErrClosed)
	}
}

// setStopped stops the machine's process, or lets it go on.
func (h *host) setStopped(is bool) {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	if is {
		h.stopped = true
		return
	}
	h.resume()
}

func (h *host) resume() {
	h.stopped = false
	h.going.Broadcast()
	for c := range h.n.conns {
		if c.host == h {
			c.moved.Broadcast()
		}
	}
}

// await waits while the process is stopped.
func (h *host) await() {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	for h.stopped {
		h.going.Wait()
	}
}

// A listener is a port of a machine.
type listener struct {
	h      *host
	port   uint16
	queue  []*conn
	closed bool
	come   *sync.Cond
}

func (h *host) listen(port uint16) *listener {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	l := &listener{h: h, port: port, come: sync.NewCond(&h.n.mu)}
	h.listeners[port] = l
	return l
}

func (l *listener) Accept() (net.Conn, error) {
	l.h.n.mu.Lock()
	defer l.h.n.mu.Unlock()
	for !l.closed && (len(l.queue) == 0 || l.h.stopped) {
		if l.h.stopped {
			l.h.going.Wait()
			continue
		}
		l.come.Wait()
	}
	if l.closed {
		return nil, net.ErrClosed
	}
	c := l.queue[0]
	l.queue = l.queue[1:]
	return c, nil
}

func (l *listener) Close() error {
	l.h.n.mu.Lock()
	defer l.h.n.mu.Unlock()
	l.shut()
	if l.h.listeners[l.port] == l {
		delete(l.h.listeners, l.port)
	}
	return nil
}

func (l *listener) shut() {
	l.closed = true
	for _, c := range l.queue {
		c.finish()
		c.fail(net.ErrClosed)
	}
	l.queue = nil
	l.come.Broadcast()
}

func (l *listener) Addr() net.Addr { return tcpAddr(l.h.ip, l.port) }

func tcpAddr(ip string, port uint16) *net.TCPAddr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(ip), port))
}

// dialer is what the machine's present process dials with.
func (h *host) dialer() func(ctx context.Context, network, addr string) (net.Conn, error) {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	life := h.life
	return func(ctx context.Context, _, addr string) (net.Conn, error) { return h.dial(ctx, life, addr) }
}

func (h *host) dial(ctx context.Context, life int, addr string) (net.Conn, error) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%s: the simulated network has no names: %w", addr, err)
	}
	for pause := time.Second; ; pause = min(2*pause, lastAttempt) {
		h.await()
		c, answered, err := h.connect(ctx, life, at)
		if answered {
			return c, err
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// connect sends one SYN; answered: something came back.
func (h *host) connect(ctx context.Context, life int, at netip.AddrPort) (_ net.Conn, answered bool, err error) {
	n, to := h.n, at.Addr().String()
	var c *conn
	n.mu.Lock()
	n.count.dials++
	there, back := n.delay(h.ip, to), n.delay(to, h.ip)
	ok := h.life == life && n.hosts[to] != nil && n.passes(h.ip, to)
	n.mu.Unlock()
	if !ok || sleep(ctx, there) != nil {
		return nil, false, nil
	}
	n.mu.Lock()
	if h.life != life || !n.passes(h.ip, to) || !n.passes(to, h.ip) {
		n.mu.Unlock()
		return nil, false, nil
	}
	if l := n.hosts[to].listeners[at.Port()]; l != nil {
		c = n.pair(h, l)
	}
	n.mu.Unlock()
	if sleep(ctx, back) != nil {
		if c != nil {
			_ = c.Close()
		}
		return nil, false, nil
	}
	if c == nil {
		return nil, true, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	return c, true, nil
}

// pair makes a connection. The caller holds mu.
func (n *network) pair(from *host, l *listener) *conn {
	if n.port++; n.port == 0 {
		n.port = 20000
	}
	a := &conn{n: n, host: from, local: tcpAddr(from.ip, n.port), remote: tcpAddr(l.h.ip, l.port), patience: userTimeout}
	b := &conn{n: n, host: l.h, local: a.remote, remote: a.local}
	a.peer, b.peer = b, a
	for _, c := range []*conn{a, b} {
		c.moved = sync.NewCond(&n.mu)
		n.conns[c] = struct{}{}
	}
	l.queue = append(l.queue, b)
	l.come.Signal()
	return a
}

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
	read     deadline
	write    deadline
}

type deadline struct {
	at time.Time
	t  *time.Timer
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
		c.moved.Wait()
	}
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
		c.moved.Wait()
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
	time.AfterFunc(at.Sub(now), func() {
		c.n.mu.Lock()
		defer c.n.mu.Unlock()
		if to.err == nil {
			to.moved.Broadcast()
		} else if c.n.passes(to.host.ip, c.host.ip) {
			c.fail(syscall.ECONNRESET)
		}
	})
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
	if d.t != nil {
		d.t.Stop()
		d.t = nil
	}
	d.at = t
	if t.IsZero() {
		return nil
	}
	if wait := time.Until(t); wait > 0 {
		d.t = time.AfterFunc(wait, func() {
			c.n.mu.Lock()
			defer c.n.mu.Unlock()
			c.moved.Broadcast()
		})
		return nil
	}
	c.moved.Broadcast()
	return nil
}
