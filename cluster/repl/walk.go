package repl

import (
	"bytes"
	"fmt"
	"io"
	"strconv"

	"regent/engine"
)

// Buffers of a walk through the log.
const (
	walkRead = 256 << 10 // bytes read at once
	walkKeep = 1 << 20   // a buffer that a large record made larger is given back
)

// A walker reads records from a log in order, up to a limit that grows.
type walker struct {
	stream engine.Stream
	reader engine.StreamReader
	at     int64  // of the first record not yet walked
	buf    []byte // from at on
	scan   scanner
	args   [][]byte
}

func newWalker(s engine.Stream, at int64) *walker { return &walker{stream: s, at: at} }

// close gives the reader back; a later walk opens another.
func (w *walker) close() {
	if w.reader != nil {
		_ = w.reader.Close()
		w.reader = nil
	}
	w.buf, w.scan = nil, scanner{}
}

// to calls f with every record that ends at or before limit. It stops early,
// without an error, when the log is shorter, or after slice bytes, in which
// case more is true.
func (w *walker) to(limit, slice int64, f func(args [][]byte) error) (more bool, err error) {
	if w.reader == nil {
		if w.reader, err = w.stream.NewReader(w.at); err != nil {
			return false, fmt.Errorf("can't read the log at %d: %w", w.at, err)
		}
	}
	stop := w.at + slice
	for w.at < limit {
		n, err := w.fill(limit)
		if err != nil || n == 0 {
			return false, err
		}
		whole, err := w.scan.scan(w.buf)
		if err != nil {
			return false, fmt.Errorf("offset %d: %w", w.at+int64(w.scan.off), err)
		}
		if err := w.each(whole, f); err != nil {
			return false, err
		}
		if w.at >= stop {
			return w.at < limit, nil
		}
	}
	return false, nil
}

// fill reads on behind what is buffered; 0 at the end of the log.
func (w *walker) fill(limit int64) (int, error) {
	have := len(w.buf)
	want := min(limit-w.at-int64(have), walkRead)
	if want <= 0 {
		return 0, nil // the limit lies inside a record
	}
	if cap(w.buf)-have < int(want) {
		w.buf = append(make([]byte, 0, max(walkRead, 2*cap(w.buf), have+int(want))), w.buf...)
	}
	n, err := w.reader.Read(w.buf[have : have+int(want)])
	w.buf = w.buf[:have+n]
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// each takes the first whole bytes apart and forgets them.
func (w *walker) each(whole int, f func(args [][]byte) error) error {
	for at := 0; at < whole; {
		args, n, err := split(w.buf[at:whole], w.args)
		if err == nil && n == 0 {
			err = errRecord
		}
		if err == nil && len(args) > 0 {
			err = f(args)
		}
		if err != nil {
			return fmt.Errorf("offset %d: %w", w.at+int64(at), err)
		}
		w.args, at = args, at+n
	}
	w.at += int64(whole)
	w.scan.shift(whole)
	rest := copy(w.buf, w.buf[whole:])
	w.buf = w.buf[:rest]
	if rest == 0 && cap(w.buf) > walkKeep {
		w.buf = nil
	}
	return nil
}

// selects reports whether a record is SELECT, and of which database.
func selects(args [][]byte, databases int64) (db int, is bool, err error) {
	if len(args) != 2 || !bytes.EqualFold(args[0], []byte("select")) {
		return 0, false, nil
	}
	n, err := strconv.ParseInt(string(args[1]), 10, 64)
	if err != nil || n < 0 || n >= databases {
		return 0, true, fmt.Errorf("%w: SELECT %.32q with %d databases", errRecord, args[1], databases)
	}
	return int(n), true, nil
}
