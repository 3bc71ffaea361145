// Package barrier stands between a reply and its client. A batch of commands runs
// ahead of the disk and of the other nodes; its replies leave when everything
// the batch wrote or read over is committed, so that no client ever sees a
// value that a failover can take back.
//
//	run batch ──► Seal (write) ──► committed? ──yes──► replies leave
//	                                   │no
//	                                   ▼
//	                       park: heap of (offset, conn)
//	                                   │
//	      commit or fsync advances ────┤──► Committed, wake
//	      leadership or time runs out ─┘──► Uncertain, wake
//
// Nothing here blocks: a parked client costs one heap entry, and the goroutine
// that moved the commit offset wakes it.
package barrier

import (
	"container/heap"
	"math"
	"sync"
	"time"

	"regent/engine"
	"regent/engine/latency"
)

// A Barrier holds replies back until what they rest on is committed.
type Barrier struct {
	ports Ports

	mu     sync.Mutex
	queues [engine.AckSets]waitQueue   // undecided, by offset
	byConn map[engine.Conn]*waitTicket // all that Outcome was not asked about yet
	leased int                         // undecided tickets that count on the lease
	failed bool                        // the log cannot be written any more
	serial int64                       // of the last wait
	free   []*waitTicket               // of waits that are over
	woken  []engine.Conn               // memory for Advance, while none is at work
	waits  latency.Waits               // that ended in a commit
	unsure int64                       // waits that ended otherwise
}

// maxFree is how many tickets, and how much room in Advance, are kept for those that wait
// next: with write-acks quorum every client does for every write.
const maxFree = 1024

// Ports is what the barrier asks of the log and the cluster.
type Ports struct {
	Ticks func() int64 // a clock for durations, ns
	// Seal hands what was appended up to an offset to the operating system.
	Seal func(upto int64) error
	// Settle is Barrier.Settle.
	Settle func(handOff bool) (work func(), soon bool)
	// Committed is the offset up to which replies may leave: durable here as
	// appendfsync asks, held by as many nodes as their clients ask.
	Committed func(acks engine.AckSet) int64
	// Epoch is the epoch in which this node leads and serves, 0: it does not.
	Epoch func() int64
	// Keyspace is Engine.KeyspaceEpoch: what a follower's readers have seen.
	Keyspace func() int64
	// Leased reports whether its lease holds at this moment. It may cost a system
	// call.
	Leased func() bool
	// Handed reports whether a reply was due before this node's leadership of
	// an epoch was handed over.
	Handed func(epoch, off int64) bool
	// Rounds reports whether leadership is proved by rounds at the moment, and not
	// by the lease; round is the number of one that begins now, confirmed the
	// latest that has succeeded.
	Rounds    func() bool
	Round     func() int64
	Confirmed func() int64
	// Timeout is how long a reply may wait before its outcome is uncertain.
	Timeout func() time.Duration
	// Moving is when a follower last took some of the large unit that ends at off, in
	// ticks; 0: none does, or no large unit ends there. Its reply's time counts from
	// then on. It is not asked for what is not late.
	Moving func(off int64) int64
}

// A waitTicket is one parked client.
type waitTicket struct {
	conn    engine.Conn
	serial  int64 // of the wait: the memory serves one after another
	off     int64
	acks    engine.AckSet
	round   int64 // that must have succeeded, 0: none
	epoch   int64 // what the reply rests on, see Session.LeaderEpoch
	since   int64 // ticks
	at      int   // place in the queue, -1 when decided
	outcome engine.Outcome
}

func New(p Ports) *Barrier {
	return &Barrier{ports: p, byConn: map[engine.Conn]*waitTicket{}}
}

// Pass is the way through without a wait, and the hot path. What rests on a
// leadership that is over, or on a keyspace that is gone, has nothing to write:
// its offset need not be one of the log.
func (b *Barrier) Pass(off, epoch int64, acks engine.AckSet, p *engine.Proof) bool {
	if b.lost(off, epoch) {
		return false
	}
	if off > b.ports.Committed(acks) && b.ports.Seal(off) != nil {
		return false
	}
	return b.open(off, epoch, acks, b.untested(), p)
}

// Settle hands out what the disk has to do for the replies that wait.
func (b *Barrier) Settle(handOff bool) (work func(), soon bool) { return b.ports.Settle(handOff) }

