package engine

import "regent/engine/dict"

// What tests outside the package need of its inside.

// EachEntry calls f with every entry of the keyspace: the truth that a snapshot has
// to show.
func (e *Engine) EachEntry(f func(en *SnapshotEntry)) {
	e.Freeze(func() {
		for db := range e.databases() {
			e.eachKey(db, func(en Entry) bool {
				v := en.Value()
				out := SnapshotEntry{DB: db, Key: en.Key(), Str: v.Bytes, Int: v.Int, IsInt: v.Kind == dict.Int}
				out.Expire = en.ExpireAt()
				if c := (Ctx{e: e}); !v.Kind.IsString() {
					out.Obj = c.object(en)
				}
				f(&out)
				return true
			})
		}
	})
}

// DBSize is dbSize, and ExpiresIn expiresIn, with everything locked.
func (e *Engine) DBSize(db int) (keys, expires int64) {
	e.Freeze(func() { keys, expires = e.dbSize(db), e.expiresIn(db) })
	return keys, expires
}

// Noted is how many keys of a database, and bytes of all of them, the shards have noted, and
// how many bytes there are.
func (e *Engine) Noted(db int) (keys, used, bytes int64) {
	e.Freeze(func() {
		keys = e.notedKeys(db)
		for i := range e.shards {
			used += e.shards[i].used.Load()
			for _, d := range e.shards[i].dbs {
				if d != nil {
					bytes += d.Bytes()
				}
			}
		}
	})
	return keys, used, bytes
}

// Flush is flush with everything locked.
func (e *Engine) Flush(db int) (n int64) {
	e.Freeze(func() { n = e.flush(db) })
	return n
}

// SwapDB is swapDB with everything locked.
func (e *Engine) SwapDB(a, b int) { e.Freeze(func() { e.swapDB(a, b) }) }

// CommandTime is how often the command was called, and for how many
// nanoseconds in all.
func (e *Engine) CommandTime(name string) (calls, nanos int64) {
	cmd := e.table.spec.Named([]byte(name))
	for i := range e.stats.stripes {
		st := &e.stats.stripes[i].perCmd[cmd.Index()]
		calls += st.calls.Load()
		nanos += st.nanos.Load()
	}
	return calls, nanos
}

// SnapshotSteps takes a snapshot that goes nowhere, and tells how long every
// shard was locked for the cut, and one shard for the longest step, by a clock.
func (e *Engine) SnapshotSteps(clock func() int64) (cut, longest int64, entries int) {
	r := &snapshotRun{e: e, parts: make([]shardPart, len(e.shards)), free: make(chan *SnapshotBatch, keptBatches)}
	r.emit = func(b *SnapshotBatch) error { entries += b.n; return nil }
	e.Freeze(func() {
		began := clock()
		if err := r.begin(nil); err != nil {
			panic(err)
		}
		cut = clock() - began
	})
	defer e.snaps.run.Store(nil)
	defer r.end()
	for at := range r.parts {
		for over := false; !over; {
			var out []*SnapshotBatch
			began := clock()
			out, over = r.step(at)
			longest = max(longest, clock()-began)
			_ = r.give(at, out) // emit has no errors
		}
	}
	return cut, longest, entries
}

// Leaving reports whether there are dictionaries, and large values' spans, that are still to be given back, and
// whether a step of that is due.
func (e *Engine) Leaving() (dicts, spans, due bool) {
	l := &e.leaving
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.dicts) > 0, e.spans.GiveBack(0), l.due
}

// WaitersOf counts the clients in the queue of a key of database 0.
func (e *Engine) WaitersOf(key string) (n int) {
	e.Freeze(func() {
		if q := e.shards[e.shardIndex([]byte(key))].queue.of[waitKey{0, key}]; q != nil {
			n = q.waiters.Len()
		}
	})
	return n
}

// ShardOf is the number of the shard in which key lies.
func (e *Engine) ShardOf(key string) int { return int(e.shardIndex([]byte(key))) }

// LockShard locks a shard, as another command does, until unlock is called.
func (e *Engine) LockShard(i int) (unlock func()) {
	e.shards[i].mu.Lock()
	return e.shards[i].mu.Unlock
}

// Names of the kernel's own.
const (
	SpaceYes  = spaceYes
	ReplySkip = replySkip
)

// ErrMaxCopied is errMaxCopied.
var ErrMaxCopied = errMaxCopied

// EvictAsAsked is evictAsAsked.
func (e *Engine) EvictAsAsked() space { return e.evictAsAsked() }

// UsedMemory is usedMemory.
func (e *Engine) UsedMemory() int64 { return e.usedMemory() }

// Watching is how many keys are watched, once for each transaction.
func (e *Engine) Watching() int64 {
	var listed int64
	for i := range e.shards {
		for _, list := range e.shards[i].watched {
			listed += int64(len(list))
		}
	}
	if e.watching.Load() != listed || e.caring.Load() != listed+e.trackers.Load()+int64(e.monitors.n.Load()) {
		panic("engine: the count of watched keys is wrong")
	}
	return listed
}
