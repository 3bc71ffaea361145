package engine

import (
	"container/list"
	"math/bits"
	"sync"
	"sync/atomic"

	"regent/engine/spec"
	"regent/resp"
)

// Blocking commands: a session waits until a key holds something, and then does
// with it what its command says.
//
// # Who does it
//
// Not the session that waits, but the command that put the value there, inside
// its locks and before its effects go to the log. So nobody comes in between, as
// in Redis (blocked.c, handleClientsBlockedOnKeys): a client that blocks before
// another one pushes gets the element, whatever pops at the same moment.
//
//	BLPOP a      shard of a locked: nothing there ─► a waiter in the queue of a, Park
//	                                                      ▲
//	RPUSH a x    shard of a locked: Put ─► arrived ─► the queue of a is ready
//	             handler returns    ─► serve: first waiter, claimed, pops x
//	             record             ─► RPUSH a x, LPOP a: one append
//	             handOver           ─► the reply is there
//	locks off    wakeServed         ─► Wake
//	the waiter's own turn: Resume   ─► its reply, its barrier: the end of that append
//
// Whatever puts an object at a key goes through Ctx.PutIn, which says so to the
// queue; and SWAPDB looks at the queues of both databases. As long as somebody waits
// for a key, it does not hold what they want. A stream may be there all the same, and
// lack the entries: a command that adds some says Ctx.Ready.
//
// Some clients wait for what comes to a value that is there, as with XREADGROUP for a
// group's stream. When that goes, their wait is over, with an error (Waiter.Lost): so
// whatever removes a key, or puts something over it, says so too while there are any
// of them in the shard.
//
// # Order
//
// Waiters of a key stand in its queue in the order in which they came, and are
// served in it until the key holds nothing more. A waiter for several keys stands
// in several queues, each under its shard's lock, and leaves those that did not
// serve it on its own turn. Until then it is passed over there.
//
// # Who ends a wait
//
// A timeout, CLIENT UNBLOCK, a change of role, and the client that serves may want to end
// a wait at the same time. The word in wait.ask decides: each of them puts its own
// there if nobody else has. A writer looks first whether there is something to
// take, and claims then; it can no longer fail.
//
// A client that has hung up gets nothing. The turn in which its session learns of it
// may be late on a busy machine, so the one that serves asks the connection (Conn.Gone).
//
// # Locks
//
// BLMOVE wants its destination's shard as well, and that must be locked before the
// handler runs. So a command that finds waiters for one of its keys asks what they
// want, and locks that too (widen); what they want may again be waited for. Where
// it does not get to an end after widenRounds or widenKeys, it locks everything.
// While nobody waits for such a thing in a shard, this costs a look at one
// word of it.
//
// # Roles
//
// When a node stops leading, a client that is blocked there is told -UNBLOCKED, as
// Redis does; and so is one that was blocked in an earlier epoch, should the node lead
// again before it noticed. A command that only reads may also block at a node that
// follows, and is served there as records are applied; it goes on waiting while the
// node follows, whichever node leads.

// A Waiter is what a blocking command waits for.
type Waiter struct {
	Keys [][]byte
	Also []byte // a key of which the command needs the shard, too; may be nil
	// Wants reports whether the object at one of the keys is of use.
	Wants func(key []byte, o Object) bool
	// Lost, if given, is asked when one of the keys was removed or came to hold another
	// object, or as its object changed; nil: the key holds none. What it says is the
	// error that ends the wait, "": it goes on.
	Lost func(o Object) string
	// Take does what the command does with a key that holds what it wants.
	Take func(c *Ctx, key []byte)
	// NullBulk: it answers so, and not with a null array, where it must not wait.
	NullBulk bool
	// Counts: what is done for a waiter are changes beside those of the command that
	// serves it. In redis-server they are for BLMPOP alone.
	Counts bool
}

