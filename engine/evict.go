package engine

import (
	"regent/engine/config"
	"regent/engine/dict"
	"regent/resp"
)

// Eviction: making room below maxmemory, as maxmemory-policy says. Only the
// leader evicts; the deletions are in the log like any others.
//
// Which key is worth least is guessed from samples, as in Redis. The keyspace is
// in shards, and looking at one takes only its lock: each turn goes to the next
// shard, takes maxmemory-samples of its keys and deletes the least worth of
// them. Shards hold keys by their hash, so that the least of a shard is as good
// as the least of all, and there is no pool of candidates to keep in order.
//
// Used memory is the dictionaries' own count, refreshed shard by shard after
// each command that may have grown one: summing up costs no lock.

// Limits of one turn at making room.
const (
	// evictMost is how many keys are deleted for one command at most.
	evictMost = 64
	// evictTries is how many shards without a candidate are passed over.
	evictTries = 2 * maxShards
	// maxSamples bounds what maxmemory-samples costs.
	maxSamples = 64
)

// UsedMemory is the bytes that the data takes, over all databases.
func (e *Engine) UsedMemory() (n int64) {
	for i := range e.shards {
		n += e.shards[i].used.Load()
	}
	return n
}

// noteUsed refreshes what a locked shard is known to use.
func (s *shard) noteUsed() {
	for db := range s.dbs {
		s.noteUsedIn(db)
	}
}

// noteUsedIn is noteUsed where only one database may have changed. Storing
// costs more than looking, and what is written over keeps its size.
func (s *shard) noteUsedIn(db int) {
	var now int64
	if d := s.dbs[db]; d != nil {
		now = d.Bytes()
	}
	if was := s.noted[db]; now != was {
		s.noted[db] = now
		s.used.Add(now - was)
	}
}

// noteWritten is noteUsed after a command that wrote.
func (s *shard) noteWritten(c *Ctx) {
	if c.strayed {
		s.noteUsed()
		return
	}
	s.noteUsedIn(c.S.DB)
}

// MakeRoom evicts until memory is below maxmemory, and reports whether it is.
// It is called without a lock, before a command that may need memory.
func (e *Engine) MakeRoom() bool {
	limit := e.Config.MaxMemory.Get()
	if limit == 0 || e.UsedMemory() <= limit {
		return true
	}
	if e.Config.MaxMemoryPolicy.Get() == config.NoEviction {
		return false
	}
	if e.pause.mode.Load() != pauseNone {
		return true // as Redis does: a write that comes now is held, and asks again
	}
	misses := 0
	for evicted := 0; e.UsedMemory() > limit; {
		at := e.evictTurn.Add(1) & e.mask
		switch {
		case e.evictOne(&e.shards[at]):
			if evicted, misses = evicted+1, 0; evicted == evictMost {
				// As much as one command should wait for. The next one goes
				// on: memory falls faster than a command can fill it.
				return true
			}
		default:
			if misses++; misses == evictTries {
				return false
			}
		}
	}
	return true
}

// evictOne deletes the key of the shard that is worth least, by a guess.
func (e *Engine) evictOne(s *shard) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.pause.mode.Load() != pauseNone || !e.cluster.View().Leading || e.cluster.Fenced() {
		return false
	}
	now := e.Host.Now()
	var victim Entry
	var db int
	least := int64(0)
	for i, d := range s.dbs {
		if d == nil {
			continue
		}
		if en, worth := e.sample(d, now); en.OK() && (!victim.OK() || worth < least) {
			victim, db, least = en, i, worth
		}
	}
	if !victim.OK() {
		return false
	}
	key := append([]byte(nil), victim.Key()...)
	victim.D.Delete(key)
	s.noteUsed()
	st := e.stripe(key)
	st.evicted.Add(1)
	st.changes.Add(1)
	if e.log != nil {
		eff := Effects{Buf: resp.AppendCommand(nil, []byte("DEL"), key)}
		eff.Recs = []Effect{{db, len(eff.Buf)}}
		s.marks.wrote(anyKey, e.log.Append(&eff))
	}
	return true
}

// sample draws maxmemory-samples entries of d and returns the one that is
// worth least under the policy.
func (e *Engine) sample(d *dict.Dict, now int64) (least Entry, worth int64) {
	draw, n := d.Random, min(e.Config.MaxMemorySamples.Get(), maxSamples)
	switch e.Config.MaxMemoryPolicy.Get() {
	case config.VolatileLRU, config.VolatileLFU, config.VolatileTTL:
		draw = d.RandomExpiring
	case config.VolatileRandom:
		draw, n = d.RandomExpiring, 1
	case config.AllKeysRandom:
		n = 1
	}
	for range n {
		r := draw(e.Host.Rand)
		if r == 0 {
			break
		}
		en := Entry{d, r}
		if w := e.worth(en, now); !least.OK() || w < worth {
			least, worth = en, w
		}
	}
	return least, worth
}
