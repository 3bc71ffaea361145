package persist

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"regent/aof"
	"regent/engine/rdb"
)

// Reload replaces the keyspace by what is on disk of it, for tests of what files
// hold (DEBUG RELOAD and LOADAOF). The caller holds writes, so that nothing is
// written meanwhile; clients get -LOADING. A node of a cluster is never reloaded:
// what its keyspace is depends on what is committed.

var errNotAlone = errors.New("a node of a cluster is not loaded anew by a command")

var (
	errNoLog     = errors.New("there is no append only log: appendonly is no")
	errRewriting = errors.New("the append only log is being rewritten")
)

// ReloadLog loads the log; where none is kept, that which BGREWRITEAOF or an earlier time has left.
func (d *Data) ReloadLog() error {
	d.keeper.switching.Lock()
	defer d.keeper.switching.Unlock()
	log := d.Log()
	switch {
	case d.others != nil:
		return errNotAlone
	case log == nil:
		return d.loadLogAside()
	}
	end := log.Stream().End()
	if err := log.Seal(end); err != nil {
		return fmt.Errorf("write the log: %w", err)
	}
	return d.Rebuild(end)
}

// loadLogAside loads the log in the directory where none is kept (appendonly no). The caller holds
// switching.
func (d *Data) loadLogAside() error {
	there, err := d.exists(filepath.Join(d.LogDir(), d.cfg.AppendFilename.Get()+".manifest"))
	switch {
	case err != nil:
		return err
	case !there:
		return errNoLog
	case d.keeper.rewrites():
		return errRewriting
	}
	o := d.logOptions()
	o.LoadBase, o.Alone = d.loadBase, func() bool { return true }
	log, err := aof.Open(o)
	if err != nil {
		return err
	}
	d.engine.LoadProgress(0, 0)
	apply := applyWith(d.engine.NewApplier())
	err = d.replace(0, false, func() error { return log.Load(apply, d.engine.LoadProgress) })
	return errors.Join(err, log.Close())
}

// ReloadDump saves the data, if save says so, and loads it from the file: in the
// place of what there is, or over it.
func (d *Data) ReloadDump(save, over bool) error {
	d.keeper.switching.Lock()
	defer d.keeper.switching.Unlock()
	if d.others != nil {
		return errNotAlone
	}
	if save {
		if err := d.keeper.saveNow(true); err != nil {
			return err
		}
	}
	f, err := os.Open(d.DumpPath())
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	end := int64(0)
	if log := d.Log(); log != nil {
		end = log.Stream().End()
	}
	d.engine.LoadProgress(0, info.Size())
	progress := func(n int64) { d.engine.LoadProgress(n, info.Size()) }
	o := d.rdbOptions(progress)
	room := d.engine.NewReserve(info.Size())
	defer room.Release()
	o.Resize = room.Resize
	met := d.newMet()
	return d.replace(end, over, func() error {
		sum, err := rdb.LoadAt(f, info.Size(), o, d.loads.slowly(context.Background(), met.count(d.engine.LoadBatch)))
		if err != nil {
			return fmt.Errorf("can't load %s: %w", d.DumpPath(), err)
		}
		d.loadedRDB(d.DumpPath(), sum, met)
		return nil
	})
}

// replace has load put other data in the place of the keyspace, or over it, as it is at an offset of
// the stream. Clients are told so, as at the start; what has slipped in sees a keyspace that counts
// as none (Engine.Replaced), and is not answered from it.
func (d *Data) replace(at int64, over bool, load func() error) error {
	d.EndBacklog() // what follows is none of its records
	d.engine.SetLoading(true)
	defer d.engine.SetLoading(false)
	d.engine.Freeze(func() {
		if !over {
			d.engine.Reset()
		}
		d.engine.SetFloor(math.MaxInt64)
	})
	d.o.Replaced()
	defer d.o.Replaced() // what has slipped in waits for nothing
	if err := load(); err != nil {
		return err
	}
	d.engine.Freeze(func() { d.engine.Replaced(at) })
	return nil
}