// A waiter is a session that is blocked. Its fields do not change but for those
// after reply, which belong to the one that has put askTaken into wait.ask.
type waiter struct {
	wait  *wait
	conn  Conn
	cmd   *Command
	db    int
	proto int
	epoch int64 // in which it was blocked
	leads bool  // this node did

	Waiter

	places []waitPlace // by key
	// args are for the slow log, nil where what is done for it cannot be slow enough.
	args [][]byte
	s    *Session

	took  int64 // ticks
	reply []byte
	told  []byte // pushes that come behind the reply: what its command has changed
	large bool   // the reply was over its bound, and is dropped
	end   int64  // of the log
}

// A waitPlace is a waiter's place in a queue, under the shard's lock.
type waitPlace struct {
	q  *keyQueue
	el *list.Element
}

// A keyQueue is the clients that wait for a key, in order.
type keyQueue struct {
	waitKey
	waiters list.List // of *waiter
}

type waitKey struct {
	db  int
	key string
}

// waitQueues are a shard's queues.
type waitQueues struct {
	of   map[waitKey]*keyQueue // none of them empty; nil until somebody waits
	also int                   // waiters in them that need a second shard
	lost int                   // waiters in them with Lost
}

// blockedSessions are all of them, to be woken when the role changes.
type blockedSessions struct {
	n    atomic.Int64
	mu   sync.Mutex
	from map[Conn]struct{}
}

func newBlockedSessions() blockedSessions { return blockedSessions{from: map[Conn]struct{}{}} }

func (b *blockedSessions) add(c Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.from[c] = struct{}{}
	b.n.Store(int64(len(b.from)))
}

func (b *blockedSessions) drop(c Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.from, c)
	b.n.Store(int64(len(b.from)))
}

func (b *blockedSessions) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.from {
		c.Wake()
	}
}

// Block parks the session until one of the keys holds what is wanted, or deadline
// (ms of Host.Ticks, 0: none) has come. The handler has found nothing there, and the
// shards of the keys are locked. A record of a log cannot wait, nor can a part of a
// transaction: it finds that there is nothing, as with a time that is up.
func (c *Ctx) Block(want Waiter, deadline int64) {
	if c.applying || c.nested {
		if want.NullBulk {
			c.W.Null()
		} else {
			c.W.NullArray()
		}
		return
	}
	e, s := c.e, c.s
	w := &waiter{Waiter: want}
	w.Keys = CloneArgs(w.Keys)
	v := e.cluster.View()
	w.conn, w.cmd, w.db, w.proto, w.epoch, w.leads = s.conn, c.Cmd, s.db, s.W.Proto(), v.Epoch, v.Leading
	if w.s = s; e.slowMayBeQuick() {
		w.args = CloneArgs(c.Args)
	}
	e.blocked.add(s.conn)
	c.park(parking{
		deadline: deadline,
		resume:   func(c *Ctx, timedOut bool) bool { return w.resume(c, timedOut) },
		cancel: func() {
			e.blocked.drop(w.conn)
			e.leaveQueues(w)
		},
	})
	w.wait = s.parked
	for _, key := range w.Keys {
		sh := &e.shards[e.shardIndex(key)]
		at := waitKey{w.db, string(key)}
		q := sh.queue.of[at]
		if q == nil {
			if sh.queue.of == nil {
				sh.queue.of = map[waitKey]*keyQueue{}
			}
			q = &keyQueue{waitKey: at}
			sh.queue.of[at] = q
		}
		w.places = append(w.places, waitPlace{q, q.waiters.PushBack(w)})
		sh.queue.count(w, 1)
	}
}

// count notes that a waiter has come to a queue, or has left one.
func (q *waitQueues) count(w *waiter, n int) {
	if w.Also != nil {
		q.also += n
	}
	if w.Lost != nil {
		q.lost += n
	}
}

