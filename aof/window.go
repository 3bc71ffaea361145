package aof

import (
	"io"

	"regent/aof/disk"
)

// A window is a piece of a file in memory that moves forward with its reader.
type window struct {
	file disk.File
	end  int64 // the file's size, or where to stop
	pos  int64 // file position of buf[0]
	buf  []byte
}

// windowSize is what a window reads at once, in bytes.
const windowSize = 256 << 10

// maxKeptWindow is how much memory a window keeps after a large group.
const maxKeptWindow = 4 << 20

// at returns n bytes from file position pos on, fewer at the end of the file.
// They are valid until the next call.
func (w *window) at(pos, n int64) ([]byte, error) {
	n = max(0, min(n, w.end-pos))
	if from := pos - w.pos; from >= 0 && from+n <= int64(len(w.buf)) {
		return w.buf[from : from+n], nil
	}
	if err := w.fill(pos, n); err != nil {
		return nil, err
	}
	return w.buf[:n], nil
}

// fill moves the window to pos and reads at least n bytes.
func (w *window) fill(pos, n int64) error {
	want := min(max(n, windowSize), w.end-pos)
	var kept int
	if from := pos - w.pos; from >= 0 && from < int64(len(w.buf)) {
		if int64(cap(w.buf)) >= want {
			kept = copy(w.buf[:cap(w.buf)], w.buf[from:])
		} else {
			grown := make([]byte, max(want, min(2*int64(cap(w.buf)), w.end-pos)))
			kept = copy(grown, w.buf[from:])
			w.buf = grown
		}
	} else if int64(cap(w.buf)) < want || cap(w.buf) > maxKeptWindow && want < maxKeptWindow {
		w.buf = make([]byte, want)
	}
	w.pos = pos
	w.buf = w.buf[:max(int64(kept), want)]
	if kept == len(w.buf) {
		return nil
	}
	read, err := w.file.ReadAt(w.buf[kept:], pos+int64(kept))
	if read == len(w.buf)-kept {
		return nil
	}
	w.buf = w.buf[:kept+read]
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
