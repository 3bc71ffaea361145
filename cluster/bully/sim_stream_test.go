package bully

import (
	"time"
)

// The log and its streams, as package repl has them: OPEN tells where the
// leader's epochs are, the follower cuts its log to the last common point and
// says READY, DATA carries records and the commit offset, HELD says what the
// follower holds. A packet of a stream that is lost breaks the connection, and
// the leader opens another.

// A record is one log entry; its offset is its place, counted from one. An
// epoch's first record is its leader's, the others are clients' writes.
type record struct {
	epoch int64
	val   int32
}

// A sender is the leader's end of a stream.
type sender struct {
	conn  int
	epoch int64
	ready bool
	last  time.Duration // when the newest packet arrives: they keep their order
	next  int           // records sent
	told  int64         // commit sent
}

// inbound is the follower's end.
type inbound struct {
	conn  int
	from  int64
	epoch int64
	ready bool
}

func (m *machine) append(recs []record) {
	m.log = append(m.log, recs...)
	m.flush()
}

func (m *machine) truncate(to int) {
	m.w.count.cutBack += len(m.log) - to
	m.w.say(m.id, "cuts its log %v back to %d", m.end(), to)
	m.log = m.log[:to:to]
	m.kept, m.synced, m.verified = min(m.kept, to), min(m.synced, to), min(m.verified, to)
	m.acked = min(m.acked, to)
	if m.end().Less(m.reached) {
		m.reached = m.end()
	}
	m.flushing++ // whatever is being written belongs to the old tail
	m.flushBusy = false
}

// flush writes and syncs the log's tail, one batch at a time.
func (m *machine) flush() {
	if m.flushBusy || m.diskBad {
		return
	}
	m.flushBusy = true
	turn, upto := m.flushing, len(m.log)
	still := func(f func()) func() {
		return func() {
			if m.flushing == turn {
				f()
			}
		}
	}
	m.on(m.w.diskTime()/4, still(func() {
		m.kept = max(m.kept, upto)
		if !m.w.plan.syncEach {
			m.flushed(upto)
			// As appendfsync everysec: synced some time later.
			m.on(m.w.within(4*simT), still(func() { m.synced = max(m.synced, upto) }))
			return
		}
		m.on(m.w.diskTime(), still(func() {
			m.synced = max(m.synced, upto)
			m.flushed(upto)
		}))
	}))
}

func (m *machine) flushed(upto int) {
	m.flushBusy = false
	if upto < len(m.log) {
		m.flush()
	}
	m.do(nothing, func() { m.held(m.in) })
}

// mayTake reports whether a stream may be taken and acknowledged.
func (m *machine) mayTake() bool { return m.promised() || m.w.drivers.earlyAck }

// held acknowledges what this follower has.
func (m *machine) held(in inbound) {
	if !in.ready || in.conn != m.in.conn || !m.node.Follows(in.epoch) && !m.w.drivers.blindAck {
		return
	}
	to, durable := m.w.machine(in.from), m.told.durable
	if m.w.drivers.blindAck {
		durable = m.durable()
	}
	if !m.node.Vouches() || !m.mayTake() {
		durable = 0
	}
	m.acked = max(m.acked, int(durable))
	m.w.post(m.id, in.from, func() {
		to.arrive(func() {
			to.do(func(now time.Duration) Output { return to.node.Acked(now, m.id, in.epoch, durable) }, nil)
		})
	}, func() { to.on(m.w.delay(), func() { to.brokeConn(m, in.conn) }) })
}

// open begins a stream to p.
func (m *machine) open(p *machine) {
	m.w.conns++
	s := &sender{conn: m.w.conns, epoch: m.epoch}
	m.senders[p.id] = s
	log, id := m.log, m.id
	m.packet(p, s, func() { p.opened(inbound{conn: s.conn, from: id, epoch: s.epoch}, log, m.w.now+simT) })
	m.on(simT, func() {
		if !s.ready {
			m.broke(p, s)
		}
	})
}

// packet sends one packet of a stream to a follower: they arrive once and in
// order, or the stream breaks.
func (m *machine) packet(p *machine, s *sender, deliver func()) {
	w := m.w
	broke := func() { m.on(w.delay(), func() { m.broke(p, s) }) }
	if w.cut[m.id][p.id] || !w.calm && w.chance(w.plan.loss) {
		broke()
		return
	}
	s.last = max(s.last, w.now+w.delay()) + 1
	life := m.life
	w.after(s.last-w.now, func() {
		switch {
		case w.cut[m.id][p.id]:
			if m.life == life {
				broke()
			}
		case !p.up:
			m.on(simT/5, broke) // the dial is refused until it is back
		default:
			p.arrive(deliver)
		}
	})
}

