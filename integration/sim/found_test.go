package sim

import (
	"errors"
	"slices"
	"testing"
	"time"

	"regent/aof/disk/disktest"
)

// What the simulation has found, as the shortest scenario that shows it.

// scenario runs a world of three nodes in which one thing happens.
func scenario(t *testing.T, do func(w *world)) {
	t.Helper()
	l := length{100, 400, 1500}
	simulate(t, 1, options{length: &l, nodes: 3, scenario: do})
}

// TestANewScriptWithoutTheLease: a script that has not run yet is carried out by a session that
// stands in for its client's. While the leader's lease was over it could not run there, and
// began anew at once, as often as a core could, for as long as the lease was over.
func TestANewScriptWithoutTheLease(t *testing.T) {
	scenario(t, func(w *world) {
		var leader *node
		for _, nd := range w.nodes {
			if nd.leads() {
				leader = nd
			}
		}
		for _, nd := range w.nodes {
			if nd != leader {
				w.net.setCut(leader.ip, nd.ip, true)
				w.net.setCut(nd.ip, leader.ip, true)
			}
		}
		time.Sleep(w.plan.timeout / 2) // the lease is over, and this node leads as far as it knows
		if !leader.leads() {
			w.wrong("node %d leads no more: nothing was tried", leader.id)
		}
		reply, err := w.ask(w.net.host(operator), leader, "EVAL", "return 'a script that has not run yet'", 0)
		w.tell("EVAL: %s %v", reply, err)
		if err == nil {
			w.wrong("a script ran without the lease: %s", reply)
		}
		w.mendAll()
		w.recovered("the cut")
	})
}

// TestAReplacedDiskAndALeaderThatCameLater: a member gets a new disk, and its peers, as
// configured, do not name the leader, which was taken in later. The leader, which knew that
// the member had the list of the nodes, did not send it any more; the member heard no
// leader that was in its own list, and stayed out for ever.
func TestAReplacedDiskAndALeaderThatCameLater(t *testing.T) {
	scenario(t, func(w *world) {
		addNode(w)
		w.settleMembers()
		w.recovered("the fourth node's coming")
		w.eventually("the takeover by the highest ID", func() error {
			if !w.nodes[3].leads() {
				return errors.New("node 4 does not lead")
			}
			return nil
		})
		empty := w.nodes[2]
		empty.kill()
		empty.fs = disktest.New()
		empty.restart()
		w.recovered("a new disk")
	})
}

// TestADeposedLeaderAnswersWhatWaits: a write waits for followers that do not hear the leader.
// Once the leader leads no more its client is told so, however long it was ready to wait.
func TestADeposedLeaderAnswersWhatWaits(t *testing.T) {
	scenario(t, func(w *world) {
		leader := w.nodes[slices.IndexFunc(w.nodes, (*node).leads)]
		h := w.net.host(operator)
		if _, err := w.ask(h, leader, "CONFIG", "SET", "write-timeout", int(time.Hour/time.Millisecond)); err != nil {
			w.wrong("write-timeout: %v", err)
		}
		c := &caller{dial: h.dialer(), addr: leader.addr()}
		defer c.close()
		if reply, err := c.do(w.plan.timeout, "SET", "waits", "1"); err != nil { // so that it is connected
			w.wrong("a write: %s %v", reply, err)
		}
		for _, nd := range w.nodes {
			if nd != leader {
				w.net.setCut(leader.ip, nd.ip, true)
				w.net.setCut(nd.ip, leader.ip, true)
			}
		}
		reply, err := c.do(w.bound(), "SET", "waits", "2")
		w.tell("the write: %s %v", reply, err)
		var answer replyError
		if !errors.As(err, &answer) {
			w.wrong("a write that nobody else has: %s %v", reply, err)
		}
		w.mendAll()
		w.recovered("the cut")
	})
}

// TestASlowWayToANewNode: a node is taken in where a way there and back takes longer than a
// second. The proof that it is where it is said to be needs four of them, and had three seconds.
func TestASlowWayToANewNode(t *testing.T) {
	l := length{3000, 12_000, 20_000}
	simulate(t, 1, options{length: &l, nodes: 3, scenario: func(w *world) {
		w.net.mu.Lock()
		w.net.min, w.net.max = 600*time.Millisecond, 700*time.Millisecond
		w.net.mu.Unlock()
		addNode(w)
		w.settleMembers()
	}})
}

// TestARewriteBehindTheEndOnASlowDisk: a follower's log is rewritten at a place that lies before
// its end, as nobody answers the leader and so nothing is committed, and each fsync takes long.
// Readers of the log, and what asks how far it is applied, waited for those at locks, and so
// virtual time stood still: this test did not end.
func TestARewriteBehindTheEndOnASlowDisk(t *testing.T) {
	scenario(t, func(w *world) {
		w.traffic.busy.Store(true)
		nd := w.nodes[slices.IndexFunc(w.nodes, func(nd *node) bool { return !nd.leads() })]
		leader := w.nodes[slices.IndexFunc(w.nodes, (*node).leads)]
		for _, other := range w.nodes {
			w.net.setCut(other.ip, leader.ip, true)
		}
		time.Sleep(w.plan.timeout / 5) // clients write, and nd has that
		nd.fall.set(func(f *fallible) { f.slow = w.plan.timeout / 20 })
		reply, err := w.ask(w.net.host(operator), nd, "BGREWRITEAOF")
		w.tell("BGREWRITEAOF at node %d: %s %v", nd.id, reply, err)
		for i := range 20 { // those that read the log meanwhile
			if _, err := w.ask(w.net.host(operator), nd, "INFO", "persistence"); err != nil {
				w.wrong("INFO: %v", err)
			}
			time.Sleep(w.plan.timeout / 60)
			if i == 5 {
				w.mendAll()
				nd.fall.set(func(f *fallible) { f.slow = w.plan.timeout / 20 })
			}
		}
		w.mendAll()
		w.recovered("a rewrite")
	})
}