// leaveQueues takes a waiter out of the queues that it still stands in, now, or after the
// script that runs: it is passed over there. Nothing is locked.
func (e *Engine) leaveQueues(w *waiter) {
	for i, key := range w.Keys {
		sh := &e.shards[e.shardIndex(key)]
		if !e.lockShard(sh) {
			e.host.AfterFunc(0, func() {
				sh.mu.Lock()
				sh.leave(w.places[i])
				sh.mu.Unlock()
			})
			continue
		}
		sh.leave(w.places[i])
		sh.mu.Unlock()
	}
}

// leave takes a waiter out of one queue, unless it has left already. The shard is
// locked.
func (s *shard) leave(p waitPlace) {
	before := p.q.waiters.Len()
	w := p.q.waiters.Remove(p.el).(*waiter) // does nothing for one that is not in it any more
	if p.q.waiters.Len() == before {
		return
	}
	s.queue.count(w, -1)
	if before == 1 {
		delete(s.queue.of, p.q.waitKey)
	}
}

// resume is the waiter's own turn.
func (w *waiter) resume(c *Ctx, timedOut bool) bool {
	s := c.s
	v := c.e.cluster.View()
	switch {
	case w.wait.ask.Load() == askServed:
		if s.W.Raw(w.reply); w.large {
			s.W.Overflow()
		}
		w.push(s)
		s.Barrier, s.LastWriteEnd = max(s.Barrier, w.end), max(s.LastWriteEnd, w.end)
		if v.Clustered && w.leads {
			s.claim(w.epoch)
		}
		return true
	case timedOut:
		s.W.NullArray()
		return true
	case v.Leading == w.leads && (!w.leads || v.Epoch == w.epoch):
		return false
	case !w.wait.ask.CompareAndSwap(askNothing, askOver):
		return false // served at the last moment: a wake-up is on its way
	}
	c.unblockRole()
	return true
}

// push tells s what comes behind the reply, also where it wants no replies.
func (w *waiter) push(s *Session) {
	switch {
	case len(w.told) == 0:
	case s.ReplyMode == ReplyOn:
		s.W.Raw(w.told)
	default:
		s.rarely().always = append(s.rarely().always, w.told...)
	}
}

// unblockRole ends a wait because this node leads no more, or leads anew. That
// is certain whatever becomes of the data: the reply rests neither on the lease
// under which the wait began nor on what the command has seen.
func (c *Ctx) unblockRole() {
	c.s.Barrier, c.s.LeaderEpoch = 0, 0
	c.Err(resp.ErrUnblockedRole)
	c.s.closeAfterReply()
}

// arrived notes that an object has come to a key, which somebody may wait for.
func (c *Ctx) arrived(db int, key []byte) {
	sh := &c.e.shards[c.shardOf(key)]
	if len(sh.queue.of) == 0 || c.applying && !c.serves {
		return
	}
	if q := sh.queue.of[waitKey{db, string(key)}]; q != nil {
		c.ready = append(c.ready, q)
	}
}

// Ready notes that the object at key, which was there, has come to hold something that
// a client may wait for, or holds no longer what one rests on.
func (c *Ctx) Ready(key []byte) { c.arrived(c.s.db, key) }

// lost notes that a key holds nothing, or a string, where something else may have been.
func (c *Ctx) lost(db int, key []byte) {
	if c.e.shards[c.shardOf(key)].queue.lost > 0 {
		c.arrived(db, key)
	}
}

// lostOutside is lost for what no command does, expiry and eviction, whose effects end at
// end in the log. The shard is locked.
func (e *Engine) lostOutside(s *shard, db int, key []byte, end int64) {
	if s.queue.lost == 0 {
		return
	}
	q := s.queue.of[waitKey{db, string(key)}]
	if q == nil {
		return
	}
	c := Ctx{e: e, s: &Session{db: db}, Now: e.host.Now(), home: 1 + e.shardIndex(key), apart: true, ready: []*keyQueue{q}}
	e.serve(&c)
	c.handOver(end)
	c.wakeServed()
}

