package engine

import (
	"regent/engine/dict"
	"regent/resp"
)

// The upkeep of the keyspace, called by the composition root a few times per
// second: deleting what has expired, and the dictionaries' own work. Shards
// are locked one at a time, for a bounded piece of work each.

// Limits of one turn in one shard.
const (
	// expireBatch is how many keys of one dictionary are deleted under one
	// lock.
	expireBatch = 64
	// maintainBuckets is how many buckets of one dictionary are moved under
	// one lock.
	maintainBuckets = 128
)

// expireScratch is what ExpireCycle needs, kept for one call.
type expireScratch struct {
	bytes []byte // the keys' bytes, one after the other
	ends  []int  // where each ends
	args  [][]byte
	eff   Effects
}

// ExpireCycle deletes up to limit keys that have expired, and returns how
// many. Only a leader whose lease holds does that: followers hide such keys
// until the leader's deletions arrive. A result of limit means that there may
// be more.
func (e *Engine) ExpireCycle(limit int) (deleted int) {
	began := e.host.Ticks()
	defer func() {
		took := e.host.Ticks() - began
		e.stats.expireNanos.Add(took)
		e.noteEvent(eventExpireCycle, took)
	}()
	e.limitTracked()
	now := e.host.Now()
	var sc expireScratch
	first := e.expireTurn.Add(1)
	for i := range uint32(len(e.shards)) {
		s := &e.shards[(first+i)&e.mask]
		for db := range e.databases() {
			for deleted < limit {
				want := min(expireBatch, limit-deleted)
				n := e.expireSome(s, db, now, want, &sc)
				if deleted += n; n < want {
					break
				}
			}
		}
	}
	return deleted
}

// expireSome deletes up to limit expired keys of one dictionary. Whether this
// node leads is asked inside the lock: roles change under Freeze.
func (e *Engine) expireSome(s *shard, db int, now int64, limit int, sc *expireScratch) int {
	if !e.lockShard(s) {
		return 0 // a script runs
	}
	defer s.mu.Unlock()
	d := s.dbs[db]
	if d == nil || d.Expires() == 0 || e.expireOff.Load() || e.pause.mode.Load() != pauseNone || !e.cluster.View().Leading || e.cluster.MustHold() {
		return 0
	}
	sc.collect(d, now, limit)
	if len(sc.args) == 1 {
		return 0
	}
	for _, key := range sc.args[1:] {
		d.Delete(key)
	}
	n := len(sc.args) - 1
	e.stripe(sc.args[1]).expired.Add(int64(n))
	var end int64
	if log := e.log(); log != nil {
		sc.eff.Buf = resp.AppendCommand(sc.eff.Buf[:0], sc.args...)
		sc.eff.Recs = append(sc.eff.Recs[:0], Effect{db, len(sc.eff.Buf)})
		end = log.Append(&sc.eff)
		s.marks.wrote(anyKey, end)
	}
	s.noteUsed() // after the record, see countKeys
	e.changed(s, db, end, sc.args[1:]...)
	for _, key := range sc.args[1:] {
		e.notify(eventExpired, "expired", db, key, end)
		e.lostOutside(s, db, key, end)
	}
	return n
}

// collect makes sc.args the DEL of up to limit expired keys. The keys are
// copied: deleting one may move the others.
func (sc *expireScratch) collect(d *dict.Dict, now int64, limit int) {
	sc.bytes, sc.ends = sc.bytes[:0], sc.ends[:0]
	d.Expired(now, limit, func(r dict.Ref) {
		sc.bytes = append(sc.bytes, d.Key(r)...)
		sc.ends = append(sc.ends, len(sc.bytes))
	})
	sc.args = append(sc.args[:0], []byte("DEL"))
	from := 0
	for _, end := range sc.ends {
		sc.args = append(sc.args, sc.bytes[from:end])
		from = end
	}
}

// Maintain does a bounded piece of the dictionaries' own work (growing,
// shrinking, giving memory back) and reports whether there is more.
func (e *Engine) Maintain() (more bool) {
	e.keepRoom()
	for i := range e.shards {
		s := &e.shards[i]
		if !e.lockShard(s) {
			return true // a script runs
		}
		for _, d := range s.dbs {
			if d != nil && d.Step(maintainBuckets) {
				more = true
			}
		}
		s.noteUsed()
		s.mu.Unlock()
	}
	return more
}
