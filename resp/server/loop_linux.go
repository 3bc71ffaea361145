package server

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"regent/engine/watchdog"
)

// A loop is one goroutine that serves many clients; doc.go says how. All
// fields but those of the inbox belong to that goroutine.
type loop struct {
	set  *loops
	id   int
	poll *poller
	w    *scratch // nil while the loop has no clients

	slots     []*slot     // by place; nil: free
	free      []int32     // places
	gen       int32       // of the last tag
	count     int         // clients
	open      []*slot     // carried something out in this turn: release, then settle
	again     []*slot     // want a turn at once
	spare     []*slot     // memory for the next again
	listeners []*listener // listeners, in the first loop; nil: the place is free
	watched   []*watched  // in the first loop; nil: the place is free
	busy      bool        // the last look found something
	brisk     bool        // the last wait was short
	meter     meter
	plain     []byte  // what was decrypted; nil: it has had no client of TLS
	shakes    []*slot // handshakes that can go on, in their order
	shaken    int64   // ticks: when the next may, while others want turns
	hands     []*hand // that compute none
	turns     *watchdog.Loop
	handOff   handOff
	// restless: the next turn follows at once, whether or not there is anything.
	restless bool

	mu       sync.Mutex
	inbox    []*slot // want a turn, or come from another loop
	taken    []*slot // memory for the next inbox
	orders   []order
	asleep   bool // in a wait that only a nudge ends early
	leaving  bool // the loop is to end
	gone     bool // the loop has ended
	posted   atomic.Bool
	finished chan struct{}
}

// Bounds of one turn.
const (
	// maxOpen is how many clients' replies wait for each other: the first must
	// not wait for too many, and the log is written once for all of them.
	maxOpen = 64
	// minArena is how much room a batch finds for its replies, in bytes.
	minArena = maxBatchReply
)

func newLoop(set *loops, id int) (*loop, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	lp := &loop{set: set, id: id, poll: p, finished: make(chan struct{})}
	lp.handOff.timer = time.AfterFunc(maxHandOff, lp.review)
	lp.handOff.timer.Stop() // nothing is handed off
	lp.turns = set.srv.watch.Watch(fmt.Sprintf("Event loop %d", id), "its clients get no answer", lp)
	return lp, nil
}

// run is the loop's life, or what of it falls to one goroutine.
func (lp *loop) run() {
	for {
		more, kept := lp.turn()
		if !kept {
			return
		}
		if !more {
			break
		}
		work, soon := lp.set.srv.barrier.Settle(true)
		if work != nil && !lp.handOffDuring(work) {
			return
		}
		lp.restless = soon
	}
	_, _ = lp.set.srv.barrier.Settle(false)
	lp.turns.Rest()
	lp.dropHands()
	lp.shutListeners()
	lp.endWatching()
	lp.mu.Lock()
	lp.gone = true
	lp.poll.close()
	lp.mu.Unlock()
	close(lp.finished)
}

// turn serves the clients that are ready and reports whether there is another turn, and
// whether the loop is still the caller's.
func (lp *loop) turn() (more, kept bool) {
	events := lp.wait()
	lp.turns.Turn()
	lp.passed()
	lp.meter.turn(lp.set.ticks)
	lp.serveWatched(events)
	leaving := false
	if lp.posted.Load() {
		var served int
		if served, leaving = lp.serveInbox(); served >= maxOpen {
			// It took long, as where many hear a message: what has been sent since belongs to
			// this turn, or the many are written to once for each part of it.
			events = lp.poll.ready()
		}
	}
	if len(lp.shakes) > 0 {
		lp.serveShakes(lp.wanted(events))
	}
	lp.passed()
	lp.serveAgain()
	for i := range events {
		lp.event(&events[i])
	}
	lp.hear()
	open, kept := lp.commit()
	if !kept {
		return false, false
	}
	if !open || leaving {
		lp.release()
	}
	lp.tend(false)
	lp.meter.turned(lp.set.ticks)
	if lp.id == 0 {
		lp.reopen()
		lp.set.govern()
	}
	return !leaving, true
}

