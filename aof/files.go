package aof

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"regent/aof/disk"
	"regent/engine"
)

// Which files there are: the manifest is read, what it does not list is swept,
// what it lists is opened and sorted into the part that is only loaded (bases,
// and files that Redis wrote) and the segments of the stream.

// A source is a file that holds a part of the data and none of the stream.
type source struct {
	entry
	file   disk.File
	head   head
	headed bool  // Regent wrote it, at least its beginning
	first  int64 // file position after the head
	rdb    bool
}

// manifestName is Redis's.
func (l *Log) manifestPath() string { return l.path(l.o.Name + ".manifest") }

func (l *Log) path(name string) string { return filepath.Join(l.o.Dir, name) }

// fileName is Redis's name for a file: appendonly.aof.3.incr.aof.
func (l *Log) fileName(seq int64, what string) string {
	return l.o.Name + "." + strconv.FormatInt(seq, 10) + "." + what
}

const incrSuffix = "incr.aof"

// isOurs reports whether name is one that this log gives its files.
func (l *Log) isOurs(name string) bool {
	rest, ok := strings.CutPrefix(name, l.o.Name+".")
	if !ok {
		return false
	}
	seq, what, _ := strings.Cut(rest, ".")
	if _, err := strconv.ParseInt(seq, 10, 64); err != nil {
		return false
	}
	return what == incrSuffix || what == "base.aof" || what == "base.rdb"
}

func (l *Log) openFiles() error {
	if err := l.upgrade(); err != nil {
		return fmt.Errorf("take the log of an earlier Redis over: %w", err)
	}
	m, found, err := readManifest(l.fs, l.manifestPath())
	if err != nil {
		return fmt.Errorf("read the manifest: %w", err)
	}
	l.manifest = m
	// The process before may have been killed between a rename and the sync of
	// the directory. What is built on now must not be taken back by a power loss.
	if err := l.fs.SyncDir(l.o.Dir); err != nil {
		return fmt.Errorf("sync %s: %w", l.o.Dir, err)
	}
	if found {
		if err := l.finishTruncation(); err != nil {
			return fmt.Errorf("finish an interrupted truncation: %w", err)
		}
	}
	names, err := l.fs.List(l.o.Dir) // what the truncation has left
	if err != nil {
		return err
	}
	if err := l.sweep(names, found); err != nil {
		return err
	}
	return l.openListed()
}

// openListed opens the files of the manifest, the history apart.
func (l *Log) openListed() error {
	m := l.manifest
	list := m.incr
	if m.base != nil {
		list = append([]entry{*m.base}, list...)
		l.baseSeq.Store(m.base.seq)
	}
	for i, e := range list {
		err := l.openFile(e, i == len(list)-1)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("can't open the append log file %s for reading: No such file or directory (%w)", e.name, err)
		}
		if err != nil {
			return fmt.Errorf("open %s: %w", e.name, err)
		}
	}
	return nil
}

// sweep removes what a crash has left: files that were being made, and files
// that the manifest does not list any more or does not list yet.
func (l *Log) sweep(names []string, found bool) error {
	for _, name := range names {
		switch {
		case strings.HasPrefix(name, tempPrefix+l.o.Name+"."), name == tempPrefix+noteName:
		case l.isOurs(name) && !l.manifest.lists(name):
			if err := l.mayGo(name, found); err != nil {
				return err
			}
		default:
			continue
		}
		l.o.Host.Logf(engine.LevelNotice, "Removing %s, which an interrupted change of the log has left", name)
		if err := l.fs.Remove(l.path(name)); err != nil {
			return err
		}
	}
	return nil
}

// mayGo refuses to remove a file that the manifest does not list if it is the
// manifest that may be wrong: missing, empty, or without the checksum with which
// Regent ends it, while the file holds records in Regent's form. A new log over
// it would be the end of the data.
func (l *Log) mayGo(name string, found bool) error {
	if found && l.manifest.summed {
		return nil
	}
	f, err := l.fs.Open(l.path(name))
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	_, headSize, err := readHead(f)
	switch {
	case size == 0, err == nil && headSize == size:
		return nil // made by a first start that did not get further
	case !found:
		return fmt.Errorf("%s is there but %s is missing: restore it, or move the files away", name, filepath.Base(l.manifestPath()))
	case len(l.manifest.entries()) == 0 || !errors.Is(err, errForeign):
		return fmt.Errorf("%s is there but %s does not list it, and does not end as it should: restore it, or move the file away", name, filepath.Base(l.manifestPath()))
	}
	return nil
}

func (l *Log) openFile(e entry, last bool) error {
	f, err := l.fs.Open(l.path(e.name))
	if err != nil {
		return err
	}
	if last && len(l.segments) > 0 {
		torn, err := tornHead(f)
		if err != nil || torn {
			l.torn = &e
			return errors.Join(err, f.Close())
		}
	}
	src := &source{entry: e, file: f}
	if err := src.look(); err != nil {
		return errors.Join(err, f.Close())
	}
	if src.headed && e.kind == typeIncr {
		if src.head.imported && last && len(l.before)+len(l.segments) > 0 {
			unused, err := src.unused()
			if err != nil || unused {
				l.unused = &e
				return errors.Join(err, f.Close())
			}
		}
		if src.head.imported {
			l.passSegments()
		}
		s := &segment{entry: e, file: f}
		s.begin(src.head, src.first)
		l.segments = append(l.segments, s)
		return nil
	}
	l.passSegments()
	l.before = append(l.before, src)
	return nil
}

