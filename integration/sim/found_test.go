package sim

import (
	"errors"
	"testing"

	"regent/aof/disk/disktest"
)

// What the simulation has found, as the shortest scenario that shows it.

// scenario runs a world of three nodes in which one thing happens.
func scenario(t *testing.T, do func(w *world)) {
	t.Helper()
	l := length{100, 400, 1500}
	simulate(t, 1, options{length: &l, nodes: 3, scenario: do})
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