// wait returns the sockets that are ready. It looks first and waits only if
// there is nothing: the look is cheaper while the loop is busy.
func (lp *loop) wait() []unix.EpollEvent {
	if lp.busy || lp.hasMore() {
		if events := lp.poll.ready(); len(events) > 0 || lp.hasMore() {
			return events
		}
	}
	lp.mu.Lock()
	lp.asleep = !lp.posted.Load()
	asleep := lp.asleep
	lp.mu.Unlock()
	if !asleep {
		return nil
	}
	lp.turns.Rest()
	events := lp.sleep()
	lp.mu.Lock()
	lp.asleep = false
	lp.mu.Unlock()
	lp.busy = len(events) > 1
	return events
}

// passed says that what the loop has done may have taken time.
func (lp *loop) passed() {
	if lp.w != nil {
		lp.w.desk.Turn()
	}
}

// hasMore reports whether there is something to do without any socket.
func (lp *loop) hasMore() bool {
	return lp.restless || len(lp.open) > 0 || len(lp.again) > 0 || len(lp.shakes) > 0 || lp.posted.Load()
}

// sleep waits for what is ready. While waits are short the loop keeps the scheduler's
// processor in them: doc.go says why.
func (lp *loop) sleep() []unix.EpollEvent {
	began := lp.set.ticks()
	lp.meter.sleep(began)
	var events []unix.EpollEvent
	if lp.brisk {
		events = lp.poll.hold()
	}
	if len(events) == 0 && !lp.posted.Load() {
		lp.tend(true)
		events = lp.poll.wait(lp.nap())
	}
	now := lp.set.ticks()
	lp.meter.wake(now)
	lp.brisk = now-began < int64(keepProcessor)
	return events
}

// nap is how long the loop may sleep in milliseconds, -1: without end.
func (lp *loop) nap() int {
	millis := -1
	if lp.id == 0 && lp.set.active.Load() > 1 {
		millis = int(window / time.Millisecond)
	}
	for _, d := range lp.listeners {
		if d != nil && d.shut {
			millis = int(acceptPause / time.Millisecond)
		}
	}
	return millis
}

// post puts slots into the inbox, from any goroutine. false: the loop has
// ended.
func (lp *loop) post(s *slot, o *order) bool {
	lp.mu.Lock()
	defer lp.mu.Unlock()
	if lp.gone {
		return false
	}
	if s != nil {
		lp.inbox = append(lp.inbox, s)
	}
	if o != nil {
		lp.orders = append(lp.orders, *o)
	}
	lp.call()
	return true
}

// call has the loop look at its inbox; mu is held.
func (lp *loop) call() {
	lp.posted.Store(true)
	if lp.asleep {
		lp.asleep = false // one nudge is enough
		lp.poll.nudge()
	}
}

// leave ends the loop once its clients are gone.
func (lp *loop) leave() {
	lp.mu.Lock()
	lp.leaving = true
	lp.call()
	lp.mu.Unlock()
	<-lp.finished
}

// serveInbox gives a turn to all that asked for one, and reports how many that
// were, and whether the loop is to end.
func (lp *loop) serveInbox() (served int, leaving bool) {
	lp.mu.Lock()
	lp.posted.Store(false)
	inbox, orders := lp.inbox, lp.orders
	lp.inbox, lp.orders, leaving = lp.taken[:0], nil, lp.leaving
	lp.mu.Unlock()
	served = len(inbox)
	lp.serve(inbox)
	lp.release() // a client that is moved must be at rest
	for _, o := range orders {
		lp.carryOut(o)
	}
	return served, leaving
}

// serve gives a turn to what was in the inbox, whose memory serves the next one.
func (lp *loop) serve(inbox []*slot) {
	for _, s := range inbox {
		switch {
		case s.at.Load() != lp: // it has moved on
			s.at.Load().post(s, nil)
		case s.loop == nil && !s.left:
			s.queued.Store(false)
			lp.receive(s)
		case !s.left:
			s.queued.Store(false)
			lp.visit(s)
		}
	}
	clear(inbox)
	lp.taken = inbox
}

