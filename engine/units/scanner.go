package units

import (
	"bytes"
	"errors"
	"fmt"
)

// A Scanner finds the ends of units in bytes that arrive in pieces, in order.
// It looks at each byte once, however the pieces fall, and passes over the
// contents of arguments without looking at them.
type Scanner struct {
	// DB is the database that is selected after the last whole unit.
	DB int
	// Epochs are those that began in whole units; the caller takes them.
	Epochs []Epoch
	// Comments lets other lines with # pass: Redis's own files have them.
	Comments bool

	off  int64 // stream offset of the next byte
	unit int64 // stream offset at which the open unit begins
	bad  error // nothing follows it

	// The open record.
	argc, left int   // arguments, and those of them still to come
	body       int64 // bytes still to come of the argument at hand, 0: none
	tail       int   // of its line's end
	kind       Kind
	want       bool // the argument at hand is kept in held

	held   []byte // the beginning of a line, or of an argument that matters
	multi  bool   // between MULTI and EXEC
	nextDB int    // selected inside the open unit
}

// maxWanted bounds an argument that a Scanner keeps, in bytes: a name or a
// number.
const maxWanted = 20

// NewScanner reads a stream from offset off on, where a unit begins and database
// db is selected.
func NewScanner(db int, off int64) Scanner {
	return Scanner{DB: db, nextDB: db, off: off, unit: off}
}

// Offset is the offset of the next byte.
func (s *Scanner) Offset() int64 { return s.off }

// Whole is the offset after the last whole unit.
func (s *Scanner) Whole() int64 { return s.unit }

// Needs is how many more bytes are known to follow: the rest of the argument at hand.
func (s *Scanner) Needs() int { return int(s.body) + s.tail }

// Scan looks at the next piece. whole is how many bytes of p, from its
// beginning, lie before the end of the last unit that ends in it, 0: none does.
// After an error the Scanner returns the same one for ever.
func (s *Scanner) Scan(p []byte) (whole int, err error) {
	if s.bad != nil {
		return 0, s.bad
	}
	for at := 0; at < len(p); {
		var n int
		var ended bool
		if n, ended = s.quick(p[at:]); n == 0 {
			n, ended, err = s.step(p[at:])
		}
		at += n
		s.off += int64(n)
		if err == nil && s.off-s.unit > MaxUnit {
			err = fmt.Errorf("it is larger than %d bytes", int64(MaxUnit))
		}
		if err != nil {
			s.bad = fmt.Errorf("at byte %d of the unit at offset %d: %w", s.off-s.unit, s.unit, err)
			return whole, s.bad
		}
		if ended && !s.multi {
			whole, s.DB, s.unit = at, s.nextDB, s.off
		}
	}
	return whole, nil
}

// quick reads as much as nearly always stands there: a record's count, and
// arguments that p holds as a whole and that do not matter. It returns 0 for what
// is not so, or is wrong, which is for step.
func (s *Scanner) quick(p []byte) (n int, ended bool) {
	if s.body > 0 || s.tail > 0 || len(s.held) > 0 {
		return 0, false
	}
	if s.left == 0 {
		argc, next, ok := quickHeader(p, 0, '*')
		if !ok || argc <= 2 || argc > MaxArgs {
			return 0, false
		}
		s.argc, s.left, s.kind, n = argc, argc, Plain, next
	}
	for s.left > 0 && s.argc > 2 {
		size, next, ok := quickHeader(p, n, '$')
		end := next + size + len(crlf)
		if !ok || end > len(p) || p[end-2] != '\r' || p[end-1] != '\n' {
			return n, false
		}
		s.left--
		n = end
	}
	return n, n > 0 && s.left == 0
}

// step reads on in p and returns how far; ended: a record ends there. With an
// error it has not read on.
func (s *Scanner) step(p []byte) (n int, ended bool, err error) {
	switch {
	case s.body > 0:
		return s.pass(p), false, nil
	case s.tail > 0:
		return s.lineEnd(p)
	case s.left > 0:
		return s.bulk(p)
	}
	return s.begin(p)
}

