package bully

import (
	"testing"
	"time"
)

// TestThousandElections: the leader dies, the highest of those that are left
// leads; it comes back, and leads again by handover. A thousand elections in a
// row end so, under load, and no acknowledged write is missed.
func TestThousandElections(t *testing.T) {
	const wanted = 1000
	for _, nodes := range []int{3, 5} {
		w := newWorld(uint64(nodes), rules{}, driverRules{})
		w.nodes = w.nodes[:0]
		for i := range nodes {
			w.nodes = append(w.nodes, &machine{w: w, id: int64(i + 1), rate: 1 + 0.2*w.rand.Float64(), base: w.within(time.Hour)})
		}
		w.plan = plan{
			nodes: nodes, latency: time.Millisecond, syncEach: true, evidence: true, oneHost: true, lease: simLease, chunk: 8,
			think: 20 * time.Millisecond, takeover: true, patience: simT / 20,
		}
		for _, m := range w.nodes {
			m.start()
		}
		w.clients()
		highest := func(who string) *machine {
			var h *machine
			for _, m := range w.nodes {
				if m.up {
					h = m
				}
			}
			end := w.now + 20*simT
			for w.broken == "" && w.now < end && w.serving() != h {
				w.until(w.now + 5*time.Millisecond)
			}
			if w.broken == "" && w.serving() != h {
				w.fail("%s: node %d, the highest, does not lead in election %d", who, h.id, len(w.leaderOf))
			}
			return h
		}
		for w.broken == "" && len(w.leaderOf) < wanted {
			l := highest("all are there")
			l.crash(w.chance(0.5))
			highest("after a death")
			w.reboot(l)
		}
		highest("in the end")
		if w.broken != "" {
			t.Fatalf("%d nodes: %s", nodes, w.broken)
		}
		t.Logf("%d nodes: %d elections in %v, %d writes acknowledged, %d uncertain, %d tokens passed",
			nodes, len(w.leaderOf), w.now.Round(time.Second), w.count.acked, w.count.uncertain, w.count.passed)
	}
}
