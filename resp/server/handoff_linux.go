package server

import (
	"sync/atomic"
	"time"
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
		go lp.run()
	}
	l.timer.Reset(maxHandOff)
}
