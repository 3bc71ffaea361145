package aof

import (
	"fmt"
	"io"

	"regent/engine/large"
	"regent/engine/units"
)

// Large groups are read in pieces: two followers that are behind would else take the
// size of the value each, beside the value. Nothing is handed on before the whole
// group was found to match its checksum, so it is read twice, the second time from the
// system's cache.

const (
	// largeGroup is from how many bytes on a group is read in pieces.
	largeGroup = maxKeptWindow
	// proveStep is how many bytes are checked, or read, while the log's shape is held.
	proveStep = 4 << 20
)

// A bigGroup is a large group that a reader is in. The zero value holds nothing.
type bigGroup struct {
	pos    int64 // of its bytes in the file
	from   int64 // stream offset
	open   opening
	proved int64 // bytes that sum covers
	sum    uint32
}

func (g *bigGroup) holds(off int64) bool { return off >= g.from && off < g.from+g.open.length }

// ends reports whether the group goes up to off.
func (g *bigGroup) ends(off int64) bool { return g.open.length > 0 && off == g.from+g.open.length }

// readBig reads from the large group that holds off, or checks some of it.
func (r *reader) readBig(p []byte, off int64) (int, error) {
	g := &r.big
	if g.proved < g.open.length {
		if err := g.prove(&r.win, r.seg); err != nil {
			return 0, fmt.Errorf("read the log at offset %d: %w", off, err)
		}
		return 0, errAgain
	}
	p = p[:min(int64(len(p)), proveStep, g.from+g.open.length-off)]
	n, err := r.seg.file.ReadAt(p, g.pos+off-g.from)
	if n == len(p) || err == io.EOF && n > 0 {
		err = nil
	}
	return n, err
}

// prove checks some more of the group.
func (g *bigGroup) prove(w *window, s *segment) error {
	for end := min(g.open.length, g.proved+proveStep); g.proved < end; {
		b, err := w.at(g.pos+g.proved, min(windowSize, end-g.proved))
		if err != nil {
			return err
		}
		g.sum = large.Update(g.sum, castagnoli, b)
		g.proved += int64(len(b))
	}
	if g.proved == g.open.length && g.sum != g.open.sum {
		return &DamageError{File: s.name, Pos: g.pos, Offset: g.from, What: fmt.Sprintf(changedSince, frameDamaged)}
	}
	return nil
}

// scanBig is the database that is selected after the large group f, whose bytes begin
// at offset from, where db is.
func scanBig(w *window, s *segment, f *frame, from int64, db int) (int, error) {
	g, sc := bigGroup{pos: f.dataPos(), from: from, open: f.open}, units.NewScanner(db, from)
	for g.proved < g.open.length {
		if err := g.prove(w, s); err != nil {
			return db, err
		}
	}
	for at := int64(0); at < g.open.length; {
		b, err := w.at(g.pos+at, min(windowSize, g.open.length-at))
		if err != nil {
			return db, err
		}
		if _, err := sc.Scan(b); err != nil {
			return db, err
		}
		at += int64(len(b))
	}
	if end := from + g.open.length; sc.Whole() != end {
		return db, fmt.Errorf("offset %d is not between two units", end)
	}
	f.passed = true
	return sc.DB, nil
}
