package engine

import (
	"fmt"
	"sort"

	"regent/engine/decimal"
	"regent/engine/dict"
)

// PutObject stores a value of a type other than string, and Dump shows the
// keyspace: tests outside the package need both.

// PutObject stores o at key in database 0.
func (e *Engine) PutObject(key string, o Object) {
	e.Freeze(func() { e.dictOf(0, []byte(key)).Put([]byte(key), ObjectValue(o), 0) })
}

// ShowObject shows an object by the commands that make it.
func ShowObject(o Object) string {
	if show, ok := o.(fmt.Stringer); ok {
		return show.String()
	}
	if o.TypeName() == "set" { // its members, in order
		var members []string
		_ = o.Commands([]byte("key"), func(args ...[]byte) error { // emit has no errors
			for _, m := range args[2:] {
				members = append(members, string(m))
			}
			return nil
		})
		sort.Strings(members)
		return fmt.Sprintf("set %q", members)
	}
	show := ""
	_ = o.Commands([]byte("key"), func(args ...[]byte) error {
		show += fmt.Sprintf("%q", args)
		return nil
	})
	return show
}

// Dump lists every key with its database, value and expiry, in order.
// Encodings are left out: INCRBYFLOAT's results have another one when they
// come out of the log, as with Redis.
func (e *Engine) Dump() (lines []string) {
	e.Freeze(func() {
		for db := range e.databases() {
			e.eachKey(db, func(en Entry) bool {
				v := en.Value()
				var buf [decimal.MaxLen]byte
				what := fmt.Sprintf("%q", Text(v, &buf))
				if v.Kind == dict.Object {
					what = ShowObject(v.Obj.(Object))
				}
				lines = append(lines, fmt.Sprintf("%d %q %v %d", db, en.Key(), what, en.ExpireAt()))
				return true
			})
		}
	})
	sort.Strings(lines)
	return lines
}

// DBSize is dbSize, and ExpiresIn expiresIn, with everything locked.
func (e *Engine) DBSize(db int) (keys, expires int64) {
	e.Freeze(func() { keys, expires = e.dbSize(db), e.expiresIn(db) })
	return keys, expires
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

// WaitersOf counts who stands in the queue of a key of database 0.
func (e *Engine) WaitersOf(key string) (n int) {
	e.Freeze(func() {
		if q := e.shards[e.shardIndex([]byte(key))].queue.of[waitKey{0, key}]; q != nil {
			n = q.waiters.Len()
		}
	})
	return n
}

// Misweighed lists the keys whose objects the dictionaries do not count as large as
// they are, or that are empty and still there.
func (e *Engine) Misweighed() (keys []string) {
	e.Freeze(func() {
		for db := range e.databases() {
			e.eachKey(db, func(en Entry) bool {
				if v := en.Value(); v.Kind == dict.Object {
					if o := v.Obj.(Object); o.Bytes() != v.Weight || o.Len() == 0 {
						keys = append(keys, string(en.Key()))
					}
				}
				return true
			})
		}
	})
	return keys
}

// ShardOf is the number of the shard in which key lies.
func (e *Engine) ShardOf(key string) int { return int(e.shardIndex([]byte(key))) }

// LockShard locks a shard, as another command does, until unlock is called.
func (e *Engine) LockShard(i int) (unlock func()) {
	e.shards[i].mu.Lock()
	return e.shards[i].mu.Unlock
}
