package bully

import "time"

// Drills are the courses of events, known from the literature and from the
// rules, in which one missing rule does harm. Chance finds them too, in
// millions of runs; a drill leads a run to the brink, and chance does the rest.

type drill uint8

const (
	noDrill drill = iota
	// bounce: the leader is heard by one voter only, which restarts and might
	// forget its promise while the others are asking for its vote.
	bounce
	// lateDeath: a leader dies, comes back and leads again; then one voter
	// gets the news of that first death.
	lateDeath
	// lostVote: a voter dies while it writes its vote, and the candidate is
	// cut off at once.
	lostVote
	// figure8: a write that only one node has, a later leader whose record
	// nobody else has, then the first leads again and copies the old write.
	figure8
	// staleToken: a leader hands over and goes on, while its target has the
	// token.
	staleToken
	// lostTail: a follower acknowledges and loses the power, its leader dies,
	// and a node that lacks what was acknowledged asks for votes.
	lostTail
	// lostCrown: a leader hands over and does not hear of it; the next one
	// commits with others, loses its disk, and hears nobody but the first.
	lostCrown
	// lostPromise: a leader hands over and does not hear of it; a voter of the
	// next one forgets its vote, and hears the first alone.
	lostPromise
	// forgedDeath: connections to a leader that lives are refused in its name,
	// and it is cut off.
	forgedDeath
	// brokenLog: a follower acknowledges and can write its log no more, its leader dies, and a
	// node that lacks what was acknowledged asks for votes.
	brokenLog
	// newVoters: a leader removes both others, one of which does not hear it.
	newVoters
)

func (w *world) drill() {
	w.after(2*simT+w.within(w.plan.storm/2), func() {
		w.when(8, func() bool { return w.serving() != nil && w.anyBut(w.serving()) != nil }, func() {
			l := w.serving()
			switch w.plan.drill {
			case bounce:
				w.drillBounce(l, w.anyBut(l))
			case lateDeath:
				w.drillLateDeath(l, w.anyBut(l))
			case newVoters:
				w.drillNewVoters(l)
			case forgedDeath:
				w.cutOff(l, nil)
				w.forge(l, w.now+2*simT)
			case lostTail:
				w.drillLostTail(l)
			case brokenLog:
				w.drillBrokenLog(l, w.anyBut(l))
			case lostCrown:
				w.drillLostCrown(l, w.anyBut(l))
			case lostPromise:
				w.drillLostPromise(l, w.anyBut(l))
			case staleToken:
				w.drillStaleToken(l, w.anyBut(l))
			case figure8:
				w.drillFigure8(l)
			}
		})
	})
}

// when runs f as soon as a condition holds, if it does within some T.
func (w *world) when(times int, cond func() bool, f func()) {
	limit := w.now + time.Duration(times)*simT
	var look func()
	look = func() {
		switch {
		case w.calm || w.now > limit:
		case cond():
			f()
		default:
			w.after(time.Millisecond, look)
		}
	}
	look()
}

// anyBut draws a node other than some.
func (w *world) anyBut(not ...*machine) *machine {
	for _, i := range w.rand.Perm(len(w.nodes)) {
		m, ok := w.nodes[i], true
		for _, x := range not {
			ok = ok && m != x
		}
		if ok && m.up {
			return m
		}
	}
	return nil
}

// cutOff cuts a node from all but one.
func (w *world) cutOff(m, but *machine) {
	if w.calm {
		return
	}
	w.say(m.id, "DRILL: cut off")
	for _, p := range w.nodes {
		if p != m && p != but {
			w.cut[m.id][p.id], w.cut[p.id][m.id] = true, true
		}
	}
}

func (w *world) bounceNow(m *machine, down time.Duration) {
	m.crash(w.mayLosePower(m) && w.chance(0.5))
	w.after(w.within(down), func() {
		if !m.up {
			w.reboot(m)
		}
	})
}

func (w *world) drillBounce(l, a *machine) {
	w.cutOff(l, a)
	w.when(4, func() bool { return w.asking(l, a) }, func() { w.bounceNow(a, 20*time.Millisecond) })
}

func (w *world) drillBrokenLog(l, f *machine) {
	w.cutOff(l, f)
	before := l.pub.commit
	w.when(1, func() bool { return l.pub.commit > before && f.up }, func() {
		w.breakDisk(f)
		l.crash(false)
		w.cut = [simMost + 1][simMost + 1]bool{}
	})
}

// asking: a node asks for votes that is none of those.
func (w *world) asking(not ...*machine) bool {
	for _, m := range w.nodes {
		ok := m.up && m.node.Status().Role == Candidate
		for _, x := range not {
			ok = ok && m != x
		}
		if ok {
			return true
		}
	}
	return false
}

func (w *world) drillLateDeath(l, a *machine) {
	w.bounceNow(l, 20*time.Millisecond)
	at, life := a.clock(), a.life
	w.when(8, func() bool { return w.serving() == l && l.up }, func() {
		w.cutOff(l, a)
		w.when(4, func() bool { return w.asking(l, a) }, func() {
			if a.life == life {
				a.on(0, func() { a.refused(l, at, Proof) })
			}
		})
	})
}

// voting is called when a node begins to write its vote.
func (w *world) voting(m *machine, h HardState) {
	if w.plan.drill != lostVote || w.calm || h.VoteFor == 0 || h.VoteFor == m.id || w.chance(0.5) {
		return
	}
	b := w.machine(h.VoteFor)
	w.bounceNow(m, 20*time.Millisecond)
	w.when(1, func() bool { return w.leaderOf[h.Epoch] == b.id }, func() { w.cutOff(b, nil) })
}

func (w *world) drillFigure8(l *machine) {
	heal := func() { w.cut = [simMost + 1][simMost + 1]bool{} }
	lead := func(m *machine) func() bool {
		return func() bool { return m.up && m.epoch != 0 && w.leaderOf[m.epoch] == m.id && m.kept == len(m.log) }
	}
	w.cutOff(l, nil)
	before := len(l.log)
	w.when(1, func() bool { return len(l.log) > before && l.synced == len(l.log) }, func() {
		l.crash(false)
		var second *machine
		w.when(6, func() bool {
			for _, m := range w.nodes {
				if m != l && lead(m)() && len(m.log) > 0 && m.log[len(m.log)-1].val < 0 {
					second = m
				}
			}
			return second != nil
		}, func() {
			second.crash(false)
			heal()
			w.reboot(l)
			w.when(12, func() bool { return l.up && l.epoch != 0 && w.copied(l, before+1) }, func() {
				l.crash(false)
				w.reboot(second)
			})
		})
	})
}

// copied: some follower holds the leader's old records but not its epoch's,
// which is in the leader's log by now.
func (w *world) copied(l *machine, n int) bool {
	for _, m := range w.nodes {
		if m != l && m.up && len(m.log) == n && m.end().Epoch < l.epoch && l.node.lead.begun && l.node.AckedOffset(m.id) == int64(n) {
			return true
		}
	}
	return false
}
