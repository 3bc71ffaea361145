package bully

import (
	"slices"
	"time"
)

// A machine is one node's computer: what survives a crash, and the process
// that runs on it. The driver is package cluster's in small: inputs go through
// do one at a time; an output is carried out as persist, revoke, send, act;
// while the state file is written inputs go on, and what rests on it waits;
// answers to clients look at what was published last.
type machine struct {
	w  *world
	id int64

	witness bool // it has no data
	from    int  // and has dropped the records before this one

	// The hardware.
	rate    float64 // of its clock
	base    time.Duration
	lease   time.Duration // as it was told
	origin  time.Duration // true time at base
	disk    HardState     // the state file
	log     []record
	disks   int      // new ones so far
	kept    int      // records that a killed process leaves, ≤ len(log)
	synced  int      // records that a power loss leaves, ≤ kept
	acked   int      // records that it acknowledged and still holds
	unclean bool     // the boot ID will be another one
	wiped   bool     // it has another disk, and has not noticed yet
	reached Position // the mark: its log was durable up to there
	short   bool     // its log was shortened, and it has not noticed yet

	// The process.
	life        int // counts starts
	up          bool
	pausedUntil time.Duration
	asleep      []func()
	node        *Node
	told        logEnd
	inputs      []input
	writing     bool          // the state file is being written:
	taken       HardState     // with this
	newDisk     HardState     // what it is to hold
	onDisk      Configuration // that it holds, without lists
	want        int           // number of the newest state that it is to hold
	begun, have int           // of the one that is being written, and of the one it holds
	late        []lateMessage
	tickAt      time.Duration
	pub         published
	roleWorkDue bool
	diskBad     bool
	flushing    int // counts tails
	flushBusy   bool

	// The role worker's state.
	epoch     int64 // that it leads, 0: none
	leading   bool  // takes commands
	following bool
	senders   [simMost + 1]*sender
	in        inbound
	pending   []command
	unproved  []command // replies that wait for the lease
	waiting   []waiting // commands that do
	answering int       // replies that are leaving
	holding   bool      // a handover holds new writes
	heldAll   bool      // and reads
	parked    []waiting
	verified  int // records compared with the truth
	linkUp    [simMost + 1]bool
}

type logEnd struct {
	pos     Position
	durable int64
}

// A lateMessage leaves when a state is on disk.
type lateMessage struct {
	Message
	state int
}

type input struct {
	f    func(now time.Duration) Output
	then func()
}

// published is what the hot path reads.
type published struct {
	lease  bool
	epoch  int64
	until  time.Duration
	commit int64
}

func (m *machine) clock() time.Duration {
	return m.base + time.Duration(float64(m.w.now-m.origin)*m.rate)
}

// inTrueTime is how long from now until the machine's clock says at.
func (m *machine) inTrueTime(at time.Duration) time.Duration {
	d := float64(at-m.clock()) / m.rate
	if d > float64(time.Hour) {
		return time.Hour
	}
	return time.Duration(d) + time.Nanosecond
}

// on runs f in this process after d; a stopped process runs it when it goes
// on, a dead one never.
func (m *machine) on(d time.Duration, f func()) {
	life := m.life
	var g func()
	g = func() {
		if !m.up || m.life != life {
			return
		}
		if m.w.now < m.pausedUntil {
			m.asleep = append(m.asleep, g)
			return
		}
		f()
	}
	m.w.after(d, g)
}

// arrive is on for packets: they are taken by whatever process is there.
func (m *machine) arrive(f func()) {
	switch {
	case !m.up:
	case m.w.now < m.pausedUntil:
		m.on(0, f)
	default:
		f()
	}
}

func (m *machine) end() Position {
	if len(m.log) == 0 {
		return Position{}
	}
	return Position{m.log[len(m.log)-1].epoch, int64(len(m.log))}
}

func (m *machine) durable() int64 {
	if m.w.plan.syncEach {
		return int64(m.synced)
	}
	return int64(m.kept)
}

func nothing(time.Duration) Output { return Output{} }

// do brings one input to the election; then, unless nil, runs when all that
// the node asked for is done.
func (m *machine) do(f func(now time.Duration) Output, then func()) {
	m.inputs = append(m.inputs, input{f, then})
	m.pump()
}

