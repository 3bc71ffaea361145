package persist

import (
	"context"
	"errors"
	"io"
	"sync"

	"regent/aof"
	"regent/engine"
	"regent/engine/rdb"
)

// CONFIG SET appendonly: a node without peers begins to keep its log while it runs, or ends that.
//
//	off ──yes──► wanted ──► begun: a snapshot, and the stream behind it ──► kept
//	 ▲             ▲  '── a save or a rewrite runs     │
//	 │             '──────── it failed: after a pause ─┤
//	 '───no────────────────────────────────────────────┴─────────────────── no
//
// As in redis-server the log counts from the moment at which its base is there: a restart before
// finds what was in the directory (aof/anew.go). Replies wait for it as soon as it is begun, so all
// that was acknowledged since the snapshot's cut is in it when it counts.
//
// From no on nothing waits any more: what was written until then is synced before the reply.

var errEnds = errors.New("the server ends")

// KeepLog is engine.Control's.
func (d *Data) KeepLog(on bool) error {
	k := d.keeper
	k.switching.Lock()
	defer k.switching.Unlock()
	if on {
		return k.wantLog()
	}
	return k.dropLog()
}

// wantLog begins the log, or has it follow what runs. The caller holds switching.
func (k *keeper) wantLog() error {
	k.mu.Lock()
	switch {
	case k.ended:
		k.mu.Unlock()
		return errEnds
	case k.wanted:
		k.mu.Unlock()
		return nil
	case k.rewrite.running || k.save.running:
		k.wanted, k.rewrite.scheduled = true, true
		k.mu.Unlock()
		k.d.host.Logf(engine.LevelNotice, "AOF was enabled but there is already another background operation. An AOF background was scheduled to start when possible.")
		return nil
	}
	k.switches = true
	k.mu.Unlock()
	first, err := k.d.openAnew()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.switches = false
	if err == nil && k.ended {
		err = errors.Join(errEnds, first.log.Discard())
	}
	if err != nil {
		k.d.host.Logf(engine.LevelWarning, "The append only log can't be begun: %v", err)
		return err
	}
	k.wanted = true
	k.begin(&k.rewrite, beginning, func(ctx context.Context) error { return k.d.beginLog(ctx, first) })
	return nil
}

// beginning is what a job does that begins the log.
const beginning = "Background append only file rewriting, with which the log begins,"

// dropLog ends the log. The caller holds switching.
func (k *keeper) dropLog() error {
	k.mu.Lock()
	if k.ended {
		k.mu.Unlock()
		return errEnds
	}
	var over chan struct{}
	if k.rewrite.running && k.wanted {
		k.d.host.Logf(engine.LevelNotice, "Ending the rewrite of the log that is under way: appendonly is no")
		k.rewrite.cancel()
		over = k.rewrite.done
	}
	k.wanted, k.rewrite.scheduled, k.switches = false, false, true
	k.mu.Unlock()
	if over != nil {
		<-over
	}
	if log := k.d.Log(); log != nil {
		k.d.endLog(log)
	}
	k.mu.Lock()
	k.switches = false
	k.mu.Unlock()
	return nil
}

// A trial is a log that is begun. What it reports is the server's trouble from the moment it counts.
type trial struct {
	log    *aof.Log
	t      Trouble
	mu     sync.Mutex
	counts bool
	wrong  error       // why it cannot
	giveUp func(error) // nil: nobody works at it yet
}

// report calls f, or ends the trial where err is not nil.
func (r *trial) report(f func(error), err error) {
	r.mu.Lock()
	counts, giveUp := r.counts, r.giveUp
	if !counts && err != nil {
		r.wrong = err
	}
	r.mu.Unlock()
	switch {
	case counts:
		f(err)
	case err != nil && giveUp != nil:
		giveUp(err)
	}
}

// count has the log count, unless it is in trouble already.
func (r *trial) count() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts = r.wrong == nil
	return r.wrong
}

// openAnew opens a log that is to be begun.
func (d *Data) openAnew() (*trial, error) {
	r := &trial{t: d.trouble}
	o := d.logOptions()
	o.LoadBase = d.loadBase
	o.Alone = func() bool { return true }
	o.Moved = r.t.Moved
	o.Failed = func(err error) { r.report(r.t.Failed, err) }
	o.NoSpace = func(err error) { r.report(r.t.NoSpace, err) }
	o.SpaceBack = func() { r.report(func(error) { r.t.SpaceBack() }, nil) }
	o.Recovered = func() {
		r.report(func(error) { r.t.Recovered(); d.keeper.mended() }, nil)
	}
	d.barBacklog()
	var err error
	if r.log, err = aof.OpenAnew(o, max(d.pastLogs.Load(), d.engine.Changes())); err != nil {
		d.noBacklog.Store(false)
	}
	return r, err
}

// beginLog writes the base of a log that is begun, from whose cut on the engine writes to it; nil: it
// is to be opened.
func (d *Data) beginLog(ctx context.Context, r *trial) (err error) {
	if r == nil {
		if r, err = d.openAnew(); err != nil {
			return err
		}
	}
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	r.mu.Lock()
	r.giveUp = giveUp
	wrong := r.wrong
	r.mu.Unlock()
	if wrong != nil {
		giveUp(wrong)
	}
	at := aof.Place{Offset: r.log.Stream().End()}
	cut := func(int64) (*rdb.Place, error) {
		d.kept.Store(r.log)
		d.engine.SetLog(r.log.Recorder())
		return rdbPlace(at.Offset, nil), nil
	}
	format := d.baseFormat()
	err = r.log.Establish(ctx, format, func(w io.Writer) error { return d.writeBase(ctx, w, format, cut) })
	if err == nil {
		err = r.count()
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		d.release(r.log)
		_ = r.log.Discard() // nobody counts on it
		d.forget()
		return err
	}
	d.SayWhatIsKept()
	return nil
}

// release has the engine write to no log any more.
func (d *Data) release(log *aof.Log) {
	rec := log.Recorder()
	_ = log.Seal(rec.End()) // most of it before everybody waits
	d.engine.Freeze(func() {
		if d.Log() != log {
			return
		}
		rec.Return(rec.End())
		d.engine.SetLog(nil)
	})
	d.pastLogs.Store(max(d.pastLogs.Load(), rec.End()))
}

// forget says that there is no log any more.
func (d *Data) forget() {
	d.kept.Store(nil)
	d.noBacklog.Store(false)
	d.trouble.Ended()
}

// endLog writes and syncs what there is, and lets go of the log.
func (d *Data) endLog(log *aof.Log) {
	d.release(log)
	if err := log.Close(); err != nil {
		d.host.Logf(engine.LevelWarning, "The append only log was not closed cleanly: %v", err)
		d.trouble.Failed(err) // waiting clients are told
	}
	d.forget()
	d.SayWhatIsKept()
}
