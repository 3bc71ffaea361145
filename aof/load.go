package aof

import (
	"errors"
	"fmt"
	"io"

	"regent/aof/disk"
	"regent/engine"
	"regent/engine/units"
)

// Records is what carries out the records that a load reads.
type Records interface {
	// Apply takes the next record, with the database selected before its unit;
	// args are valid until it returns. It may be carried out later. The error
	// may be of an earlier record then, and is an *engine.RecordError.
	Apply(db int, args [][]byte) error
	// Drain returns when all that Apply was given is carried out.
	Drain() error
}

// atOnce carries out each record before the next is read.
type atOnce func(db int, args [][]byte) error

func (f atOnce) Apply(db int, args [][]byte) error { return f(db, args) }
func (atOnce) Drain() error                        { return nil }

// Load is LoadInto for an apply that carries out each record at once.
func (l *Log) Load(apply func(db int, args [][]byte) error, progress func(done, total int64)) error {
	return l.LoadInto(atOnce(apply), progress)
}

// LoadInto reads everything the log holds, in order, and makes it ready to be
// written to. progress, which may be nil, gets the bytes read so far and in
// all. Damage is a *DamageError; see tail.go for what is cut instead.
func (l *Log) LoadInto(to Records, progress func(done, total int64)) error {
	if l.isLoaded() {
		return errors.New("the log is loaded already")
	}
	ld := &loader{l: l, repair: true, progress: progress, to: to}
	ld.player.apply = to.Apply
	if err := ld.run(); err != nil {
		return ld.locate(err)
	}
	if err := l.ready(ld); err != nil {
		return err
	}
	l.serve()
	return nil
}

// serve has the log be written to and synced.
func (l *Log) serve() {
	l.syncDone = make(chan struct{})
	go l.syncLoop()
	l.mu.Lock()
	l.loaded = true
	l.mu.Unlock()
	l.tell()
}

// locate finds where in the files the record stands that could not be carried
// out, if err is of one that was handed over before: the files are walked once
// more up to there. The load has failed, and changes nothing.
func (ld *loader) locate(err error) error {
	var late *engine.RecordError
	if !errors.As(err, &late) {
		return err
	}
	for _, s := range ld.l.segments {
		s.begin(s.head, s.index[0].pos)
	}
	again := &loader{l: ld.l, repair: true, torn: func(tear) {}, bases: ld.bases}
	left := late.Index
	again.player.apply = func(int, [][]byte) error {
		if left == 0 {
			return late.Err
		}
		left--
		return nil
	}
	if found := again.run(); found != nil {
		return found
	}
	return err
}

// drain waits until everything that was handed over is carried out.
func (ld *loader) drain() error {
	if ld.to == nil {
		return nil
	}
	return ld.to.Drain()
}

func (l *Log) isLoaded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loaded
}

// ready opens the log for writing behind what ld has loaded.
func (l *Log) ready(ld *loader) error {
	if n := len(l.segments); n > 0 {
		l.last = l.segments[n-1]
	}
	if err := l.dropTorn(); err != nil {
		return fmt.Errorf("drop a file without a head: %w", err)
	}
	if err := l.dropUnused(); err != nil {
		return fmt.Errorf("drop an empty file: %w", err)
	}
	h := head{start: ld.off, db: ld.player.db, history: ld.player.history}
	foreign := ld.foreign || len(l.segments) == 0 && len(l.before) > 0
	if foreign {
		// What Redis wrote has no place in a history that nodes compare: the
		// stream begins anew after it, in no epoch.
		l.passSegments()
		h.imported, h.history = true, nil
		l.o.Host.Logf(engine.LevelNotice, "The log was written by Redis: taken over, the stream begins at offset %d", h.start)
	}
	if foreign || len(l.segments) == 0 {
		if err := l.addSegment(h); err != nil {
			return err
		}
	}
	l.setBase(l.segments[0].head.start)
	l.openHistory()
	s := l.active()
	// What a killed process wrote may be in the page cache alone.
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("fsync of %s: %w", s.name, err)
	}
	l.history = h.history
	l.pending.reset(Place{ld.off, ld.player.db, h.history})
	l.written.Store(ld.off)
	l.synced.Store(ld.off)
	l.durable.Store(ld.off)
	l.stats.baseSize.Store(l.size())
	s.allocated = s.size
	l.reserve(s)
	return nil
}

