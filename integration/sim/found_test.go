package sim

import (
	"errors"
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
