package repl

import (
	"errors"
	"sync/atomic"

	"regent/aof/disk"
	"regent/engine"
)

const (
	// applySlice is how much is applied before others get a turn, in bytes.
	applySlice = 1 << 20
	// quickSlice is how much Quickly applies at most, in bytes: what many clients
	// write in ackDelay with one command at a time.
	quickSlice = 64 << 10
)

// An Applier carries the records of this node's own log into its keyspace, in
// order and up to where it is told. Its methods may be called from any
// goroutine; one at a time works.
type Applier struct {
	engine *engine.Engine
	stream engine.Stream
	at     atomic.Int64

	blank bool // nothing is applied, since this node has no keyspace

	awaited atomic.Int64  // somebody waits until this offset is applied
	moved   chan struct{} // and more has been

	mu    disk.Gate // while the keyspace is replaced, for as long as that takes
	walk  *walker
	apply *engine.Applier
	quick bool  // what would have to wait is left
	bad   error // the first record that could not be applied: nothing follows it
}

// NewApplier returns an applier for a keyspace that holds the log up to at,
// where database db is selected.
func NewApplier(e *engine.Engine, s engine.Stream, at int64, db int) *Applier {
	a := &Applier{engine: e, stream: s, moved: make(chan struct{}, 1), mu: disk.NewGate()}
	a.Reset(at, db)
	return a
}

// NewBlankApplier returns an applier of a node that has the log and no keyspace: it keeps
// account of what is committed, and carries nothing out.
func NewBlankApplier(e *engine.Engine, s engine.Stream, at int64) *Applier {
	a := NewApplier(e, s, at, 0)
	a.blank = true
	return a
}

// Applied is the offset that the keyspace has reached.
func (a *Applier) Applied() int64 { return a.at.Load() }

// Await leaves a word on the channel, always the same one, now and whenever more
// has been applied, until that is off.
func (a *Applier) Await(off int64) <-chan struct{} {
	for {
		old := a.awaited.Load()
		if off <= old || a.awaited.CompareAndSwap(old, off) {
			break
		}
	}
	a.tell()
	return a.moved
}

func (a *Applier) tell() {
	select {
	case a.moved <- struct{}{}:
	default:
	}
}

// Failed reports whether the keyspace can't be trusted any more.
func (a *Applier) Failed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.bad != nil
}

// AtRest calls f while nothing is applied.
func (a *Applier) AtRest(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

// Reset tells that the keyspace now holds the log up to at.
func (a *Applier) Reset(at int64, db int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.walk != nil {
		a.walk.close()
	}
	a.begin(at, db)
}

func (a *Applier) begin(at int64, db int) {
	a.walk, a.apply, a.bad = newWalker(a.stream, at), a.engine.NewApplier(), nil
	a.apply.SetDB(db)
	a.walk.foresee = a.foresee
	a.at.Store(at)
}

// foresee has what is about to be applied in the cache by then.
func (a *Applier) foresee(ahead []parsed) {
	if !a.engine.ForesightPays() {
		return
	}
	for _, r := range ahead {
		if len(r.args) > 0 {
			a.apply.Foresee(r.args)
		}
	}
	a.apply.Fetch()
}

// Cut tells that the log was cut: nothing that was read ahead is valid. It gives
// the reader back, until more is applied.
func (a *Applier) Cut() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.walk.close()
}

// A Suspended applier applies nothing, while its keyspace is replaced, until
// one of its methods is called.
type Suspended struct{ a *Applier }

// Suspend waits for the slice at hand and stops the applier.
func (a *Applier) Suspend() Suspended {
	a.mu.Lock()
	a.walk.close()
	return Suspended{a}
}

// Keep goes on with the keyspace as it was.
func (s Suspended) Keep() { s.a.mu.Unlock() }

// Replaced goes on with a keyspace that holds the log up to at.
func (s Suspended) Replaced(at int64, db int) {
	s.a.begin(at, db)
	s.a.mu.Unlock()
}

// Lost ends it for good: the keyspace cannot be trusted.
func (s Suspended) Lost() {
	s.a.bad = errReplaced
	s.a.mu.Unlock()
}

// errReplaced says that a keyspace was replaced in part.
var errReplaced = errors.New("the keyspace was not replaced as a whole")

// To applies what is not applied yet up to limit. Between slices Reset and Cut
// get their turn; go on is asked before each. An error means that this node's
// keyspace cannot be trusted any more.
func (a *Applier) To(limit int64, goOn func() bool) error {
	for goOn() {
		more, err := a.slice(limit)
		if !more || err != nil {
			return err
		}
	}
	return nil
}

// Quickly applies what it can up to limit without waiting for anybody, if it is not much,
// and reports whether that was all. What is left, and what went wrong, is To's.
func (a *Applier) Quickly(limit int64) (all bool) {
	if limit-a.at.Load() > quickSlice || !a.mu.TryLock() {
		return false
	}
	defer a.mu.Unlock()
	if a.bad != nil {
		return false
	}
	if a.walk.at >= limit {
		return true
	}
	a.quick = true
	a.walkTo(limit, quickSlice)
	a.quick = false
	return a.walk.at >= limit
}

func (a *Applier) slice(limit int64) (more bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.bad != nil {
		return false, a.bad
	}
	if a.walk.at >= limit {
		return false, nil
	}
	return a.walkTo(limit, applySlice), a.bad
}

// walkTo applies a slice. The caller holds mu.
func (a *Applier) walkTo(limit, slice int64) (more bool) {
	before := a.walk.at
	if a.blank {
		a.walk.at = limit
	} else {
		more, a.bad = a.walk.to(limit, slice, a.record)
	}
	a.at.Store(a.walk.at)
	if a.awaited.Load() > before {
		a.tell()
	}
	return more
}

func (a *Applier) record(args [][]byte) error {
	db, is, err := selects(args, a.engine.Config.Databases.Get())
	if is {
		if err == nil {
			a.apply.SetDB(db)
		}
		return err
	}
	if a.quick {
		done, err := a.apply.ApplyNow(args)
		if err == nil && !done {
			err = errLater
		}
		return err
	}
	return a.apply.Apply(args)
}
