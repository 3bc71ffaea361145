package aof

import (
	"bytes"
	"errors"
	"fmt"

	"regent/engine"
)

// Records and units. A record is one command in RESP or the line that begins
// an epoch. A unit is what must not be torn apart: a record, or everything
// from MULTI to EXEC. The stream may be cut and joined between units only.

const (
	maxArgs   = 1 << 20 // of one record, as in Redis
	maxBulk   = 4 << 30 // bytes of one argument
	maxHeader = 1023    // bytes of a line: what Redis's loader reads at most
)

// errShort says that the record goes on after the bytes at hand.
var errShort = errors.New("incomplete record")

// A unitScanner finds the ends of units in bytes that arrive in pieces. It
// looks at every byte a bounded number of times, however small the pieces.
type unitScanner struct {
	db       int                 // selected after the last whole unit
	epochs   []engine.EpochStart // found in whole units and not yet taken
	comments bool                // other lines with # are skipped: Redis's own files

	pos    int // next byte to look at, from the start of the open unit
	argc   int
	left   int // arguments of the open record still to come
	kind   recordKind
	multi  bool // between MULTI and EXEC
	nextDB int  // selected inside the open unit
}

type recordKind uint8

const (
	plainRecord recordKind = iota
	multiRecord
	execRecord
	selectRecord
)

func newUnitScanner(db int) unitScanner { return unitScanner{db: db, nextDB: db} }

// scan looks at buf, which begins with the first byte after the last whole
// unit, at stream offset off, and returns how many bytes of it are whole
// units. The caller goes on with what follows them.
func (s *unitScanner) scan(buf []byte, off int64) (whole int, err error) {
	for {
		more := false
		if s.left == 0 {
			more, err = s.recordStart(buf, off)
		} else {
			more, err = s.argument(buf)
		}
		if err != nil {
			err = fmt.Errorf("at byte %d of the unit at offset %d: %w", s.pos-whole, off+int64(whole), err)
			break
		}
		if !more {
			break
		}
		if s.left == 0 && !s.multi {
			whole, s.db = s.pos, s.nextDB
		}
	}
	s.pos -= whole
	return whole, err
}

// recordStart reads "*<count>" or a line that begins with #.
func (s *unitScanner) recordStart(buf []byte, off int64) (more bool, err error) {
	if n, next, ok := quickHeader(buf, s.pos, '*'); ok && n > 0 && n <= maxArgs {
		s.argc, s.left, s.kind, s.pos = n, n, plainRecord, next
		return true, nil
	}
	line, next, err := headerLine(buf, s.pos)
	if line == nil {
		return false, err
	}
	if line[0] == '#' {
		start, ok := engine.ParseEpochRecord(line)
		switch {
		case ok && !s.multi:
			start.Offset = off + int64(s.pos)
			s.epochs = append(s.epochs, start)
		case !s.comments || ok:
			return false, fmt.Errorf("unexpected line %q", clip(line))
		}
		s.pos = next
		return true, nil
	}
	n, err := headerCount(line, '*', maxArgs)
	if err != nil {
		return false, err
	}
	if n == 0 {
		return false, errors.New("a record without arguments")
	}
	s.argc, s.left, s.kind, s.pos = n, n, plainRecord, next
	return true, nil
}

// argument reads "$<length>" and the argument itself.
func (s *unitScanner) argument(buf []byte) (more bool, err error) {
	n, next, err := bulkHeader(buf, s.pos)
	if next == 0 || err != nil {
		return false, err
	}
	end := next + n + len(crlf)
	if end > len(buf) {
		return false, nil
	}
	if string(buf[next+n:end]) != crlf {
		return false, errors.New("an argument does not end with its line")
	}
	arg := buf[next : next+n]
	switch at := s.argc - s.left; {
	case at == 0:
		s.kind = kindOf(arg, s.argc)
	case at == 1 && s.kind == selectRecord:
		db, ok := parseDecimal(arg)
		if !ok {
			return false, fmt.Errorf("SELECT of %q", clip(arg))
		}
		s.nextDB = int(db)
	}
	s.left--
	s.pos = end
	if s.left == 0 {
		return true, s.endRecord()
	}
	return true, nil
}

func (s *unitScanner) endRecord() error {
	switch s.kind {
	case multiRecord:
		if s.multi {
			return errors.New("MULTI inside MULTI")
		}
		s.multi = true
	case execRecord:
		if !s.multi {
			return errors.New("EXEC without MULTI")
		}
		s.multi = false
	}
	return nil
}

