package persist

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"regent/aof"
	"regent/engine"
	"regent/engine/rdb"
)

// The keeper runs what makes files of the data in the background: rewrites of the
// log and saves. One job of each kind at a time; a rewrite that is asked for while
// a save runs waits for it, and the other way round, as in Redis. That the
// keyspace is walked by one of them at a time the engine sees to.
//
//	BGREWRITEAOF ─┐                        ┌─► rewrite: aof.Rewrite(snapshot)
//	the log grew  ├─► scheduled ─► tick ───┤
//	the log failed┘                        └─► save: temp file, rename
//	BGSAVE, save points ─┘
type keeper struct {
	d      *Data
	ctx    context.Context // of all jobs
	cancel context.CancelFunc
	wg     sync.WaitGroup

	switching sync.Mutex // CONFIG SET appendonly is carried out; before mu

	mu       sync.Mutex
	ended    bool
	wanted   bool // a log is to be kept
	switches bool // the log is being begun or ended: no rewrite begins
	rewrite  job
	save     job
	saved    int64 // Engine.Changes at the cut of the last save
	loaded   int64 // keys of the RDB file that the start has loaded
	expired  int64 // of those, past their time then
	probe    int64 // wall ms before which a failed log is not tried again
	pause    time.Duration
}

// A job is what is known of one kind of job.
type job struct {
	running   bool
	scheduled bool
	asked     bool               // by SAVE or at the end, whose caller is told how it went
	cancel    context.CancelFunc // of the running one
	done      chan struct{}      // closed when the running one has ended
	began     int64              // Ticks, ns
	took      time.Duration      // of the last, -1: there was none
	failed    bool               // the last
	givenUp   bool               // it was not wanted any more, and has not failed by itself
	inRow     int64              // failures
	notBefore int64              // wall ms before which it is not begun by itself
	count     int64
	held      int64 // bytes that the last snapshot held at most
}

// Limits of what the keeper tries by itself.
const (
	// retryFirst and retryLast bound the pause after a rewrite that failed; it
	// doubles from one to the next.
	retryFirst = 10 * time.Second
	retryLast  = time.Hour
	// retrySave is the pause after a save that failed (CONFIG_BGSAVE_RETRY_DELAY):
	// writes may be refused until one succeeds.
	retrySave = 5 * time.Second
	// probeFirst and probeLast bound the pause between two looks whether the
	// disk of a log that failed works again.
	probeFirst = time.Second
	probeLast  = time.Minute
)

func newKeeper(d *Data) *keeper {
	k := &keeper{d: d, rewrite: job{took: -1}, save: job{took: -1}, pause: probeFirst}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	return k
}

// end gives up what runs and waits for its end.
func (k *keeper) end() {
	k.mu.Lock()
	k.ended = true
	k.mu.Unlock()
	k.cancel()
	k.wg.Wait()
}

// job is a context for something that ends with the keeper, and what to call at
// its end; nil: the keeper has ended.
func (k *keeper) job() (ctx context.Context, done func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended {
		return nil, nil
	}
	k.wg.Add(1)
	return k.ctx, k.wg.Done
}

// begun says that the data is loaded: what came from the disk is saved.
func (k *keeper) begun() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.saved = k.d.engine.Changes()
}

func (k *keeper) hasLoaded(keys, expired int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.loaded, k.expired = keys, expired
}

// lastSave is finalSave, if there are save points.
func (k *keeper) lastSave() error {
	if len(k.d.cfg.Save.Get()) == 0 {
		return nil
	}
	return k.finalSave()
}

// finalSave saves at the end. Writes are held from then on, unless it fails.
func (k *keeper) finalSave() error {
	k.d.engine.HoldWrites()
	k.d.host.Logf(engine.LevelNotice, "Saving the final RDB snapshot before exiting.")
	err := k.saveNow(true)
	if err != nil {
		k.d.engine.ReleaseWrites()
		k.d.host.Logf(engine.LevelWarning, "Error trying to save the DB, can't exit.")
	}
	return err
}