// LoadUpTo reads the log again up to stream offset upto, which lies between
// two units. Everything appended so far is sealed first.
func (l *Log) LoadUpTo(upto int64, apply func(db int, args [][]byte) error) error {
	if err := l.Seal(min(upto, recorder{l}.End())); err != nil {
		return err
	}
	l.shape.RLock()
	defer l.shape.RUnlock()
	if l.gone {
		return errClosed
	}
	if l.fresh {
		return errFresh
	}
	if upto < l.baseAt || upto > l.written.Load() {
		return fmt.Errorf("offset %d cannot be loaded up to: the base is at %d, the end at %d", upto, l.baseAt, l.written.Load())
	}
	ld := &loader{l: l, upto: upto, limited: true}
	ld.player.apply = apply
	return ld.run()
}

// A loader is one pass over the files.
type loader struct {
	l           *Log
	player      player
	to          Records // nil: nothing is carried out later
	bases       map[string]*Base
	off         int64 // stream offset reached
	repair      bool  // the first pass: the tail may be cut, indexes are built
	foreign     bool  // the last file goes on with what Redis wrote
	limited     bool
	upto        int64 // limited: where to stop
	done, total int64 // bytes of files
	reported    int64
	progress    func(done, total int64)
	groups      int64 // frames that matched their checksum
	// torn is told what would be cut, instead of cutting it: Check.
	torn func(tear)
}

// progressStep is how many bytes are loaded between two reports.
const progressStep = 1 << 20

func (ld *loader) run() error {
	err := ld.walk()
	if late := ld.drain(); late != nil {
		err = late // of a record before what else was found
	}
	if err != nil {
		return err
	}
	ld.report(true)
	return nil
}

func (ld *loader) walk() error {
	l := ld.l
	if err := ld.measure(); err != nil {
		return err
	}
	for i, src := range l.before {
		last := ld.repair && len(l.segments) == 0 && i == len(l.before)-1
		if err := ld.source(src, last); err != nil {
			return err
		}
	}
	for i, s := range l.segments {
		if !ld.repair && s.head.start < l.baseAt {
			continue // history
		}
		if err := ld.segment(s, ld.repair && i == len(l.segments)-1 && l.torn == nil); err != nil {
			return err
		}
	}
	return nil
}

func (ld *loader) measure() error {
	for _, src := range ld.l.before {
		n, err := src.file.Size()
		if err != nil {
			return err
		}
		ld.total += n
	}
	for _, s := range ld.l.segments {
		n, err := s.file.Size()
		if err != nil {
			return err
		}
		ld.total += n
	}
	return nil
}

func (ld *loader) passed(n int64) {
	ld.done += n
	ld.report(false)
}

func (ld *loader) report(always bool) {
	if ld.progress != nil && (always || ld.done-ld.reported >= progressStep) {
		ld.reported = ld.done
		ld.progress(ld.done, max(ld.done, ld.total))
	}
}

// source loads a file that is not part of the stream. It counts by its size,
// so that no two logs of different content meet at offset 0.
func (ld *loader) source(src *source, last bool) error {
	size, err := src.file.Size()
	if err != nil {
		return err
	}
	ld.player.selectDB(0)
	t := target{name: src.name, file: src.file, last: last, mixed: true}
	switch {
	case src.rdb:
		return ld.rdb(src, t, size)
	case src.headed && src.kind == typeBase:
		return ld.commands(src, t, size)
	case src.headed:
		t.salt = src.head.salt
		s := &segment{}
		s.begin(src.head, src.first)
		ld.startHistory(&src.head)
		ld.passed(src.first)
		return ld.frames(t, s, size)
	}
	err = ld.records(t, 0, size)
	ld.off += size
	return err
}

// segment loads a file of the stream.
func (ld *loader) segment(s *segment, last bool) error {
	h := &s.head
	t := target{name: s.name, file: s.file, salt: s.salt, last: last}
	if h.imported {
		ld.startHistory(h)
	}
	if h.start != ld.off {
		return ld.damage(t, 0, fmt.Sprintf("it begins at offset %d, but what is before it ends at %d", h.start, ld.off), nil)
	}
	ld.player.selectDB(h.db)
	ld.passed(s.index[0].pos)
	if ld.repair {
		size, err := s.file.Size()
		if err != nil {
			return err
		}
		return ld.frames(t, s, size)
	}
	ld.l.tail.Lock()
	size, again := s.size, &segment{}
	again.begin(*h, s.index[0].pos)
	ld.l.tail.Unlock()
	return ld.frames(t, again, size)
}