// swapped is arrived for all keys of two databases. Every shard is locked.
func (c *Ctx) swapped(a, b int) {
	if c.applying && !c.serves {
		return
	}
	for i := range c.e.shards {
		for at, q := range c.e.shards[i].queue.of {
			if at.db == a || at.db == b {
				c.ready = append(c.ready, q)
			}
		}
	}
}

// emptied is lost for all keys of a database, -1: of all. Every shard is locked.
func (c *Ctx) emptied(db int) {
	if c.applying {
		return
	}
	for i := range c.e.shards {
		if c.e.shards[i].queue.lost == 0 {
			continue
		}
		for at, q := range c.e.shards[i].queue.of {
			if db < 0 || at.db == db {
				c.ready = append(c.ready, q)
			}
		}
	}
}

// serve gives what has arrived to the clients that wait for it. What they do may make
// other keys ready: those come after.
func (e *Engine) serve(c *Ctx) {
	for i := 0; i < len(c.ready); i++ {
		e.serveKey(c, c.ready[i])
	}
	clear(c.ready)
	c.ready = c.ready[:0]
}

func (e *Engine) serveKey(c *Ctx, q *keyQueue) {
	key := []byte(q.key)
	sh := &e.shards[c.shardOf(key)]
	var next *list.Element
	for el := q.waiters.Front(); el != nil; el = next {
		next = el.Next()
		o := e.objectAt(c, q.db, key)
		if o == nil && sh.queue.lost == 0 {
			return
		}
		w := el.Value.(*waiter)
		lost := ""
		if w.Lost != nil {
			lost = w.Lost(o)
		}
		switch {
		case lost == "" && (o == nil || !w.Wants(key, o)):
			continue
		case c.applying && w.cmd.Has(spec.Write):
			continue // it was blocked while this node led, and is about to be told
		case w.s.Shared.has(clientEnded), w.conn.Gone():
			continue // a session whose client has gone leaves by itself
		}
		if w.Also != nil && !c.holds(e.shardIndex(w.Also)) {
			panic("engine: a waiter needs a shard that was not locked for it")
		}
		if !w.wait.ask.CompareAndSwap(askNothing, askTaken) {
			continue // its session ends the wait, or somebody has served it
		}
		sh.leave(waitPlace{q, el})
		e.serveOne(c, w, key, lost)
	}
}

// objectAt is the object that a key holds, nil if there is none.
func (e *Engine) objectAt(c *Ctx, db int, key []byte) Object {
	en := c.PeekIn(db, key)
	if !en.OK() {
		return nil
	}
	return c.object(en)
}

// serveOne carries out a waiter's command, as part of c's: in a database to which
// c has just written. Where what it rests on is lost it is told so.
func (e *Engine) serveOne(c *Ctx, w *waiter, key []byte, lost string) {
	s := Session{conn: w.conn, db: w.db}
	s.W.SetProto(w.proto)
	s.W.SetBound(e.ReplyBound(0))
	in := Ctx{e: e, s: &s, Cmd: w.cmd, W: &s.W, Now: c.Now, home: c.home, apart: true, held: c.held, eff: c.eff, ready: c.ready, events: c.events, cared: c.cared, happened: c.happened,
		invalid: c.invalid, applying: c.applying, follower: c.follower}
	began := e.host.Ticks()
	if lost == "" {
		w.Take(&in, key)
	} else {
		in.Err(lost)
	}
	if in.failed {
		e.stripe(key).perCmd[w.cmd.Index()].failed.Add(1)
	}
	w.took = e.host.Ticks() - began
	for i := len(c.invalid); i < len(in.invalid); i++ {
		in.invalid[i].by = w
	}
	c.eff, c.ready, c.happened, c.invalid = in.eff, in.ready, in.happened, in.invalid
	if w.Counts {
		c.changes += in.changes
	}
	c.tally.hits, c.tally.misses = c.tally.hits+in.tally.hits, c.tally.misses+in.tally.misses
	c.wide = c.wide || w.Also != nil
	w.reply, w.large = s.W.Bytes(), s.W.Overflowed()
	c.served = append(c.served, w)
}

