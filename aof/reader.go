package aof

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"regent/engine"
)

// ErrCut is what a reader gets when the part of the log it has read was cut
// off behind it: what it handed on is not in the log any more.
var ErrCut = errors.New("the log was cut behind the reader")

// maxReaders bounds the readers open at one time.
const maxReaders = 1024

// A reader reads the stream, from the backlog where that goes back far enough
// and from the files where it does not. It belongs to one goroutine.
type reader struct {
	l      *Log
	off    atomic.Int64
	cut    bool // under shape
	closed bool

	// Where it is in the files.
	seg  *segment
	win  window
	data []byte // of the group that holds off, or nil
	from int64  // stream offset of data
	next int64  // file position of the group after it
	big  bigGroup
}

func (l *Log) newReader(off int64) (engine.StreamReader, error) {
	l.shape.Lock()
	defer l.shape.Unlock()
	if l.gone || len(l.segments) == 0 {
		return nil, errClosed
	}
	if err := l.holds(off); err != nil {
		return nil, err
	}
	if len(l.readers) == maxReaders {
		return nil, fmt.Errorf("more than %d readers of the log", maxReaders)
	}
	l.tail.Lock()
	l.backlog.open(l.written.Load())
	l.tail.Unlock()
	r := &reader{l: l}
	r.off.Store(off)
	l.readers[r] = struct{}{}
	l.followed = true
	return r, nil
}

// holds reports an error if off is not an offset of what is written.
func (l *Log) holds(off int64) error {
	if start, end := l.segments[0].head.start, l.written.Load(); off < start || off > end {
		return fmt.Errorf("offset %d is not in the log, which holds %d to %d", off, start, end)
	}
	return nil
}

// Offset is the offset of the next byte.
func (r *reader) Offset() int64 { return r.off.Load() }

// Close gives the reader up.
func (r *reader) Close() error {
	r.l.shape.Lock()
	defer r.l.shape.Unlock()
	delete(r.l.readers, r)
	r.closed = true
	return nil
}

// Read reads sealed bytes; io.EOF means that there are none now.
func (r *reader) Read(p []byte) (int, error) {
	for {
		n, err := r.read(p)
		if err != errAgain {
			return n, err
		}
	}
}

// errAgain says that Read is to go on, after others had their turn at the log's shape.
var errAgain = errors.New("again")

func (r *reader) read(p []byte) (int, error) {
	l := r.l
	l.shape.RLock()
	defer l.shape.RUnlock()
	switch {
	case r.closed || l.gone:
		return 0, errClosed
	case r.cut:
		return 0, ErrCut
	case len(p) == 0:
		return 0, nil
	}
	off := r.off.Load()
	if err := l.holds(off); err != nil {
		return 0, err
	}
	l.tail.Lock()
	end := l.written.Load()
	n, ok := l.backlog.read(off, p)
	l.tail.Unlock()
	if off == end {
		return 0, io.EOF
	}
	if ok {
		r.forget()
	} else {
		var err error
		if n, err = r.readFile(p, off); err != nil {
			return 0, err
		}
	}
	r.off.Add(int64(n))
	return n, nil
}

// forget drops what the reader has of the files.
func (r *reader) forget() { r.data, r.big = nil, bigGroup{} }

func (r *reader) readFile(p []byte, off int64) (int, error) {
	if r.big.holds(off) {
		return r.readBig(p, off)
	}
	if in := off - r.from; r.data == nil || in < 0 || in >= int64(len(r.data)) {
		if err := r.find(off); err != nil {
			return 0, fmt.Errorf("read the log at offset %d: %w", off, err)
		}
		if r.big.holds(off) {
			return r.readBig(p, off)
		}
	}
	return copy(p, r.data[off-r.from:]), nil
}

// find moves to the group that holds off: the next one, as a rule.
func (r *reader) find(off int64) error {
	l := r.l
	s := l.segmentOf(off)
	l.tail.Lock()
	size, at := s.size, s.place(off)
	l.tail.Unlock()
	pos, from := at.pos, at.off
	if r.seg == s && (r.data != nil && r.from+int64(len(r.data)) == off || r.big.ends(off)) {
		pos, from = r.next, off
	}
	if r.seg != s {
		r.seg, r.win = s, window{file: s.file}
	}
	r.win.end = size
	r.forget()
	for pos < size {
		f, err := openFrame(&r.win, s, pos, from)
		if err != nil {
			return err
		}
		switch end := from + f.open.length; {
		case off >= end:
			pos, from = f.next, end
			continue
		case f.open.length > largeGroup:
			r.big = bigGroup{pos: f.dataPos(), from: from, open: f.open}
		default:
			r.data = f.data
		}
		r.from, r.next = from, f.next
		return nil
	}
	return fmt.Errorf("%s ends at offset %d, before %d", s.name, from, off)
}

// segmentOf returns the segment that holds the byte at off; the caller holds
// shape, or filesMu and the turn.
func (l *Log) segmentOf(off int64) *segment {
	for i := len(l.segments) - 1; i > 0; i-- {
		if l.segments[i].head.start <= off {
			return l.segments[i]
		}
	}
	return l.segments[0]
}

// dbAt is the database selected at off.
func (l *Log) dbAt(off int64) (int, error) {
	l.shape.RLock()
	defer l.shape.RUnlock()
	if l.gone || len(l.segments) == 0 {
		return 0, errClosed
	}
	if err := l.holds(off); err != nil {
		return 0, err
	}
	_, db, _, err := l.unitAt(l.segmentOf(off), off)
	return db, err
}

// unitAt finds where in s a unit ends at off: the group that begins at or
// before off (f.data is what of it comes before off, if that is not all of a large
// one), the database selected there, and the stream offset at which the group begins. The caller holds
// shape, or filesMu and the turn.
func (l *Log) unitAt(s *segment, off int64) (f frame, db int, from int64, err error) {
	l.tail.Lock()
	size, at := s.size, s.place(off)
	l.tail.Unlock()
	w := &window{file: s.file, end: size}
	p := player{}
	p.selectDB(at.db)
	pos, from := at.pos, at.off
	for pos < size {
		if f, err = openFrame(w, s, pos, from); err != nil {
			return f, 0, from, err
		}
		end := from + f.open.length
		switch {
		case f.data != nil:
		case off >= end:
			db, err := scanBig(w, s, &f, from, p.db)
			if err != nil {
				return f, 0, from, err
			}
			p.selectDB(db)
		default:
			if f, err = goodFrame(w, s, pos, from); err != nil {
				return f, 0, from, err
			}
		}
		if off < end {
			f.data = f.data[:off-from]
		}
		if _, err := p.play(f.data, from); err != nil {
			return f, 0, from, fmt.Errorf("offset %d is not between two units: %w", off, err)
		}
		if off <= end {
			return f, p.db, from, nil
		}
		pos, from = f.next, end
	}
	// off is where the segment begins: there is no group before it.
	return frame{pos: pos}, p.db, from, nil
}