// hear gives a turn to the few that were told something by what this turn has carried out, as where
// one of its clients listens to another: what they hear leaves with the replies, and no turn of
// their own looks at all sockets before. Many are left to the next turn, as is all else: they would not fit
// among the open batches.
func (lp *loop) hear() {
	if len(lp.open) == 0 {
		return
	}
	lp.set.srv.engine.TellPublished(&lp.w.desk)
	if !lp.posted.Load() {
		return
	}
	lp.mu.Lock()
	inbox := lp.inbox
	if len(lp.orders) > 0 || lp.leaving || len(lp.open)+len(inbox) >= maxOpen {
		lp.mu.Unlock()
		return
	}
	lp.posted.Store(false)
	lp.inbox = lp.taken[:0]
	lp.mu.Unlock()
	lp.serve(inbox)
}

// serveAgain gives a turn to those that had more to do than fits into one.
func (lp *loop) serveAgain() {
	if len(lp.again) == 0 {
		return
	}
	list := lp.again
	lp.again = lp.spare[:0]
	for _, s := range list {
		if s.again && s.loop == lp {
			s.again = false
			lp.visit(s)
		}
	}
	clear(list)
	lp.spare = list
}

// adopt makes s one of the loop's clients.
func (lp *loop) adopt(s *slot) {
	if lp.w == nil {
		lp.w = newScratch(arenaBytes)
		lp.w.desk.Roomy = true
		lp.w.spans, lp.w.mostSpare = lp.set.srv.engine.Spans(), mostSpare
	}
	if last := len(lp.free) - 1; last >= 0 {
		s.tag.place, lp.free = lp.free[last], lp.free[:last]
	} else {
		s.tag.place = int32(len(lp.slots))
		lp.slots = append(lp.slots, nil)
	}
	lp.gen++
	s.tag.gen = lp.gen
	lp.slots[s.tag.place] = s
	lp.count++
	s.loop, s.interest = lp, unwatched
	lp.visit(s)
}

// disown forgets s, which goes to another loop, or nowhere.
func (lp *loop) disown(s *slot) {
	if s.interest != unwatched {
		_ = lp.poll.remove(s.sock) // fails only for a socket that is closed
		s.interest = unwatched
	}
	lp.slots[s.tag.place] = nil
	lp.free = append(lp.free, s.tag.place)
	lp.count--
	s.loop = nil
	if lp.count == 0 {
		lp.rest()
	}
}

// rest gives back the memory that clients needed; with none it is not missed.
func (lp *loop) rest() {
	if lp.id == 0 {
		return // it gets clients again
	}
	lp.w, lp.slots, lp.free, lp.spare, lp.plain, lp.shakes = nil, nil, nil, nil, nil, nil
	lp.dropHands()
}

// visit gives s a turn without new input.
func (lp *loop) visit(s *slot) {
	if s.open {
		lp.hurry(s) // after the release
		return
	}
	if s.tls != nil && lp.visitTLS(s) {
		return
	}
	s.flush()
	s.work(lp.w)
	lp.opened(s)
}

// hurry puts s among those that want a turn at once.
func (lp *loop) hurry(s *slot) {
	if !s.again {
		s.again = true
		lp.again = append(lp.again, s)
	}
}

// opened ends what s carries out in this turn.
func (lp *loop) opened(s *slot) {
	before := lp.w.used
	lp.w.end(&s.client)
	s.open = true
	lp.open = append(lp.open, s)
	// Where one reply is large the next may be: it finds the whole arena.
	if len(lp.open) >= maxOpen || arenaBytes-lp.w.used < minArena || lp.w.used-before > minArena/2 {
		lp.release()
	}
}

