package engine

import (
	"sync"
	"time"

	"regent/engine/dict"
	"regent/engine/slots"
)

// The keyspace as a whole: what concerns every shard of a database. The methods
// of Engine want every shard locked, by a command with Locks: LockAll, or Freeze.
// The walks of Ctx lock one shard after the other where the command has Locks:
// LockEach.
//
//	              database 0   database 1   ...
//	shard 0       dict         -            a dict comes to be with its first key
//	shard 1       dict         dict
//	...

// databases is the number of databases.
func (e *Engine) databases() int { return len(e.shards[0].dbs) }

// eachDict calls f with every dictionary of db that there is.
func (e *Engine) eachDict(db int, f func(d *dict.Dict)) {
	for i := range e.shards {
		if d := e.shards[i].dbs[db]; d != nil {
			f(d)
		}
	}
}

// dbSize is the number of keys in db, with those that have expired but are
// not yet deleted.
func (e *Engine) dbSize(db int) (n int64) {
	e.eachDict(db, func(d *dict.Dict) { n += int64(d.Len()) })
	return n
}

// Keys is the number of keys in all databases.
func (e *Engine) Keys() (n int64) {
	for i := range e.shards {
		s := &e.shards[i]
		s.mu.Lock()
		for _, d := range s.dbs {
			if d != nil {
				n += int64(d.Len())
			}
		}
		s.mu.Unlock()
	}
	return n
}

// expiresIn is the number of keys in db that have a time to live.
func (e *Engine) expiresIn(db int) (n int64) {
	e.eachDict(db, func(d *dict.Dict) { n += int64(d.Expires()) })
	return n
}

// flush empties db, or with -1 all databases, and returns how many keys there were. The
// memory is given back in the background.
func (e *Engine) flush(db int) (n int64) {
	e.moved.Add(1)
	e.markEmptied(db)
	e.invalidateAll()
	var old []*dict.Dict
	for i := range e.shards {
		dbs := e.shards[i].dbs
		for j, d := range dbs {
			if d == nil || (db >= 0 && db != j) {
				continue
			}
			n += int64(d.Len())
			dbs[j] = nil
			if e.retire(i, d) {
				old = append(old, d)
			}
		}
		e.shards[i].noteUsed()
	}
	e.release(old...)
	return n
}

// What nobody knows any more, dictionaries and the memory of large values, is given back in steps of
// releaseStep bytes, some 0.2 ms each, with releasePause between them. One step at a time, however much
// leaves: the machine's cores are for commands.
const (
	releaseStep  = 1 << 20
	releasePause = 250 * time.Microsecond
)

// leaving is what is to be given back, beside what the pool of large values knows of.
type leaving struct {
	mu    sync.Mutex
	dicts []*dict.Dict
	due   bool // a step is, or under way
}

// release has dictionaries given back that nobody knows any more. It may be called under any lock.
func (e *Engine) release(old ...*dict.Dict) {
	l := &e.leaving
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dicts = append(l.dicts, old...)
	e.releaseSoon()
}

// spansLeave has large values' memory given back: the pool has something. It may be called under any lock.
func (e *Engine) spansLeave() {
	e.leaving.mu.Lock()
	defer e.leaving.mu.Unlock()
	e.releaseSoon()
}

// releaseSoon has a step follow, unless one is due or under way. leaving is locked.
func (e *Engine) releaseSoon() {
	l := &e.leaving
	if !l.due && (len(l.dicts) > 0 || e.spans.GiveBack(0)) {
		l.due = true
		e.host.AfterFunc(releasePause, e.releaseSome)
	}
}

