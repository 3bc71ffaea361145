package cluster

import (
	"bytes"
	"context"
	"sync"
	"time"

	"regent/cluster/peer"
	"regent/engine"
)

// What clients publish goes to the other nodes, whose clients may listen: to all of
// them, whether somebody does or not, as in Redis Cluster, since a listener must not
// miss what is published right after its SUBSCRIBE was answered.
//
//	PUBLISH ─► Publish ─► a queue for each member ─► a channel of its own (TELL) ─► Engine.Hear
//	                       │ bounded                 dialled when there is something
//	                       └─ full, or nobody there: dropped, and counted
//
// Messages are no part of the log: they are not kept, and one that does not arrive is
// lost (at most once). They share no connection with heartbeats or the log, and delay
// neither. One queue is written in its order, so those of one publisher arrive in its.
//
// A message of more than peer.MaxBody bytes goes in pieces, which the other side puts
// together; one above maxTold stays here, and the log says so.

const (
	// maxTold bounds a message that goes to other nodes, in bytes.
	maxTold = 64 << 20
	// maxTelling bounds what waits for one member, in bytes; one message may be more.
	maxTelling = 16 << 20
	// tellBatch is how many bytes of messages go out in one write, at least one.
	tellBatch = 256 << 10
	// tellPatience is how many election timeouts a write to a member may take.
	tellPatience = 4
	// lostEvery is how often messages that were dropped are news.
	lostEvery = 10 * time.Second
)

// A told message is one on its way. Its bytes are shared by all queues.
type told struct {
	shard            bool
	channel, payload []byte
}

func (m *told) size() int { return len(m.channel) + len(m.payload) }

// A courier is what waits for one member.
type courier struct {
	wake chan struct{}

	mu    sync.Mutex
	queue []told
	bytes int
	lost  int64 // messages since the last line about them
	said  int64 // mono ns of that line, 0: there was none
}

func newCourier() *courier { return &courier{wake: make(chan struct{}, 1)} }

// push adds a message, or drops it where too much waits.
func (o *courier) push(m told) {
	o.mu.Lock()
	if len(o.queue) > 0 && o.bytes+m.size() > maxTelling {
		o.lost++
		o.mu.Unlock()
		return
	}
	o.queue = append(o.queue, m)
	o.bytes += m.size()
	o.mu.Unlock()
	poke(o.wake)
}

// take moves all that waits into dst.
func (o *courier) take(dst []told) []told {
	o.mu.Lock()
	defer o.mu.Unlock()
	dst = append(dst[:0], o.queue...)
	clear(o.queue)
	o.queue, o.bytes = o.queue[:0], 0
	return dst
}

// drop loses what waits: nobody is there.
func (o *courier) drop(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lost += int64(n + len(o.queue))
	clear(o.queue)
	o.queue, o.bytes = o.queue[:0], 0
}

// news is how many messages were lost, if a line about that is due.
func (o *courier) news(now int64) (lost int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lost == 0 || o.said != 0 && now-o.said < int64(lostEvery) {
		return 0
	}
	lost, o.lost, o.said = o.lost, 0, max(now, 1)
	return lost
}

// Publish takes a message to the other nodes. It never blocks.
func (c *Cluster) Publish(shard bool, channel, payload []byte) {
	others := c.others()
	if len(others) == 0 {
		return
	}
	if len(channel) > peer.MaxBody/2 || len(payload) > maxTold {
		c.opts.Host.Logf(engine.LevelWarning, "A message of %d bytes was published at this node alone: other nodes are told of up to %d, on channels with names of up to %d",
			len(payload), maxTold, peer.MaxBody/2)
		return
	}
	m := told{shard, bytes.Clone(channel), bytes.Clone(payload)}
	for _, other := range others {
		other.messages.push(m)
	}
}

