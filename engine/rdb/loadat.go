package rdb

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// LoadAt reads a file of size bytes, as Load does. If it has an index nothing
// follows it, and each worker takes the next section, reads, proves
// and decodes it by itself; no key of a damaged section is delivered.
func LoadAt(r io.ReaderAt, size int64, o Options, f func(*Batch) error) (*Summary, error) {
	x := readIndex(r, size)
	if x == nil {
		return Load(io.NewSectionReader(r, 0, size), o, f)
	}
	l := newLoader(o, f)
	l.sum.Sections = len(x) - 1
	s := sectioned{l: l, r: r, x: x}
	head := newWorker(l)
	err := s.header(head)
	head.end()
	if err != nil {
		return l.finish(&head.w, err)
	}
	s.hint()
	for range max(l.o.Workers, 1) {
		l.wg.Go(s.work)
	}
	sum, err := l.finish(&head.w, nil)
	if err == nil { // all sections are proven, and the rest was with the index
		sum.Bytes, sum.Checked = size, true
	}
	return sum, err
}

// A sectioned is a load by sections.
type sectioned struct {
	l    *loader
	r    io.ReaderAt
	x    index
	next atomic.Int64 // the next section to take
}

// header reads what stands before the first section.
func (s *sectioned) header(w *worker) error {
	buf, err := s.read(nil, 0, s.x[0].off, 0, s.x[0].crc)
	if err != nil {
		return err
	}
	c := cursor{buf: buf}
	if s.l.sum.Version, err = c.magic(); err != nil {
		return err
	}
	return w.run(job{buf: buf, lo: c.i, hi: len(buf)}, s.l)
}

// hintBytes is more than SELECTDB and RESIZEDB can take.
const hintBytes = 64

// hint tells how large the first database is before its keys come from all
// sides. What is wrong there is found when the section is read.
func (s *sectioned) hint() {
	buf := make([]byte, hintBytes)
	n, _ := s.r.ReadAt(buf, s.x[0].off) // as far as it goes
	w := walker{cursor: cursor{buf: buf[:n]}}
	for _, want := range []byte{opSelectDB, opResizeDB} {
		if op, err := w.opcode(); err != nil || op != want || w.other(op, s.l) != nil {
			return
		}
	}
}

// work takes sections until there are no more, or one is damaged.
func (s *sectioned) work() {
	w := newWorker(s.l)
	defer w.end()
	defer s.l.count(&w.w)
	var buf []byte
	for {
		i := int(s.next.Add(1)) - 1
		if i >= len(s.x)-1 || s.stopped() {
			return
		}
		from, to := s.x[i], s.x[i+1]
		var err error
		if buf, err = s.read(buf, from.off, to.off, from.crc, to.crc); err == nil && buf[0] != opSelectDB {
			err = &DamageError{Offset: from.off, From: from.off, Err: errSection}
		}
		if err == nil {
			err = w.run(job{buf: buf, base: from.off, hi: len(buf)}, s.l)
		}
		if err != nil {
			s.l.fail(err, from.off)
			return
		}
		if cap(buf) > 2*sectionBytes {
			buf = nil
		}
	}
}

func (s *sectioned) stopped() bool {
	select {
	case <-s.l.stop:
		return true
	default:
		return false
	}
}

// read reads and proves the bytes from off to end. That many exist: the index
// lies behind them.
func (s *sectioned) read(buf []byte, off, end int64, before, after uint64) ([]byte, error) {
	n := int(end - off)
	if cap(buf) < n {
		buf = make([]byte, n, n+n/4) // sections differ a little
	}
	buf = buf[:n]
	if got, err := s.r.ReadAt(buf, off); got < n {
		if errors.Is(err, io.EOF) {
			return nil, &DamageError{Offset: off + int64(got), From: off, Err: io.ErrUnexpectedEOF}
		}
		return nil, &readError{err}
	}
	if !s.l.o.Unchecked && Checksum(before, buf) != after {
		return nil, &DamageError{Offset: off, From: off, Err: fmt.Errorf("section up to %d: %w", end, errChecksum)}
	}
	return buf, nil
}