// holds reports whether a shard is locked for c's command.
func (c *Ctx) holds(shard uint32) bool {
	if c.home != 0 {
		return shard == c.home-1
	}
	return c.held.has(shard)
}

// handOver gives their replies to the clients that were served: what they did is in the
// log, which ends at end.
func (c *Ctx) handOver(end int64) {
	for _, w := range c.served {
		w.end = end
		w.wait.ask.Store(askServed)
	}
}

// wakeServed lets them go on, with nothing locked any more. As in Redis what was done for
// them is in the slow log, and not the time for which they waited.
func (c *Ctx) wakeServed() {
	for _, w := range c.served {
		c.e.noteServed(&Ctx{s: w.s, Cmd: w.cmd, Args: w.args, Now: c.Now}, w.took)
		w.conn.Wake()
	}
	clear(c.served)
	c.served = c.served[:0]
}

// Limits of looking for what waiters want to have locked.
const (
	// widenRounds is how often locks are taken anew because waiters want more.
	widenRounds = 4
	// widenKeys is how many keys are looked at in one round, and widenWaiters how
	// many waiters of each: with more everything is locked.
	widenKeys    = 64
	widenWaiters = 64
)

// mustWiden reports whether serving the waiters of c's only key, whose shard is
// locked, needs other shards.
func (e *Engine) mustWiden(c *Ctx) bool {
	if !c.Cmd.Has(spec.Write) {
		return false
	}
	var set lockSet
	_, key := c.Cmd.shapeFor(c.Args)
	set.add(e.shardIndex(c.Args[key]))
	return e.wanted(c, &set) != set
}

// widen locks what serving the waiters of c's keys needs, beside the shards of
// set, which are locked. Waiters may come and go while nothing is.
//
// false: a script runs, and nothing is locked any more.
func (e *Engine) widen(c *Ctx, set *lockSet) bool {
	if !c.writes() {
		return true
	}
	for round := 1; ; round++ {
		want := e.wanted(c, set)
		if want == *set {
			return true
		}
		e.unlockSet(set)
		if *set = want; round == widenRounds {
			*set = e.everyShard()
		}
		if !e.lockShards(set) {
			return false
		}
	}
}

func (e *Engine) everyShard() (set lockSet) {
	for i := range e.shards {
		set.add(uint32(i))
	}
	return set
}

// wanted is set with the shards that those need that wait for c's keys, for the
// keys that these may push to, and so on, as far as it can be seen.
func (e *Engine) wanted(c *Ctx, set *lockSet) lockSet {
	want, waiting := *set, false
	for w, word := range set {
		for ; word != 0; word &= word - 1 {
			waiting = waiting || e.shards[w*64+bits.TrailingZeros64(word)].queue.also > 0
		}
	}
	if !waiting {
		return want
	}
	keys := c.keys()
	for i := 0; i < len(keys); i++ {
		if i == widenKeys {
			return e.everyShard()
		}
		shard := e.shardIndex(keys[i])
		want.add(shard)
		if !set.has(shard) {
			continue // the next round sees what waits there
		}
		for db := range e.databases() { // MOVE and COPY go to other ones
			q := e.shards[shard].queue.of[waitKey{db, string(keys[i])}]
			if q == nil {
				continue
			}
			if q.waiters.Len() > widenWaiters {
				return e.everyShard()
			}
			keys = appendAlso(keys, q)
		}
	}
	return want
}

// appendAlso appends what the waiters of a queue need beside it, without what is
// there already.
func appendAlso(keys [][]byte, q *keyQueue) [][]byte {
	for el := q.waiters.Front(); el != nil; el = el.Next() {
		also := el.Value.(*waiter).Also
		if also == nil || containsKey(keys, also) {
			continue
		}
		keys = append(keys, also)
	}
	return keys
}

func containsKey(keys [][]byte, key []byte) bool {
	for _, k := range keys {
		if string(k) == string(key) {
			return true
		}
	}
	return false
}
