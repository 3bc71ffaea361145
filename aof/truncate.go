package aof

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"syscall"

	"regent/aof/disk"
	"regent/engine"
	"regent/engine/units"
)

// Truncate. The cut may fall inside a group, whose checksum covers what goes
// and what stays. A group cannot be replaced in one step, and what stays may
// have been promised to another node, so the change is written down first:
//
//  1. the note: which file is cut where, and the group that ends it instead
//  2. the manifest without the files behind that one
//  3. that file is cut, the group written, synced
//  4. the files behind it are removed
//  5. the note is removed
//
// A crash before the note is durable leaves the log as it was; after that the
// next start does steps 2 to 5 again, which can be repeated.
//
// Readers of the log wait for no fsync in it: they are kept out while the file is cut and
// written and what is known in memory follows, which is under shape; the note, the manifest
// and the syncs are not. Between the cut and its sync they read what is not synced yet, as they
// do with every write; durable and synced rise behind it.

// noteName is beside the log's files and not one of them.
const noteName = "truncation"

// maxNote bounds the note in bytes: a group, and what is said about it.
const maxNote = 4 << 30

// A truncation is what the note says.
type truncation struct {
	file string
	pos  int64  // cut the file here
	tail []byte // and write this: a frame, or nothing
	add  entry  // the file that goes on there; no name: none
}

const noteMark = "#TRUNCATE "

func (t *truncation) encode() []byte {
	data := fmt.Appendf(nil, noteMark+"%d %s %d %s\n", t.pos, strconv.Quote(t.file), t.add.seq, strconv.Quote(t.add.name))
	data = append(data, t.tail...)
	out := appendOpening(nil, kindHead, 0, data)
	out = append(out, data...)
	return appendClosing(out, kindHead, 0, 0, t.pos)
}

func parseTruncation(b []byte) (t truncation, err error) {
	o, ok := parseOpening(b, 0)
	if !ok || int64(len(b)-o.size) < o.length || checksum(b[o.size:int64(o.size)+o.length]) != o.sum {
		return t, errors.New("it does not match its checksum")
	}
	data := b[o.size : int64(o.size)+o.length]
	line, next, err := units.Line(data, 0)
	if err != nil || line == nil {
		return t, errors.New("it is empty")
	}
	if _, err := fmt.Sscanf(string(line), noteMark+"%d %q %d %q", &t.pos, &t.file, &t.add.seq, &t.add.name); err != nil {
		return t, err
	}
	t.add.kind = typeIncr
	t.tail = data[next:]
	return t, nil
}

func (l *Log) truncate(off int64) error {
	err := l.alone(nil, func() error { return l.truncateAlone(off) })
	var broken *diskError
	if errors.As(err, &broken) {
		l.fail(err)
		l.tell()
	}
	return err
}

// A diskError is one after which the files are not what the log thinks.
type diskError struct{ err error }

func (e *diskError) Error() string { return e.err.Error() }
func (e *diskError) Unwrap() error { return e.err }

// truncateAlone cuts with filesMu, the turn and syncMu held.
func (l *Log) truncateAlone(off int64) error {
	if err := l.err(); err != nil {
		return err
	}
	if err := l.holds(off); err != nil {
		return err
	}
	if off < l.baseAt {
		return fmt.Errorf("offset %d cannot be cut to: the base is at %d", off, l.baseAt)
	}
	s := l.segmentOf(off)
	f, db, from, err := l.unitAt(s, off)
	if err != nil {
		return err
	}
	if off == l.written.Load() {
		l.forgetUnwritten(Place{off, db, l.historyUpTo(off)})
		return nil
	}
	t := l.cutAt(s, &f, from, off)
	history := l.historyUpTo(off)
	err = l.release(l.active()) // on a full disk the note finds its place there
	if err == nil {
		err = l.carryOut(&t, func() { l.cutDown(s, &t, off, history) })
	}
	if err != nil {
		err = fmt.Errorf("truncate the log to offset %d: %w", off, err)
		if errors.Is(err, engine.ErrUntouched) {
			return err // to be tried again when there is space
		}
		return &diskError{err}
	}
	raise(&l.durable, off)
	raise(&l.synced, off)
	l.forgetUnwritten(Place{off, db, history})
	return nil
}

