package sim

import (
	"regent/aof/disk/disktest"
	"slices"
	"time"
)

// A fault happens to a world; it returns how it is mended, nil: there is nothing to mend.
type fault struct {
	name string
	do   func(w *world) (mend func(), done bool)
}

// faults are all there are, each as often as it is named.
func faults() []fault {
	return []fault{
		{"kill", killOne},
		{"kill", killOne},
		{"partition", partition},
		{"partition", partition},
		{"one-way", oneWay},
		{"reset", reset},
		{"slow link", slowLink},
		{"stop", stopOne},
		{"handover", handover},
		{"rewrite", rewrite},
		{"rewrite", rewrite},
		{"power loss", powerLoss},
		{"power loss", powerLoss},
		{"blackout", blackout},
		{"all killed", killAll},
		{"new disk", newDisk},
		{"bit rot", bitRot},
		{"slow disk", slowDisk},
		{"full disk", fullDisk},
		{"failing disk", badDisk},
		{"wall clock", wallClock},
		{"client cut", clientCut},
		{"node added", addNode},
		{"node removed", removeNode},
		{"forced leader", forceLeader},
	}
}

// members are the nodes that the cluster has, or may have.
func (w *world) members() []*node {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.nodes
}

// fault makes one happen.
func (w *world) fault() (mend func()) {
	all := faults()
	if w.opts.faults != nil {
		all = slices.DeleteFunc(all, func(f fault) bool { return !slices.Contains(w.opts.faults, f.name) })
	}
	f := all[w.rnd.IntN(len(all))]
	mend, done := f.do(w)
	if done {
		w.figures.faults[f.name]++
	}
	return mend
}

// pick is some node that runs, more often the leader; nil: there is none.
func (w *world) pick() *node {
	var up []*node
	for _, nd := range w.members() {
		if nd.up() {
			up = append(up, nd)
		}
	}
	if len(up) == 0 {
		return nil
	}
	if w.rnd.IntN(2) == 0 {
		for _, nd := range up {
			if nd.leads() {
				return nd
			}
		}
	}
	return up[w.rnd.IntN(len(up))]
}

// leads reports whether a node has said that it leads.
func (nd *node) leads() bool { return nd.leading.Load() }

// restart starts a node's process again, however often that takes.
func (nd *node) restart() {
	if nd.up() {
		return
	}
	if nd.h.off {
		nd.boot()
	}
	nd.w.tell("node %d is started", nd.id)
	err := nd.start()
	if err != nil && nd.rotten {
		nd.w.tell("node %d does not start, as its log has rotted (%v): it gets a new disk", nd.id, err)
		nd.fs = disktest.New()
		err = nd.start()
	}
	nd.rotten, nd.broken = false, false
	if err != nil {
		nd.w.wrong("node %d does not start: %v", nd.id, err)
	}
}

func killOne(w *world) (func(), bool) {
	nd := w.pick()
	if nd == nil {
		return nil, false
	}
	w.tell("node %d is killed", nd.id)
	nd.kill()
	return nd.restart, true
}

// partition parts the nodes in two, or three; clients may be on any side.
func partition(w *world) (func(), bool) {
	side := map[string]int{}
	parts := 2 + w.rnd.IntN(2)
	var ips []string
	for _, nd := range w.nodes {
		ips = append(ips, nd.ip)
		side[nd.ip] = w.rnd.IntN(parts)
	}
	var cut [][2]string
	for _, a := range ips {
		for _, b := range ips {
			if side[a] != side[b] {
				cut = append(cut, [2]string{a, b})
			}
		}
	}
	if len(cut) == 0 {
		return nil, false
	}
	return w.cutAll("partition", cut), true
}

// oneWay cuts some ways, each in one direction.
func oneWay(w *world) (func(), bool) {
	var cut [][2]string
	for _, a := range w.nodes {
		for _, b := range w.nodes {
			if a != b && w.rnd.IntN(3) == 0 {
				cut = append(cut, [2]string{a.ip, b.ip})
			}
		}
	}
	return w.cutAll("one-way cuts", cut), len(cut) > 0
}

func (w *world) cutAll(what string, cut [][2]string) (mend func()) {
	w.tell("%s: %v", what, cut)
	for _, way := range cut {
		w.net.setCut(way[0], way[1], true)
	}
	return func() {
		w.tell("%s mended: %v", what, cut)
		for _, way := range cut {
			w.net.setCut(way[0], way[1], false)
		}
	}
}

func reset(w *world) (func(), bool) {
	done := false
	for range 1 + w.rnd.IntN(6) {
		done = w.net.resetOne(func(string, string) bool { return w.rnd.IntN(3) == 0 }) || done
	}
	w.tell("connections are reset")
	return nil, done
}

func slowLink(w *world) (func(), bool) {
	a, b := w.nodes[w.rnd.IntN(len(w.nodes))], w.nodes[w.rnd.IntN(len(w.nodes))]
	if a == b {
		return nil, false
	}
	d := time.Duration(w.rnd.Int64N(int64(w.plan.timeout)))
	w.tell("node %d to node %d takes %s longer", a.id, b.id, d)
	w.net.setSlow(a.ip, b.ip, d)
	return func() { w.net.setSlow(a.ip, b.ip, 0) }, true
}

// stopOne stops a process as far as that can be done inside another: see doc.go.
func stopOne(w *world) (func(), bool) {
	nd := w.pick()
	if nd == nil {
		return nil, false
	}
	w.tell("node %d is stopped", nd.id)
	h := nd.h
	h.setStopped(true)
	return func() {
		w.tell("node %d goes on", nd.id)
		h.setStopped(false)
	}, true
}

func handover(w *world) (func(), bool) {
	nd := w.pick()
	if nd == nil {
		return nil, false
	}
	reply, err := w.ask(w.net.host("198.51.100.98"), nd, "FAILOVER")
	w.tell("FAILOVER at node %d: %s %v", nd.id, reply, err)
	return nil, err == nil
}

func rewrite(w *world) (func(), bool) {
	nd := w.pick()
	if nd == nil {
		return nil, false
	}
	reply, err := w.ask(w.net.host("198.51.100.98"), nd, "BGREWRITEAOF")
	w.tell("BGREWRITEAOF at node %d: %s %v", nd.id, reply, err)
	return nil, err == nil
}

// mendAll is for the end of a round: whatever was not mended is.
func (w *world) mendAll() {
	w.tell("all is mended")
	for _, a := range w.nodes {
		for _, b := range w.nodes {
			w.net.setCut(a.ip, b.ip, false)
			w.net.setSlow(a.ip, b.ip, 0)
		}
		a.h.setStopped(false)
		if a.fall != nil {
			a.fall.set(func(f *fallible) { f.slow, f.full, f.bad = 0, false, false })
		}
	}
	for i := range w.plan.clients {
		for _, nd := range w.nodes {
			w.net.setCut(clientIP(i), nd.ip, false)
			w.net.setCut(nd.ip, clientIP(i), false)
		}
	}
	for _, nd := range w.nodes {
		if nd.broken {
			w.tell("node %d is killed: its log could not be written", nd.id)
			nd.kill()
		}
		nd.restart()
	}
}
