// Package persist is what turns the keyspace into files and streams, and back:
// the log that is opened and loaded, snapshots (dump.rdb, the base of the log,
// backups, full copies for followers), and the schedule by which they are made.
//
// It does not know how other nodes are reached, which node leads, or when a reply may
// leave: what it must ask of them is in Others, and what concerns them it tells by
// the functions in Options and Trouble.
//
// Invariants:
//
//   - A file has its name only when all of it is durable: a crash leaves the old
//     one or the new one.
//   - What another node may still cut off is in no file that somebody counts on
//     (settled).
//   - One job of each kind at a time, and the keyspace is walked by one of them, for as
//     long as this machine needs: no reader of a connection holds up the next one.
package persist

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"

	"regent/aof"
	"regent/aof/disk"
	"regent/engine"
	"regent/engine/config"
	"regent/node/backlog"
)

// Options for New.
type Options struct {
	Config *config.Config
	Host   engine.Host
	// Cores is how many goroutines load data.
	Cores int
	// Disk is the file system; nil is the operating system's.
	Disk disk.FS
	// Joined says that the directory is one of a node of a cluster: its data is
	// the cluster's, and no file of its own stands in for it.
	Joined bool
	// Witness says that this node has the log and no keyspace (witness.go).
	Witness bool
	// History is aof.Options'.
	History int64
	// Replaced is called when the keyspace is thrown away to be loaded anew, and
	// when it has been: a reply that waits for what it held waits for nothing.
	Replaced func()
}

// Trouble is what the log reports, see aof.Options.
type Trouble struct {
	Moved     func()
	Failed    func(error)
	Recovered func()
	NoSpace   func(error)
	SpaceBack func()
	// Ended says that no log is kept any more: nothing waits for it, and it is in no trouble.
	Ended func()
}

// Others are the nodes that have a say in what is committed.
type Others interface {
	// AtRest calls f while the keyspace does not follow the log by itself; f's
	// argument tells how far it has.
	AtRest(f func(reached func() (off int64, ok bool)))
	// Committed is the offset that no other leader can cut off any more.
	Committed() int64
}

// Data is one node's data in its files.
type Data struct {
	o         Options
	cfg       *config.Config
	host      engine.Host
	disk      disk.FS
	engine    *engine.Engine
	kept      atomic.Pointer[aof.Log]     // the log, nil: none is kept, see switch.go
	pastLogs  atomic.Int64                // where the last one has ended
	backlog   atomic.Pointer[backlog.Log] // the one in memory, nil: there is none, see backlog.go
	noBacklog atomic.Bool                 // none begins, for one on disk does
	trouble   Trouble
	others    Others // nil: alone
	keeper    *keeper
	backups   backups
	spools    atomic.Int64 // that were made, for their files' names
	loads     slowness
	saves     slowness
	from      string      // where the data was found; "": nowhere
	followed  atomic.Bool // the others have a say
}

// New makes the data of a node, before its log is open and its engine made.
func New(o Options) *Data {
	d := &Data{o: o, cfg: o.Config, host: o.Host, disk: o.Disk, backups: newBackups()}
	d.loads.per, d.saves.per = &d.cfg.KeyLoadDelay, &d.cfg.RdbKeySaveDelay
	if d.disk == nil {
		d.disk = disk.OS{}
	}
	d.keeper = newKeeper(d)
	return d
}

// Attach names the engine that holds the data.
func (d *Data) Attach(e *engine.Engine) {
	d.engine = e
	e.AddInfo(engine.InfoSection{Name: "Persistence", Default: true, Write: d.keeper.info})
	e.AddInfo(d.backlogInfo())
}

// Log is the log on disk, nil where none is kept. CONFIG SET appendonly changes it.
func (d *Data) Log() *aof.Log { return d.kept.Load() }

// With names the other nodes. While the data is loaded they have no say: it is
// what this node brings along. They have once Follow is called.
func (d *Data) With(others Others) { d.others = others }

// Follow says that the cluster runs, or that the node serves alone.
func (d *Data) Follow() { d.followed.Store(d.others != nil) }

// LogDir is the directory of the log's files.
func (d *Data) LogDir() string {
	return filepath.Join(d.cfg.Dir.Get(), d.cfg.AppendDirname.Get())
}

// logOptions are for a log that nobody depends on.
func (d *Data) logOptions() aof.Options {
	nothing := func(error) {}
	return aof.Options{
		Dir: d.LogDir(), Name: d.cfg.AppendFilename.Get(), Host: d.host, Disk: d.disk,
		Fsync: d.cfg.AppendFsync.Get, LoadTruncated: d.cfg.AofLoadTruncated.Get,
		Failed: nothing, Recovered: func() {}, NoSpace: nothing, SpaceBack: func() {},
		LoadBase: func(b *aof.Base) error { b.Used = b.Size; return nil }, History: d.o.History,
	}
}

