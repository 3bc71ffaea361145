package bully

import (
	"time"
)

// The invariants of doc.go, checked where something could break them.

// checkLeader: one leader per epoch (1), and it holds all that was ever
// committed (3).
func (w *world) checkLeader(m *machine) {
	s := m.node.Status()
	if s.Role != Leader {
		return
	}
	if was, ok := w.leaderOf[s.Epoch]; ok {
		if was != m.id {
			w.fail("epoch %d has two leaders, %d and %d", s.Epoch, was, m.id)
		}
		return
	}
	w.leaderOf[s.Epoch] = m.id
	w.elected(m)
	w.complete(m, 0)
}

// complete checks that a leader's log holds the truth from an offset on, as
// far as it was committed in earlier epochs.
func (w *world) complete(m *machine, from int) {
	for i := from; i < len(w.truth) && w.truthIn[i] < m.node.Status().Epoch; i++ {
		if i >= len(m.log) || m.log[i] != w.truth[i] {
			w.fail("committed record %d %v is not in the log %v of leader %d", i+1, w.truth[i], m.end(), m.id)
			return
		}
	}
}

// checkCommit: what a node counts as committed is what all others do (4), and
// never less than before (5).
func (w *world) checkCommit(m *machine) {
	commit := int(m.pub.commit)
	if commit > len(m.log) {
		w.fail("node %d counts %d as committed, its log ends at %v", m.id, commit, m.end())
		return
	}
	for m.verified < commit {
		i := m.verified
		switch {
		case i == len(w.truth):
			w.truth = append(w.truth, m.log[i])
			w.truthIn = append(w.truthIn, m.pub.epoch)
			w.newTruth(i)
		case w.truth[i] != m.log[i]:
			w.fail("node %d counts record %d as %v, committed was %v", m.id, i+1, m.log[i], w.truth[i])
			return
		}
		m.verified++
	}
}

// newTruth checks every leader of the moment that is not deposed yet: a
// record may be learned to be committed after the next leader was elected.
func (w *world) newTruth(i int) {
	for _, m := range w.nodes {
		if m.up && m.node.Status().Role == Leader {
			w.complete(m, i)
		}
	}
}

// checkServing: no two nodes may answer at one moment (6). A lease begins when
// it is published, so that is when two could overlap.
func (w *world) checkServing(m *machine) {
	if !m.up || !m.leaseHolds() {
		return
	}
	for _, p := range w.nodes {
		if p != m && p.up && p.leaseHolds() {
			w.fail("nodes %d in epoch %d and %d in epoch %d may both answer", m.id, m.pub.epoch, p.id, p.pub.epoch)
		}
	}
}

// checkReply: an acknowledged write is committed, a read saw whatever anyone
// was answered before it was sent, and the lease holds (10).
func (w *world) checkReply(m *machine, c command) {
	if !m.leaseHolds() && !w.rules.noLease {
		w.fail("node %d answers after its lease", m.id)
	}
	if c.at > int64(len(w.truth)) {
		w.fail("node %d answers what is not committed: %d", m.id, c.at)
	}
	if c.at < c.floor {
		w.fail("node %d reads up to %d, %d was seen before", m.id, c.at, c.floor)
	}
	w.seen = max(w.seen, c.at)
	if c.write {
		w.count.acked++
	} else {
		w.count.reads++
	}
}

// common is where a follower cuts: the earlier end of the latest epoch that
// both logs have. Up to there they must be equal (4).
func (w *world) common(m *machine, theirs []record) int {
	i, j := len(m.log), len(theirs)
	for i > 0 && j > 0 && m.log[i-1].epoch != theirs[j-1].epoch {
		if m.log[i-1].epoch > theirs[j-1].epoch {
			i--
		} else {
			j--
		}
	}
	if i == 0 || j == 0 {
		return 0
	}
	c := min(i, j)
	for k := range c {
		if m.log[k] != theirs[k] {
			w.fail("node %d's log differs at %d from another's although both hold epoch %d", m.id, k+1, m.log[i-1].epoch)
			break
		}
	}
	return c
}

// settle is the calm part: within settleTimes·T someone serves (8), and from
// then on neither leader nor epoch changes (9); in the end all logs are one.
const settleTimes = 30

func (w *world) settle() {
	var led time.Duration
	end := w.now + settleTimes*simT
	w.until(w.now + 3*simT) // what the last faults left behind
	for w.broken == "" && w.now < end && w.serving() == nil {
		w.until(w.now + simT/10)
	}
	l := w.serving()
	if w.broken != "" {
		return
	}
	if l == nil {
		w.fail("nobody serves %d T after the faults stopped", settleTimes)
		return
	}
	w.planned()
	if w.broken != "" {
		return
	}
	if l = w.serving(); l == nil {
		w.fail("nobody serves after a planned change of leader")
		return
	}
	led = w.now
	acked, epoch := w.count.acked, l.pub.epoch
	w.until(w.now + 4*simT)
	if w.broken == "" && (w.serving() != l || l.pub.epoch != epoch) {
		w.fail("node %d led epoch %d %v after the faults stopped, and was replaced", l.id, epoch, led)
	}
	if w.broken == "" && w.count.acked == acked {
		w.fail("no write was acknowledged in the calm")
	}
	w.quiet = true
	w.until(w.now + simT)
	w.checkEqual(l)
}

// serving is the node that takes commands and may answer, if any.
func (w *world) serving() *machine {
	for _, m := range w.nodes {
		if m.up && m.leading && m.leaseHolds() {
			return m
		}
	}
	return nil
}

func (w *world) checkEqual(l *machine) {
	for _, m := range w.nodes {
		if w.broken != "" || !m.up || !w.linked(l.id, m.id) || m != l && l.node.peer(m.id) == nil {
			continue
		}
		if m.end() != l.end() || m.pub.commit != l.pub.commit || l.pub.commit != int64(len(l.log)) {
			w.fail("in the end node %d holds %v commit %d, leader %d %v commit %d",
				m.id, m.end(), m.pub.commit, l.id, l.end(), l.pub.commit)
		}
	}
}