// open reports whether a reply may leave. What is committed stays so, whoever leads
// later: the lease is for what was read, see engine.Proof.
func (b *Barrier) open(off, epoch int64, acks engine.AckSet, round int64, p *engine.Proof) bool {
	if off > b.ports.Committed(acks) {
		return false
	}
	switch {
	case epoch > 0:
		return b.ports.Epoch() == epoch && b.proved(epoch, round, p) || b.ports.Handed(epoch, off)
	case epoch < 0:
		return b.ports.Keyspace() == epoch
	}
	return true
}

// never is the round of what has not asked for one.
const never = math.MaxInt64

// untested is the round of a reply that has just been computed, 0 where the
// lease is enough.
func (b *Barrier) untested() int64 {
	if b.ports.Rounds() {
		return never
	}
	return 0
}

// proved reports whether this node led when a reply was computed.
func (b *Barrier) proved(epoch, round int64, p *engine.Proof) bool {
	if round != 0 {
		return b.ports.Confirmed() >= round
	}
	if p.Epoch != epoch && b.ports.Leased() {
		p.Epoch = epoch
	}
	return p.Epoch == epoch
}

// lost reports whether a reply rests on a leadership that is over, or on a
// keyspace that was rebuilt: other records may stand at the same offset later.
func (b *Barrier) lost(off, epoch int64) bool {
	switch {
	case epoch > 0:
		return epoch != b.ports.Epoch() && !b.ports.Handed(epoch, off)
	case epoch < 0:
		return epoch != b.ports.Keyspace()
	}
	return false
}

func (t *waitTicket) lost(b *Barrier) bool { return b.lost(t.off, t.epoch) }

// Wait parks c until the outcome of off is decided.
func (b *Barrier) Wait(off, epoch int64, acks engine.AckSet, c engine.Conn) {
	w := waitTicket{conn: c, off: off, acks: acks % engine.AckSets, epoch: epoch, since: b.ports.Ticks()}
	if epoch > 0 && b.ports.Rounds() {
		w.round = b.ports.Round()
	}
	b.mu.Lock()
	t := b.ticket()
	b.serial++
	w.serial = b.serial
	*t = w
	b.byConn[c] = t
	heap.Push(&b.queues[t.acks], t)
	b.leased += t.onLease()
	failed := b.failed
	b.mu.Unlock()
	// What Pass refused may have been committed before the ticket was in the
	// queue: look once more, now that nobody can miss it. As a rule it was not, and to
	// look through all queues for each client that waits is much.
	if off <= b.ports.Committed(w.acks) || b.ports.Rounds() {
		b.Advance()
	}
	if serial := w.serial; failed || w.lost(b) {
		b.settle(func(t *waitTicket) bool { return t.serial == serial })
	}
}

// ticket is one that nobody has. The caller holds mu.
func (b *Barrier) ticket() *waitTicket {
	last := len(b.free) - 1
	if last < 0 {
		return new(waitTicket)
	}
	t := b.free[last]
	b.free = b.free[:last]
	return t
}

// forget ends c's wait, whose ticket is in no queue. The caller holds mu.
func (b *Barrier) forget(c engine.Conn, t *waitTicket) {
	delete(b.byConn, c)
	if len(b.free) < maxFree {
		*t = waitTicket{at: -1}
		b.free = append(b.free, t)
	}
}

// Outcome tells and forgets what became of c's wait.
func (b *Barrier) Outcome(c engine.Conn) engine.Outcome {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.byConn[c]
	if t == nil || t.outcome == engine.Pending {
		return engine.Pending
	}
	o := t.outcome
	b.forget(c, t)
	return o
}

// Leave forgets a client that is gone.
func (b *Barrier) Leave(c engine.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.byConn[c]
	if t == nil {
		return
	}
	if t.at >= 0 {
		b.remove(t)
	}
	b.forget(c, t)
}

// onLease is 1 for a ticket that counts on the lease.
func (t *waitTicket) onLease() int {
	if t.epoch > 0 && t.round == 0 {
		return 1
	}
	return 0
}

// remove takes a ticket that is undecided out of its queue. The caller holds mu.
func (b *Barrier) remove(t *waitTicket) {
	heap.Remove(&b.queues[t.acks], t.at)
	b.leased -= t.onLease()
}

