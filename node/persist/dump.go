package persist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"regent/aof"
	"regent/aof/disk"
	"regent/engine"
	"regent/engine/rdb"
)

// A bare dump.rdb: what Redis, or Regent without a log, has left. A server begins
// with it if its log is empty, and the log gets it as its base before any client
// is served: a log with records of its own and no base would be all that the next
// start looks at.
//
// The stream begins at an offset as high as the file is long, in no epoch: no
// other node can mistake the data for a part of a history it shares. So a node
// with peers may begin with it too, as one that comes with the log of a lone
// server does. One that was a part of the cluster already may not: the file is an
// old copy of what the others have.

// loadDump loads dbfilename if there is one and nothing else holds data.
func (d *Data) loadDump(ctx context.Context) error {
	path := d.DumpPath()
	if d.Log() != nil && (!d.Log().Empty() || d.o.Witness) {
		return nil
	}
	f, err := disk.ReadOnly{FS: d.disk}.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if d.others != nil && d.o.Joined {
		d.host.Logf(engine.LevelWarning, "The log is empty and %s is not loaded: this node was one of a cluster and takes its data from the others", path)
		return nil
	}
	size, err := f.Size()
	if err != nil {
		return err
	}
	began := time.Now()
	o := d.rdbOptions(func(n int64) { d.engine.LoadProgress(n, size) })
	room := d.engine.NewReserve(size)
	defer room.Release()
	o.Resize = room.Resize
	met := d.newMet()
	sum, err := rdb.LoadAt(f, size, o, d.loads.slowly(ctx, untilDone(ctx, met.count(d.engine.LoadBatch))))
	if err != nil {
		return fmt.Errorf("can't load %s: %w", path, err)
	}
	d.loadedRDB(path, sum, met)
	d.from = path
	d.host.Logf(engine.LevelNotice, "DB loaded from disk: %d keys of %s in %.3f seconds", sum.Keys-met.empty.Load(), path, time.Since(began).Seconds())
	if d.Log() == nil {
		return nil
	}
	if err := d.adopt(ctx, size); err != nil {
		return err
	}
	d.holdReaders()
	return nil
}

// adopt makes the keyspace the base of an empty log.
func (d *Data) adopt(ctx context.Context, size int64) error {
	at := aof.Place{Offset: size}
	where := func(int64) (*rdb.Place, error) { return rdbPlace(at.Offset, nil), nil }
	format := d.baseFormat()
	err := d.Log().InstallBase(ctx, at, format, func(w io.Writer) error { return d.writeBase(ctx, w, format, where) })
	if err != nil {
		return fmt.Errorf("can't make the loaded data the log's base: %w", err)
	}
	return nil
}

// blank gives the log of a node that has nothing yet a base, as redis-server's have one.
func (d *Data) blank(ctx context.Context) {
	log := d.Log()
	if log == nil || d.from != "" || d.others != nil || d.o.Witness {
		return
	}
	where := func(int64) (*rdb.Place, error) { return rdbPlace(0, nil), nil }
	format := d.baseFormat()
	err := log.Blank(ctx, format, func(w io.Writer) error { return d.writeBase(ctx, w, format, where) })
	if err != nil { // the log is whole without
		d.host.Logf(engine.LevelWarning, "An empty base for the log: %v", err)
	}
}

// untilDone is put that ends with ctx.
func untilDone(ctx context.Context, put func(*rdb.Batch) error) func(*rdb.Batch) error {
	return func(b *rdb.Batch) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return put(b)
	}
}

// A met is what a load has met beside keys that it keeps.
type met struct {
	d   *Data
	now int64 // wall ms
	// expired are keys that are past their time: they are deleted as others are, and nobody sees
	// them. empty are those of values without elements, which old servers have written: the
	// kernel passes over them.
	expired, empty atomic.Int64
}

func (d *Data) newMet() *met { return &met{d: d, now: d.host.Now()} }

// mostEmpty is how many empty keys of a load the log names, as redis-server's.
const mostEmpty = 10

// count is put that counts too.
func (m *met) count(put func(*rdb.Batch) error) func(*rdb.Batch) error {
	return func(b *rdb.Batch) error {
		n := int64(0)
		for i := range b.Entries {
			en := &b.Entries[i]
			if en.Expire != 0 && en.Expire <= m.now {
				n++
			}
			if o, is := en.Obj.(engine.Object); is && o.Len() == 0 && m.empty.Add(1) <= mostEmpty {
				m.d.host.Logf(engine.LevelWarning, "Loading RDB: skipping empty key: %s", rdb.Printable(en.Key))
			}
		}
		if n > 0 {
			m.expired.Add(n)
		}
		return put(b)
	}
}

// tellDamage warns of what is wrong with an RDB file that the start ends with, in words that
// redis-server's have too: what looks for them in the log finds them.
func (d *Data) tellDamage(err error) {
	var damage *rdb.DamageError
	if !errors.As(err, &damage) {
		return
	}
	d.host.Logf(engine.LevelWarning, "%s", rdb.Report(err))
	if damage.Kind != "" {
		d.host.Logf(engine.LevelWarning, "RDB integrity check failed in key \"%s\" of database %d, which begins at offset %d", rdb.Printable(damage.Key), damage.DB, damage.From)
	}
	d.host.Logf(engine.LevelWarning, "Terminating server after rdb file reading failure.")
}

// rdbOptions are for every RDB file that is loaded.
func (d *Data) rdbOptions(progress func(done int64)) rdb.Options {
	return rdb.Options{Workers: d.o.Cores, Codecs: d.engine.Codecs(), Library: d.engine.LoadLibrary, Progress: progress, SkipUnknown: d.cfg.SkipUnknownTypes.Get(),
		Unchecked: !d.cfg.RdbChecksum.Get()}
}

// loadedRDB notes what came out of a file, and warns of what did not.
func (d *Data) loadedRDB(name string, sum *rdb.Summary, m *met) {
	expired, empty := m.expired.Load(), m.empty.Load()
	d.keeper.hasLoaded(sum.Keys-empty, expired)
	if empty > 0 {
		d.host.Logf(engine.LevelWarning, "Done loading RDB, keys loaded: %d, keys expired: %d, empty keys skipped: %d.",
			sum.Keys-empty-expired, expired, empty)
	}
	if len(sum.Skipped) == 0 {
		return
	}
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(sum.Skipped)) {
		kinds = append(kinds, fmt.Sprintf("%d of type %s", sum.Skipped[kind], kind))
	}
	d.host.Logf(engine.LevelWarning, "Passed over in %s, as skip-unknown-types says: %s", name, strings.Join(kinds, ", "))
}
