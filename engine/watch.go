package engine

import (
	"slices"

	"regent/resp"
)

// WATCH: a transaction does nothing if what it rests on has changed since. The
// keyspace says of each key that it changes (Ctx.changed), under the shard's lock;
// a shard knows which transactions watch which of its keys.
//
//	WATCH a     shard of a locked: a ─► the transaction is noted
//	SET a 1     shard of a locked: Put ─► changed ─► transaction.changed
//	EXEC        shards of the queue and of a locked: changed? ─► nothing is done
//
// A change is what Redis calls a modified key: a value or an expiry that was set,
// a key that came, went, expired or was evicted, a database that was emptied or
// exchanged, by whatever command, transaction or script, by the session itself, and
// at a follower by what its leader did. One word is looked at for each change while
// nobody watches anything.

// A watchedKey is one that a transaction watches.
type watchedKey = waitKey

// A watcher is a transaction's interest in a key, in the shard's list.
type watcher struct {
	tx *transaction
	// expired: the key was there, past its time, when it was watched: that it goes
	// is no change.
	expired bool
}

// A watchStand is where a keyspace stood: by which leader it was written, and which of
// its rebuilds it was.
type watchStand struct{ epoch, keyspace int64 }

func (e *Engine) watchStand() watchStand {
	return watchStand{e.cluster.View().Epoch, e.KeyspaceEpoch()}
}

func doWatch(c *Ctx) {
	if c.s.inMulti() {
		c.Err(resp.ErrWatchInMulti)
		return
	}
	tx := c.s.transaction()
	if len(tx.watched) == 0 {
		tx.stand = c.e.watchStand()
	}
	for _, key := range c.Args[1:] {
		c.watchKey(tx, key)
	}
	c.s.Shared.queuedBytes.Store(tx.bytes())
	c.W.OK()
}

// doUnwatch has nothing locked, but inside EXEC, which forgets it all anyway.
func doUnwatch(c *Ctx) {
	if !c.nested && c.s.tx != nil {
		c.e.unwatch(c.s)
		c.s.Shared.queuedBytes.Store(c.s.tx.bytes())
	}
	c.W.OK()
}

func (c *Ctx) watchKey(tx *transaction, key []byte) {
	at := watchedKey{c.s.db, string(key)}
	if slices.Contains(tx.watched, at) {
		return
	}
	sh := &c.e.shards[c.shardOf(key)]
	if sh.watched == nil {
		sh.watched = map[watchedKey][]watcher{}
	}
	d := c.dictOf(c.s.db, key)
	there := c.Peek(key).OK() // which deletes what has expired, at a leader
	sh.watched[at] = append(sh.watched[at], watcher{tx, !there && d.Find(key) != 0})
	tx.watched = append(tx.watched, at)
	c.e.watching.Add(1)
	c.e.caring.Add(1)
}

// unwatch forgets what the session watches. No shard is locked. What is forgotten later is
// a transaction's that the session has no more.
func (e *Engine) unwatch(s *Session) {
	tx := s.tx
	if !e.forgetWatched(tx) {
		s.tx = &transaction{open: tx.open, over: tx.over, aborted: tx.aborted, flags: tx.flags, scripts: tx.scripts, strays: tx.strays, aside: tx.aside, slow: tx.slow, shards: tx.shards, queue: tx.queue, args: tx.args, ends: tx.ends}
		return
	}
	tx.watched = tx.watched[:0]
	if tx.changed.Load() {
		tx.changed.Store(false)
	}
}

// forgetWatched forgets what tx watches. While a script runs that is done in the
// background: false.
func (e *Engine) forgetWatched(tx *transaction) bool {
	for i, at := range tx.watched {
		sh := &e.shards[e.shardIndex([]byte(at.key))]
		if !e.lockShard(sh) {
			left := tx.watched[i:]
			e.host.AfterFunc(0, func() { e.unwatchLater(tx, left) })
			return false
		}
		e.unwatchKey(sh, tx, at)
		sh.mu.Unlock()
	}
	return true
}

// unwatchKey forgets that a key is watched, whose shard is locked.
func (e *Engine) unwatchKey(sh *shard, tx *transaction, at watchedKey) {
	left := slices.DeleteFunc(sh.watched[at], func(w watcher) bool { return w.tx == tx })
	if len(left) == 0 {
		delete(sh.watched, at)
	} else {
		sh.watched[at] = left
	}
	e.watching.Add(-1)
	e.caring.Add(-1)
}

func (e *Engine) unwatchLater(tx *transaction, left []watchedKey) {
	for _, at := range left {
		sh := &e.shards[e.shardIndex([]byte(at.key))]
		sh.mu.Lock()
		e.unwatchKey(sh, tx, at)
		sh.mu.Unlock()
	}
}

