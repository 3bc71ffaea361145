package bully

// Data that goes while the process is down and the machine is not: the log is
// shortened, or removed, beside its state file; or the state file is lost
// beside its log.

// reachedBy is the position up to which the log is durable: what the driver
// keeps as its mark (package cluster, reached.go).
func (m *machine) reachedBy() Position {
	if k := int(m.durable()); k > 0 {
		return Position{m.log[k-1].epoch, int64(k)}
	}
	return Position{}
}

// inspect is the driver's comparison at a start.
func (m *machine) inspect() {
	if m.end().Less(m.reached) {
		if !m.short && !m.unclean && !m.disk.MayHaveLost {
			m.w.fail("node %d had reached %v and holds %v, though nothing was taken", m.id, m.reached, m.end())
		}
		m.disk.MayHaveLost = m.disk.MayHaveLost || !m.w.drivers.shortVotes
	}
	m.short, m.unclean, m.reached = false, false, m.reachedBy()
}

// shorten takes the end of the log of a node that is down.
func (m *machine) shorten() {
	w := m.w
	to := 0
	if len(m.log) > 0 && w.chance(0.7) {
		to = w.rand.IntN(len(m.log))
	}
	w.say(m.id, "THE LOG IS SHORTENED from %v to %d records", m.end(), to)
	w.count.shortened++
	if to < m.acked {
		w.count.lostAcked++
	}
	m.log = m.log[:to:to]
	m.kept, m.synced, m.acked = min(m.kept, to), min(m.synced, to), min(m.acked, to)
	m.short = m.end().Less(m.reached)
}

// loseState removes the state file of a node that is down, and leaves its log.
func (m *machine) loseState() {
	m.w.say(m.id, "THE STATE FILE IS LOST beside log %v", m.end())
	m.w.count.shortened++
	m.disks++
	m.disk, m.wiped = HardState{}, true
	if m.w.chance(0.5) {
		m.reached = Position{} // with all that is the cluster's
	}
}

// rob takes something from a node that is down.
func (m *machine) rob() {
	switch m.w.rand.IntN(3) {
	case 0:
		m.wipe()
	case 1:
		m.shorten()
	default:
		m.loseState()
	}
}

// drillLostPromise: a leader hands over and does not hear of it; a voter that
// elected the next one loses its state file before it has a record of that epoch,
// and hears the first leader alone.
func (w *world) drillLostPromise(l, a *machine) {
	c := w.anyBut(l, a)
	if a == nil || c == nil {
		return
	}
	epoch := l.epoch
	w.handOver(l, a, simT)
	apart := func(x, y *machine, cut bool) { w.cut[x.id][y.id], w.cut[y.id][x.id] = cut, cut }
	w.when(2, func() bool { return a.up && a.node.Status().Role == Candidate && a.node.Status().Epoch > epoch }, func() {
		apart(l, a, true)
		apart(l, c, true)
		w.when(2, func() bool { return a.up && a.node.Status().Role == Leader && a.node.Status().Epoch > epoch }, func() {
			if !w.mayLoseDisk(c) {
				w.cut = [simMost + 1][simMost + 1]bool{}
				return
			}
			w.say(c.id, "DRILL: forgets its vote")
			apart(a, c, true)
			c.crash(false)
			c.loseState()
			apart(l, c, false)
			w.reboot(c)
			before := len(w.truth)
			w.when(6, func() bool { return len(w.truth) > before }, func() { apart(a, c, false) })
		})
	})
}
