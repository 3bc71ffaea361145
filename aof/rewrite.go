package aof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"regent/aof/disk"
	"regent/engine"
)

// Rewrite replaces everything before one offset, the cut, by a base file. Its
// steps, and what a crash after each leaves:
//
//	                                        the manifest lists      swept at the start
//	1. an empty file for the stream          base1 incr1            incr2
//	2. the snapshot is cut at offset C       base1 incr1            incr2
//	3. pending writes before C go to         base1 incr1            incr2
//	   incr1, which is synced
//	4. incr2 gets its head (start C), the    base1 incr1 incr2      nothing
//	   prepared manifest is renamed
//	5. the stream goes on in incr2 while     base1 incr1 incr2      temp-base2
//	   the snapshot is written and synced
//	6. the new manifest is renamed           base2 incr1(h) incr2   base1
//	7. what is not listed is removed
//
// Steps 2 to 4 are what writers wait for. Step 2 is a mark in memory: it is
// made with the keyspace locked and does no I/O. Steps 3 and 4 happen in the
// next write, whichever it is, and cost it one fsync of what little is not
// synced yet, and a rename; the directory is synced by the next fsync, before
// anything in incr2 is called durable. A power loss in between leaves incr1
// whole and incr2 without a good head, which nobody can have relied on: it is
// dropped (files.go).
//
// A follower applies less than its log holds, so its cut lies inside what is
// written already. Then the piece from C on is moved into incr2 instead, with
// the note of truncate.go: its writers, its leader alone, wait for that, and no reader.
//
// A lone node that nothing has followed keeps no history, as Redis. Else
// incr1 stays as history for followers, as long as all of that takes at most
// HistoryBytes, or ReservedBytes where a reader or a reservation is not past it
// (reserve.go); Redis knows the type, and removes it.
//
// After a failure of the disk a rewrite is also the way back: nothing of the
// old files is relied on. Everything executed is in the snapshot, and the
// stream begins anew behind it.

// HistoryBytes is how much of the stream before the base is kept for followers.
const HistoryBytes = 256 << 20

// Errors of Rewrite.
var (
	ErrRewriting = errors.New("a rewrite of the log is in progress already")
	errVoid      = errors.New("the log was cut or replaced during the rewrite")
	errFresh     = errors.New("the log is being begun: its base is not written yet")
	errNoCut     = errors.New("the snapshot was not cut")
)

// A Snapshot writes the state at one moment to w. It calls cut once, at that
// moment, with the keyspace locked: at is the offset that the keyspace has
// reached, Recorder().End() at a leader, what it has applied at a follower. cut
// does no I/O. Nothing may be written to w before. To be sure that a leader's
// base holds nothing that may still be cut off, return when the offset is
// committed.
type Snapshot func(w io.Writer, cut func(at int64) (Place, error)) error

// A cutMark asks the next write to begin the next file at off.
type cutMark struct {
	off int64
	db  int
	rw  *rewrite
}

// A rewrite is a rewrite under way; what changes is under Log.mu.
type rewrite struct {
	l       *Log
	began   int64 // Ticks, ns
	recover bool  // the log has failed
	next    *segment
	head    head // of next
	place   Place
	cutDone bool
	late    bool // the cut lies before the end
	entered bool // next is a part of the log
	err     error
}

// fail ends the rewrite at its next step.
func (rw *rewrite) fail(err error) {
	rw.l.mu.Lock()
	defer rw.l.mu.Unlock()
	if rw.err == nil {
		rw.err = err
	}
}

func (rw *rewrite) check() error {
	rw.l.mu.Lock()
	defer rw.l.mu.Unlock()
	return rw.err
}

