package engine

import "sync/atomic"

// What goes between this node and those that follow, for INFO: the other nodes and replicas
// that are no nodes. Clients' traffic is apart from it, as in Redis.
type replicated struct {
	in, out                atomic.Int64 // bytes
	full, partial, refused atomic.Int64 // synchronizations
}

// A Sync is how a follower's synchronization began.
type Sync uint8

// The kinds of it, as INFO's sync_full, sync_partial_ok and sync_partial_err count them.
const (
	SyncFull    Sync = iota // it gets all of the data
	SyncPartial             // it goes on in the log
	SyncRefused             // it asked to go on where it cannot; SyncFull follows
)

// CountSync counts a synchronization.
func (e *Engine) CountSync(kind Sync) {
	r := &e.stats.replicated
	switch kind {
	case SyncFull:
		r.full.Add(1)
	case SyncPartial:
		r.partial.Add(1)
	case SyncRefused:
		r.refused.Add(1)
	}
}

// CountReplInput counts bytes of the log or of a full copy that came from a leader.
func (e *Engine) CountReplInput(bytes int) { e.stats.replicated.in.Add(int64(bytes)) }

// CountReplOutput counts bytes of the log or of a full copy that were sent.
func (e *Engine) CountReplOutput(bytes int) { e.stats.replicated.out.Add(int64(bytes)) }

func (r *replicated) reset() {
	for _, n := range []*atomic.Int64{&r.in, &r.out, &r.full, &r.partial, &r.refused} {
		n.Store(0)
	}
}