// past looks at a file of the history without carrying it out.
func (ld *loader) past(s *segment) error {
	size, err := s.file.Size()
	if err != nil {
		return err
	}
	ld.startHistory(&s.head)
	return ld.frames(target{name: s.name, file: s.file, salt: s.salt}, s, size)
}

func (ld *loader) startHistory(h *head) {
	ld.off = h.start
	ld.player.selectDB(h.db)
	ld.player.history = append([]engine.EpochStart(nil), h.history...)
	ld.player.epoch = lastEpoch(h.history)
	if h.imported {
		ld.player.history, ld.player.epoch = nil, 0
	}
}

// A target is the file that is being loaded.
type target struct {
	name string
	file disk.File
	salt uint32
	last bool // its tail may be torn
	// mixed: Redis may have written behind what Regent wrote
	mixed bool
}

// frames loads the frames of t from s.size on up to file position size, and
// lets s grow with them.
func (ld *loader) frames(t target, s *segment, size int64) error {
	w := &window{file: t.file, end: size}
	for s.size < size && !(ld.limited && ld.off >= ld.upto) {
		f, err := readFrame(w, s.size, t.salt)
		if err != nil {
			return fmt.Errorf("read %s: %w", t.name, err)
		}
		if f.state != frameGood {
			return ld.tail(t, s, &f, w)
		}
		if f.open.kind != kindGroup || f.close.offset != ld.off+f.open.length {
			return ld.damage(t, f.pos, "a group that belongs elsewhere", nil)
		}
		if err := ld.group(t, s, &f); err != nil {
			return err
		}
	}
	return nil
}

// group plays a group whose bytes match their checksum.
func (ld *loader) group(t target, s *segment, f *frame) error {
	data := f.data
	part := ld.limited && int64(len(data)) > ld.upto-ld.off
	if part {
		data = data[:ld.upto-ld.off]
	}
	db := ld.player.db
	if at, err := ld.player.play(data, ld.off); err != nil {
		return ld.damageAt(t, f.dataPos()+int64(at), ld.off+int64(at), "a record cannot be carried out", err)
	}
	if f.state == frameGood && !part && f.close.epoch != ld.player.epoch {
		return ld.damage(t, f.pos, fmt.Sprintf("a group of epoch %d inside epoch %d", f.close.epoch, ld.player.epoch), nil)
	}
	ld.off += int64(len(data))
	ld.groups++
	s.grew(f.next-f.pos, ld.off, db)
	ld.passed(f.next - f.pos)
	return nil
}

// records loads what Redis wrote: records without checksums, from file
// position pos on.
func (ld *loader) records(t target, pos, size int64) error {
	w := &window{file: t.file, end: size}
	sc := units.NewScanner(ld.player.db, pos)
	sc.Comments = true
	need := int64(windowSize)
	for pos < size {
		b, err := w.at(pos, need)
		if err != nil {
			return fmt.Errorf("read %s: %w", t.name, err)
		}
		_, bad := sc.Scan(b[sc.Offset()-pos:])
		whole := sc.Whole() - pos
		if whole > 0 {
			if at, err := ld.player.play(b[:whole], pos); err != nil {
				return ld.damage(t, pos+int64(at), "a record cannot be carried out", err)
			}
			pos += whole
			need = max(windowSize, 2*(sc.Offset()-pos))
			ld.passed(whole)
		}
		switch {
		case bad != nil:
			return ld.badRecords(t, pos, w, bad)
		case whole > 0:
		case int64(len(b)) < size-pos:
			need = 2 * int64(len(b)) // a record that is larger
		default:
			return ld.cut(t, pos, size-pos, "a torn record")
		}
	}
	return nil
}

func (ld *loader) damage(t target, pos int64, what string, err error) error {
	return ld.damageAt(t, pos, ld.off, what, err)
}

func (ld *loader) damageAt(t target, pos, off int64, what string, err error) error {
	return &DamageError{File: t.name, Pos: pos, Offset: off, Record: ld.player.records, What: what, Err: err}
}

// findIn looks for something in the file from pos on: find returns where it is
// in a piece, -1 for nowhere. Pieces overlap by a line.
func findIn(w *window, pos int64, find func(b []byte) int) (found bool, err error) {
	for pos < w.end {
		b, err := w.at(pos, windowSize)
		if err != nil && err != io.EOF {
			return false, err
		}
		if find(b) >= 0 {
			return true, nil
		}
		if int64(len(b)) == w.end-pos {
			return false, nil
		}
		pos += int64(len(b)) - maxLine
	}
	return false, nil
}
