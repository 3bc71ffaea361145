package aof

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"regent/aof/disk"
	"regent/engine/units"
)

// Base files: the state at one offset, in place of all records before it. RDB
// is written by what takes the snapshot and read by Options.LoadBase;
// commands are framed here, as a stream is, in frames of their own kind:
//
//	#S+...#S-     a head: offset and history
//	#D+...#D-     commands, as many frames as there are
//	#D+0 ...#D-   an empty one: the end
//
// A base is synced before a manifest lists it, so nothing is ever missing at
// its end: whatever is not good is damage.

// A Format is how a base is written.
type Format uint8

// Formats of a base.
const (
	FormatCommands Format = iota
	FormatRDB
)

func (f Format) suffix() string {
	if f == FormatRDB {
		return "base.rdb"
	}
	return "base.aof"
}

// A Base is a base file that is to be carried out.
type Base struct {
	io.ReaderAt
	Size int64
	// Progress, if not nil, may be told the bytes done so far, from any
	// goroutine.
	Progress func(done int64)
	// Again says that LoadUpTo loads it, and not Load.
	Again bool

	// Place is for LoadBase to fill in if the file says where in the log it
	// was taken; HasPlace, that it does. Without one the file is Redis's.
	Place    Place
	HasPlace bool
	// Used is for LoadBase to fill in with the bytes that belong to the file's
	// format, if commands follow them; 0: all.
	Used int64
}

// rdbMagic is what an RDB file begins with.
const rdbMagic = "REDIS"

// baseFrame is how many bytes of commands a frame of a base holds at least.
const baseFrame = 256 << 10

// A baseFile is a base that is being written, under a temporary name.
type baseFile struct {
	l      *Log
	entry  entry
	format Format
	file   disk.File
	pos    int64
	buf    *bufio.Writer
	// commands only
	salt    uint32
	pending []byte
	whole   int // bytes of pending that are whole units
	scan    units.Scanner
	headed  bool
	place   func() (Place, error) // known once the snapshot is cut
}

func (l *Log) newBase(format Format, place func() (Place, error)) (*baseFile, error) {
	b := &baseFile{l: l, format: format, place: place, salt: newSalt(l.o.Host), scan: units.NewScanner(0, 0)}
	seq := l.baseSeq.Add(1)
	b.entry = entry{l.fileName(seq, format.suffix()), seq, typeBase}
	f, err := l.fs.Create(b.temp())
	if err != nil {
		return nil, err
	}
	b.file = f
	b.buf = bufio.NewWriterSize(&syncingWriter{to: io.NewOffsetWriter(f, 0), file: f}, windowSize)
	return b, nil
}

// baseSync is how many bytes of a base are written between two fsyncs. A single
// one at the end would keep the disk from the log's own for as long as it takes.
const baseSync = 4 << 20

// A syncingWriter syncs its file as it grows.
type syncingWriter struct {
	to    io.Writer
	file  disk.File
	fresh int
}

func (w *syncingWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	if w.fresh += n; err == nil && w.fresh >= baseSync {
		w.fresh = 0
		err = w.file.Sync()
	}
	return n, err
}

func (b *baseFile) temp() string { return filepath.Join(b.l.o.Dir, tempPrefix+b.entry.name) }

// Write takes the snapshot's bytes.
func (b *baseFile) Write(p []byte) (int, error) {
	if b.format == FormatRDB {
		n, err := b.buf.Write(p)
		b.pos += int64(n)
		return n, err
	}
	whole, err := b.scan.Scan(p)
	if err != nil {
		return 0, fmt.Errorf("the snapshot's commands: %w", err)
	}
	if whole > 0 {
		b.whole = len(b.pending) + whole
	}
	b.pending = append(b.pending, p...)
	if len(b.pending) < baseFrame {
		return len(p), nil
	}
	return len(p), b.flush()
}

// flush frames the whole units that there are.
func (b *baseFile) flush() error {
	if err := b.head(); err != nil {
		return err
	}
	if b.whole == 0 {
		return nil
	}
	if err := b.frame(b.pending[:b.whole]); err != nil {
		return err
	}
	b.pending = append(b.pending[:0], b.pending[b.whole:]...)
	b.whole = 0
	return nil
}

func (b *baseFile) head() error {
	if b.headed {
		return nil
	}
	at, err := b.place()
	if err != nil {
		return err
	}
	h := head{start: at.Offset, history: at.History, salt: b.salt}
	b.headed = true
	return b.put(h.encode())
}

func (b *baseFile) frame(data []byte) error {
	var line [maxLine]byte
	if err := b.put(appendOpening(line[:0], kindData, b.salt, data)); err != nil {
		return err
	}
	if err := b.put(data); err != nil {
		return err
	}
	return b.put(appendClosing(line[:0], kindData, b.salt, 0, b.pos))
}

