package aof

import (
	"context"
	"fmt"
	"io"

	"regent/engine"
)

// InstallBase replaces the whole log by a base at a place of another node's
// history: a full copy from a leader. write streams the base; nothing of the
// log changes before it has returned nil. The stream goes on at the place. A
// crash leaves the old log or the new one.
func (l *Log) InstallBase(ctx context.Context, at Place, format Format, write func(w io.Writer) error) error {
	src, err := l.writtenBase(ctx, at, format, write)
	if err != nil {
		return fmt.Errorf("receive a base: %w", err)
	}
	err = l.alone(nil, func() error {
		if err := l.startAt(src, at); err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.held = nil
		l.pending.reset(at)
		return nil
	})
	if err != nil {
		return fmt.Errorf("install a base at offset %d: %w", at.Offset, err)
	}
	l.o.Host.Logf(engine.LevelNotice, "The log was replaced by a base at offset %d", at.Offset)
	return nil
}

type contextWriter struct {
	ctx context.Context
	to  io.Writer
}

func (w contextWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.to.Write(p)
}

// alone runs f with the files for itself: nobody else writes, syncs or changes which there
// are. Readers go on, since f may wait for the disk: f takes shape where what they see changes.
// Any rewrite but except is void afterwards. What was held or is pending is
// f's to forget.
func (l *Log) alone(except *rewrite, f func() error) error {
	l.filesMu.Lock()
	defer l.filesMu.Unlock()
	l.mu.Lock()
	if l.closed || !l.loaded {
		l.mu.Unlock()
		return errClosed
	}
	l.takeTurn()
	if rw := l.rewriting; rw != nil && rw != except {
		l.pending.cut = nil
		if rw.err == nil {
			rw.err = errVoid
		}
	}
	l.mu.Unlock()
	l.syncMu.Lock()
	err := f()
	l.syncMu.Unlock()
	l.endTurn()
	if err == nil {
		l.moved()
	}
	return err
}

// startAt makes the log a base and an empty file at a place. A failure of the
// log is over then: nothing of what was written before is relied on.
func (l *Log) startAt(src *source, at Place) error {
	seq := l.manifest.nextSeq()
	h := head{start: at.Offset, db: at.DB, history: at.History, salt: newSalt(l.o.Host)}
	s, err := newSegment(l.fs, l.o.Dir, entry{l.fileName(seq, incrSuffix), seq, typeIncr}, h)
	if err != nil {
		return err
	}
	m := &manifest{base: &src.entry, incr: []entry{s.entry}}
	if err := writeAside(l.fs, l.manifestPath(), m.encode()); err != nil {
		err = fmt.Errorf("write the manifest: %w", err)
		l.fail(err) // nobody knows which list is in force
		return err
	}
	l.removeAll(l.swap(src, m, s, at))
	return nil
}

// swap makes the log what m lists: a base and an empty segment at a place. It returns the
// names of the files that are not needed any more.
func (l *Log) swap(src *source, m *manifest, s *segment, at Place) (gone []string) {
	l.shape.Lock()
	defer l.shape.Unlock()
	for r := range l.readers {
		r.cut, r.seg = true, nil
		r.forget()
	}
	gone = l.forget(nil)
	l.manifest, l.before, l.segments = m, []*source{src}, []*segment{s}
	l.setBase(at.Offset)
	l.tail.Lock()
	l.last, l.unlisted = s, false
	l.history = append([]engine.EpochStart(nil), at.History...)
	l.backlog.restart(at.Offset)
	l.written.Store(at.Offset)
	l.synced.Store(at.Offset)
	l.durable.Store(at.Offset)
	l.tail.Unlock()
	l.failure.Store(nil)
	l.stats.baseSize.Store(l.sizeLocked())
	return gone
}

// startAnew is the end of a rewrite after a failure: the pending writes since
// the cut is what the stream begins with.
func (rw *rewrite) startAnew(src *source) error {
	l := rw.l
	return l.alone(rw, func() error {
		if err := rw.check(); err != nil {
			return err
		}
		if err := l.startAt(src, rw.place); err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.held, l.recovering, rw.entered = nil, false, true
		return nil
	})
}