// Rewrite writes a base in the given format and drops what it replaces. One
// rewrite runs at a time. Whatever error it returns, the log is as it was.
func (l *Log) Rewrite(ctx context.Context, format Format, snapshot Snapshot) (err error) {
	rw, err := l.beginRewrite()
	if err != nil {
		return err
	}
	defer func() { l.endRewrite(rw, err) }()
	if !rw.recover {
		if err := rw.prepare(); err != nil {
			return fmt.Errorf("prepare a file: %w", err)
		}
	}
	base, err := l.newBase(format, rw.placeOf)
	if err != nil {
		return err
	}
	if err := rw.write(ctx, base, snapshot); err != nil {
		base.discard()
		return err
	}
	if err := rw.replace(base); err != nil {
		return fmt.Errorf("change to the new base: %w", err)
	}
	return nil
}

func (l *Log) beginRewrite() (*rewrite, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed || !l.loaded:
		return nil, errClosed
	case l.rewriting != nil:
		return nil, ErrRewriting
	}
	rw := &rewrite{l: l, began: l.o.Host.Ticks(), recover: l.err() != nil}
	l.rewriting, l.recovering = rw, false
	return rw, nil
}

func (l *Log) endRewrite(rw *rewrite, err error) {
	l.mu.Lock()
	if l.pending.cut != nil && l.pending.cut.rw == rw {
		l.pending.cut = nil
	}
	entered := rw.entered
	l.rewriting = nil
	if l.recovering && l.err() != nil {
		l.recovering = false
		l.pending.drop()
	}
	l.mu.Unlock()
	if !entered && rw.next != nil {
		_ = rw.next.file.Close()
		if l.err() == nil { // else a manifest or a note that is in force may name them
			_ = l.fs.Remove(l.path(rw.next.name))
			_ = l.fs.Remove(l.nextManifest())
		}
	}
	took := time.Duration(l.o.Host.Ticks() - rw.began)
	l.stats.rewrote(took, err)
	if err != nil {
		l.o.Host.Logf(engine.LevelWarning, "The rewrite of the log has failed: %v", err)
		return
	}
	l.o.Host.Logf(engine.LevelNotice, "The log was rewritten in %.3f seconds: a base at offset %d", took.Seconds(), rw.place.Offset)
}

// nextManifest is where the manifest with the next file waits for its moment.
func (l *Log) nextManifest() string { return l.path(tempPrefix + l.o.Name + ".next") }

// prepare makes the next file and the manifest that lists it, and syncs what
// can be synced before writers wait for it.
func (rw *rewrite) prepare() error {
	l := rw.l
	if err := rw.makeNext(); err != nil {
		return err
	}
	return l.syncOnce()
}

func (rw *rewrite) makeNext() error {
	l := rw.l
	l.filesMu.Lock()
	defer l.filesMu.Unlock()
	m := *l.manifest
	seq := m.nextSeq()
	e := entry{l.fileName(seq, incrSuffix), seq, typeIncr}
	m.incr = append(append([]entry(nil), m.incr...), e)
	f, err := l.fs.Create(l.path(e.name))
	if err != nil {
		return err
	}
	rw.next = &segment{entry: e, file: f}
	if err := disk.WriteSynced(l.fs, l.nextManifest(), m.encode()); err != nil {
		return err
	}
	return l.fs.SyncDir(l.o.Dir)
}

// cut marks the moment that the snapshot shows.
func (rw *rewrite) cut(at int64) (Place, error) {
	l := rw.l
	l.mu.Lock()
	defer l.mu.Unlock()
	g := &l.pending
	switch {
	case rw.err != nil:
		return Place{}, rw.err
	case rw.cutDone:
		return Place{}, errors.New("the snapshot was cut twice")
	case l.closed:
		return Place{}, errClosed
	case !rw.recover && l.err() != nil:
		return Place{}, l.err()
	case at > g.end || at < l.baseOffset.Load():
		return Place{}, fmt.Errorf("a cut at offset %d, outside the log, which is from %d to %d", at, l.baseOffset.Load(), g.end)
	}
	rw.cutDone = true
	rw.place = g.now()
	switch {
	case rw.recover:
		l.recovering = true
		g.drop()
		g.dropRaw()
		rw.place.Offset = g.end
	case at == g.end:
		g.cut = &cutMark{g.end, g.db, rw}
	default:
		rw.late = true
		rw.place.Offset = at
		rw.place.History = before(rw.place.History, at)
	}
	rw.head = head{start: rw.place.Offset, db: rw.place.DB, history: rw.place.History, salt: newSalt(l.o.Host)}
	return rw.place, nil
}