// releaseSome is a step.
func (e *Engine) releaseSome() {
	l := &e.leaving
	l.mu.Lock()
	var d *dict.Dict
	if len(l.dicts) > 0 {
		d = l.dicts[0]
	}
	l.mu.Unlock()
	gone := false
	if d == nil {
		e.spans.GiveBack(releaseStep)
	} else {
		gone = !d.Release(releaseStep)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if gone {
		l.dicts[0] = nil
		l.dicts = l.dicts[1:]
	}
	l.due = false
	e.releaseSoon()
}

// swapDB exchanges two databases for every session.
func (e *Engine) swapDB(a, b int) {
	e.moved.Add(1)
	e.markSwapped(a, b)
	for i := range e.shards {
		dbs := e.shards[i].dbs
		dbs[a], dbs[b] = dbs[b], dbs[a]
		e.shards[i].noteUsed()
	}
}

// eachKey calls f with every entry of db until it returns false. f must not
// change the keyspace.
func (e *Engine) eachKey(db int, f func(en Entry) bool) {
	for i := range e.shards {
		if !e.shards[i].eachKey(db, f) {
			return
		}
	}
}

// eachKey calls f with every entry of db in a locked shard until it returns
// false, and reports whether it did not.
func (s *shard) eachKey(db int, f func(en Entry) bool) (more bool) {
	d := s.dbs[db]
	if d == nil {
		return true
	}
	more = true
	for cursor := uint64(0); more; {
		cursor = d.Scan(cursor, func(r dict.Ref) { more = more && f(Entry{d, r}) })
		if cursor == 0 {
			break
		}
	}
	return more
}

// A scanCursor is a place in a walk over a database: a shard, and in it a
// cursor of the dictionary. Clients see it as one number,
//
//	 63     56 55                    8 7        0
//	+---------+-----------------------+----------+
//	|    0    |  dictionary's cursor  |  shard   |
//	+---------+-----------------------+----------+
//
// with 0 for both the beginning and the end. Dictionaries keep Redis's
// guarantee for their own cursors, and keys do not change shards: so it
// holds for the whole.
type scanCursor uint64

// shardBits is the room for a shard's index in a cursor.
const shardBits = 8

func (sc scanCursor) shard() int   { return int(sc & (1<<shardBits - 1)) }
func (sc scanCursor) dict() uint64 { return uint64(sc) >> shardBits }

func makeCursor(shard int, dict uint64) scanCursor {
	return scanCursor(dict<<shardBits | uint64(shard))
}

// EachInSlot calls f with every key of slot in the connection's database
// until it returns false. With the shard locked nothing moves: a walk from 0
// to 0 meets every key once.
func (c *Ctx) EachInSlot(slot int64, f func(key []byte) bool) {
	d := c.e.shards[uint32(slot)&c.e.mask].dbs[c.s.db]
	if d == nil {
		return
	}
	more := true
	for cursor := uint64(0); more; {
		cursor = d.Scan(cursor, func(r dict.Ref) {
			if key := d.Key(r); more && int64(slots.Of(key)) == slot {
				more = f(key)
			}
		})
		if cursor == 0 {
			return
		}
	}
}

// A walk is what a LockEach command keeps between two shards.
type walk struct {
	each   bool // shards are locked one at a time, not all before
	broken bool // the reply is to be dropped, see handleEach
	stand  stand
}

// A stand is what must be the same at all shards that one reply is made of.
// It changes while every shard is locked.
type stand struct {
	leading  bool
	epoch    int64
	keyspace int64
	moved    int64
}

func (e *Engine) stand() stand {
	v := e.cluster.View()
	return stand{v.Leading, v.Epoch, e.KeyspaceEpoch(), e.moved.Load()}
}

// visit calls f with shard i locked. What must be asked inside the lock is asked
// anew at each shard, and so is whether the shards before are still worth
// anything. What f deletes goes to the log before the shard is unlocked, and the
// reply depends on what was written to the shard. false: f was not called, the
// handler may return, its reply is dropped.
func (c *Ctx) visit(i int, f func(s *shard)) bool {
	e, sh := c.e, &c.e.shards[i]
	if !c.walk.each {
		f(sh)
		return true
	}
	if c.walk.broken {
		return false
	}
	if !e.lockShard(sh) {
		c.walk.broken = true
		c.stall()
		return false
	}
	defer sh.mu.Unlock()
	if c.walk.broken = e.stand() != c.walk.stand || e.gates(c) != "" || c.late; c.walk.broken {
		return false
	}
	f(sh)
	if len(c.eff.Recs) > 0 {
		sh.marks.wrote(anyKey, e.record(c))
		sh.noteWritten(c)
	}
	c.s.Barrier = max(c.s.Barrier, sh.marks.seen(anyKey))
	return true
}

// EachKey calls f with every entry of the session's database until it returns
// false. f must not change the keyspace. Each shard is seen at one moment, and a
// key that is there throughout once; what is written to several shards while the
// walk is under way may be seen in a part of them.
func (c *Ctx) EachKey(f func(en Entry) bool) {
	more := true
	for i := 0; more && i < len(c.e.shards); i++ {
		if !c.visit(i, func(s *shard) { more = s.eachKey(c.s.db, f) }) {
			return
		}
	}
}

// countKeys is the number of keys in the session's database, with those that
// have expired but are not yet deleted.
//
// At the leader one shard is locked, and each of the others says without its lock what
// it held after its last write. That is enough: whatever changes whole databases, roles
// or the keyspace itself has every shard locked, so none of it is under way; what was
// acknowledged before the call is in the sum; and what others write meanwhile may be in
// it or not, as if each had come before or after its shard was counted. A write is
// noted after its record is in the log, so the log's end is what the sum rests on.
//
// A follower's log ends with what is not applied yet, so there the shards are counted
// one after the other.
func (c *Ctx) countKeys() (n int64) {
	e := c.e
	if c.walk.each && c.walk.stand.leading {
		c.visit(0, func(*shard) {
			n = e.notedKeys(c.s.db)
			if log := e.log(); log != nil {
				c.s.Barrier = max(c.s.Barrier, log.End())
			}
		})
		return n
	}
	for i := range e.shards {
		if !c.visit(i, func(s *shard) {
			if d := s.dbs[c.s.db]; d != nil {
				n += int64(d.Len())
			}
		}) {
			return 0
		}
	}
	return n
}

// notedKeys is the number of keys in db, each shard's as it was after the last write to it:
// no shard is locked for that.
func (e *Engine) notedKeys(db int) (n int64) {
	for i := range e.shards {
		n += e.shards[i].noted[db].keys.Load()
	}
	return n
}

// randomRetries is how many expired keys RandomKey passes over.
const randomRetries = 100

// RandomKey draws a key of the session's database that has not expired, each
// about as likely as another: a shard by its share of the keys, then an entry of
// the shard. nil: there is none.
func (c *Ctx) RandomKey() (key []byte) {
	if c.e.notedKeys(c.s.db) == 0 && c.countKeys() == 0 {
		return nil
	}
	for range randomRetries {
		there := false
		if !c.visit(c.heavyShard(), func(s *shard) { key, there = c.drawKey(s) }) || key != nil {
			return key
		}
		for i := 0; !there && i < len(c.e.shards); i++ { // it has lost its last key just now
			if !c.visit(i, func(s *shard) { key, there = c.drawKey(s) }) || key != nil {
				return key
			}
		}
		if !there {
			return nil
		}
	}
	return nil
}

// heavyShard draws a shard by its share of the session's database, as it was
// after the last write to each: no shard is locked for that.
func (c *Ctx) heavyShard() int {
	total := c.e.notedKeys(c.s.db)
	if total == 0 {
		return 0
	}
	at := int64(c.Rand() % uint64(total))
	for i := range c.e.shards {
		if at -= c.e.shards[i].noted[c.s.db].keys.Load(); at < 0 {
			return i
		}
	}
	return len(c.e.shards) - 1 // keys were deleted meanwhile
}

// drawKey draws a key of a locked shard. Without a key: there tells whether
// one was there, which had expired.
func (c *Ctx) drawKey(s *shard) (key []byte, there bool) {
	d := s.dbs[c.s.db]
	if d == nil || d.Len() == 0 {
		return nil, false
	}
	en := Entry{d, d.Random(c.Rand)}
	key = append([]byte{}, en.Key()...)
	if c.Expired(en) {
		c.Peek(key) // deletes it where it may be deleted
		return nil, true
	}
	return key, true
}
