package units

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Limits of a record.
const (
	// MaxArgs is how many arguments a record may have, as in Redis.
	MaxArgs = 1 << 20
	// MaxBulk bounds one argument in bytes: what the dictionary can hold.
	MaxBulk = 1<<32 - 1
	// MaxLine bounds a header or comment line in bytes, with its end: what
	// Redis's loader reads at most.
	MaxLine = 1023
	// MaxCommand bounds the bytes of a command that a client sends, whatever the
	// configuration allows.
	MaxCommand = 16 << 30
	// MaxUnit bounds a unit in bytes: a command, in the form in which it is
	// logged.
	MaxUnit = 2 * MaxCommand
	// MaxRecords is how many records a unit holds between MULTI and EXEC. A leader
	// begins no command behind half as many, so whatever the last one does keeps
	// below it.
	MaxRecords = 1 << 20
)

// ErrShort says that a record goes on after the bytes at hand.
var ErrShort = errors.New("incomplete record")

// A Kind is what a record means for the unit that it belongs to.
type Kind uint8

// The kinds of records.
const (
	Plain  Kind = iota
	Multi       // begins a transaction
	Exec        // ends one
	Select      // changes the database
)

// KindOf is the kind of a command with that name and number of arguments, the
// name included.
func KindOf(name []byte, argc int) Kind {
	switch {
	case argc == 1 && len(name) == 5 && bytes.EqualFold(name, []byte("MULTI")):
		return Multi
	case argc == 1 && len(name) == 4 && bytes.EqualFold(name, []byte("EXEC")):
		return Exec
	case argc == 2 && len(name) == 6 && bytes.EqualFold(name, []byte("SELECT")):
		return Select
	}
	return Plain
}

// Database reads the argument of SELECT.
func Database(arg []byte) (int, error) {
	n, ok := Decimal(arg)
	if !ok {
		return 0, fmt.Errorf("SELECT of %q", clip(arg))
	}
	return int(n), nil
}

// An Epoch says where in the stream an epoch's first record begins.
type Epoch struct{ Epoch, Leader, Offset int64 }

// epochMark begins the line that begins an epoch. Redis skips lines with #.
const epochMark = "#EPOCH "

// AppendEpoch appends the record with which an epoch begins:
// "#EPOCH <epoch> <leader>\r\n".
func AppendEpoch(dst []byte, epoch, leader int64) []byte {
	dst = append(dst, epochMark...)
	dst = strconv.AppendInt(dst, epoch, 10)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, leader, 10)
	return append(dst, crlf...)
}

// ParseEpoch reads a line of the stream, with or without its end; ok is false if
// it does not begin an epoch. The Offset is the caller's to know.
func ParseEpoch(line []byte) (e Epoch, ok bool) {
	rest, ok := bytes.CutPrefix(bytes.TrimSuffix(line, []byte(crlf)), []byte(epochMark))
	if !ok {
		return Epoch{}, false
	}
	epoch, leader, ok := bytes.Cut(rest, []byte{' '})
	if !ok {
		return Epoch{}, false
	}
	var err1, err2 error
	e.Epoch, err1 = strconv.ParseInt(string(epoch), 10, 64)
	e.Leader, err2 = strconv.ParseInt(string(leader), 10, 64)
	return e, err1 == nil && err2 == nil && e.Epoch > 0
}

// Parse reads the command at the start of b into args, which point into b, and
// returns its size. The error is ErrShort if the command goes on after b; size is
// how many bytes of it are needed at least then.
func Parse(b []byte, args [][]byte) (_ [][]byte, size int, err error) {
	argc, pos, err := countAt(b, 0)
	if pos == 0 {
		return args, len(b) + 1, orShort(err)
	}
	for range argc {
		n, next, err := bulkAt(b, pos)
		if next == 0 {
			return args, len(b) + 1, orShort(err)
		}
		end := next + n + len(crlf)
		if end > len(b) {
			return args, end, ErrShort
		}
		if string(b[end-len(crlf):end]) != crlf {
			return args, 0, errNoEnd
		}
		args = append(args, b[next:next+n:next+n])
		pos = end
	}
	return args, pos, nil
}

// Looks reports whether something like a command begins at b[at]: its count and
// its first argument's header are there as a whole.
func Looks(b []byte, at int) bool {
	_, next, err := countAt(b, at)
	if next == 0 || err != nil {
		return false
	}
	_, next, err = bulkAt(b, next)
	return next > 0 && err == nil
}

var (
	errNoEnd = errors.New("an argument does not end with its line")
	errEmpty = errors.New("a record without arguments")
)

func orShort(err error) error {
	if err == nil {
		return ErrShort
	}
	return err
}

const crlf = "\r\n"

// quickDigits is how many digits quickHeader reads.
const quickDigits = 7

// quickHeader reads a count as it nearly always stands there: a mark, a few
// digits, and the line's end. What is not so is for Line and header.
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

// countAt reads "*<count>"; next is 0 while the line is incomplete, or with an
// error.
func countAt(buf []byte, pos int) (n, next int, err error) {
	if n, next, ok := quickHeader(buf, pos, '*'); ok && n > 0 && n <= MaxArgs {
		return n, next, nil
	}
	line, next, err := Line(buf, pos)
	if line == nil {
		return 0, 0, err
	}
	if n, err = count(line); err != nil {
		return 0, 0, err
	}
	return n, next, nil
}

// bulkAt reads "$<length>"; next is 0 while the line is incomplete, or with an
// error.
func bulkAt(buf []byte, pos int) (n, next int, err error) {
	if n, next, ok := quickHeader(buf, pos, '$'); ok {
		return n, next, nil
	}
	line, next, err := Line(buf, pos)
	if line == nil {
		return 0, 0, err
	}
	if n, err = header(line, '$', MaxBulk); err != nil {
		return 0, 0, err
	}
	return n, next, nil
}

// Line returns the line at buf[pos] without its end, and where the next begins;
// nil while it is incomplete. A line without content is an error.
func Line(buf []byte, pos int) (line []byte, next int, err error) {
	if pos >= len(buf) {
		return nil, 0, nil
	}
	rest := buf[pos:min(len(buf), pos+MaxLine)]
	nl := bytes.IndexByte(rest, '\n')
	switch {
	case nl < 0 && len(rest) == MaxLine:
		return nil, 0, fmt.Errorf("a line longer than %d bytes", MaxLine)
	case nl < 0:
		return nil, 0, nil
	}
	line = bytes.TrimSuffix(rest[:nl], []byte{'\r'})
	if len(line) == 0 {
		return nil, 0, errors.New("an empty line")
	}
	return line, pos + nl + 1, nil
}

// count reads a line "*<count>" of a command.
func count(line []byte) (int, error) {
	n, err := header(line, '*', MaxArgs)
	if err == nil && n == 0 {
		err = errEmpty
	}
	return n, err
}

func header(line []byte, mark byte, limit int64) (int, error) {
	if line[0] != mark {
		return 0, fmt.Errorf("%q instead of '%c'", clip(line), mark)
	}
	n, ok := Decimal(line[1:])
	if !ok || n > limit {
		return 0, fmt.Errorf("a bad count %q", clip(line))
	}
	return int(n), nil
}

// Decimal reads a number of at least 0, and of 18 digits at most, in its one canonical form.
func Decimal(b []byte) (int64, bool) {
	const maxDigits = 18
	if len(b) == 0 || len(b) > maxDigits || (b[0] == '0' && len(b) > 1) {
		return 0, false
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// clip shortens what an error shows.
func clip(b []byte) []byte {
	const shown = 40
	return b[:min(len(b), shown)]
}