// tellMessages carries messages to a member until ctx ends.
func (c *Cluster) tellMessages(ctx context.Context, m *member) {
	pause := peer.NewBackoff(c.opts.Host.Rand)
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.messages.wake:
		}
		if !pause.Wait(ctx, nil) {
			return
		}
		conn, err := m.dialer.Dial(ctx, m.Addr(), c.hello(m, peer.Messages))
		if err == nil {
			poke(m.messages.wake)
			c.carryMessages(ctx, m, conn)
			pause.Lost(time.Since(conn.Since))
		} else {
			m.messages.drop(0)
		}
		if lost := m.messages.news(c.opts.Host.Mono()); lost > 0 && ctx.Err() == nil {
			c.opts.Host.Logf(engine.LevelWarning, "%d messages of PUBLISH did not reach node %d: it is not there, or takes them too slowly", lost, m.ID)
		}
	}
}

// carryMessages writes what waits until the connection is lost.
func (c *Cluster) carryMessages(ctx context.Context, m *member, conn *peer.Conn) {
	defer conn.Close()
	conn.SetPatience(tellPatience * c.timeout)
	lost := make(chan struct{})
	go func() {
		_ = peer.UntilEnd(conn)
		close(lost)
	}()
	head := peer.Frame{Type: peer.Tell, From: c.id, To: m.ID}
	var queue []told
	var out []byte
	for {
		select {
		case <-ctx.Done():
			return
		case <-lost:
			return
		case <-m.messages.wake:
		}
		head.Cluster = c.clusterText()
		queue = m.messages.take(queue)
		for i := range queue {
			out = appendTold(out, &head, &queue[i])
			if len(out) < tellBatch && i < len(queue)-1 {
				continue
			}
			if _, err := conn.Write(out); err != nil {
				m.messages.drop(len(queue) - i)
				return
			}
			if out = out[:0]; cap(out) > 2*tellBatch {
				out = nil
			}
		}
		clear(queue)
	}
}

// appendTold appends the frames of a message: shard, channel, whether more comes, and
// bytes of the payload.
func appendTold(dst []byte, head *peer.Frame, m *told) []byte {
	shard := int64(0)
	if m.shard {
		shard = 1
	}
	for rest := m.payload; ; {
		piece := rest[:min(len(rest), peer.MaxBody-len(m.channel))]
		rest = rest[len(piece):]
		more := int64(min(len(rest), 1))
		f := *head
		f.Args = [][]byte{digit(shard), m.channel, digit(more), piece}
		if dst = peer.AppendFrame(dst, &f); more == 0 {
			return dst
		}
	}
}

func digit(n int64) []byte { return []byte{'0' + byte(n)} }

// receiveMessages takes what a member's clients have published.
func (c *Cluster) receiveMessages(conn *peer.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(c.ctx, func() { _ = conn.Close() })
	defer stop()
	var f peer.Frame
	var whole []byte
	for conn.Next(&f) == nil {
		if err := c.hearTold(&f, &whole); err != nil {
			c.opts.Host.Logf(engine.LevelWarning, "Node %d at %s is not listened to: %v", conn.Peer, conn.RemoteAddr(), err)
			return
		}
	}
}

// hearTold takes a frame; whole is what came before of the same message.
func (c *Cluster) hearTold(f *peer.Frame, whole *[]byte) error {
	if err := c.learn(f); err != nil {
		return err
	}
	m, ok, err := assemble(f, whole)
	if ok {
		c.engine.Hear(m.shard, m.channel, m.payload)
	}
	return err
}

// assemble reads a frame of a message; ok: it was the last one, and m is good until the
// next frame is read.
func assemble(f *peer.Frame, whole *[]byte) (m told, ok bool, err error) {
	if f.Type != peer.Tell || len(f.Args) != 4 {
		return m, false, peer.Malformed("%s with %d arguments on a channel of messages", f.Type, len(f.Args))
	}
	shard, err := f.Int(0)
	if err != nil {
		return m, false, err
	}
	more, err := f.Int(2)
	if err != nil {
		return m, false, err
	}
	m = told{shard != 0, f.Args[1], f.Args[3]}
	if more != 0 || len(*whole) > 0 {
		if len(*whole)+len(m.payload) > maxTold {
			return m, false, peer.Malformed("a message of more than %d bytes", maxTold)
		}
		*whole = append(*whole, m.payload...)
		m.payload = *whole
	}
	if more != 0 {
		return m, false, nil
	}
	*whole = nil
	return m, true, nil
}