// begin reads "*<count>" or a line that begins with #.
func (s *Scanner) begin(p []byte) (n int, ended bool, err error) {
	if len(s.held) == 0 {
		if argc, next, ok := quickHeader(p, 0, '*'); ok && argc > 0 && argc <= MaxArgs {
			s.argc, s.left, s.kind = argc, argc, Plain
			return next, false, nil
		}
	}
	start := s.off - int64(len(s.held))
	line, n, err := s.line(p)
	if line == nil {
		return n, false, err
	}
	if line[0] != '#' {
		argc, err := count(line)
		if err != nil {
			return 0, false, err
		}
		s.argc, s.left, s.kind = argc, argc, Plain
		return n, false, nil
	}
	e, ok := ParseEpoch(line)
	switch {
	case ok && !s.multi:
		e.Offset = start
		s.Epochs = append(s.Epochs, e)
	case !s.Comments || ok:
		return 0, false, fmt.Errorf("unexpected line %q", clip(line))
	}
	return n, true, nil
}

// bulk reads "$<length>".
func (s *Scanner) bulk(p []byte) (n int, ended bool, err error) {
	size := 0
	quick := false
	if len(s.held) == 0 {
		size, n, quick = quickHeader(p, 0, '$')
	}
	if !quick {
		line, next, err := s.line(p)
		if line == nil {
			return next, false, err
		}
		if size, err = header(line, '$', MaxBulk); err != nil {
			return 0, false, err
		}
		n = next
	}
	s.body, s.tail = int64(size), len(crlf)
	first := s.left == s.argc
	s.want = first && s.argc <= 2 && size <= maxWanted || !first && s.kind == Select
	if s.want && size > maxWanted {
		return 0, false, errors.New("SELECT of a long argument")
	}
	return n, false, nil
}

// pass passes over the argument at hand, and keeps it if it matters.
func (s *Scanner) pass(p []byte) (n int) {
	n = int(min(s.body, int64(len(p))))
	if s.want {
		s.held = append(s.held, p[:n]...)
	}
	s.body -= int64(n)
	return n
}

// lineEnd reads the end of an argument's line.
func (s *Scanner) lineEnd(p []byte) (n int, ended bool, err error) {
	for n < len(p) && s.tail > 0 {
		if p[n] != crlf[len(crlf)-s.tail] {
			return 0, false, errNoEnd
		}
		s.tail--
		n++
	}
	if s.tail > 0 {
		return n, false, nil
	}
	if s.want {
		if err := s.argument(); err != nil {
			return 0, false, err
		}
	}
	if s.left--; s.left > 0 {
		return n, false, nil
	}
	return n, true, s.endRecord()
}

// argument looks at an argument that matters.
func (s *Scanner) argument() (err error) {
	if s.left == s.argc {
		s.kind = KindOf(s.held, s.argc)
	} else {
		s.nextDB, err = Database(s.held)
	}
	s.held, s.want = s.held[:0], false
	return err
}

func (s *Scanner) endRecord() error {
	switch s.kind {
	case Multi:
		if s.multi {
			return errNested
		}
		s.multi = true
	case Exec:
		if !s.multi {
			return errNoMulti
		}
		s.multi = false
	}
	return nil
}

var (
	errNested  = errors.New("MULTI inside MULTI")
	errNoMulti = errors.New("EXEC without MULTI")
)

// line is Line across pieces: the beginning of one that p does not end is kept.
// line is nil then, and n what was kept.
func (s *Scanner) line(p []byte) (line []byte, n int, err error) {
	if len(s.held) == 0 {
		if line, n, err = Line(p, 0); line != nil || err != nil {
			return line, n, err
		}
	}
	n = bytes.IndexByte(p, '\n') + 1
	ends := n > 0
	if !ends {
		n = len(p)
	}
	if len(s.held)+n > MaxLine || !ends && len(s.held)+n == MaxLine {
		return nil, 0, fmt.Errorf("a line longer than %d bytes", MaxLine)
	}
	s.held = append(s.held, p[:n]...)
	if !ends {
		return nil, n, nil
	}
	line, _, err = Line(s.held, 0)
	s.held = s.held[:0]
	return line, n, err
}
