package server

import (
	"sync/atomic"
	"time"

	"regent/engine"
)

// Hand-off. With appendfsync always a turn's replies wait for an fsync. On a
// quick disk that is done soonest by the loop's own goroutine (Barrier.Settle):
// to hand it over and to be woken afterwards takes longer than much of an fsync.
// But nobody knows how long it takes before it is over, and a loop's other
// clients must not wait for a disk that stalls. So the loop can be handed off: if
// its goroutine is back in time, that goes on with the loop; if not, another
// goroutine takes the loop over, and the first ends when its work is done.
//
//	goroutine 1   turn ─► fsync ─► turn ─► fsync ──────── stalled ───────── ends
//	count              1        2       3          4: taken
//	review        .......|.........|.........|.........|
//	goroutine 2                                         turn ─► turn ─► ...
//
// A handOff counts: an odd count says that the goroutine is away with work, and
// the goroutine that makes the count even has the loop.
type handOff struct {
	count atomic.Int64
	armed atomic.Bool // review will look again
	timer *time.Timer
	seen  int64 // count at the last look; review's own
}

// maxHandOff is after how long work is looked at: if it has not ended by the second
// look, the loop is handed off to another goroutine.
const maxHandOff = 4 * time.Millisecond

// handOffDuring does work, during which the loop may be handed off to another
// goroutine, and reports whether the loop is still the caller's.
func (lp *loop) handOffDuring(work func()) bool {
	n := lp.handOff.count.Add(1)
	if lp.handOff.armed.CompareAndSwap(false, true) {
		lp.handOff.timer.Reset(maxHandOff)
	}
	lp.turns.Rest()
	lp.meter.sleep(lp.set.ticks())
	work()
	if !lp.handOff.count.CompareAndSwap(n, n+1) {
		return false
	}
	lp.meter.wake(lp.set.ticks())
	return true
}

// commit does what the disk has to do for the replies of the open batches, before they
// are released: so their clients do not wait at the barrier, to be woken by the same
// goroutine. Replies that rest on nothing of that leave first. open: more commands are
// expected to share an fsync, and the batches stay open for another turn. kept: the loop is
// still the caller's.
func (lp *loop) commit() (open, kept bool) {
	last := lp.lastWrite()
	if last == nil || lp.passes(last) {
		return false, true
	}
	work, soon := lp.set.srv.barrier.Settle(true)
	if work == nil && !soon {
		return false, true
	}
	lp.releaseReady()
	if soon {
		lp.w.proof = engine.Proof{} // it proves nothing for what the next turn computes
		return true, true
	}
	lp.meter.call(lp.set.ticks)
	if !lp.handOffDuring(work) {
		return false, false
	}
	lp.meter.called(lp.set.ticks)
	lp.turns.Turn()
	return false, true
}

// lastWrite is the open batch that rests on the end of the log, nil: none does.
func (lp *loop) lastWrite() (last *batch) {
	for _, s := range lp.open {
		if b := &s.batch; b.open && !b.mixed && b.off > 0 && (last == nil || b.off > last.off) {
			last = b
		}
	}
	return last
}

func (lp *loop) passes(b *batch) bool {
	return lp.set.srv.passes(b.off, b.epoch, b.acks, &lp.w.proof)
}

// releaseReady releases the open batches that wait for no write, and leaves the others open.
func (lp *loop) releaseReady() {
	list := lp.open
	lp.open = lp.open[:0]
	for _, s := range list {
		if b := &s.batch; b.open && (b.mixed || !lp.passes(b)) {
			lp.open = append(lp.open, s)
			continue
		}
		s.weigh(lp.set.windows.Load(), uint32(s.batch.n))
		s.client.release(lp.w)
		s.open = false
		lp.settle(s)
	}
	clear(list[len(lp.open):])
}

// review looks for work that lasts too long, as long as there is any.
func (lp *loop) review() {
	l := &lp.handOff
	n := l.count.Load()
	switch {
	case n != l.seen:
		l.seen = n
	case n%2 == 0:
		// There was no work since the last look. Work that begins at this moment
		// arms it again, or is seen here.
		l.armed.Store(false)
		if l.count.Load() == n || !l.armed.CompareAndSwap(false, true) {
			return
		}
	case l.count.CompareAndSwap(n, n+1):
		lp.meter.wake(lp.set.ticks())
		lp.meter.sample = false
		go lp.run() // what is open in commit is released in its first turn, and waits
	}
	l.timer.Reset(maxHandOff)
}