// streamAnswer sends one packet of a stream to the leader.
func (m *machine) streamAnswer(in inbound, deliver func(l *machine, s *sender)) {
	l := m.w.machine(in.from)
	m.w.post(m.id, in.from, func() {
		l.arrive(func() {
			if s := l.senders[m.id]; s != nil && s.conn == in.conn {
				deliver(l, s)
			}
		})
	}, func() { l.on(m.w.delay(), func() { l.brokeConn(m, in.conn) }) })
}

func (m *machine) brokeConn(p *machine, conn int) {
	if s := m.senders[p.id]; s != nil && s.conn == conn {
		m.broke(p, s)
	}
}

// broke opens another stream in place of s.
func (m *machine) broke(p *machine, s *sender) {
	if m.senders[p.id] != s || m.epoch != s.epoch {
		return
	}
	m.senders[p.id] = nil
	m.on(m.w.delay()+m.w.within(20*time.Millisecond), func() {
		if m.epoch == s.epoch && m.senders[p.id] == nil {
			m.open(p)
		}
	})
}

func (m *machine) closeStream(in inbound) {
	m.streamAnswer(in, func(l *machine, s *sender) { l.broke(m, s) })
}

// opened waits until this node follows the epoch, cuts, and is ready.
func (m *machine) opened(in inbound, theirs []record, patience time.Duration) {
	if m.in.from != 0 && m.in.conn != in.conn {
		m.closeStream(m.in)
	}
	m.in = in
	if !m.node.Follows(in.epoch) || !m.following || !m.mayTake() {
		if m.w.now > patience || m.node.Status().Epoch > in.epoch {
			m.closeStream(in)
			return
		}
		m.on(2*time.Millisecond, func() {
			if m.in.conn == in.conn {
				m.opened(in, theirs, patience)
			}
		})
		return
	}
	// A log whose last epoch is the stream's is a prefix of the leader's,
	// however old this OPEN is: cutting it would undo acknowledgements.
	own := m.end().Epoch == in.epoch && !m.w.drivers.cutOwnEpoch
	c := m.w.common(m, theirs)
	if own {
		c = len(m.log)
	}
	if m.w.machine(in.from).lacks(c) {
		m.closeStream(in)
		return
	}
	if c < len(m.log) {
		m.truncate(c)
	}
	m.do(nothing, func() {
		if m.in.conn != in.conn {
			return
		}
		m.in.ready = true
		at := len(m.log)
		m.streamAnswer(in, func(l *machine, s *sender) {
			s.ready, s.next = true, at
			l.feed(m, s)
		})
	})
}

func (m *machine) feedAll() {
	for _, p := range m.w.nodes {
		if s := m.senders[p.id]; s != nil {
			m.feed(p, s)
		}
	}
}

// feed sends what the follower does not have yet.
func (m *machine) feed(p *machine, s *sender) {
	if !s.ready || m.epoch != s.epoch {
		return
	}
	commit := m.pub.commit
	for s.next < len(m.log) || s.told < commit {
		off := s.next
		recs := m.log[off:min(off+m.w.plan.chunk, len(m.log))]
		s.next, s.told = off+len(recs), commit
		id, conn := m.id, s.conn
		m.packet(p, s, func() { p.data(id, conn, off, recs, commit) })
	}
}

// data appends records that follow what is there; others break the stream.
func (m *machine) data(from int64, conn, off int, recs []record, commit int64) {
	in := m.in
	if conn != in.conn {
		m.closeStream(inbound{conn: conn, from: from})
		return
	}
	if !in.ready {
		return
	}
	if off+len(recs) <= len(m.log) && len(recs) > 0 {
		return // a packet that came twice
	}
	if !m.node.Follows(in.epoch) || !m.following || m.disk.Epoch != m.newDisk.Epoch && !m.w.drivers.earlyAck || off > len(m.log) {
		m.in.ready = false
		m.closeStream(in)
		return
	}
	m.append(recs[min(len(recs), len(m.log)-off):])
	m.do(func(now time.Duration) Output { return m.node.Committed(now, in.epoch, commit) },
		func() { m.held(in) })
}
