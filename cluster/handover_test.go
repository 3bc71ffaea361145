package cluster_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/config"
)

// A caller is a client that follows MOVED and waits while its command is
// held. Whatever else it is told counts as an error.
type caller struct {
	w  *network
	at *node
}

// do carries out one command to its end and returns the reply that left, ""
// when none could.
func (c *caller) do(args ...string) string {
	for end := time.Now().Add(deadline); time.Now().Before(end); {
		reply, sent := c.at.try(deadline, args...)
		if !sent {
			return ""
		}
		addr, moved := movedTo(reply)
		if !moved {
			return reply
		}
		for _, x := range c.w.nodes {
			if x.addr() == addr {
				c.at = x
			}
		}
	}
	return "-ERR it was redirected all the time"
}

func movedTo(reply string) (addr string, ok bool) {
	words := strings.Fields(reply)
	return words[len(words)-1], words[0] == "-MOVED"
}

// handOver asks the leader to hand over to another node and waits until it
// has.
func (w *network) handOver(to *node) {
	w.t.Helper()
	w.until(fmt.Sprintf("node %d leads", to.id), func() bool {
		leader := w.leader()
		if leader != to {
			_ = leader.cluster.Handover(to.id, 20*time.Second) // which may be under way
		}
		return leader == to
	})
}

// patience of nodes that do not take a busy machine for a fault, in ms. Deaths
// they notice all the same: dials are refused.
const patientTimeout = 4_000

// patient makes the nodes so.
func (w *network) patient() *network {
	w.calm = true
	for _, x := range w.nodes {
		x.config.ElectionTimeout.Set(patientTimeout)
		x.config.HeartbeatInterval.Set(100)
		x.config.LeaderLease.Set(patientTimeout / 4)
	}
	return w
}

// TestHandoverUnderLoad: leadership goes round under writers. Nobody is told
// anything but replies and MOVED, and each INCR happened once.
func TestHandoverUnderLoad(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	w.start()
	first := w.leader()
	var wg sync.WaitGroup
	var done atomic.Bool
	const callers = 4
	counts := make([]int, callers)
	for i := range callers {
		wg.Go(func() {
			c := &caller{w, first}
			key := fmt.Sprint("n", i)
			for !done.Load() {
				want := counts[i] + 1
				if got := c.do("INCR", key); got != fmt.Sprintf(":%d\r\n", want) {
					t.Errorf("INCR %d of %s: %q", want, key, got)
					return
				}
				counts[i] = want
				if got := c.do("GET", key); got != bulk(fmt.Sprint(want)) {
					t.Errorf("GET after INCR %d: %q", want, got)
					return
				}
			}
		})
	}
	before := map[*node]int{} // a first leader may have been deposed while the cluster began
	for _, x := range w.nodes {
		before[x] = len(x.host.Lines())
	}
	for range 3 {
		for _, x := range w.nodes {
			time.Sleep(20 * time.Millisecond)
			w.handOver(x)
		}
	}
	done.Store(true)
	wg.Wait()
	w.followed(w.leader())
	for i, n := range counts {
		for _, x := range w.nodes {
			x.sees(fmt.Sprint("n", i), fmt.Sprint(n))
		}
	}
	for _, x := range w.nodes {
		for _, line := range x.host.Lines()[before[x]:] {
			if strings.Contains(line, "rebuilt") {
				t.Errorf("node %d rebuilt its keyspace after a handover: %s", x.id, line)
			}
		}
	}
}

// TestTakeover: the highest ID comes back, catches up, and leads.
func TestTakeover(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3)
	for _, x := range w.nodes {
		x.config.Takeover.Set(config.TakeoverAuto)
	}
	w.start()
	high := w.nodes[2]
	w.leader(high)
	w.write("SET", "k", "1")
	high.kill()
	w.leader(w.others(high)...)
	w.write("SET", "k", "2")
	high.start()
	w.leader(high)
	w.followed(high)
	if got := high.must("GET", "k"); !strings.HasSuffix(got, "2") {
		t.Errorf("%q", got)
	}
}

// TestHandoverToNobody: the target does not answer; the leader goes on and
// what was held runs.
func TestHandoverToNobody(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	for _, x := range w.nodes {
		x.config.HandoverPause.Set(300)
	}
	w.start()
	leader := w.leader()
	w.followed(leader)
	target := w.others(leader)[0]
	silent := func(yes bool) {
		for _, x := range w.others(target) {
			w.cut(target, x, yes) // it hears, and nobody hears it
		}
	}
	w.until("it answered once, and is silent", func() bool {
		silent(true)
		err := leader.cluster.Handover(target.id, time.Second)
		if errors.Is(err, engine.ErrNoTarget) { // none of its answers was there yet
			silent(false)
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		return true
	})
	c := &caller{w, leader}
	for i := range 20 {
		if got := c.do("SET", "k", fmt.Sprint(i)); got != "+OK\r\n" {
			t.Fatalf("write %d: %q", i, got)
		}
		time.Sleep(20 * time.Millisecond)
	}
	silent(false)
	w.flap(target)
	w.until("it is over", func() bool { return w.leader().cluster.View().Handover == "" })
	w.write("SET", "k", "last")
	w.followed(w.leader())
	target.sees("k", "last")
}

// TestStopHandsOver: an orderly end costs no reply.
func TestStopHandsOver(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	w.start()
	old := w.leader()
	w.followed(old)
	var wg sync.WaitGroup
	var done atomic.Bool
	wg.Go(func() {
		c := &caller{w, old}
		for i := 1; !done.Load(); i++ {
			if got := c.do("INCR", "n"); got != fmt.Sprintf(":%d\r\n", i) {
				t.Errorf("INCR %d: %q", i, got)
				return
			}
		}
	})
	time.Sleep(20 * time.Millisecond)
	old.cluster.Stop()
	w.leader(w.others(old)...)
	time.Sleep(20 * time.Millisecond)
	done.Store(true)
	wg.Wait()
	old.shut()
}
