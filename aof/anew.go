package aof

import (
	"context"
	"errors"
	"fmt"
	"io"

	"regent/aof/disk"
	"regent/engine"
)

// A log that is begun while its server runs (CONFIG SET appendonly yes): what was written before is
// in the keyspace alone, and what is in the directory is an old log, or none.
//
//	                                        the manifest lists      swept at the start
//	1. temp-incr, for the stream             what it did             temp-incr
//	2. the snapshot is cut at its offset,    what it did             temp-incr
//	   the stream goes to temp-incr
//	3. the snapshot is written               what it did             temp-incr, temp-base
//	4. a manifest with a checksum, where     the same                temp-incr, temp-base
//	   there was none: so that 5 and 6 do
//	   not look like files that have lost it
//	5. the base is synced, under its name    the same                temp-incr, base
//	6. the stream is synced and gets its     the same                incr, base
//	   name
//	7. the new manifest is renamed           base incr               what was listed before
//	8. what was listed before is removed
//
// So a crash leaves what a start loaded before, or all that was written up to it. Nobody waits for
// any of the steps: the stream is written and synced from 2 on as that of any log.

// OpenAnew opens a log that is written to and that no start loads before Establish. Its stream begins
// behind offset past, and behind all that is in the directory.
func OpenAnew(o Options, past int64) (*Log, error) {
	l, err := Open(o)
	if err != nil {
		return nil, err
	}
	if err := l.beginAnew(past); err != nil {
		l.closeFiles()
		return nil, errors.Join(err, l.lock.Close())
	}
	l.serve()
	return l, nil
}

func (l *Log) beginAnew(past int64) error {
	at := Place{Offset: past + 1}
	for _, src := range l.before {
		n, err := src.file.Size()
		if err != nil {
			return err
		}
		at.Offset += n
	}
	start := int64(0)
	for _, s := range l.segments {
		n, err := s.file.Size()
		if err != nil {
			return err
		}
		at.Offset += n
		start = max(start, s.head.start)
	}
	at.Offset += start
	seq := l.manifest.nextSeq()
	s := &segment{entry: entry{l.fileName(seq, incrSuffix), seq, typeIncr}}
	h := head{start: at.Offset, salt: newSalt(l.o.Host)}
	text := h.encode()
	err := disk.WriteSynced(l.fs, l.anewPath(s), text)
	if err == nil {
		s.file, err = l.fs.Open(l.anewPath(s))
	}
	if err != nil {
		return fmt.Errorf("make %s: %w", s.name, err)
	}
	s.begin(h, int64(len(text)))
	l.shape.Lock()
	defer l.shape.Unlock()
	l.forget(nil)
	l.fresh, l.segments = true, []*segment{s}
	l.setBase(at.Offset)
	l.tail.Lock()
	l.last = s
	l.backlog.restart(at.Offset)
	l.tail.Unlock()
	l.pending.reset(at)
	l.written.Store(at.Offset)
	l.synced.Store(at.Offset)
	l.durable.Store(at.Offset)
	s.allocated = s.size
	l.reserve(s)
	return nil
}

// anewPath is where the stream is until its log is established.
func (l *Log) anewPath(s *segment) string { return l.path(tempPrefix + s.name) }

// Establish makes the log what a start loads: the base that write streams, which shows the moment at
// which the stream began, and the stream. After an error it can be discarded, and nothing else.
func (l *Log) Establish(ctx context.Context, format Format, write func(w io.Writer) error) (err error) {
	rw, err := l.beginRewrite()
	if err != nil {
		return err
	}
	defer func() { l.endRewrite(rw, err) }()
	rw.place = Place{Offset: l.baseOffset.Load()}
	base, err := l.newBase(format, func() (Place, error) { return rw.place, nil })
	if err != nil {
		return err
	}
	err = write(contextWriter{ctx, base})
	if err == nil {
		err = l.sumManifest()
	}
	if err == nil {
		err = base.finish()
	}
	var src *source
	if err == nil {
		src, err = base.source()
	}
	if err == nil {
		err = l.syncOnce()
	}
	if err != nil {
		base.discard()
		return fmt.Errorf("write the base: %w", err)
	}
	if err := l.establish(rw, src); err != nil { // which list is in force is not known: the files of both stay
		return errors.Join(fmt.Errorf("change to the base: %w", err), src.file.Close())
	}
	return nil
}

// sumManifest sees to it that there is a manifest with a checksum, which lists what it did.
func (l *Log) sumManifest() error {
	l.filesMu.Lock()
	defer l.filesMu.Unlock()
	if l.manifest.summed {
		return nil
	}
	return writeAside(l.fs, l.manifestPath(), l.manifest.encode())
}

// establish is the rest of step 6, 7 and 8.
func (l *Log) establish(rw *rewrite, src *source) error {
	l.filesMu.Lock()
	defer l.filesMu.Unlock()
	err := rw.check()
	if err == nil {
		err = l.err()
	}
	if err != nil {
		return err
	}
	s, old := l.active(), l.manifest.entries()
	if err := l.fs.Rename(l.anewPath(s), l.path(s.name)); err != nil {
		return err
	}
	if err := l.fs.SyncDir(l.o.Dir); err != nil {
		return err
	}
	m := &manifest{base: &src.entry, incr: []entry{s.entry}}
	if err := writeAside(l.fs, l.manifestPath(), m.encode()); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	l.shape.Lock()
	l.fresh, l.manifest, l.before = false, m, []*source{src}
	l.shape.Unlock()
	l.stats.baseSize.Store(l.size())
	var gone []string
	for _, e := range old {
		gone = append(gone, e.name)
	}
	l.removeAll(gone)
	return nil
}

// Discard ends a log that was not established.
func (l *Log) Discard() error {
	err := l.stopWriting()
	s := l.active()
	l.closeFiles()
	if gone := l.fs.Remove(l.anewPath(s)); gone != nil {
		l.o.Host.Logf(engine.LevelDebug, "Removing %s: %v", s.name, gone) // the next one that opens it sweeps
	}
	return errors.Join(err, l.lock.Close())
}

// Blank gives a log to which nothing was ever written a base that write streams, and that shows
// nothing: redis-server's logs begin with one, and tools look for it. It is called before anything is
// written.
func (l *Log) Blank(ctx context.Context, format Format, write func(w io.Writer) error) error {
	l.filesMu.Lock()
	defer l.filesMu.Unlock()
	if l.manifest.base != nil || !l.Empty() {
		return nil
	}
	src, err := l.writtenBase(ctx, Place{}, format, write)
	if err != nil {
		return err
	}
	m := *l.manifest
	m.base = &src.entry
	if err := writeAside(l.fs, l.manifestPath(), m.encode()); err != nil {
		// Either list may be in force, and is a whole log.
		return errors.Join(fmt.Errorf("write the manifest: %w", err), src.file.Close())
	}
	l.shape.Lock()
	l.manifest, l.before = &m, []*source{src}
	l.shape.Unlock()
	l.stats.baseSize.Store(l.size())
	return nil
}
