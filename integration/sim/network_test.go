package sim

import (
	"context"
	"fmt"
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