func kindOf(name []byte, argc int) recordKind {
	switch {
	case argc == 1 && len(name) == 5 && bytes.EqualFold(name, []byte("MULTI")):
		return multiRecord
	case argc == 1 && len(name) == 4 && bytes.EqualFold(name, []byte("EXEC")):
		return execRecord
	case argc == 2 && len(name) == 6 && bytes.EqualFold(name, []byte("SELECT")):
		return selectRecord
	}
	return plainRecord
}

const crlf = "\r\n"

// quickDigits is how many digits quickHeader reads.
const quickDigits = 7

// quickHeader reads a count as it nearly always stands there: a mark, a few
// digits, and the line's end. What is not so is for headerLine and headerCount.
func quickHeader(buf []byte, pos int, mark byte) (n, next int, ok bool) {
	if pos+quickDigits+3 > len(buf) || buf[pos] != mark {
		return 0, 0, false
	}
	line := buf[pos+1 : pos+quickDigits+3]
	for i, c := range line {
		switch {
		case '0' <= c && c <= '9' && i < quickDigits:
			n = n*10 + int(c-'0')
		case i > 0 && c == '\r' && i+1 < len(line) && line[i+1] == '\n':
			return n, pos + i + 3, line[0] != '0' || i == 1
		default:
			return 0, 0, false
		}
	}
	return 0, 0, false
}

// bulkHeader reads "$<length>"; next is 0 while the line is incomplete.
func bulkHeader(buf []byte, pos int) (n, next int, err error) {
	if n, next, ok := quickHeader(buf, pos, '$'); ok {
		return n, next, nil
	}
	line, next, err := headerLine(buf, pos)
	if line == nil {
		return 0, 0, err
	}
	n, err = headerCount(line, '$', maxBulk)
	return n, next, err
}

// headerLine returns the line at buf[pos] without its end, and where the next
// begins; nil while it is incomplete. A line without content is an error.
func headerLine(buf []byte, pos int) (line []byte, next int, err error) {
	if pos >= len(buf) {
		return nil, 0, nil
	}
	rest := buf[pos:min(len(buf), pos+maxHeader)]
	nl := bytes.IndexByte(rest, '\n')
	switch {
	case nl < 0 && len(rest) == maxHeader:
		return nil, 0, fmt.Errorf("a line longer than %d bytes", maxHeader)
	case nl < 0:
		return nil, 0, nil
	}
	line = bytes.TrimSuffix(rest[:nl], []byte{'\r'})
	if len(line) == 0 {
		return nil, 0, errors.New("an empty line")
	}
	return line, pos + nl + 1, nil
}

func headerCount(line []byte, mark byte, limit int64) (int, error) {
	if line[0] != mark {
		return 0, fmt.Errorf("%q instead of '%c'", clip(line), mark)
	}
	n, ok := parseDecimal(line[1:])
	if !ok || n > limit {
		return 0, fmt.Errorf("a bad count %q", clip(line))
	}
	return int(n), nil
}

// parseRecord reads the command at the start of b into args, which point into
// b. It returns errShort if the command goes on after b.
func parseRecord(b []byte, args [][]byte) (_ [][]byte, size int, err error) {
	argc, pos, ok := quickHeader(b, 0, '*')
	if !ok || argc == 0 || argc > maxArgs {
		var line []byte
		if line, pos, err = headerLine(b, 0); line == nil {
			return args, 0, orShort(err)
		}
		if argc, err = headerCount(line, '*', maxArgs); err != nil {
			return args, 0, err
		}
	}
	if argc == 0 {
		return args, 0, errors.New("a record without arguments")
	}
	for range argc {
		n, next, err := bulkHeader(b, pos)
		if err != nil {
			return args, 0, err
		}
		if next == 0 {
			return args, 0, errShort
		}
		if next+n+len(crlf) > len(b) {
			return args, 0, errShort
		}
		args = append(args, b[next:next+n:next+n])
		pos = next + n + len(crlf)
		if string(b[pos-len(crlf):pos]) != crlf {
			return args, 0, errors.New("an argument does not end with its line")
		}
	}
	return args, pos, nil
}

func orShort(err error) error {
	if err == nil {
		return errShort
	}
	return err
}

// clip shortens what an error shows.
func clip(b []byte) []byte {
	const shown = 40
	return b[:min(len(b), shown)]
}
