package rdb

import (
	"encoding/binary"
	"errors"
	"io"
)

// A scanner walks over a stream and cuts it into jobs. Every byte of the file
// is in exactly one job, in order.
//
//	      lo                    keep         i
//	|-----|----------|----------|------------|....
//	 rest   complete items       the item
//	 of     a worker decodes     being read
//	 a value
//	 passed over
//
// When the buffer is full, the job ends at keep and the item moves on to the
// next buffer. Only while a value is being passed over does the job end at i,
// so that such a value is never gathered.
type scanner struct {
	walker
	l   *loader
	r   io.Reader
	crc uint64 // of all bytes before buf[0]

	keepDB  int // database selected at keep
	lo      int
	loDB    int  // database selected at lo
	passing bool // reading an item that is passed over
	cut     bool // and part of it is in an earlier job
}

// firstBytes is the first buffer's length: many files are small.
const firstBytes = 16 << 10

func newScanner(l *loader, r io.Reader) *scanner {
	s := &scanner{walker: l.walker(), l: l, r: r}
	s.feed = s
	s.buf = make([]byte, 0, firstBytes)
	return s
}

// scan walks to the end of the file.
func (s *scanner) scan() (err error) {
	if s.l.sum.Version, err = s.magic(); err != nil {
		return err
	}
	s.lo = s.i
	for {
		s.keep, s.keepDB = s.i, s.db
		op, err := s.opcode()
		switch {
		case err != nil:
		case op == opEOF:
			return s.wrap(s.end())
		case op == opFunction && !s.libraries || op == opModuleAux || op < opFirst && !s.codecs.has(Type(op)):
			err = s.passOver(op)
		case op >= opFirst:
			err = s.other(op, s.l)
		default:
			s.meta, s.pending = Meta{}, false
			if err = s.skipString(); err == nil {
				err = s.skipValue(Type(op))
			}
		}
		if err != nil {
			return s.wrap(err)
		}
	}
}

// passOver reads an item that cannot be held.
func (s *scanner) passOver(op byte) (err error) {
	s.passing, s.cut = s.walker.passed != nil, false
	if op >= opFirst {
		err = s.other(op, s.l)
	} else {
		err = s.foreign(Type(op))
	}
	if s.cut {
		s.lo = s.i
	}
	s.passing, s.cut = false, false
	return err
}

// more is the cursor's feed; c is the scanner's own cursor.
func (s *scanner) more(c *cursor) error {
	if len(c.buf) == cap(c.buf) {
		if err := s.makeRoom(); err != nil {
			return err
		}
	}
	return fill(s.r, c)
}

// makeRoom ends the job at what is complete and goes on in another buffer. An
// item that fills the buffer alone gets one of twice the size: that much has
// arrived of it.
func (s *scanner) makeRoom() error {
	end := s.keep
	if s.passing {
		end = s.i
	}
	old, rest := s.buf, s.buf[end:]
	s.buf = append(s.l.buffer(max(batchBytes, 2*len(rest))), rest...)
	if end == 0 {
		s.l.give(old)
		return nil
	}
	j := s.job(old[:end])
	s.base += int64(end)
	s.i -= end
	s.keep, s.lo, s.loDB, s.cut = 0, 0, s.keepDB, s.passing
	return s.l.work(j)
}

// job is what stands in p, up to what the current item begins with. Of an item
// that an earlier job cut, there is nothing to decode: lo and keep are both 0.
func (s *scanner) job(p []byte) job {
	s.crc = Checksum(s.crc, p)
	return job{buf: p, base: s.base, db: s.loDB, lo: s.lo, hi: s.keep}
}

// end reads the checksum and proves it, and then hands on the last keys.
func (s *scanner) end() error {
	sum := &s.l.sum
	if sum.Version >= checksumFrom {
		p, err := s.take(trailerBytes)
		if err != nil {
			return err
		}
		want := binary.LittleEndian.Uint64(p)
		checks := want != 0 && !s.l.o.Unchecked
		if checks && Checksum(s.crc, s.buf[:s.i-trailerBytes]) != want {
			return errChecksum
		}
		sum.Checked = checks
	}
	sum.Bytes = s.base + int64(s.i)
	if s.l.o.Whole {
		if err := s.atEnd(); err != nil {
			return err
		}
	}
	return s.l.work(s.job(s.buf[:s.keep]))
}

// atEnd makes sure that nothing follows.
func (s *scanner) atEnd() error {
	if s.i < len(s.buf) {
		return errTrailing
	}
	var one [1]byte
	_, err := io.ReadFull(s.r, one[:])
	switch {
	case err == nil:
		return errTrailing
	case errors.Is(err, io.EOF):
		return nil
	}
	return &readError{err}
}