// watchedChanged reports whether something that the session watches is not as it was
// then. The shards of all of it are locked.
func (c *Ctx) watchedChanged() bool {
	tx := c.s.tx
	if len(tx.watched) == 0 {
		return false
	}
	if tx.changed.Load() || tx.stand != c.e.watchStand() {
		return true
	}
	for _, at := range tx.watched {
		key := []byte(at.key)
		sh := &c.e.shards[c.e.shardIndex(key)]
		d := c.dictOf(at.db, key)
		r := d.Find(key)
		if r == 0 || d.ExpireAt(r) == 0 || d.ExpireAt(r) > c.Now {
			continue
		}
		for _, w := range sh.watched[at] {
			if w.tx == tx && !w.expired {
				return true // its time has come since
			}
		}
	}
	return false
}

// look notes what others want to know of c's command. Who begins to watch or to track
// one of its keys has had the shard's lock before, so it is asked under that, once.
func (c *Ctx) look() {
	c.cared = c.e.caring.Load() != 0
	c.events = Event(c.e.Config.KeyspaceEvents.Get())
}

// changed notes that a key holds something else than before, or nothing, or expires at
// another time. It is called after the change, with the shard locked.
func (c *Ctx) changed(db int, key []byte) {
	if c.cared {
		c.markChanged(&c.e.shards[c.shardOf(key)], db, key)
	}
}

func (c *Ctx) markChanged(s *shard, db int, key []byte) {
	if len(s.watched) > 0 {
		s.markChanged(db, key)
	}
	if c.e.trackers.Load() != 0 {
		c.invalid = append(c.invalid, c.e.goneStale(key))
	}
}

// changed is Ctx.changed for what no command does, expiry and eviction, and whose record
// ends at off.
func (e *Engine) changed(s *shard, db int, off int64, keys ...[]byte) {
	if e.caring.Load() == 0 {
		return
	}
	if len(s.watched) > 0 {
		for _, key := range keys {
			s.markChanged(db, key)
		}
	}
	if e.trackers.Load() != 0 {
		list := make([]staleKey, len(keys))
		for i, key := range keys {
			list[i].key = key
		}
		e.invalidate(list, nil, e.restingOn(off))
	}
}

// Modified is for a command after which a key counts as changed, as in Redis, though
// it holds what it held.
func (c *Ctx) Modified(key []byte) { c.changed(c.s.db, key) }

// changedAt is changed for an entry.
func (c *Ctx) changedAt(en Entry) {
	if !c.cared {
		return
	}
	sh := &c.e.shards[c.shardOf(en.Key())]
	if db := slices.Index(sh.dbs, en.d); db >= 0 {
		c.markChanged(sh, db, en.Key())
	}
}

func (s *shard) markChanged(db int, key []byte) {
	list := s.watched[watchedKey{db, string(key)}]
	for i := range list {
		w := &list[i]
		if w.expired && (s.dbs[db] == nil || s.dbs[db].Find(key) == 0) {
			w.expired = false // it has been removed: as good as before
			continue
		}
		w.tx.changed.Store(true)
	}
}

// markEmptied notes that a database is emptied, -1: all. It is called before, with
// every shard locked.
func (e *Engine) markEmptied(db int) {
	e.markMoved(func(at int) (with int, moves bool) { return -1, db < 0 || at == db })
}

// markSwapped notes that two databases are exchanged. It is called before, with
// every shard locked.
func (e *Engine) markSwapped(a, b int) {
	e.markMoved(func(at int) (with int, moves bool) { return a + b - at, at == a || at == b })
}

// markMoved marks what is watched in the databases for which moved says so, and says
// by which database each is replaced, -1: none. As in Redis (multi.c,
// touchAllWatchedKeysInDb) a key whose time is over is as good as none, before and
// after.
func (e *Engine) markMoved(moved func(db int) (with int, moves bool)) {
	if e.watching.Load() == 0 {
		return
	}
	now := e.host.Now()
	for i := range e.shards {
		sh := &e.shards[i]
		for at, list := range sh.watched {
			with, moves := moved(at.db)
			if !moves {
				continue
			}
			was, _ := sh.holdsKey(at.db, at.key, now)
			is, over := sh.holdsKey(with, at.key, now)
			for j := range list {
				switch w := &list[j]; {
				case !was && !is, w.expired && over: // there was nothing, and is nothing
				case w.expired && !is:
					w.expired = false
				case !was && over:
					w.expired = true
				default:
					w.tx.changed.Store(true)
				}
			}
		}
	}
}

// holdsKey reports whether key is in the database, and whether its time is over.
func (s *shard) holdsKey(db int, key string, now int64) (there, over bool) {
	if db < 0 || s.dbs[db] == nil {
		return false, false
	}
	d := s.dbs[db]
	r := d.Find([]byte(key))
	if r == 0 {
		return false, false
	}
	at := d.ExpireAt(r)
	return true, at != 0 && at <= now
}
