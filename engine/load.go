package engine

import (
	"fmt"
	"sync/atomic"

	"regent/engine/dict"
	"regent/engine/rdb"
)

// LoadBatch puts a batch of an RDB file's keys into the keyspace, over what is
// there, whoever else does the same: shard by shard, one lock for all keys of a
// shard. Keys whose time is over are put as well; they expire as any other.
func (e *Engine) LoadBatch(b *rdb.Batch) error { return e.loadBatch(b, true) }

// LoadFrozen is LoadBatch for one caller that holds Freeze.
func (e *Engine) LoadFrozen(b *rdb.Batch) error { return e.loadBatch(b, false) }

func (e *Engine) loadBatch(b *rdb.Batch, lock bool) error {
	var heads [maxShards]int32 // 1 + the first entry of each shard
	next := make([]int32, len(b.Entries))
	for i := range b.Entries {
		en := &b.Entries[i]
		if en.DB < 0 || en.DB >= e.databases() {
			return fmt.Errorf("key %.64q is in database %d, there are %d", en.Key, en.DB, e.databases())
		}
		at := e.shardIndex(en.Key)
		next[i], heads[at] = heads[at], int32(i)+1
	}
	for at := range e.shards {
		if heads[at] == 0 {
			continue
		}
		s := &e.shards[at]
		if lock {
			s.mu.Lock()
		}
		for i := heads[at]; i != 0; i = next[i-1] {
			e.loadEntry(s, &b.Entries[i-1])
		}
		s.noteUsed()
		if lock {
			s.mu.Unlock()
		}
	}
	return nil
}

func (e *Engine) loadEntry(s *shard, en *rdb.Entry) {
	v := encode(en.Str)
	if en.IsInt {
		v = dict.Value{Kind: dict.Int, Int: en.Int}
	}
	d := e.shardDict(s, en.DB)
	r := d.Put(en.Key, v, en.Expire)
	d.SetAccess(r, e.loadedAccess(&en.Meta))
}

// loadedAccess is the access bits of a key that was loaded: those it had, if
// the file tells and the policy counts the same.
func (e *Engine) loadedAccess(m *rdb.Meta) uint32 {
	now := e.Host.Now()
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
	e.load.began.Store(e.Host.Now())
	e.load.on.Store(v)
}

// LoadProgress says how many bytes of the log have been loaded so far.
func (e *Engine) LoadProgress(done, total int64) {
	e.load.done.Store(done)
	e.load.total.Store(total)
}

// A saveState is what is known of the last save, for LASTSAVE and INFO.
type saveState struct {
	last atomic.Int64 // wall ms of the last successful one, or of the start
}
