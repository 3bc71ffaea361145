package aof

import (
	"errors"
	"sync/atomic"
	"time"

	"regent/engine"
	"regent/engine/config"
)

// stats are counters for INFO.
type stats struct {
	writes, syncs atomic.Int64
	delayed       atomic.Int64 // seconds in which the fsync before was not done yet
	baseSize      atomic.Int64 // size after the last rewrite, or at the start
	rewrites      atomic.Int64 // tried
	lastTook      atomic.Int64 // of a rewrite, ns; 0: there was none
	lastFailed    atomic.Bool
}

func (s *stats) rewrote(took time.Duration, err error) {
	s.rewrites.Add(1)
	s.lastTook.Store(max(1, int64(took)))
	s.lastFailed.Store(err != nil)
}

// Info is the log's part of INFO: Redis's fields of the persistence section
// that are about the log, and Regent's own behind them.
func (l *Log) Info() engine.InfoSection {
	return engine.InfoSection{Name: "Persistence", Default: true, Write: func(w *engine.InfoWriter) { l.WriteInfo(w, false, false) }}
}

// WriteInfo writes the lines of Info, for a section that has others too.
// running and scheduled say that a rewrite was begun, or waits for its turn.
func (l *Log) WriteInfo(w *engine.InfoWriter, running, scheduled bool) {
	l.mu.Lock()
	rw, held := l.rewriting, l.held
	l.mu.Unlock()
	w.Bool("aof_enabled", true)
	w.Bool("aof_rewrite_in_progress", running || rw != nil)
	w.Bool("aof_rewrite_scheduled", scheduled)
	last, now := int64(-1), int64(-1)
	if took := l.stats.lastTook.Load(); took > 0 {
		last = took / int64(time.Second)
	}
	if rw != nil {
		now = (l.o.Host.Ticks() - rw.began) / int64(time.Second)
	}
	w.Int("aof_last_rewrite_time_sec", last)
	w.Int("aof_current_rewrite_time_sec", now)
	w.Str("aof_last_bgrewrite_status", okOrErr(!l.stats.lastFailed.Load()))
	w.Int("aof_rewrites", l.stats.rewrites.Load())
	l.health.mu.Lock()
	short := l.health.short
	l.health.mu.Unlock()
	// Without a reserve writes are refused, before one fails.
	w.Str("aof_last_write_status", okOrErr(l.err() == nil && held == nil && short == nil))
	current, base := l.Sizes()
	w.Int("aof_current_size", current)
	w.Int("aof_base_size", base)
	w.Int("aof_pending_rewrite", 0) // as in Redis, where aof_rewrite_scheduled says it
	w.Int("aof_buffer_length", recorder{l}.End()-l.written.Load())
	w.Bool("aof_pending_bio_fsync", l.o.Fsync() != config.FsyncNo && l.synced.Load() < l.written.Load())
	w.Int("aof_delayed_fsync", l.stats.delayed.Load())
	w.Int("aof_start_offset", stream{l}.Start())
	w.Int("aof_base_offset", l.baseOffset.Load())
	w.Int("aof_written_offset", l.written.Load())
	w.Int("aof_durable_offset", l.Durable())
	w.Int("aof_writes", l.stats.writes.Load())
	w.Int("aof_fsyncs", l.stats.syncs.Load())
}

func okOrErr(ok bool) string {
	if ok {
		return "ok"
	}
	return "err"
}

// Sizes are the bytes that a start would load now, and would have loaded after
// the last rewrite (or at this start): what auto-aof-rewrite-percentage and
// auto-aof-rewrite-min-size compare.
func (l *Log) Sizes() (current, base int64) { return l.size(), l.stats.baseSize.Load() }

func (l *Log) size() int64 {
	l.shape.RLock()
	defer l.shape.RUnlock()
	return l.sizeLocked()
}

// sizeLocked is size for a caller that holds shape.
func (l *Log) sizeLocked() int64 {
	total := int64(0)
	for _, src := range l.before {
		if n, err := src.file.Size(); err == nil {
			total += n
		}
	}
	l.tail.Lock()
	defer l.tail.Unlock()
	for _, s := range l.segments {
		if s.head.start >= l.baseAt {
			total += s.size
		}
	}
	return total
}

// PlaceAt is the place at offset at, which lies between two units of what was
// appended. The database is told at the end alone, where a leader takes a full
// copy. It does no I/O.
func (l *Log) PlaceAt(at int64) Place {
	l.mu.Lock()
	p := l.pending.now()
	l.mu.Unlock()
	if at != p.Offset {
		p.Offset, p.DB = at, 0
	}
	p.History = before(p.History, at)
	return p
}

// before is the part of a history that lies before an offset.
func before(h []engine.EpochStart, at int64) []engine.EpochStart {
	n := len(h)
	for n > 0 && h[n-1].Offset >= at {
		n--
	}
	return h[:n]
}

// Empty reports whether nothing was ever written to the log: its base, if it has one, is Blank's.
func (l *Log) Empty() bool {
	l.shape.RLock()
	defer l.shape.RUnlock()
	return l.baseAt == 0 && l.written.Load() == 0
}

// probeBytes is what Probe writes.
const probeBytes = 64 << 10

// Probe writes and syncs a file beside the log's: an error says that the disk does
// not work.
func (l *Log) Probe() error {
	name := l.path(tempPrefix + "probe")
	f, err := l.fs.Create(name)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, probeBytes), 0)
	return errors.Join(err, f.Sync(), f.Close(), l.fs.Remove(name))
}

// Failing is why the log cannot be written, nil while it can: a rewrite, once
// the disk works, is the way back.
func (l *Log) Failing() error { return l.err() }
