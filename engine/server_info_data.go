package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"regent/engine/spec"
)

// INFO's sections about commands and data: Commandstats, Errorstats and
// Keyspace.

func (r *infoRun) commandstats(w *InfoWriter) {
	for _, cmd := range r.e.table.spec.All() {
		r.commandstat(w, cmd)
	}
}

// commandstat is a line for a command that was ever called.
func (r *infoRun) commandstat(w *InfoWriter, cmd *spec.Command) {
	calls, nanos, rejected, failed := r.e.stats.command(cmd.Index())
	if calls+rejected+failed > 0 {
		w.Str("cmdstat_"+cmd.FullName(), fmt.Sprintf("calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d",
			calls, nanos/1000, ratio(nanos, calls)/1000, rejected, failed))
	}
}

func (r *infoRun) errorstats(w *InfoWriter) {
	_, kinds := r.e.stats.errors.counts()
	words := make([]string, 0, len(kinds))
	for word := range kinds {
		words = append(words, word)
	}
	slices.Sort(words)
	// A code word may be a client's own (DEBUG ERROR): it must not end the
	// name or the line.
	safe := strings.NewReplacer("#", "_", ":", "_", "\r", "_", "\n", "_")
	for _, word := range words {
		w.Str("errorstat_"+safe.Replace(word), "count="+strconv.FormatInt(kinds[word], 10))
	}
}

// A dbSum is what INFO tells of a database.
type dbSum struct {
	keys, expires int64
	lives         float64 // ms: the sum of the times that the keys still have to live
}

// ttlSamples is how many of a dictionary's keys that expire are looked at for
// avg_ttl, as Redis estimates it.
const ttlSamples = 8

// keyspace counts shard by shard: the sum may be of slightly different
// moments, and nobody is held up.
func (r *infoRun) keyspace(w *InfoWriter) {
	dbs := make([]dbSum, r.e.databases())
	for i := range r.e.shards {
		r.countShard(&r.e.shards[i], dbs)
	}
	for db, sum := range dbs {
		if sum.keys == 0 {
			continue
		}
		ttl := int64(0)
		if sum.expires > 0 {
			ttl = int64(sum.lives / float64(sum.expires))
		}
		w.Str("db"+strconv.Itoa(db), fmt.Sprintf("keys=%d,expires=%d,avg_ttl=%d", sum.keys, sum.expires, ttl))
	}
}

func (r *infoRun) countShard(s *shard, dbs []dbSum) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for db, d := range s.dbs {
		if d == nil {
			continue
		}
		sum := &dbs[db]
		sum.keys += int64(d.Len())
		n := d.Expires()
		if n == 0 {
			continue
		}
		sum.expires += int64(n)
		left := 0.0
		for range ttlSamples {
			left += float64(max(d.ExpireAt(d.RandomExpiring(r.e.host.Rand))-r.now, 0))
		}
		sum.lives += left / ttlSamples * float64(n)
	}
}
