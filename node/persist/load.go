package persist

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"regent/aof"
	"regent/engine"
	"regent/engine/rdb"
)

// loadReportEvery is how often a long load says how far it is.
const loadReportEvery = 5 * time.Second

// loadLog replays the log. With peers it is not known yet how much of it is
// committed, so readers wait until the cluster tells.
func (d *Data) loadLog(ctx context.Context) error {
	if d.Log() == nil {
		return nil
	}
	if d.o.Witness {
		return d.loadBlank(ctx)
	}
	began := time.Now()
	to := d.engine.NewBulkApplier(d.o.Cores)
	var passed *engine.Passed
	if d.cfg.SkipUnknownTypes.Get() {
		passed = to.PassOver()
	}
	var said atomic.Int64 // ticks of the last line about it
	said.Store(d.host.Ticks())
	progress := func(done, total int64) {
		d.engine.LoadProgress(done, total)
		to.Progress(done, total)
		now, last := d.host.Ticks(), said.Load()
		if now-last >= int64(loadReportEvery) && said.CompareAndSwap(last, now) {
			d.host.Logf(engine.LevelNotice, "Loading the append only log: %d of %d bytes (%d%%)", done, total, done*100/max(total, 1))
		}
	}
	d.loads.until = ctx
	err := d.Log().LoadInto(stoppable{ctx, &d.loads, to}, progress)
	d.loads.until = nil
	to.Close()
	if err != nil {
		return fmt.Errorf("can't load the append only log: %w", err)
	}
	d.holdReaders()
	if passed != nil {
		d.tellPassed("the append only log", passed.Counts())
	}
	if d.Log().Empty() {
		return nil
	}
	d.host.Logf(engine.LevelNotice, "DB loaded from append only file: %.3f seconds", time.Since(began).Seconds())
	d.from = d.LogDir()
	return nil
}

// holdReaders has readers wait until the cluster says how much of what was loaded
// is committed.
func (d *Data) holdReaders() {
	if d.others == nil {
		return
	}
	end := d.Log().Stream().End()
	d.engine.Freeze(func() { d.engine.SetFloor(end) })
}

// stoppable carries out what a load reads until the server is told to stop.
type stoppable struct {
	ctx  context.Context
	slow *slowness
	*engine.BulkApplier
}

func (s stoppable) Apply(db int, args [][]byte) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if err := s.slow.keys(s.ctx, 1); err != nil {
		return err
	}
	return s.BulkApplier.Apply(db, args)
}

// tellPassed warns of the records that a load has passed over.
func (d *Data) tellPassed(where string, counts map[string]int64) {
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		kinds = append(kinds, fmt.Sprintf("%d records of type %s", counts[kind], kind))
	}
	if len(kinds) > 0 {
		d.host.Logf(engine.LevelWarning, "Passed over in %s, as skip-unknown-types says: %s", where, strings.Join(kinds, ", "))
	}
}

// loadBase carries out the base of the log: an RDB file, decoded on all cores.
func (d *Data) loadBase(b *aof.Base) error {
	o := d.rdbOptions(b.Progress)
	if b.Again {
		o.Progress = func(n int64) { d.engine.LoadProgress(n, b.Size) }
	}
	room := d.engine.NewReserve(b.Size)
	defer room.Release()
	o.Resize = room.Resize
	met := d.newMet()
	sum, err := rdb.LoadAt(b, b.Size, o, d.loads.slowly(cmp.Or(d.loads.until, context.Background()), met.count(d.engine.LoadBatch)))
	if err != nil {
		return err
	}
	if err := d.engine.LoadAux(sum.Aux.Get); err != nil {
		return err
	}
	b.Used = sum.Bytes
	d.loadedRDB("the log's base", sum, met)
	place, err := sum.Aux.Place()
	if err != nil || place == nil {
		return err
	}
	b.HasPlace = true
	b.Place = aof.Place{Offset: place.Offset}
	for _, h := range place.History {
		b.Place.History = append(b.Place.History, engine.EpochStart(h))
	}
	return nil
}