func (rw *rewrite) placeOf() (Place, error) {
	rw.l.mu.Lock()
	defer rw.l.mu.Unlock()
	if !rw.cutDone {
		return Place{}, errNoCut
	}
	return rw.place, nil
}

// write takes the snapshot and makes the base whole.
func (rw *rewrite) write(ctx context.Context, base *baseFile, snapshot Snapshot) error {
	w := &cutWriter{ctx: ctx, rw: rw, to: base}
	if err := snapshot(w, rw.cut); err != nil {
		return fmt.Errorf("write the base: %w", err)
	}
	if err := w.enter(); err != nil {
		return err
	}
	if err := base.finish(); err != nil {
		return err
	}
	return rw.check()
}

// A cutWriter sees to it that the next file is entered before the first byte
// of the base is written: writers go on there from then on.
type cutWriter struct {
	ctx     context.Context
	rw      *rewrite
	to      io.Writer
	entered bool
}

func (w *cutWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	if !w.entered {
		if err := w.enter(); err != nil {
			return 0, err
		}
	} else if err := w.rw.check(); err != nil {
		return 0, err
	}
	return w.to.Write(p)
}

func (w *cutWriter) enter() error {
	if w.entered {
		return nil
	}
	if _, err := w.rw.placeOf(); err != nil {
		return err
	}
	if err := w.rw.enter(); err != nil {
		return fmt.Errorf("begin the next file: %w", err)
	}
	w.entered = true
	return nil
}

// enter makes the next file a part of the log, unless a write has done it.
func (rw *rewrite) enter() error {
	l := rw.l
	if rw.recover {
		return nil // nothing is written before the base is there
	}
	if rw.late {
		return l.enterLate(rw)
	}
	l.mu.Lock()
	l.takeTurn()
	err := rw.err
	if err == nil && !rw.entered {
		if err = l.writePending(); err == nil {
			err = rw.err
		}
	}
	l.mu.Unlock()
	l.endTurn()
	if err == nil {
		l.moved()
	}
	return err
}

// switchFiles is steps 3 and 4 in the turn of a write, whose part before the
// cut is written. An error leaves the log where it was.
func (rw *rewrite) switchFiles() {
	if err := rw.check(); err != nil {
		return
	}
	if err := rw.trySwitch(); err != nil {
		rw.fail(err)
	}
}

func (rw *rewrite) trySwitch() error {
	l := rw.l
	old, s := l.active(), rw.next
	text := rw.head.encode()
	if _, err := s.file.WriteAt(text, 0); err != nil {
		return err
	}
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	if err := old.file.Sync(); err != nil {
		l.fail(fmt.Errorf("fsync of %s: %w", old.name, err))
		return l.err()
	}
	if err := l.fs.Rename(l.nextManifest(), l.manifestPath()); err != nil {
		return l.keepManifest(err)
	}
	_ = l.release(old) // blocks that are not given back cost nothing but space
	s.begin(rw.head, int64(len(text)))
	m := *l.manifest
	m.incr = append(append([]entry(nil), m.incr...), s.entry)
	l.shape.Lock()
	l.manifest = &m
	l.segments = append(l.segments, s)
	l.tail.Lock()
	l.last, l.unlisted = s, true
	l.tail.Unlock()
	l.shape.Unlock()
	raise(&l.durable, l.written.Load())
	raise(&l.synced, l.written.Load())
	l.mu.Lock()
	rw.entered = true
	l.mu.Unlock()
	return nil
}