func (m *machine) pump() {
	for len(m.inputs) > 0 {
		if at := (logEnd{m.end(), m.durable()}); at != m.told {
			m.told, m.reached = at, m.reachedBy()
			m.carry(m.node.Appended(m.clock(), at.pos, at.durable), nil)
			continue
		}
		in := m.inputs[0]
		m.inputs = m.inputs[1:]
		m.carry(in.f(m.clock()), in.then)
	}
}

// carry persists, revokes, sends, acts.
func (m *machine) carry(o Output, then func()) {
	if o.Persist != nil {
		m.w.say(m.id, "is to write epoch %d vote %d", o.Persist.Epoch, o.Persist.VoteFor)
		if m.w.drivers.sendFirst {
			for _, msg := range o.Messages {
				m.transmit(msg)
			}
			o.Messages = nil
		}
		m.newDisk = *o.Persist
		m.want++
		h := m.newDisk
		m.on(0, func() { m.w.voting(m, h) })
		m.write()
	}
	m.finish(o, then)
}

// write writes the state file, and lets go what waited for that.
func (m *machine) write() {
	if m.writing {
		return
	}
	m.writing, m.begun, m.taken = true, m.want, m.newDisk
	n, conf, h := m.want, m.node.members, m.taken
	m.on(m.w.stateTime(), func() {
		m.disk, m.have, m.writing, m.onDisk = m.taken, n, false, conf.id()
		m.w.say(m.id, "has written epoch %d vote %d", m.disk.Epoch, m.disk.VoteFor)
		m.wiped = m.wiped && m.disk.Epoch == 0 && !m.disk.MayHaveLost
		late := m.late
		m.late = nil
		for _, l := range late {
			if l.state <= n {
				m.transmit(l.Message)
			} else {
				m.late = append(m.late, l)
			}
		}
		if m.want > m.have {
			m.write()
		}
		m.do(func(now time.Duration) Output { return m.node.Saved(now, h) }, func() { m.held(m.in) })
		m.pokeRoleWorker()
	})
}

// promised reports whether what leaves this node may: epoch and vote are on disk.
func (m *machine) promised() bool {
	return m.disk.Epoch == m.newDisk.Epoch && m.disk.VoteFor == m.newDisk.VoteFor
}

// send sends what rests on nothing that is yet to be written.
func (m *machine) send(msg Message) {
	asks := msg.Kind == Election || msg.Kind == OK
	if m.promised() && (!asks || msg.Members.Is(&m.onDisk)) {
		m.transmit(msg)
		return
	}
	m.late = slices.DeleteFunc(m.late, func(l lateMessage) bool {
		return l.state > m.begun && l.To == msg.To && l.Kind == msg.Kind && l.Phase == msg.Phase
	})
	m.late = append(m.late, lateMessage{msg, m.want})
}

func (m *machine) finish(o Output, then func()) {
	if o.Deposed || o.Revoke {
		m.pub.lease = false
	}
	if o.Revoke {
		m.w.passed(m)
	}
	for _, msg := range o.Messages {
		m.send(msg)
	}
	if o.Changed {
		m.w.checkLeader(m)
		if m.w.tracing {
			s := m.node.Status()
			m.w.say(m.id, "%s epoch %d leader %d serving %v commit %d log %v", roleName(s.Role), s.Epoch, s.Leader, s.Serving, s.Commit, m.end())
		}
		m.pokeRoleWorker()
	}
	m.publish()
	if o.Hold {
		m.hold()
	}
	if o.Release {
		m.letGo()
	}
	if then != nil {
		then()
	}
}

func (m *machine) transmit(msg Message) {
	if msg.Kind == Ack && !msg.Members.Is(&m.onDisk) {
		msg.Members = m.onDisk
	}
	if m.w.tracing && msg.Kind != Heartbeat && (msg.Kind != Ack || msg.Reason != NoReason) {
		m.w.say(m.id, "-> %d %s", msg.To, describe(msg))
	}
	to := m.w.machine(msg.To)
	disk := to.disks // a connection ends with the process it was made to
	m.w.post(m.id, msg.To, func() {
		if to.disks != disk {
			return
		}
		to.arrive(func() {
			to.do(func(now time.Duration) Output { return to.node.Step(now, msg) }, nil)
		})
	}, nil)
}

