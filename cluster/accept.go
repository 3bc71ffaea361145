package cluster

import (
	"bytes"
	"context"
	"net"
	"time"

	"regent/cluster/bully"
	"regent/cluster/peer"
	"regent/engine"
)

// The acceptor's side of the peers' channel.

// errGreeting answers a greeting that is not understood or not wanted.
const errGreeting = "-ERR The peers' channel does not know you\r\n"

// Hijack takes over a client connection that said REGENT PEER: hello is its
// words, early what was already read behind them. It returns at once and
// closes the connection when it is done with it.
func (c *Cluster) Hijack(conn net.Conn, early []byte, hello [][]byte) {
	words := make([][]byte, len(hello))
	for i := range hello {
		words[i] = bytes.Clone(hello[i])
	}
	early = bytes.Clone(early)
	select {
	case c.greets <- struct{}{}:
	default:
		_ = conn.Close()
		return
	}
	c.mu.Lock()
	running := c.node != nil && !c.stopping
	if running {
		c.wg.Add(1)
	}
	c.mu.Unlock()
	if !running {
		<-c.greets
		_ = conn.Close()
		return
	}
	go func() {
		defer c.wg.Done()
		m, open, kind := c.greet(conn, early, words) // m nil: a guest
		<-c.greets
		switch {
		case open == nil:
			_ = conn.Close()
		case kind == peer.Stream:
			c.receive(open)
		case kind == peer.Copying:
			c.receiveCopy(open)
		case m == nil:
			c.entertain(open)
		default:
			c.listen(m, open)
		}
	}()
}

// greet carries out the handshake; nil: it failed.
func (c *Cluster) greet(raw net.Conn, early []byte, words [][]byte) (*member, *peer.Conn, string) {
	h, nonce, err := peer.ParseHello(words)
	m := c.member(h.From)
	if err != nil || h.To != c.id || h.From == c.id || m == nil && h.Kind != peer.Control {
		_ = raw.SetWriteDeadline(time.Now().Add(c.timeout))
		_, _ = raw.Write([]byte(errGreeting))
		return nil, nil, ""
	}
	var tell *bully.Configuration
	if m == nil {
		tell = c.membersFor()
	}
	open, err := peer.Accept(raw, early, h, nonce, c.ownID(), c.secret, c.timeout, tell)
	if err != nil {
		c.opts.Host.Logf(engine.LevelVerbose, "Refused a connection that says it is node %d: %v", h.From, err)
		return nil, nil, ""
	}
	if m != nil {
		m.link.Kick() // it is there: no need to wait with the way back
		poke(m.kick)
	}
	return m, open, h.Kind
}

// replace makes conn the one control channel from a member.
func (m *member) replace(conn *peer.Conn) {
	m.mu.Lock()
	old := m.incoming
	m.incoming = conn
	m.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
}

// listen takes a member's messages until its channel is lost.
func (c *Cluster) listen(m *member, conn *peer.Conn) {
	defer conn.Close()
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
func (c *Cluster) entertain(conn *peer.Conn) {
	select {
	case c.guests <- struct{}{}:
	default:
		_ = conn.Close()
		return
	}
	m := c.hearGuest(conn)
	<-c.guests
	if m == nil {
		_ = conn.Close()
		return
	}
	c.listen(m, conn)
}

// hearGuest returns the member that a guest has become, nil: it is gone.
func (c *Cluster) hearGuest(conn *peer.Conn) *member {
	stop := context.AfterFunc(c.ctx, func() { _ = conn.Close() })
	defer stop()
	var f peer.Frame
	for conn.Next(&f) == nil {
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
	if err := c.learn(f); err != nil {
		return err
	}
	m.heard.Store(c.opts.Host.Now())
	if f.Type == peer.Ping {
		return nil
	}
	msg, err := f.Message()
	if err != nil {
		return err
	}
	m.offset.Store(msg.Position.Offset)
	c.do(func(now time.Duration) bully.Output { return c.node.Step(now, msg) })
	return nil
}
