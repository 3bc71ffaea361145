package engine

import (
	"math"
	"sync/atomic"

	"regent/engine/config"
	"regent/engine/dict"
	"regent/engine/rdb"
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
// The limit holds whatever is stored: a command that needs memory goes on when there
// is room. As long as making it takes no more than evictTime the command itself does
// that; what takes longer, a large value that takes the place of thousands of small
// ones, or a limit that was lowered, is done in the background, and commands
// wait for it (room.go). One command is let in at a time by each loop, so memory is
// above the limit by what as many commands need, and no more.
//
// Used memory is the dictionaries' own count, refreshed shard by shard after
// each command that may have grown one, and what libraries and large buffers of clients take:
// summing up costs no lock.

// Limits of one turn at making room.
const (
	// evictTime is how long one command makes room in nanoseconds, as in Redis with
	// maxmemory-eviction-tenacity 10, and evictMost how many keys it deletes at most.
	evictTime = 500_000
	evictMost = 4096
	// evictSlice is how long the background makes room, in nanoseconds, before it
	// lets others have the processor.
	evictSlice = 2_000_000
	// evictLook is after how many keys the clock is looked at.
	evictLook = 16
	// maxSamples bounds what maxmemory-samples costs.
	maxSamples = 64
)

// usedMemory is the bytes that the data takes, over all databases.
func (e *Engine) usedMemory() (n int64) {
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

// A dbNote is what is known of a shard's part of a database without its lock's
// being held: bytes is under it all the same.
type dbNote struct {
	bytes int64
	keys  atomic.Int64
}

// noteUsedIn is noteUsed where only one database may have changed. Storing
// costs more than looking, and what is written over keeps its size.
func (s *shard) noteUsedIn(db int) {
	var now, keys int64
	if d := s.dbs[db]; d != nil {
		now, keys = d.Bytes(), int64(d.Len())
	}
	note := &s.noted[db]
	if was := note.bytes; now != was {
		note.bytes = now
		s.used.Add(now - was)
	}
	if note.keys.Load() != keys {
		note.keys.Store(keys)
	}
}

// noteWritten is noteUsed after a command that wrote.
func (s *shard) noteWritten(c *Ctx) {
	if c.strayed {
		s.noteUsed()
		return
	}
	s.noteUsedIn(c.s.db)
}

// A space is what became of an attempt to get below maxmemory.
type space uint8

const (
	spaceYes  space = iota // memory is below it
	spaceSoon              // it is being made in the background: wait (room.go)
	spaceNo                // nothing may be deleted, or there is nothing left to delete
)

// evictAsAsked evicts until memory is below maxmemory. It is called without a lock,
// before a command that may need memory. What takes longer than one command should
// hold up its event loop goes on in the background.
func (e *Engine) evictAsAsked() space {
	switch {
	case !e.overLimit():
		return spaceYes
	case e.Config.MaxMemoryPolicy.Get() == config.NoEviction:
		return spaceNo
	case e.pause.mode.Load() != pauseNone:
		return spaceYes // as Redis does: a write that comes now is held, and asks again
	case e.room.working.Load():
		return spaceSoon
	}
	got := e.evictFor(evictTime)
	if got == spaceSoon {
		e.startEvictor()
	}
	return got
}

// overLimit reports whether memory is above maxmemory.
func (e *Engine) overLimit() bool {
	limit := e.Config.MaxMemory.Get()
	if limit == 0 {
		return false
	}
	return e.countedMemory() > limit || limit < ownBytes
}

// countedMemory is the bytes that maxmemory bounds, and INFO's used_memory: the data, the libraries of
// functions and, as in Redis, what clients send and what waits to be sent to them. The
// listener counts a client from where its buffers are larger than most (CountHeld).
func (e *Engine) countedMemory() int64 {
	n := e.usedMemory() + e.stats.held.Load()
	if e.libraries != nil {
		n += e.libraries.Bytes()
	}
	return n
}

// ownBytes is less than a server without data takes: a limit below it refuses what needs
// memory, as redis-server does.
const ownBytes = 64

// evictFor evicts until memory is below maxmemory, or for about that many
// nanoseconds: then it returns spaceSoon.
func (e *Engine) evictFor(nanos int64) space {
	began := e.host.Ticks()
	defer e.noteSince(eventEviction, began)
	end := began + nanos
	for n := 1; e.overLimit(); n++ {
		if !e.evictOne() {
			return spaceNo
		}
		if n == evictMost || n%evictLook == 0 && e.host.Ticks() > end {
			return spaceSoon
		}
	}
	return spaceYes
}

// A victim is the key that is worth least of those looked at. Its Entry is good
// under the lock alone.
type victim struct {
	shard *shard
	db    int
	worth int64
	key   []byte
}

// evictOne deletes the key that is worth least, by a guess, and reports whether
// there was one. It looks at as many shards as it takes to see maxmemory-samples
// keys: of a few keys in all, the first shard's only one may be the most precious.
func (e *Engine) evictOne() bool {
	var least victim
	seen, want := 0, e.samples()
	for tries := 0; seen < want; tries++ {
		// Every shard twice without enough candidates: there are no more.
		if tries == 2*len(e.shards) || tries >= len(e.shards) && least.key != nil {
			break
		}
		s := &e.shards[e.evictTurn.Add(1)&e.mask]
		n, gone := e.evictFrom(s, want-seen, &least)
		if gone {
			return true
		}
		seen += n
	}
	return least.key != nil && e.evictKey(&least)
}

// samples is how many keys are looked at for one that goes.
func (e *Engine) samples() int {
	switch e.Config.MaxMemoryPolicy.Get() {
	case config.AllKeysRandom, config.VolatileRandom:
		return 1
	}
	return int(min(e.Config.MaxMemorySamples.Get(), maxSamples))
}

// evictFrom looks at up to want of a shard's keys, and returns how many there were. If
// that is all that has to be looked at, it deletes the one that is worth least;
// otherwise it puts it into least if it is worth less than that.
func (e *Engine) evictFrom(s *shard, want int, least *victim) (seen int, gone bool) {
	if !e.lockShard(s) {
		return 0, false
	}
	defer s.mu.Unlock()
	if !e.mayEvict() {
		return 0, false
	}
	now := e.host.Now()
	best, at := Entry{}, victim{shard: s}
	for i, d := range s.dbs {
		if d == nil {
			continue
		}
		en, worth, n := e.sample(d, now)
		seen += n
		if en.OK() && (!best.OK() || worth < at.worth) {
			best, at.db, at.worth = en, i, worth
		}
	}
	if !best.OK() || least.key != nil && at.worth >= least.worth {
		return seen, false
	}
	at.key = append([]byte(nil), best.Key()...)
	if least.key == nil && seen >= want {
		e.evictLocked(&at)
		return seen, true
	}
	*least = at
	return seen, false
}

// mayEvict reports whether this node deletes keys by itself now; a shard is locked.
func (e *Engine) mayEvict() bool {
	return e.pause.mode.Load() == pauseNone && e.cluster.View().Leading && !e.cluster.MustHold()
}

// evictKey deletes a victim whose shard was unlocked meanwhile, and reports
// whether it was still there.
func (e *Engine) evictKey(v *victim) bool {
	if !e.lockShard(v.shard) {
		return false
	}
	defer v.shard.mu.Unlock()
	d := v.shard.dbs[v.db]
	if d == nil || d.Find(v.key) == 0 || !e.mayEvict() {
		return false
	}
	e.evictLocked(v)
	return true
}

// evictLocked deletes a victim; its shard is locked.
func (e *Engine) evictLocked(v *victim) {
	s := v.shard
	s.dbs[v.db].Delete(v.key)
	e.stripe(v.key).evicted.Add(1)
	var end int64
	if log := e.log(); log != nil {
		eff := Effects{Buf: resp.AppendCommand(nil, []byte("DEL"), v.key)}
		eff.Recs = []Effect{{v.db, len(eff.Buf)}}
		end = log.Append(&eff)
		s.marks.wrote(anyKey, end)
	}
	s.noteUsedIn(v.db) // after the record, see countKeys
	e.changed(s, v.db, end, v.key)
	e.notify(eventEvicted, "evicted", v.db, v.key, end)
	e.lostOutside(s, v.db, v.key, end)
}

// sample draws maxmemory-samples entries of d and returns the one that is
// worth least under the policy, and how many different ones it may have seen.
func (e *Engine) sample(d *dict.Dict, now int64) (least Entry, worth int64, seen int) {
	draw, there := d.Random, d.Len()
	switch e.Config.MaxMemoryPolicy.Get() {
	case config.VolatileLRU, config.VolatileLFU, config.VolatileTTL, config.VolatileRandom:
		draw, there = d.RandomExpiring, d.Expires()
	}
	n := e.samples()
	for range n {
		r := draw(e.host.Rand)
		if r == 0 {
			break
		}
		en := Entry{d, r}
		if w := e.worth(en, now); !least.OK() || w < worth {
			least, worth = en, w
		}
	}
	return least, worth, min(n, there)
}

// The 24 bits that an entry remembers of its use (evict.c, "LRU" and "LFU"):
//
//	LRU      seconds, modulo 2^24: 194 days until an idle key seems young again
//	LFU      | minutes of the last decay, 16 bits | logarithmic counter, 8 bits |
//
// Which of them is meant follows from maxmemory-policy, as in Redis.

const (
	accessBits  = 24
	accessMask  = 1<<accessBits - 1
	lfuInit     = 5 // a new key's counter: not the first to go
	lfuMax      = 255
	minutesMask = 1<<16 - 1
)

// usesLFU reports whether the policy counts how often keys are used.
func (e *Engine) usesLFU() bool {
	p := e.Config.MaxMemoryPolicy.Get()
	return p == config.AllKeysLFU || p == config.VolatileLFU
}

// lruNow is the LRU clock at the wall ms now.
func lruNow(now int64) uint32 { return uint32(now/1000) & accessMask }

// idleSeconds is for how long an entry with these bits was not used.
func idleSeconds(access uint32, now int64) int64 {
	return int64((lruNow(now) - access) & accessMask)
}

// accessed returns the bits of an entry that is used now, old being those it
// has; fresh means that it is new.
func (e *Engine) accessed(old uint32, now int64, fresh bool) uint32 {
	if !e.usesLFU() {
		return lruNow(now)
	}
	minutes := uint32(now/60000) & minutesMask
	if fresh {
		return minutes<<8 | lfuInit
	}
	return minutes<<8 | e.lfuUp(e.lfuDecayed(old, now))
}

// lfuDecayed is the counter less one for every lfu-decay-time minutes that
// have passed.
func (e *Engine) lfuDecayed(access uint32, now int64) uint32 {
	counter := access & lfuMax
	decay := e.Config.LFUDecayTime.Get()
	if decay == 0 {
		return counter
	}
	passed := int64((uint32(now/60000) - access>>8) & minutesMask)
	return uint32(max(int64(counter)-passed/decay, 0))
}

// lfuUp counts a use: the higher the counter, the less likely it rises.
func (e *Engine) lfuUp(counter uint32) uint32 {
	if counter == lfuMax {
		return counter
	}
	base := max(float64(counter)-lfuInit, 0)
	p := 1 / (base*float64(e.Config.LFULogFactor.Get()) + 1)
	if float64(e.host.Rand()>>11)/(1<<53) < p {
		counter++
	}
	return counter
}

// worth orders entries for eviction: the one with the lowest goes first.
func (e *Engine) worth(en Entry, now int64) int64 {
	switch e.Config.MaxMemoryPolicy.Get() {
	case config.VolatileTTL:
		return en.ExpireAt()
	case config.AllKeysLFU, config.VolatileLFU:
		// Of two that are used as often, the one that was decayed longer ago.
		access := en.d.Access(en.ref)
		return int64(e.lfuDecayed(access, now))<<accessBits - int64((uint32(now/60000)-access>>8)&minutesMask)
	}
	return math.MaxInt64 - idleSeconds(en.d.Access(en.ref), now)
}

// CountsUse reports whether the policy counts how often keys are used: then there
// is a UseCount and no IdleSeconds, otherwise the reverse.
func (c *Ctx) CountsUse() bool { return c.e.usesLFU() }

// EvictsByUse reports whether keys are evicted, by when or how often they were used.
func (c *Ctx) EvictsByUse() bool {
	switch c.e.Config.MaxMemoryPolicy.Get() {
	case config.AllKeysLRU, config.AllKeysLFU, config.VolatileLRU, config.VolatileLFU:
		return c.e.Config.MaxMemory.Get() > 0
	}
	return false
}

// UseCount is how often en is used, on a logarithmic scale up to 255.
func (c *Ctx) UseCount(en Entry) int64 { return int64(c.e.lfuDecayed(en.d.Access(en.ref), c.Now)) }

// IdleSeconds is for how many seconds en was not used.
func (c *Ctx) IdleSeconds(en Entry) int64 { return idleSeconds(en.d.Access(en.ref), c.Now) }

// SetUse makes en one that was used as m says, if the policy counts the same.
func (c *Ctx) SetUse(en Entry, m *rdb.Meta) { en.d.SetAccess(en.ref, c.e.loadedAccess(m, c.Now)) }