// publish lets the hot path see the election's state.
func (m *machine) publish() {
	s := m.node.Status()
	m.pub.lease = s.Role == Leader && s.Serving
	m.pub.epoch, m.pub.until = s.Epoch, s.LeaseUntil
	if m.node.lone() {
		m.pub.until = Never
	}
	if m.node.rules.noLease && s.Role == Leader {
		m.pub.until = Never
	}
	m.pub.commit = s.Commit
	m.w.checkCommit(m)
	m.w.checkServing(m)
	m.w.checkWitness(m)
	m.dropOld()
	m.renewed()
	m.reply()
	m.feedAll()
	m.schedule()
}

// schedule wakes the election when it wants to be. An event that comes too
// early sets the next one.
func (m *machine) schedule() {
	next := m.node.NextTick()
	if next == Never || m.tickAt != 0 && m.tickAt <= next {
		return
	}
	m.tickAt = next
	m.on(m.inTrueTime(next), func() {
		if m.tickAt != next {
			return
		}
		m.tickAt = 0
		if m.clock() < m.node.NextTick() {
			m.schedule()
			return
		}
		m.do(m.node.Tick, nil)
	})
}

// pokeRoleWorker runs the role worker soon: it is another goroutine.
func (m *machine) pokeRoleWorker() {
	if m.roleWorkDue {
		return
	}
	m.roleWorkDue = true
	d := m.w.within(2 * time.Millisecond)
	if !m.w.calm && m.w.chance(m.w.plan.spike) {
		d += m.w.within(simT / 2)
	}
	m.on(d, func() {
		m.roleWorkDue = false
		m.roleWorker()
	})
}

// roleWorker follows the election's changes: begin, take over, step down.
func (m *machine) roleWorker() {
	s := m.node.Status()
	switch {
	case m.epoch != 0 && (s.Role != Leader || s.Epoch != m.epoch):
		m.stepDown()
		m.pokeRoleWorker()
	case s.Role == Leader && m.epoch == 0 && m.promised():
		m.begin(s.Epoch)
	case s.Role == Leader && s.Serving && !m.leading:
		m.leading = true
		m.w.checkWitness(m)
		m.w.say(m.id, "takes commands in epoch %d", s.Epoch)
	}
}

// begin opens the streams, applies what is left of the log, which takes its
// time, and appends the epoch's record.
func (m *machine) begin(epoch int64) {
	m.epoch, m.following = epoch, false
	for _, p := range m.w.nodes {
		if p != m {
			m.open(p)
		}
	}
	m.on(m.w.diskTime(), func() {
		if s := m.node.Status(); m.epoch != epoch || s.Role != Leader || s.Epoch != epoch {
			return
		}
		m.append([]record{{epoch, -int32(m.id)}})
		end := int64(len(m.log))
		m.do(func(now time.Duration) Output { return m.node.EpochBegun(now, epoch, end) }, nil)
	})
}

func (m *machine) stepDown() {
	m.w.say(m.id, "steps down from epoch %d", m.epoch)
	m.epoch, m.leading, m.following = 0, false, true
	m.senders = [simMost + 1]*sender{}
	m.w.count.uncertain += len(m.pending) + len(m.unproved)
	m.answering -= len(m.unproved)
	m.pending, m.unproved, m.waiting = nil, nil, nil
	m.quiesce()
}

// start runs a process on what the disk holds.
func (m *machine) start() {
	w := m.w
	m.life++
	m.up, m.pausedUntil, m.asleep, m.inputs = true, 0, nil, nil
	m.writing, m.tickAt, m.roleWorkDue, m.diskBad, m.flushBusy = false, 0, false, false, false
	m.flushing++
	m.pub, m.epoch, m.leading, m.following = published{}, 0, false, true
	m.senders, m.in, m.pending, m.verified = [simMost + 1]*sender{}, inbound{}, nil, 0
	m.answering, m.holding, m.parked = 0, false, nil
	m.unproved, m.waiting = nil, nil
	m.linkUp = [simMost + 1]bool{}
	m.late = nil
	m.kept, m.synced = len(m.log), len(m.log)
	m.told = logEnd{m.end(), m.durable()}
	m.lease = w.plan.lease
	if w.plan.uneven {
		m.lease = pick(w.rand, w.plan.lease, simLease, simT*leaseNum/leaseDen)
	}
	m.disk.MayHaveLost = m.disk.MayHaveLost || m.unclean
	m.inspect()
	var voters []int64
	joining := w.plan.members > 0 && m.id > int64(w.plan.members)
	for _, p := range w.nodes {
		if w.plan.members == 0 || p.id <= int64(w.plan.members) {
			voters = append(voters, p.id)
		}
	}
	m.node = newNode(Config{
		ID: m.id, Voters: voters, Joining: joining, Timeout: simT, Lease: m.lease, Heartbeat: w.plan.lease / 4, Rand: w.rand.Uint64,
		Witness: m.witness, Takeover: w.plan.takeover, TakeoverAfter: w.plan.patience, HandoverNear: 3,
	}, m.disk, m.told.pos, m.clock(), w.rules)
	m.newDisk, m.onDisk = m.disk, m.node.members.id()
	w.say(m.id, "starts: epoch %d vote %d log %v lost=%v", m.disk.Epoch, m.disk.VoteFor, m.end(), m.disk.MayHaveLost)
	for _, p := range w.nodes {
		m.node.PeerIsWitness(p.id, p.witness)
	}
	for _, p := range w.nodes {
		if p != m {
			m.keepDialing(p, w.within(simT/10))
		}
	}
	m.do(nothing, nil)
}

