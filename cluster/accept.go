package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"regent/cluster/bully"
	"regent/cluster/peer"
	"regent/engine"
	"regent/resp"
)

// The acceptor's side of the peers' channel.

// Limits of what is known of members' addresses, and of what the log tells of
// strangers.
const (
	// maxMemberAddrs bounds the addresses that a member is known by.
	maxMemberAddrs = 8
	// strangerLogEvery is how often a connection that was refused is news.
	strangerLogEvery = 10 * time.Second
)

// addresses are those that a member was dialled at, or has proved itself from.
type addresses struct {
	mu   sync.Mutex
	list []netip.Addr // the latest last
}

func (a *addresses) add(ip netip.Addr) {
	ip = ip.Unmap().WithZone("")
	a.mu.Lock()
	defer a.mu.Unlock()
	list := slices.DeleteFunc(a.list, func(x netip.Addr) bool { return x == ip })
	if len(list) == maxMemberAddrs {
		list = slices.Delete(list, 0, 1)
	}
	a.list = append(list, ip)
}

func (a *addresses) has(ip netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.list, ip)
}

// Admit gives a connection a place that is let in for nothing but to become a
// channel: its client would be refused. evict is called when another connection
// needs the place. nil: it is not let in so, because there is no secret to prove. On
// one machine nodes need none, and protected mode keeps nobody out there: a
// connection from it may become a channel although all clients' places are taken.
func (c *Cluster) Admit(from net.Addr, evict func()) (leave func()) {
	if c.secrets.None() && !c.opts.Config.PeersWithoutSecret.Get() && !ipOf(from).IsLoopback() {
		return nil
	}
	return c.enter(from, evict)
}

// enter takes a place for a connection that has not proved the secret.
func (c *Cluster) enter(from net.Addr, evict func()) (leave func()) {
	ip := ipOf(from)
	member := slices.ContainsFunc(c.others(), func(m *member) bool { return m.addrs.has(ip) })
	return c.unproved.Enter(ip, member, evict)
}

// ipOf is where a connection comes from; the zero address for a unix socket.
func ipOf(a net.Addr) netip.Addr {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip, _ := netip.AddrFromSlice(t.IP)
	return ip.Unmap()
}

// Hijack takes over a client connection that said REGENT PEER: hello is its
// words, early what was already read behind them. It returns at once and
// closes the connection when it is done with it.
func (c *Cluster) Hijack(conn net.Conn, early []byte, hello [][]byte) {
	words := make([][]byte, len(hello))
	for i := range hello {
		words[i] = bytes.Clone(hello[i])
	}
	early = bytes.Clone(early)
	c.mu.Lock()
	running := c.node != nil && !c.stopping
	if running {
		c.wg.Add(1)
	}
	c.mu.Unlock()
	if !running {
		peer.TurnAway(conn, resp.ErrLoading, c.timeout)
		_ = conn.Close()
		return
	}
	leave := c.enter(conn.RemoteAddr(), func() { _ = conn.Close() })
	go func() {
		defer c.wg.Done()
		m, open, kind, told := c.greet(conn, early, words) // m nil: a guest
		leave()
		switch {
		case open == nil || kind == peer.Probe:
			_ = conn.Close()
		case kind == peer.Stream:
			c.receive(open)
		case kind == peer.Copying:
			c.receiveCopy(open)
		case kind == peer.Messages:
			c.receiveMessages(open)
		case kind == peer.Tunnel:
			c.receiveTunnel(open)
		case m == nil:
			c.entertain(open, told)
		default:
			c.listen(m, open)
		}
	}()
}

