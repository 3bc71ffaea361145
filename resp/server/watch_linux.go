package server

import (
	"golang.org/x/sys/unix"
)

// A watched is a descriptor that is no client: a stream to a follower, whose
// acknowledgements set replies free. What has come there is taken first in a turn, so
// that these replies leave in the same; and what is to be sent there and can wait a moment
// is sent by a loop that is awake.
type watched struct {
	fd    int // the loop's own
	ready func() (more bool)
	tend  func(resting bool)
}

// firstWatched is the place of the first of them; the others count down from it. There
// are fewer listeners than that.
const firstWatched = -(1 << 20)

// watch has the first loop call ready whenever there is input at fd, until it returns
// false, and reports whether it will be called at all.
func (g *loops) watch(fd int, ready func() (more bool), tend func(resting bool)) bool {
	if g.active.Load() == 0 || g.srv.stopping.Load() {
		return false
	}
	first, err := g.loop(0)
	if err != nil {
		return false
	}
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return false
	}
	if !first.post(nil, &order{watched: &watched{own, ready, tend}}) {
		closeNow(own)
		return false
	}
	return true
}

// beginWatching takes one more. If it can't be watched, the sender's timer looks.
func (lp *loop) beginWatching(w *watched) {
	i := 0
	for i < len(lp.watched) && lp.watched[i] != nil {
		i++
	}
	if i == len(lp.watched) {
		lp.watched = append(lp.watched, nil)
	}
	if lp.poll.add(w.fd, tag{place: firstWatched - int32(i)}, unix.EPOLLIN) != nil {
		closeNow(w.fd)
		return
	}
	lp.watched[i] = w
	lp.set.tend(lp.watched)
}

// serveWatched has all that are ready served.
func (lp *loop) serveWatched(events []unix.EpollEvent) {
	if len(lp.watched) == 0 {
		return
	}
	for i := range events {
		if events[i].Fd > firstWatched {
			continue
		}
		at := firstWatched - int(events[i].Fd)
		if w := lp.watched[at]; w != nil && !w.ready() {
			lp.watched[at] = nil
			_ = lp.poll.remove(w.fd)
			closeNow(w.fd)
			lp.set.tend(lp.watched)
		}
	}
}

// endWatching forgets all.
func (lp *loop) endWatching() {
	for _, w := range lp.watched {
		if w != nil {
			closeNow(w.fd)
		}
	}
	lp.watched = nil
	lp.set.tend(nil)
}

// tend has every loop tend what the first one watches from now on.
func (g *loops) tend(list []*watched) {
	var now []*watched
	for _, w := range list {
		if w != nil {
			now = append(now, w)
		}
	}
	if now == nil {
		g.tended.Store(nil)
		return
	}
	g.tended.Store(&now)
}

// tend lets those that are watched do what they have put off: a loop is awake, so nobody
// need be woken for it.
func (lp *loop) tend(resting bool) {
	if list := lp.set.tended.Load(); list != nil {
		for _, w := range *list {
			w.tend(resting)
		}
	}
}
