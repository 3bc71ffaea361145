package repl

import (
	"errors"
	"fmt"
	"io"

	"regent/engine"
	"regent/engine/large"
	"regent/engine/units"
)

// Buffers of a walk through the log, in bytes.
const (
	walkRead = 256 << 10 // what is read at once, but for the rest of a large record
)

// A walker reads records from a log in order, up to a limit that grows.
type walker struct {
	stream engine.Stream
	reader engine.StreamReader
	at     int64        // of the first record not yet walked
	buf    large.Buffer // from at on
	need   int          // bytes of buf without which the next record is not whole
	args   [][]byte
	later  bool // the record at at was not to be walked over yet
}

func newWalker(s engine.Stream, at int64) *walker { return &walker{stream: s, at: at} }

// close gives the reader back; a later walk opens another.
func (w *walker) close() {
	if w.reader != nil {
		_ = w.reader.Close()
		w.reader = nil
	}
	w.buf.Free()
	w.args, w.need, w.later = nil, 0, false
}

// to calls f with every record that ends at or before limit, which lies between
// two units. It stops early, without an error, when the log is shorter, or after
// slice bytes or where f returns errLater, in which case more is true.
func (w *walker) to(limit, slice int64, f func(args [][]byte) error) (more bool, err error) {
	if w.reader == nil {
		if w.reader, err = w.stream.NewReader(w.at); err != nil {
			return false, fmt.Errorf("can't read the log at %d: %w", w.at, err)
		}
	}
	stop := w.at + slice
	for w.at < limit {
		n, err := w.fill(limit)
		if err != nil || n == 0 && !w.later {
			return false, err
		}
		if have := w.buf.Len(); have < w.need && w.at+int64(have) < limit {
			continue
		}
		if err := w.each(f); err != nil {
			return false, err
		}
		if w.later {
			return true, nil
		}
		if w.at >= stop {
			return w.at < limit, nil
		}
	}
	return false, nil
}

// fill reads on behind what is buffered; 0 at the end of the log.
func (w *walker) fill(limit int64) (int, error) {
	have := w.buf.Len()
	want := min(limit-w.at-int64(have), max(walkRead, int64(w.need-have)))
	if want <= 0 {
		return 0, nil // the limit lies inside a record
	}
	n, err := w.reader.Read(w.buf.Room(int(want), 0)[:want])
	w.buf.Grow(n)
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// errLater says that a record is not to be walked over yet.
var errLater = errors.New("later")

// each takes the whole records in the buffer apart and forgets them: those before one
// for which f returns errLater.
func (w *walker) each(f func(args [][]byte) error) error {
	at, buf := 0, w.buf.Bytes()
	for w.need, w.later = 0, false; at < len(buf); {
		args, n, err := record(buf[at:], w.args)
		if errors.Is(err, units.ErrShort) {
			// So that one of many arguments is not looked at again for each of them.
			w.need = n
			if have := len(buf) - at; n < 2*have && have > walkRead {
				w.need = have + have/2
			}
			break
		}
		if err == nil && len(args) > 0 {
			err = f(args)
		}
		if err == errLater {
			w.later = true
			break
		}
		if err != nil {
			return fmt.Errorf("offset %d: %w", w.at+int64(at), err)
		}
		w.args, at = args, at+n
	}
	w.at += int64(at)
	if w.buf.Mapped() && at > 0 {
		w.args = nil // they point there
	}
	w.buf.Shift(at)
	return nil
}

// record takes the record at the start of b apart; a line that begins with # has
// no arguments.
func record(b []byte, args [][]byte) (_ [][]byte, n int, err error) {
	if b[0] != '#' {
		return units.Parse(b, args[:0])
	}
	line, n, err := units.Line(b, 0)
	if line == nil && err == nil {
		return args[:0], len(b) + 1, units.ErrShort
	}
	return args[:0], n, err
}

// selects reports whether a record is SELECT, and of which database.
func selects(args [][]byte, databases int64) (db int, is bool, err error) {
	if units.KindOf(args[0], len(args)) != units.Select {
		return 0, false, nil
	}
	db, err = units.Database(args[1])
	if err == nil && int64(db) >= databases {
		err = fmt.Errorf("SELECT %d with %d databases", db, databases)
	}
	return db, true, err
}
