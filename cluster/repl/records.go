package repl

import (
	"bytes"
	"errors"
	"fmt"
)

// Limits of a record, as the listener has them.
const (
	maxRecordArgs  = 1 << 20
	maxRecordBulk  = 512 << 20 // bytes of one argument
	maxHeaderLine  = 32        // bytes of "*n\r\n" or "$n\r\n"
	maxCommentLine = 64 << 10  // bytes of a "#…\n" line
)

// errRecord is the kind of every complaint about the log's form.
var errRecord = errors.New("the log is not made of records")

// A scanner finds where records end in a stream of bytes that arrives in
// pieces: commands as RESP arrays, lines that begin with "#", and
// transactions from MULTI to EXEC, each of which is one unit. It looks at each
// byte once, however the pieces fall.
type scanner struct {
	off     int  // looked at so far, from the beginning of the buffer
	args    int  // elements still to come of the command at hand
	inMulti bool // a transaction is open
}

// scan looks at what is new in buf and returns the end of the last complete
// unit, 0 when there is none. buf begins at a unit and keeps its beginning
// until shift.
func (s *scanner) scan(buf []byte) (whole int, err error) {
	for s.off < len(buf) {
		if s.args == 0 && buf[s.off] == '#' {
			nl := bytes.IndexByte(buf[s.off:], '\n')
			if nl < 0 {
				return whole, tooLong(buf[s.off:], maxCommentLine)
			}
			s.off += nl + 1
		} else if more, err := s.step(buf); !more || err != nil {
			return whole, err
		}
		if s.args == 0 && !s.inMulti {
			whole = s.off
		}
	}
	return whole, nil
}

// step reads one header with what belongs to it; more says whether it was
// there completely.
func (s *scanner) step(buf []byte) (more bool, err error) {
	if s.args == 0 {
		n, end, err := header(buf[s.off:], '*', maxRecordArgs)
		if end == 0 || err != nil {
			return false, err
		}
		if n == 0 {
			return false, fmt.Errorf("%w: an empty command", errRecord)
		}
		if n == 1 {
			return s.word(buf, end)
		}
		s.off, s.args = s.off+end, n
		return true, nil
	}
	n, end, err := header(buf[s.off:], '$', maxRecordBulk)
	if end == 0 || err != nil || len(buf)-s.off < end+n+2 {
		return false, err
	}
	s.off += end + n + 2
	s.args--
	return true, nil
}

// word reads a command of one word, which may begin or end a transaction;
// head is the length of its "*1\r\n".
func (s *scanner) word(buf []byte, head int) (more bool, err error) {
	n, end, err := header(buf[s.off+head:], '$', maxRecordBulk)
	if end == 0 || err != nil || len(buf)-s.off < head+end+n+2 {
		return false, err
	}
	word := buf[s.off+head+end:][:n]
	switch {
	case bytes.EqualFold(word, []byte("multi")):
		s.inMulti = true
	case bytes.EqualFold(word, []byte("exec")):
		s.inMulti = false
	}
	s.off += head + end + n + 2
	return true, nil
}

// shift tells that the first n bytes of the buffer were removed.
func (s *scanner) shift(n int) { s.off -= n }

// header reads "<kind><n>\r\n"; end is 0 while it is incomplete.
func header(b []byte, kind byte, most int) (n, end int, err error) {
	nl := bytes.IndexByte(b[:min(len(b), maxHeaderLine)], '\n')
	if nl < 0 {
		return 0, 0, tooLong(b, maxHeaderLine)
	}
	if nl < 3 || b[0] != kind || b[nl-1] != '\r' {
		return 0, 0, fmt.Errorf("%w: %.32q where %q should stand", errRecord, b[:nl+1], kind)
	}
	for _, c := range b[1 : nl-1] {
		if c < '0' || c > '9' {
			return 0, 0, fmt.Errorf("%w: length %.32q", errRecord, b[1:nl-1])
		}
		if n = n*10 + int(c-'0'); n > most {
			return 0, 0, fmt.Errorf("%w: length %.32q", errRecord, b[1:nl-1])
		}
	}
	return n, nl + 1, nil
}

func tooLong(b []byte, most int) error {
	if len(b) >= most {
		return fmt.Errorf("%w: a line without an end: %.32q", errRecord, b)
	}
	return nil
}

// split takes a whole command apart; args point into b. A line that begins
// with "#" has none. b begins with a complete command or line; n is its
// length.
func split(b []byte, args [][]byte) (_ [][]byte, n int, err error) {
	args = args[:0]
	if b[0] == '#' {
		nl := bytes.IndexByte(b, '\n')
		if nl < 0 {
			return args, 0, tooLong(b, maxCommentLine)
		}
		return args, nl + 1, nil
	}
	count, at, err := header(b, '*', maxRecordArgs)
	if at == 0 || err != nil {
		return args, 0, err
	}
	for range count {
		size, end, err := header(b[at:], '$', maxRecordBulk)
		if end == 0 || err != nil || len(b)-at < end+size+2 {
			return args, 0, err
		}
		args = append(args, b[at+end:at+end+size:at+end+size])
		at += end + size + 2
	}
	return args, at, nil
}