// keepManifest puts the manifest that is in force in place again, after one
// could not be: what a failed rename leaves is not for sure.
func (l *Log) keepManifest(err error) error {
	if again := writeAside(l.fs, l.manifestPath(), l.manifest.encode()); again != nil {
		err = fmt.Errorf("change the manifest: %w", errors.Join(err, again))
		l.fail(err)
	}
	return err
}

// replace is steps 6 and 7.
func (rw *rewrite) replace(base *baseFile) error {
	l := rw.l
	src, err := base.source()
	if err != nil {
		base.discard()
		return err
	}
	if rw.recover {
		return rw.startAnew(src)
	}
	if err := l.syncOnce(); err != nil { // the manifest that lists the next file
		base.discard()
		l.fail(err)
		return err
	}
	l.filesMu.Lock()
	defer l.filesMu.Unlock()
	if err := rw.check(); err != nil {
		base.discard()
		return err
	}
	m, keep := l.manifest.withBase(src.entry, l.keptHistory(rw.place.Offset))
	if err := writeAside(l.fs, l.manifestPath(), m.encode()); err != nil {
		// Either list is a whole log: the old files are there, and so is the
		// base, which the next start sweeps if it is not in force.
		return err
	}
	l.shape.Lock()
	gone := l.forget(keep)
	l.manifest, l.before = m, []*source{src}
	l.setBase(rw.place.Offset)
	l.shape.Unlock()
	l.stats.baseSize.Store(l.size())
	l.removeAll(gone)
	return nil
}

// setBase notes where loading begins; the caller holds shape.
func (l *Log) setBase(off int64) {
	l.baseAt = off
	l.baseOffset.Store(off)
}

// keptHistory is the names of the newest segments before off that together
// take at most HistoryBytes, more where somebody needs them, in an unbroken
// chain up to off.
func (l *Log) keptHistory(off int64) map[string]bool {
	l.shape.RLock()
	defer l.shape.RUnlock()
	keep, size, next := map[string]bool{}, int64(0), off
	if !l.followed && l.o.Alone != nil && l.o.Alone() {
		return keep
	}
	needed := l.neededFrom()
	for i := len(l.segments) - 1; i >= 0; i-- {
		s := l.segments[i]
		if s.head.start >= off {
			continue
		}
		size += s.size
		if size > l.historyBytes && (needed >= next || size > l.mostReserved) {
			break
		}
		keep[s.name] = true
		next = s.head.start
	}
	return keep
}

// withBase is m with another base: the incr files in history become that, the
// others before them go. keep is the names of all that stay.
func (m *manifest) withBase(base entry, history map[string]bool) (_ *manifest, keep map[string]bool) {
	out := &manifest{base: &base}
	keep = map[string]bool{base.name: true}
	for _, e := range append(append([]entry(nil), m.history...), m.incr...) {
		if history[e.name] {
			out.history = append(out.history, entry{e.name, e.seq, typeHistory})
			keep[e.name] = true
		}
	}
	if n := len(m.incr); n > 0 {
		last := m.incr[n-1]
		out.incr = []entry{last}
		keep[last.name] = true
	}
	return out, keep
}

// forget closes and drops the files that do not stay, and returns their
// names; the caller holds shape.
func (l *Log) forget(keep map[string]bool) (gone []string) {
	for _, src := range l.before {
		_ = src.file.Close()
		gone = append(gone, src.name)
	}
	var stay []*segment
	for _, s := range l.segments {
		if keep[s.name] {
			stay = append(stay, s)
			continue
		}
		_ = s.file.Close()
		gone = append(gone, s.name)
	}
	l.segments, l.before = stay, nil
	return gone
}

// removeAll removes files that no manifest lists. What is left for a reason is
// swept at the next start.
func (l *Log) removeAll(names []string) {
	for _, name := range names {
		if err := l.fs.Remove(l.path(name)); err != nil {
			l.o.Host.Logf(engine.LevelWarning, "Removing %s, which is not needed any more: %v", name, err)
		}
	}
}
