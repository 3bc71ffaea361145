package repl

import (
	"errors"
	"fmt"
	"io"

	"regent/engine"
	"regent/engine/large"
	"regent/engine/units"
)

// Bounds of a walk through the log.
const (
	walkRead = 256 << 10 // what is read at once, but for the rest of a large record, in bytes
	// maxAhead is how many records are parsed before the first of them is walked over, and
	// maxForeseenArgs after how many arguments no further one is: the engine fetches some
	// dozens of keys at once. maxAheadArgs is for how many there is memory.
	maxAhead        = 16
	maxForeseenArgs = 64
	maxAheadArgs    = 256
	// manyArgs is how many arguments a record has that is foreseen alone.
	manyArgs = 8
)

// A walker reads records from a log in order, up to a limit that grows.
type walker struct {
	stream engine.Stream
	reader engine.StreamReader
	at     int64        // of the first record not yet walked
	buf    large.Buffer // from at on
	need   int          // bytes of buf without which the next record is not whole
	ahead  [maxAhead]parsed
	args   [][]byte // memory of their arguments
	later  bool     // the record at at was not to be walked over yet

	// foresee is told of what is ahead, if that is more than a short record; nil: nobody is.
	foresee func(ahead []parsed)
}

// A parsed record is n bytes long, and has no arguments where it is none.
type parsed struct {
	args [][]byte
	n    int
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
	for w.need, w.later = 0, false; at < len(buf) && w.need == 0 && !w.later; {
		n, after := w.look(buf[at:])
		for _, r := range w.ahead[:n] {
			var err error
			if len(r.args) > 0 {
				err = f(r.args)
			}
			if err == errLater {
				w.later, w.need = true, 0
				break
			}
			if err != nil {
				return fmt.Errorf("offset %d: %w", w.at+int64(at), err)
			}
			at += r.n
		}
		if after != nil && !w.later {
			return fmt.Errorf("offset %d: %w", w.at+int64(at), after)
		}
	}
	w.at += int64(at)
	clear(w.ahead[:])
	if w.buf.Mapped() && at > 0 {
		w.args = nil // they point there
	}
	w.buf.Shift(at)
	return nil
}

// look parses some records at the beginning of buf and reports how many. The error is of
// the one behind them; where that is not whole, need is set.
func (w *walker) look(buf []byte) (n int, err error) {
	w.args = w.args[:0]
	args := 0
	for ; n < maxAhead && len(buf) > 0 && args < maxForeseenArgs; n++ {
		r := &w.ahead[n]
		free := w.args[len(w.args):]
		r.args, r.n, err = record(buf, free)
		if errors.Is(err, units.ErrShort) {
			// So that one of many arguments is not looked at again for each of them.
			w.need, err = r.n, nil
			if have := len(buf); r.n < 2*have && have > walkRead {
				w.need = have + have/2
			}
			break
		}
		if err != nil {
			break
		}
		if len(r.args) <= cap(free) {
			w.args = w.args[:len(w.args)+len(r.args)]
		} else {
			w.args = make([][]byte, 0, min(maxAhead*len(r.args), maxAheadArgs)) // those before keep theirs
		}
		args += len(r.args)
		buf = buf[r.n:]
	}
	if (n > 1 || args >= manyArgs) && w.foresee != nil {
		w.foresee(w.ahead[:n])
	}
	return n, err
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
