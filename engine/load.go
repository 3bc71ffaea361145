package engine

import (
	"fmt"
	"sync/atomic"

	"regent/engine/dict"
	"regent/engine/rdb"
)

// LoadBatch puts a batch of an RDB file's keys into the keyspace, over what is
// there, beside other calls of it: shard by shard, one lock for all keys of a
// shard. Keys whose time is over are put as well; they expire as any other.
func (e *Engine) LoadBatch(b *rdb.Batch) error {
	var from [maxShards + 1]int32 // where each shard's entries begin in order
	shards := make([]uint16, len(b.Entries))
	for i := range b.Entries {
		en := &b.Entries[i]
		if en.DB < 0 || en.DB >= e.databases() {
			return fmt.Errorf("key %.64q is in database %d, there are %d", en.Key, en.DB, e.databases())
		}
		at := e.shardIndex(en.Key)
		shards[i] = uint16(at)
		from[at+1]++
	}
	for at := range e.shards {
		from[at+1] += from[at]
	}
	order, next := make([]int32, len(b.Entries)), from
	for i, at := range shards {
		order[next[at]] = int32(i)
		next[at]++
	}
	now := e.host.Now()
	for at := range e.shards {
		mine := order[from[at]:from[at+1]]
		if len(mine) == 0 {
			continue
		}
		s := &e.shards[at]
		s.mu.Lock()
		e.loadShard(s, b.Entries, mine, now)
		s.noteUsed()
		s.mu.Unlock()
	}
	return nil
}

// fetchAhead is how many keys' places are fetched before they are put: about as
// many as a core can wait for at a time.
const fetchAhead = 16

func (e *Engine) loadShard(s *shard, entries []rdb.Entry, mine []int32, now int64) {
	for len(mine) > 0 {
		some := mine[:min(len(mine), fetchAhead)]
		mine = mine[len(some):]
		var hashes [fetchAhead]uint64
		for j, i := range some {
			hashes[j] = dict.Hash(e.seed, entries[i].Key)
			e.shardDict(s, entries[i].DB).FetchBucket(hashes[j])
		}
		for j, i := range some {
			e.loadEntry(s, &entries[i], hashes[j], now)
		}
	}
}

// reserveSlack is how many more keys than its share a shard makes room for: keys
// are not spread evenly, and a doubling for the last few costs as much as any.
const reserveSlack = 16 // a sixteenth

// minKeyBytes is the least that a key takes in an RDB file: its type, an empty
// key's length, and one byte of value.
const minKeyBytes = 3

// A Reserve makes room in the dictionaries for what a load of an RDB file is
// about to bring, until it is released. The file's sizes may be a lie: no more
// is made room for than a file of that length can hold.
type Reserve struct {
	e    *Engine
	most uint64 // keys
}

// NewReserve is for a file of that many bytes.
func (e *Engine) NewReserve(fileBytes int64) *Reserve {
	return &Reserve{e, uint64(max(fileBytes, 0)) / minKeyBytes}
}

// Resize makes room for a database's keys, expires of them with an expiry. It
// may be called from any goroutine.
func (r *Reserve) Resize(db int, keys, expires uint64) {
	if db < 0 || db >= r.e.databases() {
		return // its keys are refused
	}
	keys = min(keys, r.most)
	r.each(db, r.share(keys), r.share(min(expires, keys)))
}

func (r *Reserve) share(keys uint64) int {
	share := keys / uint64(len(r.e.shards))
	return int(share + share/reserveSlack)
}

// Release lets the dictionaries shrink to what has come.
func (r *Reserve) Release() {
	for db := range r.e.databases() {
		r.each(db, 0, 0)
	}
}

func (r *Reserve) each(db, keys, expires int) {
	for i := range r.e.shards {
		s := &r.e.shards[i]
		s.mu.Lock()
		if keys > 0 || s.dbs[db] != nil {
			r.e.shardDict(s, db).Reserve(keys, expires)
		}
		s.mu.Unlock()
	}
}

