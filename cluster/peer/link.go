package peer

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"regent/cluster/bully"
)

// A Link is this node's control channel to one peer: it dials for ever, sends
// what it is given while the channel stands, and reports what its dials say
// about the peer.
//
//	  ┌──── pause ◄──── failed, refused ──► Dead(at)
//	  ▼                   │
//	dial ─── handshake ───┴──► up ── write messages, PING when idle ──► lost
//	  ▲                                                                  │
//	  └─────────────────── at once, then 2, 4, … 32 ms ◄─────────────────┘
//
// The acceptor never writes, so a read that ends means that the connection
// did: it is noticed at once, not at the next write.
type Link struct {
	cfg  LinkConfig
	box  *outbox
	kick chan struct{}
	up   atomic.Bool

	mu    sync.Mutex
	since time.Time // of the standing connection
	said  string    // the last complaint logged
}

// LinkConfig is what a Link is told.
type LinkConfig struct {
	Peer    int64
	Addr    func() string // asked at each dial
	Dialer  *Dialer
	Timeout time.Duration // of a write
	Hello   func() Hello
	Offset  func() int64         // where this node's log ends: a PING tells it
	Clock   func() Clock         // what a PING tells of wall clocks; nil: nothing
	Ports   Ports                // what a PING tells of this node's faces, if there is a Clock
	Cluster func() string        // the cluster ID for frames
	Mono    func() time.Duration // the node's clock
	Rand    func() uint64
	// Up tells that the channel stands or is lost. Dead tells that it was
	// answered that nobody listens at the peer's own address; at was read before
	// the dial, and proof is whether that is certain.
	Up   func(up bool)
	Dead func(at time.Duration, proof bool)
	// Told takes what a node told that does not know this one: which the members
	// are.
	Told func(bully.Configuration)
	// Logf is called once per change, not per attempt.
	Logf func(format string, args ...any)
}

const (
	// pingPart: an idle channel carries a PING after T/4 to T/2,
	pingPart = 4
	// pingEvery: and a busy one about so often, so that clocks are compared.
	pingEvery = time.Second
)

// NewLink returns a link that Run brings to life.
func NewLink(c LinkConfig) *Link {
	return &Link{cfg: c, box: newOutbox(), kick: make(chan struct{}, 1), said: "not dialled yet"}
}

// Send queues a message. While there is no channel it is dropped: the
// protocol repeats what matters, and old words confuse.
func (l *Link) Send(m bully.Message) {
	if l.up.Load() {
		l.box.push(m)
	}
}

// Kick ends a pause between two dials.
func (l *Link) Kick() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// Up reports whether the channel stands.
func (l *Link) Up() bool { return l.up.Load() }

// Since is when the channel was opened; the zero time while there is none.
func (l *Link) Since() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.since
}

// Flush waits until nothing waits to be sent any more, or ctx ends. One goroutine
// at a time may call it.
func (l *Link) Flush(ctx context.Context) {
	for l.Up() && !l.box.empty() {
		select {
		case <-l.box.taken:
		case <-ctx.Done():
			return
		}
	}
}

// Run keeps the channel up until ctx ends.
func (l *Link) Run(ctx context.Context) {
	pause := NewBackoff(l.cfg.Rand)
	var met here
	for pause.Wait(ctx, l.kick) {
		at := l.cfg.Mono()
		c, err := l.cfg.Dialer.Dial(ctx, l.cfg.Addr(), l.cfg.Hello())
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			if refused := refusedAt(err); refused != nil {
				l.cfg.Dead(at, met.gone(refused))
			}
			if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
				pause.Broken()
			}
			l.complain(err)
			continue
		}
		if len(c.Told.Voters) > 0 {
			l.cfg.Told(c.Told)
		}
		if l.cfg.Dialer.Net == nil {
			met.met(c.RemoteAddr())
		}
		err = l.serve(ctx, c)
		pause.Lost(time.Since(c.Since))
		if ctx.Err() == nil {
			l.complain(err)
		}
	}
}

// complain logs what has changed.
func (l *Link) complain(err error) {
	text := "the connection was closed"
	if err != nil && !errors.Is(err, io.EOF) {
		text = err.Error()
	}
	l.mu.Lock()
	changed := l.said != text
	l.said = text
	l.mu.Unlock()
	if changed {
		l.cfg.Logf("No link to node %d at %s: %s", l.cfg.Peer, l.cfg.Addr(), text)
	}
}

// serve writes what is queued until the channel is lost.
func (l *Link) serve(ctx context.Context, c *Conn) error {
	c.SetPatience(l.cfg.Timeout)
	lost := make(chan error, 1)
	go func() { lost <- UntilEnd(c.Conn) }()
	l.set(c.Since)
	l.box.clear()
	l.up.Store(true)
	l.cfg.Up(true)
	err := l.pump(ctx, c, lost)
	l.up.Store(false)
	l.box.clear() // what is left is not sent: nobody waits for it
	_ = c.Close()
	l.set(time.Time{})
	l.cfg.Up(false)
	return err
}

func (l *Link) set(since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.since = since
	if !since.IsZero() && l.said != "" {
		l.said = ""
		l.cfg.Logf("Link to node %d at %s is up", l.cfg.Peer, l.cfg.Addr())
	}
}

// pump is the writer: everything queued in one write, a PING when there was
// nothing for a while or the last one is old.
func (l *Link) pump(ctx context.Context, c *Conn, lost <-chan error) error {
	idle := time.NewTicker(min(max(l.cfg.Timeout/pingPart, time.Millisecond), pingEvery))
	defer idle.Stop()
	var queue []bully.Message
	var out []byte
	wrote := true
	pinged := time.Now() // the other side learns at once what a PING tells
	if _, err := c.Write(l.appendPing(nil)); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-lost:
			return err
		case <-l.box.wake:
			queue, out = l.box.take(queue), out[:0]
			for i := range queue {
				out = AppendMessage(out, l.cfg.Cluster(), &queue[i])
			}
		case <-idle.C:
			if wrote && time.Since(pinged) < pingEvery {
				wrote = false
				continue
			}
			pinged, out = time.Now(), l.appendPing(out[:0])
		}
		if _, err := c.Write(out); err != nil {
			return err
		}
		wrote = true
	}
}

// appendPing appends a PING with what is known now.
func (l *Link) appendPing(dst []byte) []byte {
	h := l.cfg.Hello()
	f := Frame{Type: Ping, Cluster: l.cfg.Cluster(), From: h.From, To: h.To}
	if l.cfg.Clock == nil {
		return AppendInt(AppendHead(dst, &f, 1), l.cfg.Offset())
	}
	dst = AppendInt(AppendHead(dst, &f, 1+clockArgs+portsArgs+roleArgs), l.cfg.Offset())
	return appendPorts(appendClock(dst, l.cfg.Clock()), l.cfg.Ports)
}

// UntilEnd waits for the end of a connection on which nothing comes.
func UntilEnd(c net.Conn) error {
	var b [1]byte
	if n, err := c.Read(b[:]); n == 0 {
		return err
	}
	return Malformed("a word on a channel that goes the other way")
}
