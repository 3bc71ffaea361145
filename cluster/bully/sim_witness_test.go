package bully

import "math/rand/v2"

// Witnesses in the simulator: of three nodes or more one has no data, of five perhaps two.
// They drop what they were told that the others hold, where nothing that those hold
// can be lost.

// witnessPart of the runs have a witness.
const witnessPart = 3

// appoint draws the witnesses. It has a source of its own, so that the rest of a run is drawn
// as without them.
func (w *world) appoint(r *rand.Rand) {
	n := len(w.nodes)
	if planted := w.rules != (rules{}) || w.drivers != (driverRules{}); planted && !w.rules.ofWitness() {
		return // the seeds that bring the other bugs to light have none
	}
	if n < 3 || w.plan.members > 0 || r.IntN(witnessPart) > 0 {
		return
	}
	most := 1
	if n >= 5 {
		most = 2
	}
	for _, i := range r.Perm(n)[:1+r.IntN(most)] {
		w.nodes[i].witness = true
	}
}

// checkWitness: a witness neither takes commands nor may answer.
func (w *world) checkWitness(m *machine) {
	if m.witness && (m.leading || m.leaseHolds()) {
		w.fail("witness %d leads clients", m.id)
	}
}

// dropOld is the driver's: a witness keeps the log from where not all others hold it.
func (m *machine) dropOld() {
	if p := &m.w.plan; m.witness && p.syncEach && p.wipe == 0 && p.drill == noDrill && !p.blackout {
		m.from = max(m.from, min(int(m.node.Status().Held), len(m.log)))
	}
}

// lacks reports whether a witness that leads has dropped what a follower needs whose log
// parts from its own behind record at.
func (m *machine) lacks(at int) bool {
	if m.witness && at < m.from {
		m.w.say(m.id, "has no records before %d", m.from)
		return true
	}
	return false
}

// ofWitness reports whether a bug is planted that needs a witness.
func (r *rules) ofWitness() bool { return r.witnessServes || r.witnessKeeps || r.witnessDrops }