// askRound has the tickets that count on a lease which is not to be had wait for
// one round that begins now: after all their replies were computed.
func (b *Barrier) askRound() {
	type wait struct {
		*waitTicket
		serial int64
	}
	var waiting []wait
	b.mu.Lock()
	if b.leased > 0 {
		for _, q := range b.queues {
			for _, t := range q {
				if t.onLease() > 0 {
					waiting = append(waiting, wait{t, t.serial})
				}
			}
		}
	}
	b.mu.Unlock()
	if len(waiting) == 0 {
		return
	}
	round := b.ports.Round() // without mu: it may call Advance
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range waiting {
		if t.at >= 0 && t.waitTicket.serial == t.serial {
			t.round = round
			b.leased--
		}
	}
}

// Advance releases what has become committed: called whenever the log's
// durable offset, the commit offset or the lease moved.
func (b *Barrier) Advance() {
	if b.ports.Rounds() {
		b.askRound()
	}
	b.mu.Lock()
	woken := b.woken[:0]
	b.woken = nil
	var proof engine.Proof // what waits was computed before
	var now int64          // is asked for once there is something to release
	for i := range b.queues {
		for q := &b.queues[i]; len(*q) > 0; {
			t := (*q)[0]
			if !b.open(t.off, t.epoch, t.acks, t.round, &proof) {
				break
			}
			if len(woken) == 0 {
				now = b.ports.Ticks()
			}
			b.waits.Add(now - t.since)
			woken = append(woken, b.decide(t, engine.Committed))
		}
	}
	if len(woken) == 0 {
		b.woken = woken
		b.mu.Unlock()
		return
	}
	b.mu.Unlock()
	wakeAll(woken)
	clear(woken)
	if cap(woken) > maxFree {
		return
	}
	b.mu.Lock()
	b.woken = woken[:0]
	b.mu.Unlock()
}

// Deposed ends every wait that rests on a leadership that has ended, or on a
// keyspace that is gone.
func (b *Barrier) Deposed() { b.settle(func(t *waitTicket) bool { return t.lost(b) }) }

// Failed ends every wait: the log cannot be written any more.
func (b *Barrier) Failed() {
	b.mu.Lock()
	b.failed = true
	b.mu.Unlock()
	b.settle(func(*waitTicket) bool { return true })
}

// Mended says that the log can be written again.
func (b *Barrier) Mended() {
	b.mu.Lock()
	b.failed = false
	b.mu.Unlock()
	b.Advance()
}

// Expire ends the waits that have lasted too long. That of a large unit lasts as long
// as its own bytes move: what waits behind it, or for it, is late all the same.
func (b *Barrier) Expire() {
	oldest := b.ports.Ticks() - int64(b.ports.Timeout())
	b.settle(func(t *waitTicket) bool { return t.since < oldest && b.ports.Moving(t.off) < oldest })
}

// settle decides the waits that match as uncertain.
func (b *Barrier) settle(match func(*waitTicket) bool) {
	b.mu.Lock()
	var ended []*waitTicket
	for _, q := range b.queues {
		for _, t := range q {
			if match(t) {
				ended = append(ended, t)
			}
		}
	}
	woken := make([]engine.Conn, 0, len(ended))
	for _, t := range ended {
		woken = append(woken, b.decide(t, engine.Uncertain))
	}
	b.unsure += int64(len(ended))
	b.mu.Unlock()
	wakeAll(woken)
}

func (b *Barrier) decide(t *waitTicket, o engine.Outcome) engine.Conn {
	b.remove(t)
	t.outcome = o
	return t.conn
}

func wakeAll(conns []engine.Conn) {
	for _, c := range conns {
		c.Wake()
	}
}

// waitQueue is a heap of tickets by offset.
type waitQueue []*waitTicket

func (q waitQueue) Len() int           { return len(q) }
func (q waitQueue) Less(i, j int) bool { return q[i].off < q[j].off }

func (q waitQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

func (q *waitQueue) Push(x any) {
	t := x.(*waitTicket)
	t.at = len(*q)
	*q = append(*q, t)
}

func (q *waitQueue) Pop() any {
	old := *q
	t := old[len(old)-1]
	t.at = -1
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return t
}