// begin starts a job; the caller holds mu.
func (k *keeper) begin(j *job, what string, work func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(k.ctx)
	j.running, j.scheduled, j.asked, j.cancel, j.done = true, false, false, cancel, make(chan struct{})
	j.began = k.d.host.Ticks()
	j.count++
	k.d.host.Logf(engine.LevelNotice, "%s started", what)
	k.wg.Go(func() {
		defer cancel()
		err := work(ctx)
		k.finish(j, what, err)
	})
}

func (k *keeper) finish(j *job, what string, err error) {
	k.mu.Lock()
	j.running = false
	j.took = time.Duration(k.d.host.Ticks() - j.began)
	j.failed, j.givenUp = err != nil, errors.Is(err, context.Canceled)
	_, j.held = k.d.engine.SnapshotUse()
	j.inRow++
	if err == nil {
		j.inRow = 0
	}
	pause := min(retryFirst<<min(max(j.inRow-1, 0), 16), retryLast)
	if j == &k.save {
		pause = retrySave
		if err == nil || !j.asked { // SAVE has told its client, and refuses nobody's writes
			k.d.engine.SaveFailed(err != nil && !errors.Is(err, context.Canceled))
		}
	}
	j.notBefore = 0
	if err != nil {
		j.notBefore = k.d.host.Now() + pause.Milliseconds()
	}
	close(j.done)
	took := j.took
	k.mu.Unlock()
	if err != nil {
		k.d.host.Logf(engine.LevelWarning, "%s failed after %.3f seconds: %v", what, took.Seconds(), err)
		return
	}
	k.d.host.Logf(engine.LevelNotice, "%s terminated with success in %.3f seconds", what, took.Seconds())
}

// askRewrite is BGREWRITEAOF.
func (k *keeper) askRewrite() engine.Job {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.ended:
		return engine.JobRefused
	case k.rewrite.running:
		return engine.JobRunning
	case k.save.running || k.switches:
		k.rewrite.scheduled = true
		return engine.JobScheduled
	}
	k.beginRewrite()
	return engine.JobStarted
}

// rewrites reports whether a rewrite runs.
func (k *keeper) rewrites() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rewrite.running
}

func (k *keeper) beginRewrite() {
	work := k.d.rewriteLog
	switch {
	case k.d.Log() == nil && k.wanted:
		k.begin(&k.rewrite, beginning, func(ctx context.Context) error { return k.d.beginLog(ctx, nil) })
		return
	case k.d.Log() == nil:
		work = k.d.writeLogAside
	case k.d.o.Witness:
		work = k.d.dropOld
	}
	k.begin(&k.rewrite, "Background append only file rewriting", work)
}

// askSave is BGSAVE.
func (k *keeper) askSave(afterwards bool) engine.Job {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.ended:
		return engine.JobRefused
	case k.save.running:
		return engine.JobRunning
	case k.rewrite.running && afterwards:
		k.save.scheduled = true
		return engine.JobScheduled
	case k.rewrite.running:
		return engine.JobBusy
	}
	k.beginSave()
	return engine.JobStarted
}

func (k *keeper) beginSave() {
	k.begin(&k.save, "Background saving", k.writeDump)
}

// writeDump saves, and remembers what was saved.
func (k *keeper) writeDump(ctx context.Context) error {
	m, err := k.d.saveFile(ctx)
	if err != nil {
		return err
	}
	k.d.engine.Saved(k.d.host.Now())
	k.mu.Lock()
	defer k.mu.Unlock()
	k.saved = m.changes
	return nil
}

