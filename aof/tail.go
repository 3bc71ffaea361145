package aof

import (
	"bytes"
	"fmt"

	"regent/engine"
	"regent/engine/units"
)

// The tail. What is found at the end of the last file may be the trace of a
// write that a crash interrupted: nobody was told that it had happened, and it
// is cut. What is found anywhere else is damage: something was there and is not
// any more, and only a person may decide to go on without it. doc.go says what
// can be told apart, and why.

// tail decides about f, which is not good, where a frame of s should begin.
func (ld *loader) tail(t target, s *segment, f *frame, w *window) error {
	mixed := t.mixed && f.state == frameNone
	if !t.last && !mixed || f.state == frameDamaged {
		return ld.damage(t, f.pos, f.state.String(), nil)
	}
	behind, err := findIn(w, f.pos+max(1, int64(f.open.size)), func(b []byte) int { return findLine(b, t.salt) })
	if err != nil {
		return err
	}
	if behind {
		return ld.damage(t, f.pos, f.state.String()+", and good annotations follow it", nil)
	}
	if f.state == frameUnclosed {
		return ld.closeLast(t, s, f, w)
	}
	if f.state == frameNone {
		next, err := w.at(f.pos, 1)
		if err != nil {
			return err
		}
		if next[0] == '*' || next[0] == '#' {
			return ld.continued(t, f.pos, w.end)
		}
	}
	return ld.cut(t, f.pos, w.end-f.pos, "a torn write")
}

// closeLast keeps a last group that is whole but for its closing line, and
// writes the line anew.
func (ld *loader) closeLast(t target, s *segment, f *frame, w *window) error {
	f.next = f.dataPos() + f.open.length
	lost := w.end - f.next
	pos := f.next
	if err := ld.group(t, s, f); err != nil {
		return err
	}
	line := appendClosing(nil, kindGroup, t.salt, ld.player.epoch, ld.off)
	if ld.torn != nil {
		ld.torn(tear{t, pos, lost, line, "a torn annotation"})
		return nil
	}
	if err := ld.cut(t, pos, lost, "a torn annotation"); err != nil {
		return err
	}
	if _, err := t.file.WriteAt(line, pos); err != nil {
		return fmt.Errorf("complete the last annotation of %s: %w", t.name, err)
	}
	s.size += int64(len(line))
	return t.file.Sync()
}

// continued loads what Redis has written behind what Regent wrote.
func (ld *loader) continued(t target, pos, size int64) error {
	before, done := ld.player.records, ld.done
	if err := ld.records(t, pos, size); err != nil {
		return err
	}
	if ld.player.records > before {
		ld.foreign = t.last
		ld.off += ld.done - done
	}
	return nil
}

// What redis-server says of a file that it cannot load, and tools look for.
const (
	badFormat = "Bad file format reading the append only file %s: not a record"
	endsEarly = "Unexpected end of file reading the append only file %s: "
)

// badRecords decides about bytes that are no record, in a file without
// checksums. With records behind them they are damage.
func (ld *loader) badRecords(t target, pos int64, w *window, bad error) error {
	if !t.last {
		return ld.damage(t, pos, fmt.Sprintf(badFormat, t.name), bad)
	}
	behind, err := findIn(w, pos+1, findRecord)
	if err != nil {
		return err
	}
	if behind {
		return ld.damage(t, pos, fmt.Sprintf(badFormat, t.name)+", and records follow it", bad)
	}
	return ld.cut(t, pos, w.end-pos, "garbage")
}

// findRecord returns where something in b looks like the start of a record.
func findRecord(b []byte) int {
	for at := 0; ; at++ {
		i := bytes.IndexByte(b[at:], '*')
		if i < 0 {
			return -1
		}
		at += i
		if units.Looks(b, at) {
			return at
		}
	}
}

// A tear is a torn end of the last file.
type tear struct {
	target
	pos  int64
	lost int64  // bytes from there on
	line []byte // to be written instead of them
	what string
}

// cut takes lost bytes off the end of the last file, durably, and says so.
func (ld *loader) cut(t target, pos, lost int64, what string) error {
	if !t.last {
		return ld.damage(t, pos, fmt.Sprintf(endsEarly, t.name)+what+" inside the log", nil)
	}
	if ld.torn != nil {
		ld.torn(tear{t, pos, lost, nil, what})
		return nil
	}
	l := ld.l
	if l.o.LoadTruncated != nil && !l.o.LoadTruncated() {
		return ld.damage(t, pos, fmt.Sprintf(endsEarly+"it ends with %s of %d bytes, and aof-load-truncated is no", t.name, what, lost), nil)
	}
	if err := ld.drain(); err != nil {
		return err // a record before it is not what it was
	}
	if lost > 0 {
		l.o.Host.Logf(engine.LevelWarning, "Cutting %d bytes off the end of %s, from file offset %d (stream offset %d): %s, after %d good records",
			lost, t.name, pos, ld.off, what, ld.player.records)
	}
	if err := t.file.Truncate(pos); err != nil {
		return fmt.Errorf("cut the tail of %s: %w", t.name, err)
	}
	if err := t.file.Sync(); err != nil {
		return fmt.Errorf("fsync of %s: %w", t.name, err)
	}
	return nil
}
