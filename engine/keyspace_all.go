package engine

import (
	"regent/engine/dict"
	"regent/engine/slots"
)

// The keyspace as a whole: what concerns every shard of a database. All of
// it wants every shard locked: by a command with Locks: LockAll, or Freeze.
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

// flush empties db, or with -1 all databases, gives the memory back, and
// returns how many keys there were.
func (e *Engine) flush(db int) (n int64) {
	for i := range e.shards {
		dbs := e.shards[i].dbs
		for j, d := range dbs {
			if d == nil || (db >= 0 && db != j) {
				continue
			}
			n += int64(d.Len())
			dbs[j] = nil
			e.retire(i, d)
		}
		e.shards[i].noteUsed()
	}
	return n
}

// swapDB exchanges two databases for every session.
func (e *Engine) swapDB(a, b int) {
	for i := range e.shards {
		dbs := e.shards[i].dbs
		dbs[a], dbs[b] = dbs[b], dbs[a]
	}
}

// eachKey calls f with every entry of db until it returns false. f must not
// change the keyspace.
func (e *Engine) eachKey(db int, f func(en Entry) bool) {
	for i := range e.shards {
		d := e.shards[i].dbs[db]
		if d == nil {
			continue
		}
		more := true
		for cursor := uint64(0); more; {
			cursor = d.Scan(cursor, func(r dict.Ref) { more = more && f(Entry{d, r}) })
			if cursor == 0 {
				break
			}
		}
		if !more {
			return
		}
	}
}

// randomEntry picks an entry of db, each about as likely as another: a shard
// by its share of the keys, then an entry of the shard. Not OK: db is empty.
func (e *Engine) randomEntry(db int) Entry {
	total := e.dbSize(db)
	if total == 0 {
		return Entry{}
	}
	at := int64(e.Host.Rand() % uint64(total))
	for i := range e.shards {
		d := e.shards[i].dbs[db]
		if d == nil {
			continue
		}
		if at -= int64(d.Len()); at < 0 {
			return Entry{d, d.Random(e.Host.Rand)}
		}
	}
	panic("engine: the shards hold fewer keys than they count")
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

// scan calls f for the entries at the cursor and returns the next cursor.
// looked tells whether there was anything to look at: shards without keys
// are passed over at no price.
func (e *Engine) scan(db int, at scanCursor, f func(en Entry)) (next scanCursor, looked bool) {
	i := at.shard()
	if i >= len(e.shards) {
		return 0, false
	}
	if d := e.shards[i].dbs[db]; d != nil && d.Len() > 0 {
		looked = true
		if c := d.Scan(at.dict(), func(r dict.Ref) { f(Entry{d, r}) }); c != 0 {
			return makeCursor(i, c), true
		}
	}
	if i+1 == len(e.shards) {
		return 0, looked
	}
	return makeCursor(i+1, 0), looked
}

// EachInSlot calls f with every key of slot in the connection's database
// until it returns false. With the shard locked nothing moves: a walk from 0
// to 0 meets every key once.
func (c *Ctx) EachInSlot(slot int64, f func(key []byte) bool) {
	d := c.e.shards[uint32(slot)&c.e.mask].dbs[c.s.DB]
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

// EachKey calls f with every entry of the session's database until it returns
// false. f must not change the keyspace.
func (c *Ctx) EachKey(f func(en Entry) bool) { c.e.eachKey(c.s.DB, f) }

// RandomKey picks an entry of the session's database, each about as likely as
// another. Not OK: there is none.
func (c *Ctx) RandomKey() Entry { return c.e.randomEntry(c.s.DB) }
