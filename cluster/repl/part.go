package repl

import (
	"hash/crc32"
	"sync"
	"time"

	"regent/cluster/peer"
	"regent/engine/large"
	"regent/engine/units"
)

// A Part is the beginning of a unit of the leader's whose rest has not come: 150 MB of
// a value of 200. It outlives the stream, so that the next one of the same epoch goes
// on where this one broke off:
//
//	          log            Part
//	follower  ───────────────┤▒▒▒▒▒▒▒▒▒▒▒┆          READY next, and: held, their CRC-32C
//	leader    ───────────────┼───────────┼─────┤    the same sum over its own bytes?
//	                         next        │          yes: DATA from next+held on
//	                         │           └──────    no:  DATA from next on, and the
//	                         └──────────────────         follower drops what it held
//
// An epoch has one leader, which writes one sequence; so within one the bytes at an
// offset are the same. The sum is there for what should not happen: halves of two
// units are never joined. At another epoch the part is forgotten.
//
// It is memory outside of Go's heap, bounded by the largest unit that there is
// (units.MaxUnit). It belongs to one receiver at a time.
type Part struct {
	epoch int64
	next  int64 // the stream's offset at which the unit begins
	buf   large.Buffer
	scan  units.Scanner // after buf
}

// Drop forgets the part.
func (p *Part) Drop() {
	p.buf.Free()
	p.epoch, p.next = 0, 0
}

// Epoch is the epoch of what is held, 0: nothing is.
func (p *Part) Epoch() int64 {
	if p.buf.Len() == 0 {
		return 0
	}
	return p.epoch
}

// Len is how many bytes are held.
func (p *Part) Len() int { return p.buf.Len() }

// begin forgets what was held: units come from offset next on.
func (p *Part) begin(epoch, next int64) {
	p.buf.Free()
	p.epoch, p.next, p.scan = epoch, next, units.NewScanner(0, next)
}

// keep tells how many bytes are held of the unit that begins at next in an epoch, and
// their checksum. What is held of another is forgotten.
func (p *Part) keep(epoch, next int64) (held int64, sum uint32) {
	if p.Epoch() != epoch || p.next != next {
		p.begin(epoch, next)
	}
	return int64(p.buf.Len()), large.Update(0, castagnoli, p.buf.Bytes())
}

// work is an append that is under way. A large one takes longer than the leader's
// patience, in which nothing is read, so HELD is said again meanwhile.
type work struct {
	timer *time.Timer // it goes on from one append to the next, and ends when it finds none
	mu    sync.Mutex
	armed bool // the timer runs
	under bool
	says  int      // how often HELD was said meanwhile
	held  [3]int64 // what it says
}

// begins notes that so many bytes are about to be appended.
func (r *Receiver) begins(n int) {
	if n == 0 {
		return
	}
	w := &r.work
	w.mu.Lock()
	w.under, w.says = true, 0
	w.held = [3]int64{r.received(), r.durable, r.Node.Applied()}
	if !w.armed {
		w.armed = true
		w.timer.Reset(r.Patience / sayEvery)
	}
	w.mu.Unlock()
}

func (w *work) ends() {
	w.mu.Lock()
	w.under = false
	w.mu.Unlock()
}

// stillAtWork says that an append is under way, on the timer's goroutine.
func (r *Receiver) stillAtWork() {
	w := &r.work
	w.mu.Lock()
	defer w.mu.Unlock() // nothing else is said meanwhile: HELD does not go back
	w.armed = false
	if !w.under || time.Duration(w.says)*(r.Patience/sayEvery) > maxWork {
		return
	}
	w.says++
	r.mu.Lock()
	r.put = false // what is put off is less
	err := r.sendLocked(peer.Held, r.epoch, w.held[:]...)
	r.mu.Unlock()
	if err == nil {
		w.armed = true
		w.timer.Reset(r.Patience / sayEvery)
	}
}

// sumOf is the checksum of the stream's next n bytes, read with buf.
func sumOf(read func([]byte) (int, error), n int64, buf []byte) (sum uint32, err error) {
	for n > 0 {
		m, err := read(buf[:min(int64(len(buf)), n)])
		if err != nil {
			return 0, err
		}
		sum = crc32.Update(sum, castagnoli, buf[:m])
		n -= int64(m)
	}
	return sum, nil
}
