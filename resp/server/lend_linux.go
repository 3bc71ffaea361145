package server

import (
	"sync/atomic"
	"time"
)

// Lending. With appendfsync always a turn's replies wait for an fsync. On a
// quick disk that is done soonest by the loop's own goroutine (Barrier.Settle):
// to hand it over and to be woken afterwards takes longer than much of an fsync.
// But nobody knows how long it takes before it is over, and a loop's other
// clients must not wait for a disk that stalls. So the goroutine lends itself:
// comes it back in time, it goes on with the loop; else another takes its place,
// and it ends when its work is done.
//
//	goroutine 1   turn ─► fsync ─► turn ─► fsync ──────── stalled ───────── ends
//	lends              1        2       3          4: taken
//	review        .......|.........|.........|.........|
//	goroutine 2                                         turn ─► turn ─► ...
//
// The number of loans says whose the loop is: odd, it is lent; whoever makes it
// even has it.
type loan struct {
	count atomic.Int64
	armed atomic.Bool // review will look again
	timer *time.Timer
	seen  int64 // count at the last look; review's own
}

// maxLoan is after how long a loan is looked at: one that has not ended by the
// second look is called in.
const maxLoan = 4 * time.Millisecond

// lendTo does work and reports whether the loop is still the caller's.
func (lp *loop) lendTo(work func()) bool {
	n := lp.loan.count.Add(1)
	if lp.loan.armed.CompareAndSwap(false, true) {
		lp.loan.timer.Reset(maxLoan)
	}
	lp.turns.Rest()
	lp.meter.sleep(lp.set.ticks())
	work()
	if !lp.loan.count.CompareAndSwap(n, n+1) {
		return false
	}
	lp.meter.wake(lp.set.ticks())
	return true
}

// review looks at the loan as long as there are any.
func (lp *loop) review() {
	l := &lp.loan
	n := l.count.Load()
	switch {
	case n != l.seen:
		l.seen = n
	case n%2 == 0:
		// Nothing was lent since the last look. A loan that begins at this moment
		// arms it again, or is seen here.
		l.armed.Store(false)
		if l.count.Load() == n || !l.armed.CompareAndSwap(false, true) {
			return
		}
	case l.count.CompareAndSwap(n, n+1):
		lp.meter.wake(lp.set.ticks())
		go lp.run()
	}
	l.timer.Reset(maxLoan)
}
