package cluster_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// watch reads a key at a node without a break and counts the replies that
// could leave with a value that must never be seen.
func (x *node) watch(key, never string) (stop func() int64) {
	var seen atomic.Int64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			default:
			}
			if reply, sent := x.try(5*time.Millisecond, "GET", key); sent && reply == bulk(never) {
				seen.Add(1)
			}
		}
	}()
	return func() int64 { close(done); <-ended; return seen.Load() }
}

// TestDivergence: a leader that is cut off together with one follower runs
// ahead in its epoch, and so does that follower's log. Both are cut back, and
// nobody ever reads what was taken back.
func TestDivergence(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 5)
	w.start()
	w.write("SET", "x", "first")
	var old, friend *node
	var others []*node
	part := func(cut bool) {
		for _, o := range others {
			for _, x := range []*node{old, friend} {
				w.cut(x, o, cut)
				w.cut(o, x, cut)
			}
		}
	}
	w.until("a leader writes although it is cut off", func() bool {
		old = w.leader()
		w.followed(old)
		friend, others = w.others(old)[0], w.others(old)[1:]
		part(true)
		first := old.log.End()
		reply, sent := old.try(50*time.Millisecond, "SET", "x", "stale")
		if sent && reply[0] != '-' {
			t.Fatalf("a write without a majority: %q", reply)
		}
		// A busy machine may have seen the end of this leadership first.
		for reply == "+OK\r\n" && old.cluster.View().Leading {
			if friend.log.End() > first {
				return true
			}
			time.Sleep(time.Millisecond)
		}
		part(false)
		w.flap(old)
		w.flap(friend)
		return false
	})
	stopFriend := friend.watch("x", "stale")
	w.until("the others write", func() bool {
		reply, sent := w.leader(others...).try(time.Second, "SET", "x", "second")
		return sent && reply[0] != '-'
	})
	w.until("the old leader knows that it is none", func() bool { return !old.cluster.View().Leading })
	stopOld := old.watch("x", "stale")
	part(false)
	w.flap(old)
	w.flap(friend)
	var next *node
	w.until("all see the second value", func() bool {
		next = w.leader()
		for _, x := range w.nodes {
			if reply, sent := x.try(10*time.Millisecond, "GET", "x"); !sent || reply != bulk("second") {
				return false
			}
		}
		return true
	})
	w.followed(next)
	if n := stopFriend(); n != 0 {
		t.Errorf("readers at the follower saw a value that was taken back %d times", n)
	}
	if n := stopOld(); n != 0 {
		t.Errorf("readers at the deposed leader saw a value that was taken back %d times", n)
	}
	for _, x := range w.nodes {
		if string(x.log.Bytes()) != string(next.log.Bytes()) {
			t.Errorf("node %d's log differs from the leader's", x.id)
		}
	}
}

// TestLeaderThatHearsNothing: it sends, but no answer reaches it. Its
// lease ends, and another leads.
func TestLeaderThatHearsNothing(t *testing.T) {
	w := newNetwork(t, 3)
	w.start()
	old := w.leader()
	old.must("SET", "k", "1")
	var others []*node
	for _, x := range w.nodes {
		if x != old {
			others = append(others, x)
			w.cut(x, old, true)
		}
	}
	next := w.leader(others...)
	next.must("SET", "k", "2")
	if old.cluster.Leads() {
		t.Error("both lead")
	}
	if reply, sent := old.try(20*time.Millisecond, "GET", "k"); sent && reply != bulk("1") {
		t.Errorf("the old leader answers %q", reply)
	}
	w.isolate(old, false)
	w.until("the old leader follows", func() bool { return old.cluster.View().LinkUp && !old.cluster.View().Leading })
	old.sees("k", "2")
}

// TestFlappingLink: a follower that loses every connection again and again
// takes each byte of the log once.
func TestFlappingLink(t *testing.T) {
	w := newNetwork(t, 3).patient()
	w.start()
	leader := w.leader()
	follower := w.nodes[leader.id%3]
	w.followed(leader)
	before := follower.cluster.Taken()
	start := leader.log.End()
	for i := range 100 {
		w.write("SET", fmt.Sprint("k", i), "v")
		w.until("the follower is back", func() bool { return follower.cluster.View().LinkUp })
		w.flap(follower)
	}
	w.write("SET", "last", "v")
	leader = w.leader()
	w.followed(leader)
	follower.sees("last", "v")
	if got, most := follower.cluster.Taken()-before, leader.log.End()-start; got > most {
		t.Errorf("%d bytes were taken for %d bytes of log", got, most)
	}
	if n := follower.installs.Load(); n != 0 {
		t.Errorf("%d full copies", n)
	}
}