func (e *Engine) loadEntry(s *shard, en *rdb.Entry, hash uint64, now int64) {
	v := EncodeString(en.Str)
	switch {
	case en.IsInt:
		v = dict.Value{Kind: dict.Int, Int: en.Int}
	case en.Obj != nil:
		o := en.Obj.(Object)
		if o.Len() == 0 {
			return // as Redis does: there is no such value
		}
		v = ObjectValue(o)
	}
	d := e.shardDict(s, en.DB)
	r := d.PutHashed(hash, en.Key, v, en.Expire)
	d.SetAccess(r, e.loadedAccess(&en.Meta, now))
}

// loadedAccess is the access bits of a key that was loaded: those it had, if
// the file tells and the policy counts the same.
func (e *Engine) loadedAccess(m *rdb.Meta, now int64) uint32 {
	switch {
	case m.UseKind == rdb.UseIdle && !e.usesLFU():
		return (lruNow(now) - uint32(min(m.Use, accessMask))) & accessMask
	case m.UseKind == rdb.UseFreq && e.usesLFU():
		return uint32(now/60000)&minutesMask<<8 | uint32(min(m.Use, lfuMax))
	}
	return e.accessed(0, now, true)
}

// A loadState is how far the load of the log has come, for -LOADING and INFO.
type loadState struct {
	on          atomic.Bool
	began       atomic.Int64 // wall ms
	done, total atomic.Int64 // bytes
}

// SetLoading switches the state in which data commands answer -LOADING.
func (e *Engine) SetLoading(v bool) {
	e.load.began.Store(e.host.Now())
	if v {
		e.accounts.users.Begin()
	} else {
		e.usersLoaded()
	}
	e.load.on.Store(v)
}

// Loading reports whether data commands answer -LOADING.
func (e *Engine) Loading() bool { return e.load.on.Load() }

// LoadProgress says how many bytes of the log have been loaded so far.
func (e *Engine) LoadProgress(done, total int64) {
	e.load.done.Store(done)
	e.load.total.Store(total)
}

// A saveState is what is known of the last save, for LASTSAVE and INFO.
type saveState struct {
	last   atomic.Int64 // wall ms of the last successful one, or of the start
	failed atomic.Bool  // the last one did
	behind atomic.Bool  // one is to begin behind a transaction or a script
}

// A payload that RESTORE refuses leaves its reason in the log, as redis-server's does and at the same
// level. A client that may say RESTORE could fill the disk so: an allowance bounds the lines.

const (
	// refusalsAtOnce is how many lines come one after the other when it was quiet before.
	refusalsAtOnce = 200
	// refusalEvery is how long it takes until there may be one more, in ms: with a line of 150 bytes
	// that is 13 MB a day at most.
	refusalEvery = 1000
)

// An allowance is refusalsAtOnce lines, of which one comes back with each refusalEvery.
type allowance struct {
	used   atomic.Int64 // until when all are back, ms of Engine.ticks
	untold atomic.Int64 // refused since the last line
}

// take takes one of them at a time, and says how many were asked for in vain before; false: there is none.
func (a *allowance) take(now int64) (untold int64, ok bool) {
	for {
		used := a.used.Load()
		next := max(used, now) + refusalEvery
		if next-now > refusalsAtOnce*refusalEvery {
			a.untold.Add(1)
			return 0, false
		}
		if a.used.CompareAndSwap(used, next) {
			return a.untold.Swap(0), true
		}
	}
}

// TellRefused writes into the log why a payload was refused.
func (c *Ctx) TellRefused(err error) {
	untold, ok := c.e.refused.take(c.e.ticks())
	if !ok {
		return
	}
	if untold > 0 {
		c.e.host.Logf(LevelVerbose, "%d more payloads were refused, whose reasons are not shown", untold)
	}
	c.e.host.Logf(LevelVerbose, "%s", rdb.Report(err))
}