func (b *baseFile) put(p []byte) error {
	n, err := b.buf.Write(p)
	b.pos += int64(n)
	return err
}

// finish makes the file whole and durable under its own name. It is not part
// of the log before a manifest lists it.
func (b *baseFile) finish() error {
	if b.format == FormatCommands {
		if err := b.flush(); err != nil {
			return err
		}
		if len(b.pending) > 0 {
			return errors.New("the snapshot ends inside a command")
		}
		if err := b.frame(nil); err != nil {
			return err
		}
	}
	if err := b.buf.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", b.entry.name, err)
	}
	if err := b.file.Sync(); err != nil {
		return err
	}
	if err := b.l.fs.Rename(b.temp(), b.l.path(b.entry.name)); err != nil {
		return err
	}
	return b.l.fs.SyncDir(b.l.o.Dir)
}

// discard removes what there is of a base that is not wanted.
func (b *baseFile) discard() {
	_ = b.file.Close()
	_ = b.l.fs.Remove(b.temp())
	_ = b.l.fs.Remove(b.l.path(b.entry.name))
}

// source is the finished base as the log holds it.
func (b *baseFile) source() (*source, error) {
	src := &source{entry: b.entry, file: b.file}
	return src, src.look()
}

// look reads what a source begins with.
func (src *source) look() error {
	h, first, err := readHead(src.file)
	switch {
	case err == nil:
		src.head, src.headed, src.first = h, true, first
		return nil
	case !errors.Is(err, errForeign):
		return &DamageError{File: src.name, What: err.Error()}
	}
	magic := make([]byte, len(rdbMagic))
	n, err := readUpTo(src.file, magic, 0)
	src.rdb = string(magic[:n]) == rdbMagic
	return err
}

// rdb loads a base through Options.LoadBase.
func (ld *loader) rdb(src *source, t target, size int64) error {
	l := ld.l
	if l.o.LoadBase == nil {
		return ld.damage(t, 0, "an RDB file, which this server was not given a reader for", nil)
	}
	done := ld.done
	b := &Base{ReaderAt: src.file, Size: size, Again: !ld.repair}
	if ld.progress != nil {
		b.Progress = func(n int64) { ld.progress(done+n, max(done+n, ld.total)) }
	}
	if known := ld.bases[src.name]; known != nil {
		b = known // locate: it is loaded already
	} else if err := l.o.LoadBase(b); err != nil {
		return fmt.Errorf("load %s: %w", src.name, err)
	}
	if ld.bases == nil {
		ld.bases = map[string]*Base{}
	}
	ld.bases[src.name] = b
	if b.HasPlace {
		ld.startHistory(&head{start: b.Place.Offset, history: b.Place.History})
		ld.passed(size)
		return nil
	}
	if b.Used == 0 {
		b.Used = size
	}
	ld.passed(b.Used)
	if b.Used < size {
		if err := ld.records(t, b.Used, size); err != nil {
			return err
		}
	}
	ld.off += size
	return nil
}

// commands loads a base of Regent's own.
func (ld *loader) commands(src *source, t target, size int64) error {
	ld.startHistory(&src.head)
	ld.passed(src.first)
	w := &window{file: src.file, end: size}
	for pos := src.first; ; {
		f, err := readFrame(w, pos, src.head.salt)
		if err != nil {
			return fmt.Errorf("read %s: %w", src.name, err)
		}
		if f.state != frameGood || f.open.kind != kindData || f.close.offset != pos+int64(f.open.size)+f.open.length {
			return ld.damage(t, pos, f.state.String(), nil)
		}
		if at, err := ld.player.play(f.data, 0); err != nil {
			return ld.damage(t, f.dataPos()+int64(at), "a command cannot be carried out", err)
		}
		pos = f.next
		ld.groups++
		ld.passed(pos - f.pos)
		if f.open.length > 0 {
			continue
		}
		if pos != size {
			return ld.damage(t, pos, "something follows the end of the base", nil)
		}
		return nil
	}
}

// writtenBase is a base of the state at a place that write has written whole. Of one that
// failed nothing is left.
func (l *Log) writtenBase(ctx context.Context, at Place, format Format, write func(w io.Writer) error) (*source, error) {
	base, err := l.newBase(format, func() (Place, error) { return at, nil })
	if err != nil {
		return nil, err
	}
	var src *source
	if err = write(contextWriter{ctx, base}); err == nil {
		err = base.finish()
	}
	if err == nil {
		src, err = base.source()
	}
	if err != nil {
		base.discard()
		return nil, err
	}
	return src, nil
}