// TestDiskOfLeaderFails: it resigns and another leads; what was acknowledged
// is there.
func TestDiskOfLeaderFails(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	w.start()
	leader := w.leader()
	leader.must("SET", "k", "v")
	leader.log.Break(errors.New("no space"))
	leader.cluster.DiskFailed(errors.New("no space"))
	var others []*node
	for _, x := range w.nodes {
		if x != leader {
			others = append(others, x)
		}
	}
	next := w.leader(others...)
	if got := next.must("GET", "k"); !strings.HasSuffix(got, "v") {
		t.Errorf("the next leader has %q", got)
	}
	if leader.cluster.Leads() {
		t.Error("a leader without a disk leads")
	}
}

// TestOrderlyStop: a leader that ends in order is followed at once, and
// starts again as a follower with everything in place.
func TestOrderlyStop(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	w.start()
	leader := w.leader()
	leader.must("SET", "k", "v")
	leader.stop()
	next := w.leader()
	if got := next.must("GET", "k"); !strings.HasSuffix(got, "v") {
		t.Errorf("the next leader has %q", got)
	}
	leader.start()
	w.followed(next)
	leader.sees("k", "v")
}

// TestRestartOfAll: all nodes go down at once and come back with what they
// had.
func TestRestartOfAll(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	w.start()
	leader := w.leader()
	for i := range 50 {
		leader.must("SET", fmt.Sprint("k", i), "v")
	}
	id := leader.cluster.View().ClusterID
	for _, x := range w.nodes {
		x.kill()
	}
	w.start()
	leader = w.leader()
	for i := range 50 {
		if got := leader.must("GET", fmt.Sprint("k", i)); !strings.HasSuffix(got, "v") {
			t.Fatalf("k%d is %q", i, got)
		}
	}
	if got := leader.cluster.View().ClusterID; got != id {
		t.Errorf("the cluster's ID was %s and is %s", id, got)
	}
}

// TestLargeRecords: records larger than a chunk, in several databases and
// transactions, arrive whole.
func TestLargeRecords(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	w.start()
	big := strings.Repeat("x", 3<<20)
	for i := range 4 {
		w.write("SET", fmt.Sprint("big", i), big)
		w.write("MSET", "a", fmt.Sprint(i), "b", fmt.Sprint(i))
		w.write("COPY", "a", "a", "DB", "3", "REPLACE")
	}
	leader := w.leader()
	w.followed(leader)
	for _, x := range w.nodes {
		x.sees("b", "3")
		x.sees("big3", big)
	}
	leader.kill()
	next := w.leader()
	if got := next.must("GET", "big0"); len(got) < len(big) {
		t.Errorf("the next leader has %d bytes of a value of %d", len(got), len(big))
	}
}

// TestTooFewFollowers: with write-acks all, writes are uncertain while a
// follower has just gone and refused once it has been gone for a moment. Who
// asks for less is served.
func TestTooFewFollowers(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	for _, x := range w.nodes {
		x.config.WriteAcks.Set(config.AcksAll)
	}
	w.start()
	w.followed(w.leader())
	leader := w.leader()
	leader.must("SET", "k", "1")
	gone := w.others(leader)[0]
	gone.kill()
	w.until("writes are refused", func() bool {
		reply, sent := w.leader().try(20*time.Millisecond, "SET", "k", "2")
		if sent && reply == "+OK\r\n" {
			t.Fatal("a write was acknowledged that one node does not hold")
		}
		return reply == "-NOREPLICAS Not enough good replicas to write.\r\n"
	})
	leader = w.leader()
	c := (&enginetest.Server{Engine: leader.engine}).Client()
	if got := c.Do("REGENT", "ACKS", "quorum"); got != "+OK\r\n" {
		t.Fatal(got)
	}
	if got := c.Do("SET", "k", "3"); got != "+OK\r\n" {
		t.Fatalf("a write for which two of three are enough: %q", got)
	}
	_ = leader.log.Seal()
	w.until("a majority holds it", func() bool { return leader.cluster.CommittedFor(c.Acks.Set()) >= c.Barrier })
	if off := leader.cluster.CommittedFor(engine.AcksAll.Set() | c.Acks.Set()); off >= c.Barrier {
		t.Errorf("all hold %d, though one is gone", off)
	}
	gone.start()
	w.followed(w.leader())
	w.write("SET", "k", "4")
}