// greet carries out the handshake; open nil: it failed. told: a guest was told which
// the members are.
func (c *Cluster) greet(raw net.Conn, early []byte, words [][]byte) (m *member, open *peer.Conn, kind string, told bool) {
	h, nonce, err := peer.ParseHello(words)
	if bad := peer.Secured(raw, c.opts.Verified); err == nil && bad != nil {
		peer.TurnAway(raw, fmt.Sprintf(resp.ErrPeerTLS, bad), c.timeout)
		c.tellInsecure(raw.RemoteAddr(), h.From, bad)
		return nil, nil, "", false
	}
	var refusal *peer.Refusal
	if errors.As(err, &refusal) {
		peer.TurnAway(raw, refusal.Text, c.timeout)
	}
	if err == nil {
		a := peer.Acceptor{Cluster: c.ownID(), Secrets: c.secrets, Limit: c.timeout}
		a.Proved = func() (why string, tell *bully.Configuration) {
			m = c.member(h.From)
			if why = c.unwelcome(m, &h, raw.RemoteAddr()); why == "" && m == nil {
				tell = c.membersFor()
				told = tell != nil
			}
			return why, tell
		}
		open, err = a.Accept(raw, early, h, nonce)
	}
	if err != nil {
		c.tellRefused(raw.RemoteAddr(), h.From, err)
		return nil, nil, "", false
	}
	if m != nil && h.Kind != peer.Probe {
		m.addrs.add(ipOf(raw.RemoteAddr()))
		m.link.Kick() // it is there: no need to wait with the way back
		poke(m.kick)
	}
	if m == nil && h.Kind == peer.Control {
		c.tellGuest(h.From, raw.RemoteAddr())
	}
	return m, open, h.Kind, told
}

// unwelcome is why a dialer that has proved the secret is not heard, "": it is.
func (c *Cluster) unwelcome(m *member, h *peer.Hello, from net.Addr) string {
	switch {
	case h.Process == c.process:
		return fmt.Sprintf(resp.ErrPeerSelf, c.id, h.To)
	case h.To != c.id:
		return fmt.Sprintf(resp.ErrPeerOther, c.id, h.To)
	case h.From == c.id:
		if c.mayTell(&c.twinTold) {
			c.opts.Host.Logf(engine.LevelWarning, "A process at %s says that it is node %d, as this one is: each node needs an ID of its own", from, c.id)
		}
		return fmt.Sprintf(resp.ErrPeerTwin, c.id, c.opts.Addr)
	case h.Kind == peer.Probe:
		return ""
	case m == nil && h.Kind != peer.Control:
		return fmt.Sprintf(resp.ErrPeerStranger, h.From)
	case m != nil && h.Kind == peer.Control:
		return c.twinOf(m, h.Process, from)
	}
	return ""
}

// twinOf refuses a second process that says it is a member, as long as the first
// is heard: the one that was there first stays.
func (c *Cluster) twinOf(m *member, process string, from net.Addr) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.incoming == nil || m.process == process || !c.hears(m) {
		return ""
	}
	if m.twin != process { // the first time it may be one that has just ended
		m.twin = process
	} else if c.mayTell(&c.twinTold) {
		c.opts.Host.Logf(engine.LevelWarning, "Two processes say that they are node %d: the one at %s is heard, the one at %s is refused. Each node needs an ID of its own (node-id)", m.ID, m.incoming.RemoteAddr(), from)
	}
	return fmt.Sprintf(resp.ErrPeerTwin, m.ID, m.incoming.RemoteAddr())
}

// hears reports whether a member has been heard of lately.
func (c *Cluster) hears(m *member) bool {
	return c.unheard(m) <= upTimes*c.timeout
}

// tellInsecure logs that a node came with TLS where there is none, or without, or without
// a certificate that counts.
func (c *Cluster) tellInsecure(from net.Addr, id int64, why error) {
	if c.mayTell(&c.strangerTold) {
		c.opts.Host.Logf(engine.LevelWarning, "Refused a connection from %s that says it is node %d: %v", from, id, why)
	}
}

// tellRefused logs that a connection was refused: now and then where anybody may
// cause it.
func (c *Cluster) tellRefused(from net.Addr, id int64, err error) {
	level := engine.LevelVerbose
	if errors.Is(err, peer.ErrSecret) {
		level = engine.LevelWarning
	}
	if !c.mayTell(&c.strangerTold) {
		level = engine.LevelDebug
	}
	c.opts.Host.Logf(level, "Refused a connection from %s that says it is node %d: %v", from, id, err)
}

// mayTell reports whether it is time for another line of a kind. Two nodes of one
// ID, and nodes that are no members, have a time of their own: what strangers cause does not keep
// it from being said.
func (c *Cluster) mayTell(told *atomic.Int64) bool {
	now, last := c.opts.Host.Mono(), told.Load()
	return (last == 0 || now-last >= int64(strangerLogEvery)) && told.CompareAndSwap(last, max(now, 1))
}