// saveNow is SAVE: it returns when the data is saved. giveUp ends one that is
// under way first.
func (k *keeper) saveNow(giveUp bool) error {
	for {
		k.mu.Lock()
		switch {
		case k.ended:
			k.mu.Unlock()
			return context.Canceled
		case k.save.running && !giveUp:
			k.mu.Unlock()
			return engine.ErrSaving
		case !k.save.running:
			k.beginSave()
			k.save.asked = true
			done := k.save.done
			k.mu.Unlock()
			<-done
			return k.saveOutcome()
		}
		k.save.cancel()
		done := k.save.done
		k.mu.Unlock()
		<-done
	}
}

// giveUpSave ends a save for which nobody waits.
func (k *keeper) giveUpSave() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.save.running && !k.save.asked {
		k.save.cancel()
	}
}

var errSaveFailed = errors.New("the data was not saved, the log says why")

func (k *keeper) saveOutcome() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.save.failed {
		return errSaveFailed
	}
	return nil
}

// tick begins what is due.
func (k *keeper) tick() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended || k.switches || k.rewrite.running || k.save.running {
		return
	}
	now, log := k.d.host.Now(), k.d.Log()
	switch {
	case log != nil && log.Failing() != nil:
		k.mend(log, now)
	case k.rewrite.scheduled || now >= k.rewrite.notBefore && (log == nil && k.wanted || log != nil && k.grown(log)):
		k.beginRewrite()
	case k.d.o.Witness:
	case k.save.scheduled || now >= k.save.notBefore && k.saveDue(now):
		k.beginSave()
	}
}

// grown reports whether the log is to be rewritten because of its size.
func (k *keeper) grown(log *aof.Log) bool {
	percent, least := k.d.cfg.AutoAofRewritePercentage.Get(), k.d.cfg.AutoAofRewriteMinSize.Get()
	current, base := log.Sizes()
	if k.d.o.Witness {
		return current >= cmp.Or(k.d.o.History, aof.HistoryBytes)/witnessSteps
	}
	if percent == 0 || current <= least {
		return false
	}
	growth := current*100/max(base, 1) - 100
	if growth < percent {
		return false
	}
	k.d.host.Logf(engine.LevelNotice, "Starting automatic rewriting of AOF on %d%% growth", growth)
	return true
}

// saveDue looks at the save points.
func (k *keeper) saveDue(now int64) bool {
	points := k.d.cfg.Save.Get()
	if len(points) == 0 {
		return false
	}
	changes, ago := k.d.engine.Changes()-k.saved, time.Duration(now-k.d.engine.LastSave())*time.Millisecond
	for _, p := range points {
		if changes >= max(p.Changes, 1) && ago > p.After {
			k.d.host.Logf(engine.LevelNotice, "%d changes in %d seconds. Saving...", changes, int64(p.After/time.Second))
			return true
		}
	}
	return false
}

// mend looks whether the disk of a log that failed works, and if so has the log
// made anew. With peers that is not for this node to decide: what it executed may
// not be committed. It gets a full copy from the leader. The caller holds mu.
func (k *keeper) mend(log *aof.Log, now int64) {
	if k.d.others != nil || now < k.probe {
		return
	}
	k.probe = now + k.pause.Milliseconds()
	k.pause = min(2*k.pause, probeLast)
	k.begin(&k.rewrite, "Making the append only log anew", func(ctx context.Context) error {
		if err := log.Probe(); err != nil {
			return fmt.Errorf("the disk does not work: %w", err)
		}
		return k.d.rewriteLog(ctx)
	})
}

// mended begins a later failure with short pauses.
func (k *keeper) mended() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pause = probeFirst
}

// baseFormat is how a base is to be written.
func (d *Data) baseFormat() aof.Format {
	if d.cfg.AofUseRdbPreamble.Get() {
		return aof.FormatRDB
	}
	return aof.FormatCommands
}

// writeBase writes the keyspace at one moment as the base of a log.
func (d *Data) writeBase(ctx context.Context, w io.Writer, format aof.Format, where placed) error {
	if format == aof.FormatCommands {
		return d.writeCommands(ctx, w, where)
	}
	_, err := d.writeRDB(ctx, w, rdbUse{base: true, checksum: d.cfg.RdbChecksum.Get()}, where)
	return err
}

