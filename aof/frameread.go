package aof

import "fmt"

// A frame is what readFrame found at a file position.
type frame struct {
	state frameState
	pos   int64 // of the opening line
	open  opening
	data  []byte // valid until the window moves
	close closing
	next  int64 // file position after the closing line
	// passed: it was read in pieces, and data is nil.
	passed bool
}

// frameState tells apart what can be wrong with a frame. What follows from it
// is decided by tail.go, which knows where the frame stands.
type frameState uint8

const (
	frameGood     frameState = iota
	frameNone                // no opening line
	frameShort               // the file ends inside the bytes
	frameUnclosed            // the bytes match their checksum, no closing line
	frameTorn                // neither
	frameDamaged             // a closing line, but the bytes do not match
)

var frameFaults = [...]string{
	frameNone:     "no annotation begins here",
	frameShort:    "the file ends inside a group",
	frameUnclosed: "a group has no annotation at its end",
	frameTorn:     "a group neither matches its checksum nor ends with an annotation",
	frameDamaged:  "a group does not match its checksum",
}

func (s frameState) String() string { return frameFaults[s] }

// dataPos is the file position of the bytes.
func (f *frame) dataPos() int64 { return f.pos + int64(f.open.size) }

// readFrame reads the frame at file position pos. An error is the disk's; what
// is wrong with the content is the frame's state.
func readFrame(w *window, pos int64, salt uint32) (f frame, err error) {
	f.pos = pos
	b, err := w.at(pos, maxLine)
	if err != nil {
		return f, err
	}
	var ok bool
	if f.open, ok = parseOpening(b, salt); !ok {
		f.state = frameNone
		return f, nil
	}
	whole := int64(f.open.size) + f.open.length
	if whole > w.end-pos {
		f.state = frameShort
		return f, nil
	}
	if b, err = w.at(pos, whole+maxLine); err != nil {
		return f, err
	}
	f.data = b[f.open.size:whole:whole]
	f.close, ok = parseClosing(b[whole:], salt)
	ok = ok && f.close.kind == f.open.kind
	f.next = pos + whole + int64(f.close.size)
	switch same := checksum(f.data) == f.open.sum; {
	case same && ok:
		f.state = frameGood
	case same:
		f.state = frameUnclosed
	case ok:
		f.state = frameDamaged
	default:
		f.state = frameTorn
	}
	return f, nil
}

// changedSince is what a damage is called that was none when the log was loaded.
const changedSince = "what was good when it was loaded is damaged now: %s"

// goodFrame is readFrame where the load has found everything good: anything
// else means that the file has changed since.
func goodFrame(w *window, s *segment, pos, off int64) (frame, error) {
	f, err := readFrame(w, pos, s.salt)
	if err != nil {
		return f, err
	}
	if f.state != frameGood || f.close.offset != off+f.open.length {
		return f, &DamageError{File: s.name, Pos: pos, Offset: off, What: fmt.Sprintf(changedSince, f.state)}
	}
	return f, nil
}

// openFrame is goodFrame that reads the lines of a large group, not its bytes.
func openFrame(w *window, s *segment, pos, off int64) (f frame, err error) {
	b, err := w.at(pos, maxLine)
	if err != nil {
		return f, err
	}
	var ok bool
	if f.open, ok = parseOpening(b, s.salt); !ok || f.open.length <= largeGroup {
		return goodFrame(w, s, pos, off)
	}
	f.pos = pos
	end := f.dataPos() + f.open.length
	if b, err = w.at(end, maxLine); err != nil {
		return f, err
	}
	f.close, ok = parseClosing(b, s.salt)
	if !ok || f.close.kind != f.open.kind || f.close.offset != off+f.open.length {
		return f, &DamageError{File: s.name, Pos: pos, Offset: off, What: fmt.Sprintf(changedSince, frameTorn)}
	}
	f.next = end + int64(f.close.size)
	return f, nil
}
