package server

import (
	"fmt"
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/enginetest"
)

// lead makes the house the leader of a cluster in an epoch.
func (h *house) lead(epoch int64) {
	h.Cluster.SetView(engine.View{Clustered: true, Leading: true, NodeID: 1, LeaderID: 1, Epoch: epoch})
}

const (
	uncertain   = "-UNCERTAIN The write was not confirmed in time: it may or may not have been applied\r\n"
	clusterDown = "-CLUSTERDOWN The cluster is down\r\n"
)

// TestRepliesWaitForTheBarrier: nothing of a batch leaves before it is
// committed, later commands do not run meanwhile, others are served.
func TestRepliesWaitForTheBarrier(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		h.lead(1)
		h.gate.set(0, 1)
		a, b := h.dial(), h.dial()
		a.send(command("SET", "k", "v") + "NOSUCH\r\n")
		eventually(t, "the first batch has run", func() bool { return len(h.Log.Lines()) == 1 })
		a.silent()
		a.send(command("APPEND", "k", "w"))
		b.send(command("GET", "other"))
		b.expect("$-1\r\n")
		a.silent()
		if got := len(h.Log.Lines()); got != 1 {
			t.Fatalf("%d records while the first batch waits", got)
		}
		h.gate.set(h.Log.End(), 1)
		a.expect("+OK\r\n-ERR unknown command 'NOSUCH', with args beginning with: \r\n")
		a.silent() // the second batch waits in its turn
		h.gate.set(-1, 1)
		a.expect(":2\r\n")
	})
}

// TestALeaseIsLookedAtForEachRelease: what was seen of the lease proves nothing of a reply that
// is computed later.
func TestALeaseIsLookedAtForEachRelease(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		h.lead(1)
		h.gate.set(-1, 1)
		c := h.dial()
		for range 5 {
			c.send(command("GET", "k"))
			c.expect("$-1\r\n")
		}
		h.gate.mu.Lock()
		defer h.gate.mu.Unlock()
		if h.gate.sealed < 5 || h.gate.proven != 0 {
			t.Errorf("of %d releases %d rested on an earlier look", h.gate.sealed, h.gate.proven)
		}
	})
}

// TestReaderWaitsForTheWrite: a value that may be taken back is shown to
// nobody.
func TestReaderWaitsForTheWrite(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		h.lead(1)
		h.gate.set(0, 1)
		a, b := h.dial(), h.dial()
		a.send(command("SET", "k", "v"))
		eventually(t, "it waits", func() bool { return h.gate.waiting() == 1 })
		a.silent()
		b.send(command("GET", "k"))
		eventually(t, "both wait", func() bool { return h.gate.waiting() == 2 })
		b.silent()
		h.gate.set(-1, 1)
		a.expect("+OK\r\n")
		b.expect("$1\r\nv\r\n")
	})
}

// TestUncertain: when leadership goes while a batch waits, each reply is
// judged by itself, and the connection goes on.
func TestUncertain(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		h.lead(1)
		h.gate.set(0, 1)
		w := h.dial()
		w.send("NOSUCH\r\n" + command("SET", "k", "v") + command("GET", "k") + command("GET", "other") + "NOSUCH\r\n" + command("INCR", "n"))
		eventually(t, "it waits", func() bool { return h.gate.waiting() == 1 })
		w.silent()
		h.Cluster.SetView(engine.View{Clustered: true, NodeID: 1, LeaderID: 2, Leader: "127.0.0.1:7002", Epoch: 2})
		h.gate.set(0, 0)
		unknown := "-ERR unknown command 'NOSUCH', with args beginning with: \r\n"
		w.expect(unknown + uncertain + clusterDown + clusterDown + unknown + uncertain)
		w.send(command("SET", "k", "v"))
		w.expect("-MOVED 7629 127.0.0.1:7002\r\n")
	})
}

// TestUncertainInPart: what was committed before is told so.
func TestUncertainInPart(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		h.lead(1)
		h.gate.set(0, 1)
		w := h.dial()
		w.send(command("SET", "a", "1") + command("SET", "b", "2") + command("GET", "a"))
		eventually(t, "it waits", func() bool { return h.gate.waiting() == 1 })
		w.silent()
		h.gate.set(1, 1) // not all of the first record
		h.gate.set(h.Log.End()/2, 1)
		w.silent()
		h.gate.giveUp() // by time: the leadership goes on
		w.expect("+OK\r\n" + uncertain + "$1\r\n1\r\n")
	})
}

// TestUncertainWithoutPeers: the log has failed; a client that wrote nothing has read
// over something that is lost.
func TestUncertainWithoutPeers(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		h.gate.set(0, 0)
		w := h.dial()
		w.send(command("SET", "k", "v") + command("GET", "k"))
		eventually(t, "it waits", func() bool { return h.gate.waiting() == 1 })
		w.silent()
		h.gate.giveUp()
		w.expect(uncertain + uncertain)
	})
}

