package bully

import "time"

// Clients write and read at a node that takes commands. A command is executed
// when it arrives; its reply leaves when what it depends on is committed, as
// something that happens by itself: a process may be stopped in between.

type command struct {
	write bool
	epoch int64
	at    int64 // log offset that the reply depends on
	floor int64 // a read must have seen at least this
	lease bool  // it was valid on arrival
}

// clients sends commands for ever.
func (w *world) clients() {
	think := w.plan.think
	if w.calm {
		think = min(think, simT/10)
	}
	w.after(w.within(2*think), func() {
		if w.quiet {
			return
		}
		for _, m := range w.nodes {
			if m.leading && m.up {
				floor, write := w.seen, w.chance(0.6)
				m.on(w.delay(), func() { m.command(write, floor) })
			}
		}
		w.clients()
	})
}

func (m *machine) leaseHolds() bool { return m.pub.lease && m.clock() < m.pub.until }

func (m *machine) command(write bool, floor int64) {
	if m.keep(write, floor) || !m.leading || len(m.pending) > 100 {
		return
	}
	c := command{write: write, epoch: m.epoch, floor: floor, lease: m.leaseHolds()}
	if !c.lease && !m.w.rules.noLease {
		if m.pub.lease && len(m.waiting) < 100 {
			m.waiting = append(m.waiting, waiting{write, floor})
		}
		return
	}
	if write {
		m.w.written++
		m.append([]record{{m.epoch, m.w.written}})
	}
	c.at = int64(len(m.log))
	m.pending = append(m.pending, c)
	m.feedAll()
	m.reply()
}

// reply lets go what is committed.
func (m *machine) reply() {
	k := 0
	for k < len(m.pending) && m.pending[k].at <= m.pub.commit && m.pending[k].epoch == m.pub.epoch {
		c := m.pending[k]
		m.answering++
		m.on(m.w.within(time.Millisecond), func() {
			m.answering--
			m.answerClient(c)
			m.quiesce()
		})
		k++
	}
	m.pending = m.pending[k:]
}

// answerClient is the moment at which a reply leaves.
func (m *machine) answerClient(c command) {
	ok := m.leaseHolds() && m.pub.epoch == c.epoch && m.leading
	if m.w.drivers.checkOnArrival {
		ok = c.lease
	}
	switch {
	case !ok && m.pub.lease && m.pub.epoch == c.epoch && m.leading:
		m.unproved = append(m.unproved, c)
		m.answering++
		return
	case !ok:
		m.w.count.uncertain++
		return
	}
	m.w.checkReply(m, c)
}

// renewed lets go on what waited for a lease that had run out for a moment:
// replies leave, and commands that had come meanwhile run.
func (m *machine) renewed() {
	if !m.leaseHolds() || len(m.unproved)+len(m.waiting) == 0 {
		return
	}
	due, came := m.unproved, m.waiting
	m.unproved, m.waiting = nil, nil
	for _, c := range due {
		m.on(0, func() {
			m.answering--
			m.answerClient(c)
			m.quiesce()
		})
	}
	for _, c := range came {
		m.on(0, func() { m.command(c.write, c.floor) })
	}
}
