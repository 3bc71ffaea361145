package bully

// Power losses where not each write is synced: what a node acknowledged may be
// gone. While at most a minority has lost something, nothing that was committed
// may be missed; when more have, the greatest log that is left counts.

// sound counts the nodes other than m that have lost nothing.
func (w *world) sound(m *machine) int {
	k := 0
	for _, p := range w.nodes {
		if p != m && !p.wiped && !p.unclean && !p.short && !p.disk.MayHaveLost && (!p.up || !p.node.hard.MayHaveLost) {
			k++
		}
	}
	return k
}

// allVote: no vote is weak, nor will one be.
func (w *world) allVote() bool {
	for _, m := range w.nodes {
		if m.disk.Epoch == 0 {
			return false // it may yet find that others have a log
		}
	}
	return w.sound(nil) == len(w.nodes)
}

// mayLoseDisk: a majority that has lost nothing must be left, and all others
// must have something in their logs that will not be cut, by which a new disk is
// told from a new cluster.
func (w *world) mayLoseDisk(m *machine) bool {
	for _, p := range w.nodes {
		if p != m && (len(w.truth) == 0 || p.synced == 0 || p.log[0] != w.truth[0]) {
			return false
		}
	}
	return w.sound(m) > len(w.nodes)/2
}

// mayLosePower: a majority that has lost nothing must be left.
func (w *world) mayLosePower(m *machine) bool {
	return w.plan.syncEach || w.sound(m) > len(w.nodes)/2
}

// blackout: the power fails everywhere. What the greatest log holds is what is
// left of the truth.
func (w *world) blackout() {
	if w.calm || w.broken != "" {
		return
	}
	w.say(0, "BLACKOUT")
	w.count.blackouts++
	for _, m := range w.nodes {
		if !m.up && !w.plan.syncEach {
			m.unclean = true
		}
		m.crash(true)
	}
	best := w.nodes[0]
	for _, m := range w.nodes {
		if best.end().Less(m.end()) {
			best = m
		}
	}
	k := 0
	for k < len(w.truth) && k < len(best.log) && w.truth[k] == best.log[k] {
		k++
	}
	if w.plan.syncEach && k < len(w.truth) {
		w.fail("%d of %d committed records are gone although each was synced", len(w.truth)-k, len(w.truth))
	}
	w.truth, w.truthIn = w.truth[:k:k], w.truthIn[:k:k]
	w.seen = min(w.seen, int64(k))
	for _, m := range w.nodes {
		w.after(w.within(2*simT), func() {
			if !m.up {
				w.reboot(m)
			}
		})
	}
}

// wipe replaces the disk of a node that is down.
func (m *machine) wipe() {
	m.w.say(m.id, "NEW DISK")
	m.w.count.wiped++
	m.disks++
	m.disk, m.log, m.kept, m.synced, m.acked = HardState{}, nil, 0, 0, 0
	m.unclean, m.wiped, m.short, m.reached = false, true, false, Position{}
}

func (w *world) drillLostTail(l *machine) {
	f := w.anyBut(l)
	if f == nil || !w.mayLoseDisk(f) {
		return
	}
	// Only f hears l; any other lacks what comes now.
	w.say(l.id, "DRILL: only %d follows", f.id)
	for _, p := range w.nodes {
		if p != l && p != f {
			w.cut[l.id][p.id], w.cut[p.id][l.id] = true, true
			if len(w.nodes) > 3 && w.chance(0.5) {
				w.cut[l.id][p.id], w.cut[p.id][l.id] = false, false
			}
		}
	}
	before := l.pub.commit
	w.when(1, func() bool { return l.pub.commit > before && f.up && (w.plan.syncEach || f.synced < f.acked) }, func() {
		if !w.mayLoseDisk(f) { // another has lost its own meanwhile
			w.cut = [simMost + 1][simMost + 1]bool{}
			return
		}
		switch {
		case w.chance(0.4):
			f.crash(false)
			f.shorten()
		case w.plan.syncEach || w.chance(0.3):
			f.crash(true)
			f.wipe()
		default:
			f.crash(true)
		}
		l.crash(false)
		w.cut = [simMost + 1][simMost + 1]bool{}
		w.reboot(f)
	})
}

func (w *world) drillLostCrown(l, a *machine) {
	if a == nil {
		return
	}
	epoch := l.epoch
	w.handOver(l, a, simT)
	// l's token arrives, and nothing comes back.
	w.when(2, func() bool { return a.up && a.node.Status().Role == Candidate && a.node.Status().Epoch > epoch }, func() {
		w.say(l.id, "DRILL: hears nothing of its successor")
		for _, p := range w.nodes {
			if p != l {
				w.cut[p.id][l.id] = true
			}
		}
		before := len(w.truth)
		w.when(2, func() bool { return a.up && w.serving() == a && len(w.truth) > before+1 }, func() {
			if !w.mayLoseDisk(a) {
				w.cut = [simMost + 1][simMost + 1]bool{}
				return
			}
			a.crash(true)
			a.wipe()
			for _, p := range w.nodes {
				if p != l && p != a {
					w.cut[p.id][a.id], w.cut[a.id][p.id] = true, true
				}
			}
			w.cut[a.id][l.id], w.cut[l.id][a.id] = false, false
			w.reboot(a)
		})
	})
}