// crash ends the process; with the power gone, the log ends where it was
// synced or later, else where it was written or later.
func (m *machine) crash(power bool) {
	if !m.up {
		return
	}
	w := m.w
	w.count.crashes++
	m.up = false
	m.life++
	left := m.kept
	if power {
		left = m.synced
		m.unclean = m.unclean || !w.plan.syncEach
	}
	left += w.rand.IntN(len(m.log) - left + 1)
	if m.writing && w.chance(0.5) {
		m.disk = m.taken
	}
	w.say(m.id, "CRASH power=%v: log %v keeps %d records", power, m.end(), left)
	if left < m.acked {
		w.count.lostAcked++
	}
	m.acked = min(m.acked, left)
	m.log = m.log[:left:left]
	m.kept, m.synced = min(m.kept, left), min(m.synced, left)
	if left > 0 && m.log[left-1].epoch > m.disk.Epoch && !m.wiped {
		// It would take its own state file for lost.
		w.fail("node %d has records of epoch %d, and on disk it promised itself to %d", m.id, m.log[left-1].epoch, m.disk.Epoch)
	}
	m.w.count.uncertain += len(m.pending) + len(m.unproved)
	m.pending, m.unproved = nil, nil
	for _, p := range w.nodes {
		if p == m || !p.up {
			continue
		}
		if w.chance(0.7) {
			p.on(w.delay(), func() { p.dial(m) })
		}
		if s := p.senders[m.id]; s != nil {
			// The connection breaks, or nothing comes back for T.
			p.on(pick(w.rand, w.delay(), simT), func() { p.broke(m, s) })
		}
	}
}

// keepDialing is the control link: it tells which nodes are reachable, and which are dead.
func (m *machine) keepDialing(p *machine, d time.Duration) {
	m.on(d, func() {
		m.dial(p)
		m.keepDialing(p, simT/4+m.w.within(simT/2))
	})
}

func (m *machine) dial(p *machine) {
	w := m.w
	at, life := m.clock(), m.life
	switch {
	case !w.linked(m.id, p.id):
		m.reachable(p, false)
	case p.up && w.now >= p.pausedUntil:
		m.on(2*w.delay(), func() { m.reachable(p, p.up && w.linked(m.id, p.id)) })
	case !p.up && w.plan.evidence:
		w.after(w.delay(), func() {
			if !p.up && w.linked(m.id, p.id) && m.life == life {
				late := w.delay()
				if w.chance(w.plan.lateDial) {
					late += w.within(4 * simT)
				}
				how := Sign
				if w.plan.oneHost {
					how = Proof
				}
				m.on(late, func() { m.refused(p, at, how) })
			}
		})
	}
}

func (m *machine) refused(p *machine, at time.Duration, how Evidence) {
	m.linkUp[p.id] = false
	m.w.say(m.id, "finds %d dead, proof: %v", p.id, how == Proof)
	m.do(func(time.Duration) Output { return m.node.PeerDead(at, p.id, how) }, nil)
}

func (m *machine) reachable(p *machine, up bool) {
	if m.linkUp[p.id] != up {
		m.linkUp[p.id] = up
		m.do(func(time.Duration) Output { m.node.PeerReachable(p.id, up); return Output{} }, nil)
	}
}
