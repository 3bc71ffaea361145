package server

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"regent/engine"
)

// said is what a listener of RESP2 reads.
func said(words ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b.String()
}

func subscribed(verb, name string, n int) string {
	return fmt.Sprintf("*3\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n:%d\r\n", len(verb), verb, len(name), name, n)
}

// TestMessagesReachWhoListens: in order, at a client at rest, one behind a pipeline,
// and one that waits inside a command.
func TestMessagesReachWhoListens(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		rests, waits, speaks := h.dial(), h.dial(), h.dial()
		rests.send(command("SUBSCRIBE", "ch"))
		rests.expect(subscribed("subscribe", "ch", 1))
		waits.send(command("HELLO", "3") + command("SUBSCRIBE", "ch") + command("BLPOP", "q", "0"))
		eventually(t, "the client waits", func() bool { return h.asleep() == 1 })
		var pipeline, heard strings.Builder
		const n = 500
		for i := range n {
			pipeline.WriteString(command("PUBLISH", "ch", fmt.Sprint(i)))
			heard.WriteString(said("message", "ch", fmt.Sprint(i)))
		}
		speaks.send(pipeline.String())
		speaks.expect(strings.Repeat(":2\r\n", n))
		rests.expect(heard.String())
		speaks.send(command("RPUSH", "q", "x"))
		speaks.expect(":1\r\n")
		got := waits.until("*2\r\n$1\r\nq\r\n$1\r\nx\r\n")
		if want := strings.ReplaceAll(heard.String(), "*3", ">3"); !strings.Contains(got, want) {
			t.Errorf("the client that waits has not heard everything: %d bytes", len(got))
		}
		rests.send(command("UNSUBSCRIBE", "ch") + command("PING"))
		rests.expect(subscribed("unsubscribe", "ch", 0) + "+PONG\r\n")
		speaks.send(command("PUBLISH", "ch", "x"))
		speaks.expect(":1\r\n")
		rests.silent()
	})
}

// TestEventsWaitForTheWrite: a keyspace event leaves when its write is committed, what
// is published does not wait, and an event of a write that may be lost never leaves.
func TestEventsWaitForTheWrite(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		h.Config.KeyspaceEvents.Set(1<<14 - 1)
		h.lead(1)
		h.gate.set(0, 1)
		l, w := h.dial(), h.dial()
		l.send(command("SUBSCRIBE", "__keyevent@0__:set", "ch"))
		l.expect(subscribed("subscribe", "__keyevent@0__:set", 1) + subscribed("subscribe", "ch", 2))
		w.send(command("PUBLISH", "ch", "m"))
		w.expect(":1\r\n")
		l.expect(said("message", "ch", "m"))
		w.send(command("SET", "k", "v"))
		w.silent()
		l.silent()
		h.gate.set(h.Log.End(), 1)
		w.expect("+OK\r\n")
		l.expect(said("message", "__keyevent@0__:set", "k"))

		w.send(command("SET", "lost", "v"))
		w.silent()
		l.silent()
		h.Cluster.SetView(engine.View{Clustered: true, NodeID: 1, LeaderID: 2, Leader: "127.0.0.1:7002", Epoch: 2})
		h.gate.set(0, 0)
		w.expect(uncertain)
		l.send(command("PING"))
		l.expect(said("pong", ""))
	})
}

// TestListenerThatDoesNotRead: it is disconnected at the limit of its class, and
// nobody else notices.
func TestListenerThatDoesNotRead(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		h.Config.OutputHardPubsub.Set(1 << 20)
		deaf, speaks := h.dial(), h.dial()
		deaf.send(command("SUBSCRIBE", "ch"))
		deaf.expect(subscribed("subscribe", "ch", 1))
		message := command("PUBLISH", "ch", strings.Repeat("x", 100<<10))
		eventually(t, "the listener is gone", func() bool {
			speaks.send(message)
			return speaks.until("\r\n") == ":0\r\n"
		})
		speaks.send(command("PING"))
		speaks.expect("+PONG\r\n")
	})
}

// until reads up to and with mark.
func (w *wire) until(mark string) string {
	w.t.Helper()
	if err := w.SetReadDeadline(time.Now().Add(patience)); err != nil {
		w.t.Fatal(err)
	}
	var got []byte
	buf := make([]byte, 4096)
	for !bytes.HasSuffix(got, []byte(mark)) {
		n, err := w.Read(buf)
		if got = append(got, buf[:n]...); err != nil {
			w.t.Fatalf("got %.300q, %v; want %q at the end", got, err, mark)
		}
	}
	return string(got)
}

// TestEvictedBeforeTheReply: what a client's own command evicts is told before its reply, also where
// the command only reads.
func TestEvictedBeforeTheReply(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		c := h.dial()
		c.send(command("HELLO", "3") + command("CLIENT", "TRACKING", "ON") + command("CONFIG", "SET", "maxmemory-policy", "volatile-ttl") +
			command("SET", "v", "x", "EX", "10000") + command("GET", "v") + command("SET", "large", strings.Repeat("x", 1<<20)))
		c.until("$1\r\nx\r\n+OK\r\n")
		h.Config.MaxMemory.Set(1 << 20) // the key with a time alone may go
		c.send(command("STRLEN", "large"))
		c.expect(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nv\r\n:1048576\r\n")
	})
}

// TestALargeMessageToOneself: by RESP3 a client publishes to a channel that it listens to, more
// than leaves in one write. Message and reply follow one another, each whole.
func TestALargeMessageToOneself(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		w := h.dial()
		w.send(command("HELLO", "3") + command("SUBSCRIBE", "ch") + command("ECHO", "heard"))
		w.until("$5\r\nheard\r\n")
		for _, n := range []int{1, 16 << 10, 200 << 10, 3 << 20} {
			text := strings.Repeat("x", n)
			w.send(command("PUBLISH", "ch", text) + command("PING"))
			push, reply := strings.Replace(said("message", "ch", text), "*", ">", 1), ":1\r\n"
			got := w.until("+PONG\r\n")
			if got != push+reply+"+PONG\r\n" && got != reply+push+"+PONG\r\n" {
				t.Errorf("%d bytes: %d bytes came that begin %.60q", n, len(got), got)
			}
		}
	})
}
