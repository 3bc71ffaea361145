package sim

import (
	"time"

	"regent/aof/disk/disktest"
)

// What happens to machines and their disks.

// mayLose reports whether a disk may lose now what was acknowledged on the strength of
// it: once in a round, since what the others hold must be enough to be whole again.
func (w *world) mayLose() bool {
	if w.spent {
		return false
	}
	w.spent = true
	return true
}

// powerLoss takes a machine's power. With appendfsync always that loses nothing which was
// acknowledged, however many lose it.
func powerLoss(w *world) (func(), bool) {
	nd := w.pick()
	if nd == nil || !w.plan.always && !w.mayLose() {
		return nil, false
	}
	w.tell("node %d loses its power", nd.id)
	nd.powerOff()
	return nd.restart, true
}

// blackout takes the power of all.
func blackout(w *world) (func(), bool) {
	if !w.plan.always {
		return nil, false
	}
	w.tell("all nodes lose their power")
	for _, nd := range w.nodes {
		if nd.up() {
			nd.powerOff()
		}
	}
	return w.restartAll, true
}

func (w *world) restartAll() {
	for _, i := range w.rnd.Perm(len(w.nodes)) {
		w.nodes[i].restart()
		w.sleep(0, w.plan.timeout)
	}
}

func killAll(w *world) (func(), bool) {
	w.tell("all nodes are killed")
	for _, nd := range w.nodes {
		nd.kill()
	}
	return w.restartAll, true
}

// newDisk replaces a node's disk by an empty one.
func newDisk(w *world) (func(), bool) {
	nd := w.pick()
	if nd == nil || !w.mayLose() {
		return nil, false
	}
	w.tell("node %d gets a new disk", nd.id)
	nd.kill()
	nd.fs = disktest.New()
	return nd.restart, true
}

// bitRot turns a bit of a node's log while it is away.
func bitRot(w *world) (func(), bool) {
	nd := w.pick()
	if nd == nil || !w.mayLose() {
		return nil, false
	}
	nd.kill()
	name, at := w.rot(nd.fs)
	nd.rotten = true
	w.tell("node %d is killed, and a bit of byte %d of its %s turns", nd.id, at, name)
	return nd.restart, true
}

// slowDisk makes a node's fsyncs take long.
func slowDisk(w *world) (func(), bool) {
	nd := w.pick()
	if nd == nil {
		return nil, false
	}
	d := time.Duration(w.rnd.Int64N(int64(w.plan.timeout)))
	w.tell("fsyncs of node %d take %s", nd.id, d)
	fall := nd.fall
	fall.set(func(f *fallible) { f.slow = d })
	return func() { fall.set(func(f *fallible) { f.slow = 0 }) }, true
}

func fullDisk(w *world) (func(), bool) {
	nd := w.pick()
	if nd == nil {
		return nil, false
	}
	w.tell("the disk of node %d is full", nd.id)
	fall := nd.fall
	fall.set(func(f *fallible) { f.full = true })
	return func() {
		w.tell("the disk of node %d has space again", nd.id)
		fall.set(func(f *fallible) { f.full = false })
	}, true
}

// badDisk has writes and fsyncs of a node's log fail. It stays out until it is restarted.
func badDisk(w *world) (func(), bool) {
	nd := w.pick()
	if nd == nil {
		return nil, false
	}
	w.tell("the disk of node %d fails", nd.id)
	fall := nd.fall
	fall.set(func(f *fallible) { f.bad = true })
	nd.broken = true
	return func() {
		w.tell("the disk of node %d works again", nd.id)
		fall.set(func(f *fallible) { f.bad = false })
	}, true
}

// wallClock sets a machine's wall clock, by hours or by seconds.
func wallClock(w *world) (func(), bool) {
	nd := w.pick()
	if nd == nil {
		return nil, false
	}
	by := []time.Duration{time.Second, time.Hour, 24 * time.Hour}[w.rnd.IntN(3)]
	d := time.Duration(w.rnd.Int64N(int64(2*by))) - by
	w.tell("the wall clock of node %d is set to be ahead by %s", nd.id, d)
	clock := nd.clock
	clock.set(d)
	return func() { clock.set(0) }, true
}

// clientCut cuts clients from some nodes.
func clientCut(w *world) (func(), bool) {
	var cut [][2]string
	for i := range w.plan.clients {
		for _, nd := range w.nodes {
			switch ip := clientIP(i); w.rnd.IntN(6) {
			case 0:
				cut = append(cut, [2]string{ip, nd.ip})
			case 1:
				cut = append(cut, [2]string{nd.ip, ip})
			}
		}
	}
	return w.cutAll("clients cut off", cut), len(cut) > 0
}