// cutDown makes what is known of the log end at off, where t has just cut s. The caller holds
// shape.
func (l *Log) cutDown(s *segment, t *truncation, off int64, history []engine.EpochStart) {
	l.dropTail(s, off, t)
	l.tail.Lock()
	l.backlog.cut(off)
	l.history = history
	l.written.Store(off)
	l.synced.Store(min(l.synced.Load(), off))
	l.durable.Store(min(l.durable.Load(), off))
	l.tail.Unlock()
	for r := range l.readers {
		r.cut = r.cut || r.off.Load() > off
	}
}

// cutAt is the note for a cut at off, inside or before the group f of s, which
// begins at stream offset from.
func (l *Log) cutAt(s *segment, f *frame, from, off int64) truncation {
	t := truncation{file: s.name, pos: f.pos}
	switch {
	case f.passed || f.open.length > 0 && int64(len(f.data)) == f.open.length:
		t.pos = f.next
	case len(f.data) > 0:
		g := group{buf: append(make([]byte, headroom, headroom+len(f.data)+maxLine), f.data...), from: from, to: off, epoch: lastEpoch(l.historyUpTo(off))}
		g.frame(s.salt)
		t.tail = g.buf[g.at:]
	}
	return t
}

// carryOut writes the note and does what it says. follow makes what is known in memory follow
// the cut file, under the same lock: no reader sees one without the other.
func (l *Log) carryOut(t *truncation, follow func()) error {
	note := l.path(noteName)
	err := disk.WriteSynced(l.fs, disk.TempOf(note), t.encode())
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: %w", engine.ErrUntouched, err)
	case err != nil:
		return err
	}
	if err := disk.Put(l.fs, disk.TempOf(note), note); err != nil {
		return err
	}
	m, gone := l.manifest.upTo(t.file)
	if t.add.name != "" {
		m.incr = append(m.incr, t.add)
		gone = slices.DeleteFunc(gone, func(e entry) bool { return e.name == t.add.name })
	}
	if len(gone) > 0 || t.add.name != "" {
		if err := writeAside(l.fs, l.manifestPath(), m.encode()); err != nil {
			return err
		}
	}
	f, err := l.fs.Open(l.path(t.file))
	if err != nil {
		return err
	}
	l.shape.Lock()
	if err = cutFile(f, t); err == nil {
		l.manifest = m
		follow()
	}
	l.shape.Unlock()
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	for _, e := range gone {
		if err := l.fs.Remove(l.path(e.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := l.fs.Remove(l.path(noteName)); err != nil {
		return err
	}
	return l.fs.SyncDir(l.o.Dir)
}

// cutFile does to the file what t says. It is not synced.
func cutFile(f disk.File, t *truncation) error {
	if err := f.Truncate(t.pos); err != nil {
		return err
	}
	if len(t.tail) == 0 {
		return nil
	}
	_, err := f.WriteAt(t.tail, t.pos)
	return err
}

// upTo is m without the incr files behind the named one, which are gone.
func (m *manifest) upTo(name string) (_ *manifest, gone []entry) {
	out := *m
	for i, e := range m.incr {
		if e.name == name {
			out.incr, gone = m.incr[:i+1:i+1], slices.Clone(m.incr[i+1:])
		}
	}
	return &out, gone
}

// finishTruncation does what a note says that a crash has left.
func (l *Log) finishTruncation() error {
	text, err := disk.Read(l.fs, l.path(noteName), maxNote)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	t, err := parseTruncation(text)
	if err != nil {
		return fmt.Errorf("%s: %w", noteName, err)
	}
	if !l.manifest.lists(t.file) {
		return fmt.Errorf("%s: the manifest does not list %s", noteName, t.file)
	}
	l.o.Host.Logf(engine.LevelNotice, "Finishing an interrupted truncation of %s to %d bytes", t.file, t.pos+int64(len(t.tail)))
	return l.carryOut(&t, func() {})
}

// maxLate is how much of the stream a rewrite moves into the next file: how far
// a follower may be behind its own log.
const maxLate = 64 << 20

// enterLate makes the next file of a rewrite a part of the log that begins
// before the end: what is there already moves over.
func (l *Log) enterLate(rw *rewrite) error {
	l.mu.Lock()
	l.takeTurn()
	err := l.writePending()
	l.mu.Unlock()
	l.endTurn()
	if err != nil {
		return err
	}
	err = l.alone(rw, func() error {
		if err := rw.check(); err != nil {
			return err
		}
		return l.moveTail(rw)
	})
	var broken *diskError
	if errors.As(err, &broken) {
		l.fail(err)
		l.tell()
	}
	return err
}

// moveTail moves the stream from rw's cut on into the next file, with filesMu, the turn and
// syncMu held.
func (l *Log) moveTail(rw *rewrite) error {
	off, end := rw.place.Offset, l.written.Load()
	s := l.segmentOf(off)
	f, db, from, err := l.unitAt(s, off)
	if err != nil {
		return err
	}
	if end-off > maxLate {
		return fmt.Errorf("the keyspace is %d bytes behind the log, more than %d", end-off, maxLate)
	}
	t := l.cutAt(s, &f, from, off)
	data, err := l.readRange(off, end)
	if err != nil {
		return err
	}
	rw.head.db = db
	g := group{buf: append(make([]byte, headroom, headroom+len(data)+maxLine), data...), from: off, to: end, db: db, epoch: lastEpoch(l.history)}
	next := rw.next
	text := rw.head.encode()
	size := int64(len(text))
	if len(data) > 0 {
		g.frame(rw.head.salt)
		text = append(text, g.buf[g.at:]...)
	}
	if _, err := next.file.WriteAt(text, 0); err != nil {
		return err
	}
	if err := next.file.Sync(); err != nil {
		return err
	}
	t.add = next.entry
	err = l.carryOut(&t, func() {
		next.begin(rw.head, size)
		l.dropTail(s, off, &t)
		l.segments = append(l.segments, next)
		l.tail.Lock()
		defer l.tail.Unlock()
		if len(data) > 0 {
			next.grew(int64(len(text))-size, end, db)
		}
		l.last, l.unlisted = next, false
		l.mu.Lock()
		defer l.mu.Unlock()
		rw.entered = true
	})
	if err != nil {
		return &diskError{fmt.Errorf("move the end of the log into %s: %w", next.name, err)}
	}
	raise(&l.durable, end)
	raise(&l.synced, end)
	return nil
}

// readRange is the stream from off to end, from the files; the caller keeps them
// as they are.
func (l *Log) readRange(off, end int64) (data []byte, err error) {
	r := &reader{l: l}
	for buf := make([]byte, 64<<10); off < end; {
		n, err := r.readFile(buf[:min(int64(len(buf)), end-off)], off)
		if err == errAgain {
			continue
		}
		if err != nil {
			return nil, err
		}
		data = append(data, buf[:n]...)
		off += int64(n)
	}
	return data, nil
}

func (l *Log) historyUpTo(off int64) []engine.EpochStart {
	l.tail.Lock()
	defer l.tail.Unlock()
	n := len(l.history)
	for n > 0 && l.history[n-1].Offset >= off {
		n--
	}
	return l.history[:n:n]
}

// dropTail makes the segments follow the files: s is the last one now and ends
// at off, where t has cut it. The caller holds shape, the turn and syncMu.
func (l *Log) dropTail(s *segment, off int64, t *truncation) {
	size := t.pos + int64(len(t.tail))
	for n := len(l.segments) - 1; l.segments[n] != s; n-- {
		_ = l.segments[n].file.Close()
		l.segments = l.segments[:n]
	}
	for r := range l.readers {
		r.seg = nil
		r.forget()
	}
	l.tail.Lock()
	defer l.tail.Unlock()
	l.last = s
	s.end, s.size, s.allocated = off, size, size
	s.cutIndex(t.pos + 1)
}

// forgetUnwritten drops what is in memory alone.
func (l *Log) forgetUnwritten(at Place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = nil
	l.pending.reset(at)
}
