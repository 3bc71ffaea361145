package bully

import "time"

// Handovers in the simulator: the driver's side, operators who ask for one,
// and what must hold while nothing fails.

// waiting is a command that was kept for a handover.
type waiting struct {
	write bool
	floor int64
}

// keep holds a command back while a handover asks for it. Reads run until
// Held was told.
func (m *machine) keep(write bool, floor int64) bool {
	if !m.holding || !write && !m.heldAll {
		return false
	}
	if len(m.parked) < 100 {
		m.parked = append(m.parked, waiting{write, floor})
		m.w.count.held++
	}
	return true
}

// quiesce tells the election that nothing runs any more, once that is so.
func (m *machine) quiesce() {
	if m.holding && len(m.pending) == 0 && m.answering == 0 {
		m.heldAll = true
		m.do(m.node.Held, nil)
	}
}

// hold and letGo are what Output.Hold and Output.Release ask for. A command
// that was kept runs here or goes where the leader is, never both.
func (m *machine) hold() {
	m.w.say(m.id, "holds new commands")
	m.holding, m.heldAll = true, false
	m.quiesce()
}

func (m *machine) letGo() {
	m.w.say(m.id, "lets go of %d commands", len(m.parked))
	m.holding = false
	kept := m.parked
	m.parked = nil
	leads := m.leading && m.node.Status().Role == Leader
	to := m.node.Status().Leader
	for _, c := range kept {
		switch {
		case leads:
			m.on(0, func() { m.command(c.write, c.floor) })
		case to != 0 && to != m.id:
			l := m.w.machine(to)
			m.w.count.moved++
			m.w.after(m.w.delay(), func() {
				l.arrive(func() { l.command(c.write, c.floor) })
			})
		}
	}
}

// changeover is a planned change of leader in the storm.
func (w *world) changeover() {
	l := w.serving()
	if l == nil {
		return
	}
	x := w.anyBut(l)
	if x == nil {
		return
	}
	if w.chance(0.3) {
		x.on(0, func() {
			x.do(func(now time.Duration) Output { o, _ := x.node.AskHandover(now); return o }, nil)
		})
		return
	}
	w.handOver(l, x, w.within(3*simT))
	if w.chance(0.2) {
		l.on(w.within(simT/2), func() {
			l.do(func(now time.Duration) Output { o, _ := l.node.AbortHandover(now); return o }, nil)
		})
	}
}

func (w *world) handOver(l, x *machine, within time.Duration) {
	l.on(0, func() {
		l.do(func(now time.Duration) Output {
			o, err := l.node.Handover(now, x.id, now+within)
			w.say(l.id, "HANDOVER to %d: %v", x.id, err)
			return o
		}, nil)
	})
}

// passed is called when a leader gave a token away.
func (w *world) passed(l *machine) {
	x := w.machine(l.node.Status().Target)
	w.count.passed++
	if l.witness {
		w.count.relayed++
	}
	if !l.node.rules.handoverUnheld && x.up && !x.wiped && !x.node.hard.MayHaveLost && len(x.log) < len(l.log) {
		w.fail("leader %d passes its token to %d, which holds %v of %v", l.id, x.id, x.end(), l.end())
	}
	if w.plan.drill != staleToken || w.calm {
		return
	}
	// The leader learns nothing of what comes, or the target wakes too late.
	if w.chance(0.5) {
		w.after(w.within(2*w.plan.latency), func() { w.cutOff(l, nil) })
		return
	}
	w.after(w.plan.latency/4, func() {
		if x.up {
			w.pause(x, simT/2+w.within(simT/2))
		}
	})
}

func (w *world) drillStaleToken(l, a *machine) {
	w.handOver(l, a, simT)
}

// With takeover on the highest ID that lives leads in the end, within a time
// that is bounded by how often it fell.
const takeoverTimes = 30

// settled: no change of leader is under way, and none is due: the highest ID
// leads, or an operator wanted another to. Who had forgotten has been heard
// since.
func (w *world) settled() bool {
	l := w.serving()
	if l == nil || l.node.Status().Handover != NoHandover || l.node.Status().Changing {
		return false
	}
	for _, p := range l.node.peers {
		if p.voter && w.machine(p.id).up && (p.forgot || w.plan.takeover && p.id > l.id && !p.witness && !p.yielded) {
			return false
		}
	}
	return true
}

// planned goes through the changes of leader that come while nothing fails:
// none of them may cost a reply or a record.
func (w *world) planned() {
	before := w.count
	end := w.now + takeoverTimes*simT
	for w.broken == "" && w.now < end && !w.settled() {
		w.until(w.now + simT/10)
	}
	if w.broken == "" && !w.settled() {
		w.fail("the leadership is not settled %d T after the faults stopped", takeoverTimes)
	}
	if l := w.serving(); w.broken == "" && l != nil && w.chance(0.5) {
		if x := w.anyBut(l); x != nil && l.votes(x) && !x.witness {
			w.handOver(l, x, simT)
			w.until(w.now + simT)
			if w.broken == "" && w.serving() != x {
				w.fail("node %d did not hand over to %d within T", l.id, x.id)
			}
		}
	}
	if w.broken == "" && (w.count.uncertain != before.uncertain || w.count.cutBack != before.cutBack) {
		w.fail("planned changes of leader cost %d replies and %d records",
			w.count.uncertain-before.uncertain, w.count.cutBack-before.cutBack)
	}
}