// rewriteLog replaces what the log holds by a base.
func (d *Data) rewriteLog(ctx context.Context) error {
	format := d.baseFormat()
	return d.Log().Rewrite(ctx, format, func(w io.Writer, cut func(at int64) (aof.Place, error)) error {
		return d.writeBase(ctx, w, format, func(at int64) (*rdb.Place, error) {
			p, err := cut(at)
			return rdbPlace(p.Offset, p.History), err
		})
	})
}

// writeLogAside makes a log of the data where none is kept (appendonly no): as
// Redis's BGREWRITEAOF, for a later start with appendonly yes. It replaces one
// that is there.
func (d *Data) writeLogAside(ctx context.Context) error {
	log, err := aof.OpenAnew(d.logOptions(), max(d.pastLogs.Load(), d.engine.Changes()))
	if err != nil {
		return err
	}
	at, format := aof.Place{Offset: log.Stream().End()}, d.baseFormat()
	where := func(int64) (*rdb.Place, error) { return rdbPlace(at.Offset, nil), nil }
	if err := log.Establish(ctx, format, func(w io.Writer) error { return d.writeBase(ctx, w, format, where) }); err != nil {
		return errors.Join(err, log.Discard())
	}
	return log.Close()
}

// info is the persistence section behind the engine's own part.
func (k *keeper) info(w *engine.InfoWriter) {
	k.mu.Lock()
	save, rewrite, saved, loaded, expired := k.save, k.rewrite, k.saved, k.loaded, k.expired
	k.mu.Unlock()
	w.Int("rdb_changes_since_last_save", k.d.engine.Changes()-saved)
	w.Bool("rdb_bgsave_in_progress", save.running)
	w.Int("rdb_last_save_time", k.d.engine.LastSave()/1000)
	status := "ok"
	if save.failed && !save.givenUp { // as in Redis
		status = "err"
	}
	w.Str("rdb_last_bgsave_status", status)
	last, now := int64(-1), int64(-1)
	if save.took >= 0 {
		last = int64(save.took / time.Second)
	}
	if save.running {
		now = (k.d.host.Ticks() - save.began) / int64(time.Second)
	}
	w.Int("rdb_last_bgsave_time_sec", last)
	w.Int("rdb_current_bgsave_time_sec", now)
	w.Int("rdb_saves", save.count)
	w.Int("rdb_last_cow_size", save.held)
	w.Int("rdb_last_load_keys_expired", expired)
	w.Int("rdb_last_load_keys_loaded", loaded-expired)
	log := k.d.Log()
	if log == nil {
		rewrite.write(w, k.d.host.Ticks())
		return
	}
	log.WriteInfo(w, rewrite.running, rewrite.scheduled)
	w.Int("aof_rewrites_consecutive_failures", rewrite.inRow)
	w.Int("aof_last_cow_size", rewrite.held)
}

// write is what the log says about its rewrites where there is none: BGREWRITEAOF
// makes one all the same.
func (j *job) write(w *engine.InfoWriter, now int64) {
	last, current, status := int64(-1), int64(-1), "ok"
	if j.took >= 0 {
		last = int64(j.took / time.Second)
	}
	if j.running {
		current = (now - j.began) / int64(time.Second)
	}
	if j.failed {
		status = "err"
	}
	w.Bool("aof_rewrite_in_progress", j.running)
	w.Bool("aof_rewrite_scheduled", j.scheduled)
	w.Int("aof_last_rewrite_time_sec", last)
	w.Int("aof_current_rewrite_time_sec", current)
	w.Str("aof_last_bgrewrite_status", status)
	w.Int("aof_rewrites", j.count)
	w.Int("aof_rewrites_consecutive_failures", j.inRow)
	w.Str("aof_last_write_status", "ok")
	w.Int("aof_last_cow_size", j.held)
}
