package persist

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"

	"regent/engine/rdb"
)

// Reload replaces the keyspace by what is on disk of it, for tests of what files
// hold (DEBUG RELOAD and LOADAOF). The caller holds writes, so that nothing is
// written meanwhile; clients get -LOADING. A node of a cluster is never reloaded:
// what its keyspace is depends on what is committed.

var errNotAlone = errors.New("a node of a cluster is not loaded anew by a command")

// ReloadLog loads the log.
func (d *Data) ReloadLog() error {
	d.keeper.switching.Lock()
	defer d.keeper.switching.Unlock()
	log := d.Log()
	switch {
	case d.others != nil:
		return errNotAlone
	case log == nil:
		return errors.New("there is no append only log: appendonly is no")
	}
	end := log.Stream().End()
	if err := log.Seal(end); err != nil {
		return fmt.Errorf("write the log: %w", err)
	}
	return d.Rebuild(end)
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
	d.engine.SetLoading(true)
	defer d.engine.SetLoading(false)
	d.engine.Freeze(func() {
		if !over {
			d.engine.Reset()
		}
		d.engine.SetFloor(math.MaxInt64) // what slips in is not answered
	})
	d.o.Replaced()
	defer d.o.Replaced()
	progress := func(n int64) { d.engine.LoadProgress(n, info.Size()) }
	o := d.rdbOptions(progress)
	room := d.engine.NewReserve(info.Size())
	defer room.Release()
	o.Resize = room.Resize
	met := d.newMet()
	sum, err := rdb.LoadAt(f, info.Size(), o, d.loads.slowly(context.Background(), met.count(d.engine.LoadBatch)))
	if err != nil {
		return fmt.Errorf("can't load %s: %w", d.DumpPath(), err)
	}
	d.loadedRDB(d.DumpPath(), sum, met)
	d.engine.Freeze(func() { d.engine.Replaced(end) })
	return nil
}