// tellGuest logs that a node asks that is no member. It knows the secret, if there is one.
func (c *Cluster) tellGuest(id int64, from net.Addr) {
	if c.mayTell(&c.guestTold) {
		c.opts.Host.Logf(engine.LevelNotice, "Node %d at %s asks to be heard and is no member of this cluster: REGENT NODE ADD %d@%s takes it in", id, ipOf(from), id, net.JoinHostPort(ipOf(from).String(), "<its port>"))
	}
}

// replace makes conn the one control channel from a member.
func (m *member) replace(conn *peer.Conn) {
	m.mu.Lock()
	old := m.incoming
	m.incoming, m.process = conn, ""
	if conn != nil {
		m.process = conn.Process
	}
	m.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
}

// lose closes a control channel.
func (m *member) lose(conn *peer.Conn) {
	_ = conn.Close()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.incoming == conn {
		m.incoming = nil
	}
}

// listen takes a member's messages until its channel is lost.
func (c *Cluster) listen(m *member, conn *peer.Conn) {
	defer m.lose(conn)
	m.replace(conn)
	if c.ctx.Err() != nil {
		return // Stop may have missed it
	}
	var f peer.Frame
	for {
		if err := conn.Next(&f); err != nil {
			break
		}
		if err := c.hear(m, &f); err != nil {
			c.opts.Host.Logf(engine.LevelWarning, "Node %d at %s is not listened to: %v", m.ID, conn.RemoteAddr(), err)
			break
		}
	}
	// The process at the other end may be gone: dial it now.
	m.link.Kick()
}

// entertain takes the messages of a node that is no member: one that waits to
// be taken in or was removed, whose words are dropped, or a leader or candidate
// whose configuration has not come this far, which brings it. From there on it
// is a member like others.
func (c *Cluster) entertain(conn *peer.Conn, told bool) {
	select {
	case c.guests <- struct{}{}:
	default:
		_ = conn.Close()
		return
	}
	m := c.hearGuest(conn, told)
	<-c.guests
	if m == nil {
		_ = conn.Close()
		return
	}
	c.listen(m, conn)
}

// hearGuest returns the member that a guest has become, nil: it is gone. One that
// was told nothing, because nothing was certain, is sent away once something is:
// it comes back at once.
func (c *Cluster) hearGuest(conn *peer.Conn, told bool) *member {
	stop := context.AfterFunc(c.ctx, func() { _ = conn.Close() })
	defer stop()
	var f peer.Frame
	for conn.Next(&f) == nil {
		if !told && f.Type == peer.Ping && c.membersFor() != nil {
			return nil
		}
		if f.Type == peer.Ping || !c.compatible(&f) {
			continue
		}
		msg, err := f.Message()
		if err != nil {
			return nil
		}
		c.do(func(now time.Duration) bully.Output { return c.node.Step(now, msg) })
		if m := c.member(conn.Peer); m != nil {
			if err := c.learn(&f); err != nil {
				return nil
			}
			return m
		}
	}
	return nil
}

// compatible reports whether a frame may be of this node's cluster.
func (c *Cluster) compatible(f *peer.Frame) bool {
	theirs, err := parseClusterID(f.Cluster)
	if err != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err = c.state.cluster.merge(theirs)
	return err == nil
}

// hear takes one frame.
func (c *Cluster) hear(m *member, f *peer.Frame) error {
	arrived := c.opts.Host.Now() // before anything is waited for
	if err := c.learn(f); err != nil {
		return err
	}
	m.heard.Store(c.stamp())
	if f.Type == peer.Ping {
		return c.hearPing(m, f, arrived)
	}
	msg, err := f.Message()
	if err != nil {
		return err
	}
	m.offset.Store(msg.Position.Offset)
	c.isWitness(m, msg.Witness)
	c.do(func(now time.Duration) bully.Output { return c.node.Step(now, msg) })
	return nil
}

// hearPing takes a sign of life that arrived at a moment of this node's wall
// clock, in ms.
func (c *Cluster) hearPing(m *member, f *peer.Frame, arrived int64) error {
	end, err := f.Int(0)
	if err != nil {
		return err
	}
	m.offset.Store(end)
	told, ok, err := f.Clock()
	if ok {
		c.compareClock(m, told, arrived)
	}
	if err != nil {
		return err
	}
	return c.hearPorts(m, f)
}