// tornHead reports whether f, a file that continues the stream, was begun just
// before a power loss: its head is not there, or not all of it, and nothing
// that was synced can be. (The file before was synced before this was listed.)
func tornHead(f disk.File) (bool, error) {
	buf, err := headBytes(f)
	if err != nil {
		return false, err
	}
	text := bytes.TrimRight(buf, "\x00")
	if o, ok := parseOpening(text, 0); ok {
		closes := text[min(int64(len(text)), int64(o.size)+o.length):]
		return !bytes.ContainsRune(closes, '\n'), nil
	}
	return !bytes.ContainsRune(text, '\n'), nil
}

// unused reports whether nothing was written behind the head of src.
func (src *source) unused() (bool, error) {
	size, err := src.file.Size()
	if err != nil {
		return false, err
	}
	w := &window{file: src.file, end: size}
	written, err := findIn(w, src.first, func(b []byte) int {
		return bytes.IndexFunc(b, func(r rune) bool { return r != 0 })
	})
	return !written, err
}

// dropUnused takes the file off the list that was begun behind what Redis wrote and was never
// written to. Taking over begins again: what is before it may not be what it was, or may have
// an end that is torn.
func (l *Log) dropUnused() error {
	if l.unused == nil {
		return nil
	}
	m := *l.manifest
	m.incr = slices.Clone(m.incr[:len(m.incr)-1])
	if err := writeAside(l.fs, l.manifestPath(), m.encode()); err != nil {
		return err
	}
	l.manifest = &m
	return l.fs.Remove(l.path(l.unused.name))
}

// dropTorn takes the file that tornHead found off the list.
func (l *Log) dropTorn() error {
	if l.torn == nil {
		return nil
	}
	m, _ := l.manifest.upTo(l.active().name)
	if err := writeAside(l.fs, l.manifestPath(), m.encode()); err != nil {
		return err
	}
	l.manifest = m
	l.o.Host.Logf(engine.LevelNotice, "Removing %s, which was begun just before a crash", l.torn.name)
	return l.fs.Remove(l.path(l.torn.name))
}

// openHistory opens the files before the base, newest first, as far as they
// are whole and continue what follows them. What does not is of no use, and
// goes with the next rewrite.
func (l *Log) openHistory() {
	next := l.segments[0].head
	for i := len(l.manifest.history) - 1; i >= 0 && !next.imported; i-- {
		s, _, err := l.openPast(l.manifest.history[i], next.start)
		if err != nil {
			l.o.Host.Logf(engine.LevelWarning, "Followers get nothing from before offset %d: %v", next.start, err)
			return
		}
		l.segments = append([]*segment{s}, l.segments...)
		next = s.head
	}
}

// openPast opens a file of the history that must end at offset end; ld has
// walked it.
func (l *Log) openPast(e entry, end int64) (_ *segment, ld *loader, err error) {
	f, err := l.fs.Open(l.path(e.name))
	if err != nil {
		return nil, nil, err
	}
	src := &source{entry: e, file: f}
	err = src.look()
	if err == nil && !src.headed {
		err = fmt.Errorf("%s has no head", e.name)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	s := &segment{entry: e, file: f}
	s.begin(src.head, src.first)
	ld = &loader{l: l}
	if err = ld.past(s); err == nil && s.end != end {
		err = fmt.Errorf("%s ends at offset %d", e.name, s.end)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return s, ld, nil
}

// passSegments makes the segments so far files that are only loaded: what
// follows them does not continue their stream.
func (l *Log) passSegments() {
	for _, s := range l.segments {
		l.before = append(l.before, &source{entry: s.entry, file: s.file, head: s.head, headed: true, first: s.size})
	}
	l.segments = nil
}

// addSegment starts a new file at the end of the stream: made first, then
// listed, so that no crash leaves a list of files that are not there.
func (l *Log) addSegment(h head) error {
	m := *l.manifest
	seq := m.nextSeq()
	h.salt = newSalt(l.o.Host)
	s, err := newSegment(l.fs, l.o.Dir, entry{l.fileName(seq, incrSuffix), seq, typeIncr}, h)
	if err != nil {
		return err
	}
	m.incr = append(append([]entry(nil), m.incr...), s.entry)
	if err := writeAside(l.fs, l.manifestPath(), m.encode()); err != nil {
		return errors.Join(fmt.Errorf("write the manifest: %w", err), s.file.Close())
	}
	l.manifest = &m
	l.segments = append(l.segments, s)
	l.tail.Lock()
	l.last = s
	l.tail.Unlock()
	return nil
}