// OpenLog takes the log's directory, if there is to be a log, and sweeps what
// saves that were killed have left.
func (d *Data) OpenLog(t Trouble) error {
	if err := d.checkRole(); err != nil {
		return err
	}
	d.sweepSaves()
	d.trouble = t
	if !d.cfg.AppendOnly.Get() {
		return nil
	}
	o := d.logOptions()
	o.Moved, o.Failed, o.NoSpace, o.SpaceBack = t.Moved, t.Failed, t.NoSpace, t.SpaceBack
	o.Recovered = func() {
		t.Recovered()
		d.keeper.mended()
	}
	o.LoadBase = d.loadBase
	o.Alone = func() bool { return d.others == nil }
	log, err := aof.Open(o)
	if err != nil {
		return fmt.Errorf("can't open the append only log: %w", err)
	}
	d.kept.Store(log)
	d.keeper.wanted = true
	return nil
}

// Load brings the data from the disk: the log, or a dump where there is none.
func (d *Data) Load(ctx context.Context) error {
	err := d.loadLog(ctx)
	if err == nil {
		err = d.loadDump(ctx)
	}
	if err != nil {
		d.tellDamage(err)
		return err
	}
	d.blank(ctx)
	d.keeper.begun()
	if d.from == "" {
		d.host.Logf(engine.LevelNotice, "Starting without data: there is none in %s", d.cfg.Dir.Get())
		return nil
	}
	d.host.Logf(engine.LevelNotice, "Loaded %d keys from %s", d.engine.Keys(), d.from)
	return nil
}

// Rebuild throws the keyspace away and loads the log up to an offset: what a
// deposed leader does with what it ran ahead.
func (d *Data) Rebuild(upto int64) error {
	if d.o.Witness {
		return nil
	}
	a := d.engine.NewApplier()
	if d.cfg.SkipUnknownTypes.Get() {
		a.PassOver() // the start has told of them
	}
	return d.loadAnew(upto, applyWith(a))
}

// loadAnew replaces the keyspace by what the log holds up to an offset.
func (d *Data) loadAnew(upto int64, apply func(db int, args [][]byte) error) error {
	d.engine.LoadProgress(0, 0)
	return d.replace(upto, false, func() error { return d.Log().LoadUpTo(upto, apply) })
}

func applyWith(a *engine.Applier) func(db int, args [][]byte) error {
	return func(db int, args [][]byte) error {
		if a.DB() != db {
			a.SetDB(db)
		}
		return a.Apply(args)
	}
}

// End gives up the jobs that run, and waits for their ends.
func (d *Data) End() { d.keeper.end() }

// CloseLog writes and syncs what there is, and lets go of the directory.
func (d *Data) CloseLog() {
	log := d.Log()
	if log == nil {
		return
	}
	if err := log.Close(); err != nil {
		d.host.Logf(engine.LevelWarning, "The append only log was not closed cleanly: %v", err)
	}
}

// Tick begins what is due. It is called regularly once the data is loaded.
func (d *Data) Tick() { d.keeper.tick() }

// LastSave is FinalSave, if there are save points.
func (d *Data) LastSave() error {
	if d.o.Witness {
		return nil
	}
	return d.keeper.lastSave()
}

// FinalSave saves at the end. Writes are held from then on, unless it fails.
func (d *Data) FinalSave() error {
	if d.o.Witness {
		return nil
	}
	return d.keeper.finalSave()
}

// SavesAtEnd reports whether there are save points.
func (d *Data) SavesAtEnd() bool { return len(d.cfg.Save.Get()) > 0 && !d.o.Witness }

// Save is SAVE: it returns when the data is saved. giveUp ends one that is under
// way first; without it the error is engine.ErrSaving then.
func (d *Data) Save(giveUp bool) error {
	if d.o.Witness {
		return errWitness
	}
	return d.keeper.saveNow(giveUp)
}

// GiveUpSave ends a BGSAVE that is under way: what it would save is wanted no more.
func (d *Data) GiveUpSave() { d.keeper.giveUpSave() }

// SaveSoon is BGSAVE.
func (d *Data) SaveSoon(afterwards bool) engine.Job { return d.keeper.askSave(afterwards) }

// Rewrite is BGREWRITEAOF.
func (d *Data) Rewrite() engine.Job { return d.keeper.askRewrite() }

// backlogInfo continues INFO's section Replication with what a follower may
// resume from. Redis keeps that in memory and forgets it; here it is the log on
// disk, all of it since its first byte, so its size is what is there, or as in Redis where none is kept.
func (d *Data) backlogInfo() engine.InfoSection {
	return engine.InfoSection{Name: "Replication", Default: true, Write: func(w *engine.InfoWriter) {
		stream, size := d.Followed(), d.cfg.ReplBacklogSize.Get()
		if stream == nil { // as in redis-server, where nobody has followed yet
			w.Bool("repl_backlog_active", false)
			for _, name := range []string{"repl_backlog_size", "repl_backlog_first_byte_offset", "repl_backlog_histlen"} {
				w.Int(name, 0)
			}
			return
		}
		start, end := stream.Start(), stream.End()
		if d.Log() != nil {
			size = end - start
		}
		w.Bool("repl_backlog_active", true)
		w.Int("repl_backlog_size", size)
		w.Int("repl_backlog_first_byte_offset", start+1) // Redis counts from 1
		w.Int("repl_backlog_histlen", end-start)
	}}
}
