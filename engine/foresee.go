package engine

import (
	"regent/engine/dict"
	"regent/engine/slots"
)

// Foresight. A pipeline's commands are known before their turn, and with a
// keyspace that is in no cache a command spends more time waiting for its key's
// bucket and entry than on all else. So what a few commands will look at is
// fetched before the first of them runs:
//
//	Foresee(1) Foresee(2) … Foresee(n)   each asks for the bucket of its keys
//	Fetch                                each bucket says where its entry is: asks for that
//	Execute(1) Execute(2) … Execute(n)   finds both in the cache
//
// It is a hint and nothing else. Commands may be foreseen and never carried
// out, keys may be gone when their turn comes, another database may be selected:
// no answer depends on it. A shard that is busy is passed over. A keyspace that fits
// into a core's own cache is not worth it (ForesightPays).

// maxForeseen is how many keys are fetched at once. A core has some dozens of
// reads under way, and the nearest cache forgets the first of many.
const maxForeseen = 32

// foreseeFrom is how many bytes of data are more than a core's own cache holds.
const foreseeFrom = 2 << 20

// ForesightPays reports whether the data, as it was a moment ago, is too large for a
// cache.
func (e *Engine) ForesightPays() bool { return e.outOfCache.Load() }

// A Foresight is memory for foreseeing; its owner uses it again and again.
type Foresight struct {
	keys [maxForeseen]foreseenKey
	n    int
}

type foreseenKey struct {
	shard *shard
	hash  uint64
}

// Foresee notes the keys of a command that s will send soon.
func (e *Engine) Foresee(f *Foresight, s *Session, args [][]byte) {
	cmd := e.table.find(args[0])
	if cmd == nil || cmd.shape != shapeSingle && cmd.shape != shapeSpan {
		return
	}
	k := &cmd.Keys[0]
	end := len(args)
	if cmd.shape == shapeSingle {
		end = min(end, k.Index+1)
	}
	for at := k.Index; at < end && f.n < maxForeseen; at += max(k.KeyStep, 1) {
		key := foreseenKey{&e.shards[uint32(slots.Of(args[at]))&e.mask], dict.Hash(e.seed, args[at])}
		if d := key.shard.tryDict(s.db); d != nil {
			d.FetchBucket(key.hash)
			key.shard.mu.Unlock()
			f.keys[f.n] = key
			f.n++
		}
	}
}

// Fetch asks for the entries of what was foreseen, and begins anew.
func (e *Engine) Fetch(f *Foresight, s *Session) {
	for i := range f.keys[:f.n] {
		key := &f.keys[i]
		if d := key.shard.tryDict(s.db); d != nil {
			d.FetchEntry(key.hash)
			key.shard.mu.Unlock()
		}
	}
	f.n = 0
}

// tryDict locks the shard and returns its dictionary of database db, or nil
// without a lock: it is locked, or there is none.
func (sh *shard) tryDict(db int) *dict.Dict {
	if !sh.mu.TryLock() {
		return nil
	}
	if d := sh.dbs[db]; d != nil {
		return d
	}
	sh.mu.Unlock()
	return nil
}
