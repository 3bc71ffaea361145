package regent

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"regent/engine"
)

// loadReportEvery is how often a long load says how far it is.
const loadReportEvery = 5 * time.Second

// loadLog replays the log. With peers it is not known yet how much of it is
// committed, so readers wait until the cluster tells.
func (s *Server) loadLog(ctx context.Context) error {
	if s.aof == nil {
		return nil
	}
	began := time.Now()
	to := s.engine.NewBulkApplier(cores())
	var passed *engine.Passed
	if s.cfg.SkipUnknownTypes.Get() {
		passed = to.PassOver()
	}
	var said atomic.Int64 // ticks of the last line about it
	said.Store(s.host.Ticks())
	progress := func(done, total int64) {
		s.engine.LoadProgress(done, total)
		to.Progress(done, total)
		now, last := s.host.Ticks(), said.Load()
		if now-last >= int64(loadReportEvery) && said.CompareAndSwap(last, now) {
			s.host.Logf(engine.LevelNotice, "Loading the append only log: %d of %d bytes (%d%%)", done, total, done*100/max(total, 1))
		}
	}
	err := s.aof.LoadInto(stoppable{ctx, to}, progress)
	to.Close()
	if err != nil {
		return fmt.Errorf("can't load the append only log: %w", err)
	}
	s.holdReaders()
	if passed != nil {
		s.tellPassed("the append only log", passed.Counts())
	}
	if s.aof.Empty() {
		return nil
	}
	s.host.Logf(engine.LevelNotice, "DB loaded from append only file: %.3f seconds", time.Since(began).Seconds())
	s.loadedFrom = s.logDir()
	return nil
}

// holdReaders has readers wait until the cluster says how much of what was loaded
// is committed.
func (s *Server) holdReaders() {
	if s.peers == nil {
		return
	}
	end := s.aof.Stream().End()
	s.engine.Freeze(func() { s.engine.SetFloor(end) })
}

// stoppable carries out what a load reads until the server is told to stop.
type stoppable struct {
	ctx context.Context
	*engine.BulkApplier
}

func (s stoppable) Apply(db int, args [][]byte) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	return s.BulkApplier.Apply(db, args)
}

// tellPassed warns of the records that a load has passed over.
func (s *Server) tellPassed(where string, counts map[string]int64) {
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		kinds = append(kinds, fmt.Sprintf("%d records of type %s", counts[kind], kind))
	}
	if len(kinds) > 0 {
		s.host.Logf(engine.LevelWarning, "Passed over in %s, as skip-unknown-types says: %s", where, strings.Join(kinds, ", "))
	}
}