// release lets the replies of all open batches go that may, in the order in
// which they were carried out. The first that asks the barrier hands the log
// what all of them wrote.
func (lp *loop) release() {
	if len(lp.open) == 0 {
		return
	}
	for _, s := range lp.open {
		s.weigh(lp.set.windows.Load(), uint32(s.batch.n))
		s.client.release(lp.w)
	}
	lp.w.reset()
	lp.passed() // the log was written
	lp.set.srv.engine.DropGrown(&lp.w.desk)
	list := lp.open
	lp.open = lp.open[:0]
	for _, s := range list {
		s.open = false
		lp.settle(s)
	}
	clear(list)
}

// settle decides what s waits for.
func (lp *loop) settle(s *slot) {
	switch {
	case s.hello() != nil || s.over() || s.carriesOn():
		s.left = true
		s.again = false
		s.srv.farewell(&s.client)
	case s.more && s.runs():
		lp.hurry(s)
	default:
		lp.watch(s, false)
	}
}

// of is the client whose socket is ready; nil: it is gone, or the event is no client's.
func (lp *loop) of(e *unix.EpollEvent) *slot {
	if e.Fd < 0 || int(e.Fd) >= len(lp.slots) {
		return nil
	}
	if s := lp.slots[e.Fd]; s != nil && s.tag.gen == e.Pad {
		return s
	}
	return nil
}

// event serves a socket that is ready.
func (lp *loop) event(e *unix.EpollEvent) {
	if e.Fd < 0 {
		lp.special(e.Fd)
		return
	}
	s := lp.of(e)
	if s == nil || s.open {
		return // gone, or served just now: what is ready stays so
	}
	if s.tls != nil {
		lp.eventTLS(s, e)
		return
	}
	const hangUp = unix.EPOLLHUP | unix.EPOLLERR
	if s.unsent() > 0 && e.Events&(unix.EPOLLOUT|hangUp) != 0 {
		lp.visit(s)
		return // input stays ready
	}
	switch {
	case s.reads() || s.listens():
		lp.read(s)
	case e.Events&hangUp != 0:
		lp.unwatch(s)
	default:
		lp.watch(s, true)
	}
}

// special serves what is not a client.
func (lp *loop) special(place int32) {
	if place == nudgePlace {
		lp.poll.nudged()
		return
	}
	if i := int(firstListener - place); i < len(lp.listeners) && lp.listeners[i] != nil { // what is watched was served
		lp.listeners[i].accept(lp)
	}
}

// read takes what has come for s and carries it out.
func (lp *loop) read(s *slot) {
	p, way := s.place(lp.w)
	lp.meter.call(lp.set.ticks)
	n, err := readNow(s.sock, p)
	lp.meter.called(lp.set.ticks)
	if err == errNotNow {
		s.came(lp.w, way, p, 0)
		return
	}
	switch {
	case err != nil:
		s.dead = true
	case n == 0:
		s.eof = true
	default:
		s.arrived(lp.w, n)
		s.weigh(lp.set.windows.Load(), turnWeight)
	}
	s.came(lp.w, way, p, max(n, 0))
	lp.opened(s)
}

// watch has the poller report what s waits for. What is reported and not
// wanted is ended only when it comes, for in most cases it does not: exact
// says that it came.
func (lp *loop) watch(s *slot, exact bool) {
	var want uint32
	if s.reads() || s.listens() {
		want = unix.EPOLLIN
	}
	if s.unsent() > 0 {
		want |= unix.EPOLLOUT
	}
	if s.tls != nil {
		want = s.tls.watches(want, s.deaf)
	}
	if s.interest == unwatched {
		if want != 0 && lp.poll.add(s.sock, s.tag, want) == nil {
			s.interest = want
		}
		return
	}
	if want == s.interest || !exact && want|unix.EPOLLIN == s.interest {
		return
	}
	if lp.poll.change(s.sock, s.tag, want) == nil {
		s.interest = want
	}
}

// unwatch ends all reports about s until it waits for something else: that
// the peer has hung up would be reported again and again.
func (lp *loop) unwatch(s *slot) {
	_ = lp.poll.remove(s.sock)
	s.interest = unwatched
}
