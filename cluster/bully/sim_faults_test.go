package bully

import (
	"math/rand/v2"
	"time"
)

// A plan is what a run is like: which faults come, and how bad they are. Each
// run has its own mixture, since faults of all kinds at once hide what one
// kind alone would show.
type plan struct {
	nodes    int
	latency  time.Duration
	loss     float64
	dup      float64
	spike    float64 // chance of a delay of up to 2T
	syncEach bool    // every write is synced; else a power loss costs the tail
	slowDisk float64 // chance of a write that takes up to T/2
	slowSync float64 // chance that the state file takes up to 3T
	lease    time.Duration
	uneven   bool // nodes are told different leases, and others after each start
	evidence bool
	oneHost  bool          // evidence is proof; else a sign
	lateDial float64       // chance that evidence is told up to 4T late
	chunk    int           // records in one packet of a stream
	think    time.Duration // between two commands
	every    time.Duration // between two faults, on average
	storm    time.Duration

	crash, pause, cutting, disk int     // weights of the faults
	forging                     int     // and of forged evidence
	aim                         float64 // chance that a fault hits a node that leads or runs
	burst                       float64 // chance that another fault follows at once
	drill                       drill
	members                     int           // voters at the start, 0: all, and they never change
	wipe                        float64       // chance that a crashed node gets a new disk, or loses a part of what the old one held
	blackout                    bool          // the power fails everywhere at once
	coup                        float64       // chance that a new leader is hit at once
	takeover                    bool          // the highest ID takes over by itself
	patience                    time.Duration // when it has kept up so long
	change                      float64       // chance of a planned change instead of a fault
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// draw draws a plan; forced, unless noDrill, is the drill it shall have.
func draw(r *rand.Rand, forced drill) plan {
	const ms = time.Millisecond
	p := plan{
		nodes:    pick(r, 1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 5, 5, 7),
		latency:  pick(r, ms/5, ms, 5*ms, 20*ms),
		loss:     pick(r, 0, 0, 0.05, 0.2),
		dup:      pick(r, 0, 0.05, 0.2),
		spike:    pick(r, 0, 0, 0.02, 0.1),
		syncEach: pick(r, true, false),
		slowDisk: pick(r, 0, 0, 0.05, 0.3),
		slowSync: pick(r, 0, 0, 0, 0.3),
		lease:    pick(r, simLease, simLease, simT*leaseNum/leaseDen),
		uneven:   r.IntN(6) == 0, // see below
		evidence: pick(r, true, true, false),
		oneHost:  pick(r, true, false),
		forging:  pick(r, 0, 1, 3),
		think:    pick(r, 20*ms, 100*ms, 300*ms),
		every:    pick(r, simT/5, simT/2, simT, 3*simT),
		storm:    time.Duration(5+r.IntN(15)) * simT,
		crash:    pick(r, 0, 1, 3),
		pause:    pick(r, 0, 1, 3),
		cutting:  pick(r, 0, 1, 3),
		disk:     pick(r, 0, 0, 1),
		aim:      pick(r, 0.2, 0.5, 0.8),
		burst:    pick(r, 0, 0.3, 0.6),
		coup:     pick(r, 0, 0, 0.3, 0.6),
		lateDial: pick(r, 0, 0.3),
		chunk:    pick(r, 1, 2, 8),
		drill:    pick(r, noDrill, noDrill, bounce, lateDeath, lostVote, figure8, staleToken, lostTail, lostCrown, lostPromise, newVoters, forgedDeath),
		takeover: pick(r, true, true, false),
		patience: simT / 4,
		change:   pick(r, 0, 0.1, 0.3),
		blackout: r.IntN(20) == 0,
		wipe:     pick(r, 0, 0, 0.2),
	}
	if r.IntN(8) == 0 {
		p.members = 1
	}
	if forced != noDrill {
		p.drill, p.members = forced, 0
	}
	if p.uneven {
		p.lease = max(simLease/2, 6*p.latency) // the least that anyone is told
	}
	switch p.drill {
	case lateDeath:
		p.evidence, p.oneHost = true, true
	case forgedDeath:
		p.evidence, p.oneHost = true, false
	}
	if p.drill != noDrill {
		p.nodes = pick(r, 3, 3, 3, 4, 5)
		p.chunk = pick(r, 1, 1, 8)
		p.every, p.think = p.every*6, min(p.think, 100*ms)
		p.syncEach = p.syncEach || p.drill == figure8
	}
	switch {
	case p.drill == newVoters:
		p.nodes, p.members, p.think, p.chunk = 3, 3, simT, 8
		p.wipe, p.blackout, p.syncEach = 0, false, true
	case p.members > 0:
		// What may be lost depends on which nodes vote, so nothing is.
		p.nodes = pick(r, 3, 4, 5, 6)
		p.members = 1 + r.IntN(p.nodes)
		p.wipe, p.blackout, p.syncEach, p.drill = 0, false, true, noDrill
	case p.drill == lostPromise:
		p.nodes = 3
	}
	return p
}

func newWorld(seed uint64, r rules, d driverRules) *world {
	return newDrill(seed, r, d, noDrill)
}

func newDrill(seed uint64, r rules, d driverRules, forced drill) *world {
	w := &world{seed: seed, rules: r, drivers: d, leaderOf: map[int64]int64{}}
	w.rand = rand.New(rand.NewPCG(seed, 0x6275_6c6c_79))
	w.plan = draw(w.rand, forced)
	for i := range w.plan.nodes {
		w.nodes = append(w.nodes, &machine{
			w: w, id: int64(i + 1),
			// No clock is more than a fifth faster than another.
			rate: 1 + 0.2*w.rand.Float64(),
			base: w.within(time.Hour),
		})
	}
	w.appoint(rand.New(rand.NewPCG(seed, 0x7769_746e)))
	return w
}

func (w *world) machine(id int64) *machine { return w.nodes[id-1] }

func (w *world) diskTime() time.Duration {
	if !w.calm && w.chance(w.plan.slowDisk) {
		return w.within(simT / 2)
	}
	return w.within(time.Millisecond)
}

// stateTime is how long the state file takes: longer than the election's timeout, perhaps.
func (w *world) stateTime() time.Duration {
	if !w.calm && w.chance(w.plan.slowSync) {
		return w.within(3 * simT)
	}
	return w.diskTime()
}

func (w *world) run() {
	for _, m := range w.nodes {
		m.start()
	}
	w.clients()
	w.faults()
	w.electors()
	w.drill()
	if w.plan.blackout {
		w.after(w.within(w.plan.storm), w.blackout)
	}
	w.until(w.plan.storm)
	if w.broken != "" {
		return
	}
	w.calmDown()
	w.settle()
}

// faults comes again and again until the calm.
func (w *world) faults() {
	w.after(w.within(2*w.plan.every), func() {
		if w.calm {
			return
		}
		if w.chance(w.plan.change) {
			w.changeover()
		} else {
			w.fault(w.victim())
		}
		for w.chance(w.plan.burst) {
			w.after(w.within(simT/5), func() { w.strike(w.victim()) })
		}
		w.faults()
	})
}

// strike is a fault that was planned a moment ago.
func (w *world) strike(m *machine) {
	if !w.calm {
		w.fault(m)
	}
}

// elected may bring a fault upon a new leader: what it has done by then is
// done by half.
func (w *world) elected(m *machine) {
	if !w.calm && w.chance(w.plan.coup) {
		w.after(w.within(8*w.plan.latency), func() { w.strike(m) })
	}
}

// victim is often a node that leads or runs, where a fault hurts most.
func (w *world) victim() *machine {
	if w.chance(w.plan.aim) {
		for _, i := range w.rand.Perm(len(w.nodes)) {
			if m := w.nodes[i]; m.up && m.node.Status().Role != Follower {
				return m
			}
		}
	}
	return w.nodes[w.rand.IntN(len(w.nodes))]
}

func (w *world) fault(m *machine) {
	p := w.plan
	all := p.crash + p.pause + p.cutting + p.disk + p.forging
	if all == 0 {
		return
	}
	k := w.rand.IntN(all)
	switch {
	case k < p.crash:
		w.crashOrStart(m)
	case k < p.crash+p.pause:
		if m.up {
			d := w.within(4 * simT)
			w.say(m.id, "PAUSED for %v", d)
			w.pause(m, d)
		}
	case k < p.crash+p.pause+p.cutting:
		w.partition(m)
	case k < p.crash+p.pause+p.cutting+p.disk:
		w.breakDisk(m)
	default:
		if w.chance(0.5) {
			w.cutOff(m, nil) // a firewall that refuses swallows the rest
		}
		w.forge(m, w.now+w.within(2*simT))
	}
}

// forge has others refused in the name of a node that may well live, until
// some time.
func (w *world) forge(m *machine, until time.Duration) {
	if !w.plan.evidence || w.plan.oneHost || w.calm || w.now > until {
		return
	}
	w.say(m.id, "REFUSES connections, it seems")
	for _, p := range w.nodes {
		if p == m || !p.up || w.chance(0.2) {
			continue
		}
		p.on(w.delay(), func() {
			at := p.clock()
			p.on(w.delay(), func() { p.refused(m, at, Sign) })
		})
	}
	w.after(w.within(simLease), func() { w.forge(m, until) })
}

func (w *world) crashOrStart(m *machine) {
	if !m.up {
		w.reboot(m)
		return
	}
	if w.chance(0.1) {
		m.stop()
	} else {
		m.crash(w.mayLosePower(m) && w.chance(0.5))
		if w.chance(w.plan.wipe) && w.mayLoseDisk(m) {
			m.rob()
		}
	}
	d := w.within(pick(w.rand, simT/10, simT, 6*simT))
	life := m.life
	w.after(d, func() {
		if !m.up && m.life == life {
			w.reboot(m)
		}
	})
}

// reboot starts a process again; its clock begins anew if the power was gone.
func (w *world) reboot(m *machine) {
	if w.chance(0.3) {
		m.base, m.origin = w.within(time.Hour), w.now
	}
	m.start()
}

func (m *machine) stop() {
	m.w.say(m.id, "STOPPED in order")
	if m.w.now < m.pausedUntil || m.writing {
		m.crash(false)
		return
	}
	m.do(func(now time.Duration) Output { return m.node.Stop(now) }, func() { m.crash(false) })
}

func (w *world) pause(m *machine, d time.Duration) {
	m.pausedUntil = w.now + d
	life := m.life
	w.after(d, func() { w.wake(m, life) })
}

// wake runs what waited, in any order.
func (w *world) wake(m *machine, life int) {
	if !m.up || m.life != life || w.now < m.pausedUntil {
		return
	}
	w.say(m.id, "goes on")
	m.pausedUntil = 0
	waiting := m.asleep
	m.asleep = nil
	if w.chance(0.3) {
		w.rand.Shuffle(len(waiting), func(i, j int) { waiting[i], waiting[j] = waiting[j], waiting[i] })
	}
	for _, f := range waiting {
		f()
	}
}

// partition cuts or heals links: one node from some others, one way or both.
func (w *world) partition(m *machine) {
	w.count.cuts++
	if w.chance(0.3) {
		w.say(0, "HEALED")
		w.cut = [simMost + 1][simMost + 1]bool{}
		return
	}
	both, one := w.chance(0.6), w.chance(0.5)
	for _, p := range w.nodes {
		if p == m || w.chance(0.3) {
			continue
		}
		w.cut[m.id][p.id] = w.cut[m.id][p.id] || both || one
		w.cut[p.id][m.id] = w.cut[p.id][m.id] || both || !one
	}
	w.say(m.id, "CUT OFF: %v", w.cut[m.id])
}

func (w *world) breakDisk(m *machine) {
	if !m.up {
		return
	}
	w.say(m.id, "DISK FAILS")
	m.diskBad = true
	m.do(func(now time.Duration) Output { return m.node.Disk(now, false) }, nil)
	m.on(w.within(4*simT), m.mendDisk)
}

func (m *machine) mendDisk() {
	if !m.diskBad {
		return
	}
	m.w.say(m.id, "disk works again")
	m.diskBad = false
	m.flush()
	m.do(func(now time.Duration) Output { return m.node.Disk(now, true) }, nil)
}

// calmDown ends all faults: everyone runs, but for a minority that stays down
// in some runs.
func (w *world) calmDown() {
	w.say(0, "CALM")
	w.calm = true
	w.cut = [simMost + 1][simMost + 1]bool{}
	away := 0
	if w.chance(0.3) && w.allVote() && w.plan.members == 0 {
		away = w.rand.IntN((len(w.nodes)-1)/2 + 1)
	}
	for _, i := range w.rand.Perm(len(w.nodes)) {
		m := w.nodes[i]
		switch {
		case away > 0:
			away--
			m.crash(false)
			m.life++ // no reboot that was under way
			continue
		case !m.up:
			w.reboot(m)
		case w.now < m.pausedUntil:
			m.pausedUntil = w.now
			w.wake(m, m.life)
		}
		m.mendDisk()
	}
}