// A tape is a link that takes everything.
type tape struct {
	link
	sent []byte
}

func (l *tape) write(b []byte) (int, error) {
	l.sent = append(l.sent, b...)
	return len(b), nil
}

// TestLeadershipChangesInsideABatch: a batch that was answered under two
// leaderships is taken apart, and what the first one said does not leave.
func TestLeadershipChangesInsideABatch(t *testing.T) {
	e := enginetest.NewEngine(t)
	g := newGate()
	g.set(-1, 2)
	link := &tape{}
	c := &client{srv: New(Options{Engine: e.Engine, Barrier: g, Config: e.Config, Host: e.Host}), link: link}
	c.sess = e.NewSession(c, engine.FacePort)
	w := newScratch(goroutineArena)
	w.begin(c)
	for _, epoch := range []int64{0, 1, 2} {
		for _, wrote := range []int64{0, 10} {
			c.parkAt = parkPoint{c.sess.W.Len(), c.sess.LastWriteEnd}
			c.sess.LeaderEpoch, c.sess.LastWriteEnd = epoch, c.sess.LastWriteEnd+wrote
			c.sess.Barrier = epoch
			c.sess.W.Int(epoch)
			c.note(w)
		}
	}
	w.end(c)
	c.release(w)
	want := ":0\r\n:0\r\n" + clusterDown + uncertain + clusterDown + uncertain
	if got := string(link.sent); got != want || c.waiting {
		t.Fatalf("got %q, waiting %v; want %q", got, c.waiting, want)
	}
}

// TestParkedCommand: what stands before a waiting command is answered, what
// stands behind waits, a peer that hangs up is noticed.
func TestParkedCommand(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		h.Cluster.SetAcked(0)
		a, b := h.dial(), h.dial()
		for _, w := range []*wire{a, b} {
			w.send(command("SET", "k", "v") + command("WAIT", "1", "0") + command("GET", "k"))
			w.expect("+OK\r\n")
			w.silent()
		}
		_ = b.Close()
		eventually(t, "the peer's end is noticed", func() bool { return h.Sessions() == 1 })
		a.send(command("GET", "none"))
		a.silent()
		h.Cluster.SetAcked(h.Log.End())
		h.ReplicaAcked()
		a.expect(":1\r\n$1\r\nv\r\n$-1\r\n")
	})
}

// TestWakesAtAnyTime: wakes that mean nothing change nothing.
func TestWakesAtAnyTime(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		w := h.dial()
		w.send("GET k\r\n")
		w.expect("$-1\r\n")
		var c *client
		h.front.mu.Lock()
		for c = range h.front.clients {
		}
		h.front.mu.Unlock()
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
					c.Wake()
				}
			}
		}()
		for i := range 300 {
			w.send(command("INCR", "n") + command("INCR", "n"))
			w.expect(fmt.Sprintf(":%d\r\n:%d\r\n", 2*i+1, 2*i+2))
		}
		close(stop)
		<-stopped
	})
}

// TestReplylessBatchDoesNotWait: CLIENT REPLY OFF or not, records reach the log.
func TestReplylessBatchDoesNotWait(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		h.gate.set(0, 0)
		w := h.dial()
		w.send("GET none\r\n")
		w.expect("$-1\r\n")
		w.send(command("CLIENT", "REPLY", "OFF"))
		w.send(strings.Repeat(command("INCR", "n"), 3))
		eventually(t, "the records are there", func() bool { return len(h.Log.Lines()) == 3 })
		eventually(t, "they are handed on", func() bool {
			h.gate.mu.Lock()
			defer h.gate.mu.Unlock()
			return h.gate.sealed > 0
		})
		if n := h.gate.waiting(); n != 0 {
			t.Fatalf("%d waits for no reply", n)
		}
	})
}

// TestBlockedAndDeposed: a client blocked at a leader that is deposed without a
// hand-over is told UNBLOCKED, although the lease under which it began to wait is lost.
func TestBlockedAndDeposed(t *testing.T) {
	models(t, func(t *testing.T, model int64) {
		h := start(t, model, nil)
		h.lead(1)
		h.gate.set(-1, 1)
		w := h.dial()
		w.send(command("BLPOP", "k", "0"))
		w.silent()
		h.Cluster.SetView(engine.View{Clustered: true, NodeID: 1, LeaderID: 2, Leader: "127.0.0.1:7002", Epoch: 2})
		h.gate.set(-1, 0)
		h.ReplicaAcked()
		w.expect("-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n")
	})
}
