package server

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/enginetest"
)

// An apartLink is a link that takes some bytes at once, and the rest when it is drained.
type apartLink struct {
	link
	takes  int
	sent   []byte
	direct int // bytes of values that were sent from where they lie
}

func (l *apartLink) write(b []byte) (int, error) {
	l.sent = append(l.sent, b...)
	return len(b), nil
}

func (l *apartLink) drain(b []byte) (int, error) {
	n := min(l.takes, len(b))
	l.sent = append(l.sent, b[:n]...)
	return n, nil
}

func (l *apartLink) writeApart(head, value []byte) (int, error) {
	l.direct += len(value)
	return l.drain(bytes.Join([][]byte{head, value, []byte("\r\n")}, nil))
}

// A bench is a client without a socket beside its engine.
type bench struct {
	*enginetest.Server
	c    *client
	w    *scratch
	link *apartLink
}

func newBench(t *testing.T) *bench {
	e := enginetest.NewEngine(t)
	g := newGate()
	g.set(-1, 0)
	b := &bench{Server: e, w: newScratch(arenaBytes), link: &apartLink{takes: 1 << 30}}
	b.c = &client{srv: New(Options{Engine: e.Engine, Barrier: g, Config: e.Config, Host: e.Host}), link: b.link}
	b.c.sess = e.NewSession(b.c, engine.FacePort)
	b.w.desk.Roomy, b.w.spans = true, e.Spans()
	return b
}

// run carries commands out, and end releases what they have replied.
func (b *bench) run(commands ...string) { b.c.take(b.w, []byte(strings.Join(commands, ""))) }

func (b *bench) end() {
	b.w.end(b.c)
	b.c.release(b.w)
	b.w.reset()
	b.DropGrown(&b.w.desk)
}

const largeReply = 300_000 // bytes

func bulk(value string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(value), value) }

// TestLargeReplyIsNotCopied: a large value is sent from where the dictionary has it, as it was when
// it was read, and its memory is free then.
func TestLargeReplyIsNotCopied(t *testing.T) {
	b := newBench(t)
	other := b.Client()
	one, two := strings.Repeat("1", largeReply), strings.Repeat("2", largeReply)
	other.Do("SET", "k", one)
	b.run("PING\r\n", command("GET", "k"))
	if b.w.desk.Grown(b.c.sess.W.Bytes()[:0]) != nil {
		t.Error("it was copied")
	}
	b.end()
	b.link.sent = nil
	for _, change := range [][]string{{"SET", "k", two}, {"SETRANGE", "k", "7", "xyz"}, {"APPEND", "k", "more"}, {"DEL", "k"}, {"FLUSHALL"}, {"RENAME", "k", "l"}, {"EXPIRE", "k", "100"}} {
		other.Do("SET", "k", one)
		b.link.sent, b.link.direct = nil, 0
		b.run(command("GET", "k"))
		other.Do(change...)
		b.end()
		if got := string(b.link.sent); got != bulk(one) || b.link.direct != largeReply {
			t.Errorf("%v meanwhile: %d bytes, %d of them from where they lay", change, len(got), b.link.direct)
		}
	}
	other.Do("FLUSHALL")
	b.Spans().Purge()
	other.Do("SET", "k", one)
	b.run(command("GET", "k"))
	other.Do("DEL", "k")
	if b.Spans().Warm() != 0 {
		t.Error("the memory of a value that is being sent is free")
	}
	b.end()
	if n := b.Spans().Warm(); n < largeReply {
		t.Errorf("%d bytes are free after a value was sent", n)
	}
}

// TestLargeReplyInPart: what the socket does not take is the value's no more.
func TestLargeReplyInPart(t *testing.T) {
	for _, takes := range []int{0, 3, 9, 1000, largeReply + 8, largeReply + 9} {
		b := newBench(t)
		other := b.Client()
		one := strings.Repeat("1", largeReply)
		other.Do("SET", "k", one)
		b.link.takes = takes
		b.run(command("GET", "k"))
		b.end()
		other.Do("SETRANGE", "k", "0", "xyz")
		other.Do("SET", "k", strings.Repeat("2", largeReply))
		b.link.takes = 1 << 30
		b.c.flush()
		if got := string(b.link.sent); got != bulk(one) || b.link.direct != largeReply {
			t.Errorf("%d bytes at once: %d bytes in all", takes, len(got))
		}
		b.Spans().Purge()
		if other.Do("DEL", "k"); b.Spans().Warm() < largeReply {
			t.Errorf("%d bytes at once: %d are free at last", takes, b.Spans().Warm())
		}
	}
}

// TestLargeRepliesThatAreCopied: where more is written behind a value, or nothing is to be sent, the
// replies are the same.
func TestLargeRepliesThatAreCopied(t *testing.T) {
	b := newBench(t)
	other := b.Client()
	one := strings.Repeat("1", largeReply)
	other.Do("SET", "k", one)
	less := strings.Repeat("3", 70_000)
	other.Do("SET", "less", less)
	for _, c := range []struct {
		commands []string
		want     string
		direct   int
	}{
		{[]string{"PING\r\n", command("GET", "k")}, "+PONG\r\n" + bulk(one), largeReply},
		{[]string{command("GET", "less"), command("GET", "less")}, bulk(less) + bulk(less), len(less)}, // the last
		{[]string{command("GET", "less"), "PING\r\n"}, bulk(less) + "+PONG\r\n", 0},
		{[]string{command("CLIENT", "REPLY", "SKIP"), command("GET", "k"), "PING\r\n"}, "+PONG\r\n", 0},
		{[]string{"MULTI\r\n", command("GET", "k"), "PING\r\n", "EXEC\r\n"}, "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n" + bulk(one) + "+PONG\r\n", 0},
		{[]string{command("EVAL", "return redis.call('GET', KEYS[1])", "1", "k")}, bulk(one), 0},
		{[]string{command("MGET", "k", "none")}, "*2\r\n" + bulk(one) + "$-1\r\n", 0},
	} {
		b.link.sent, b.link.direct = nil, 0
		b.run(c.commands...)
		b.end()
		for b.c.more {
			b.c.work(b.w)
			b.end()
		}
		if got := string(b.link.sent); got != c.want || b.link.direct != c.direct {
			t.Errorf("%.50q: %d bytes, want %d, %d from where they lay", c.commands, len(got), len(c.want), b.link.direct)
		}
	}
	b.run(command("GET", "k"))
	b.c.sess.W.Int(7) // a message that comes meanwhile
	b.link.sent = nil
	b.end()
	if got := string(b.link.sent); got != bulk(one)+":7\r\n" {
		t.Errorf("%d bytes with what comes behind", len(got))
	}
}

// TestLargeReplyWaits: a value whose write is not committed is sent when it is, as it was when it
// was read.
func TestLargeReplyWaits(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		h.lead(1)
		h.gate.set(0, 1)
		a, b := h.dial(), h.dial()
		one := strings.Repeat("1", largeReply)
		a.send(command("SET", "k", one))
		eventually(t, "it was written", func() bool { return h.Log.End() > 0 })
		b.send(command("GET", "k"))
		eventually(t, "both wait", func() bool { return h.gate.waiting() == 2 })
		c := h.dial()
		c.send(command("SET", "k", strings.Repeat("2", largeReply)))
		eventually(t, "all wait", func() bool { return h.gate.waiting() == 3 })
		h.gate.set(-1, 1)
		a.expect("+OK\r\n")
		b.expect(bulk(one))
		c.expect("+OK\r\n")
	})
}
