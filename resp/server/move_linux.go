package server

import (
	"slices"

	"golang.org/x/sys/unix"

	"regent/engine"
)

// An order is what a loop is asked to do between its clients' turns: one of
// these.
type order struct {
	ask      func()    // to be called
	listener *listener // to be opened
	to       *loop     // the loop that gets a share of the work
	share    float64   // of the recent work of all clients
	among    []*loop   // those that get all clients
	watched  *watched  // to be watched
}

// maxMoves is how many clients one turn hands over.
const maxMoves = 256

func (lp *loop) carryOut(o order) {
	switch {
	case o.ask != nil:
		o.ask()
	case o.listener != nil:
		lp.openListener(o.listener)
	case o.watched != nil:
		lp.beginWatching(o.watched)
	case o.to != nil:
		lp.share(o.to, o.share)
	default:
		lp.scatter(o)
	}
}

// openListener begins to accept from d.
func (lp *loop) openListener(d *listener) {
	if lp.set.srv.stopping.Load() {
		d.close()
		return
	}
	at := slices.Index(lp.listeners, nil)
	if at < 0 {
		at = len(lp.listeners)
		lp.listeners = append(lp.listeners, nil)
	}
	lp.listeners[at] = d
	d.tag.place = firstListener - int32(at)
	if err := lp.poll.add(d.sock, d.tag, unix.EPOLLIN); err != nil {
		lp.set.srv.log(engine.LevelWarning, "Listening on %s: %v", d.socket, err)
	}
}

// share hands over clients that did a share of the recent work. Those that
// did none stay: they cost nothing where they are.
func (lp *loop) share(to *loop, share float64) {
	window := lp.set.windows.Load()
	var total uint64
	for _, s := range lp.slots {
		if s != nil {
			total += uint64(s.recent(window))
		}
	}
	left, moves := uint64(float64(total)*share), 0
	for _, s := range lp.slots {
		if s == nil {
			continue
		}
		if w := uint64(s.recent(window)); w > 0 && w <= left && moves < maxMoves {
			left -= w
			moves++
			lp.move(s, to)
		}
	}
}

// scatter hands over all clients, some in each turn.
func (lp *loop) scatter(o order) {
	if lp.id < int(lp.set.active.Load()) {
		return // it is at work again
	}
	moves := 0
	for _, s := range lp.slots {
		if s == nil {
			continue
		}
		if moves == maxMoves {
			lp.post(nil, &o)
			return
		}
		lp.move(s, o.among[moves%len(o.among)])
		moves++
	}
}

// move hands s, which is at rest, to another loop. Wakes that come meanwhile
// go with it: the loop that finds it in the wrong inbox passes it on.
func (lp *loop) move(s *slot, to *loop) {
	if s.again {
		s.again = false
		lp.again = slices.DeleteFunc(lp.again, func(x *slot) bool { return x == s })
	}
	lp.unshake(s)
	lp.disown(s)
	lp.pass(s, to)
}

// pass gives s, which is nobody's, to another loop; it is not to be touched
// any more.
func (lp *loop) pass(s *slot, to *loop) {
	s.at.Store(to)
	if !s.queued.Swap(true) {
		to.post(s, nil)
	}
}

// receive makes s one of the loop's clients, or passes it on if the loop
// rests by now.
func (lp *loop) receive(s *slot) {
	if lp.id > 0 && lp.id >= int(lp.set.active.Load()) {
		lp.pass(s, lp.set.all()[0])
		return
	}
	lp.adopt(s)
}
