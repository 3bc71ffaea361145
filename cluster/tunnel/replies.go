package tunnel

import (
	"bytes"
	"errors"

	"regent/resp"
)

// Replies finds where a server's replies end, however they are cut into pieces, and the
// notes between them. It knows every type of RESP2 and RESP3 but streamed ones.
type Replies struct {
	in    where
	kind  byte   // of the value whose line is read
	left  int64  // values still to come until the reply ends
	skip  int64  // bytes of a string, its line end included, still to come
	line  []byte // of a header, as far as it has come
	push  bool   // it is no reply: nobody has asked
	note  []byte
	short int64 // bytes of the note, its line end included, still to come
}

// errReply says that what has come is no RESP.
var errReply = errors.New("the leader's answer is not understood")

// inNote is inside a note.
const inNote = inBulk + 1

// Between reports whether the last reply has ended and no other has begun.
func (r *Replies) Between() bool { return r.in == atStart && r.left == 0 }

// An Event is what Next has found.
type Event uint8

// The events. More: there is nothing whole in what was given.
const (
	More   Event = iota
	Reply        // a reply has ended
	Pushed       // a push has ended
	Noted        // a note has ended: Note
)

// Note is the note that has just ended, valid until the next call.
func (r *Replies) Note() []byte { return r.note }

// Next looks for the end of what p continues; n is how many bytes of p belong to it.
func (r *Replies) Next(p []byte) (n int, ev Event, err error) {
	for n < len(p) {
		switch r.in {
		case atStart:
			r.kind = p[n]
			switch {
			case r.left == 0:
				r.push, r.left = r.kind == '>', 1
			case r.kind == resp.NoteByte: // notes stand between replies
				return n, More, errReply
			}
			r.in = inHeader
		case inBulk:
			m := min(r.skip, int64(len(p)-n))
			n, r.skip = n+int(m), r.skip-m
			if r.skip == 0 && r.value(0) {
				return n, r.whole(), nil
			}
		case inNote:
			m := min(r.short, int64(len(p)-n))
			r.note = append(r.note, p[n:n+int(m)]...)
			if n, r.short = n+int(m), r.short-m; r.short == 0 {
				r.note = r.note[:len(r.note)-2]
				r.in, r.left = atStart, 0
				return n, Noted, nil
			}
		default:
			m, ended, err := r.header(p[n:])
			if n += m; err != nil || ended {
				return n, r.whole(), err
			}
		}
	}
	return n, More, nil
}

func (r *Replies) whole() Event {
	if r.push {
		return Pushed
	}
	return Reply
}

// value ends a value that holds more others, and reports whether the reply ends with it.
func (r *Replies) value(more int64) bool {
	r.in = atStart
	r.left += more - 1
	return r.left == 0
}

// header reads a line; ended: the reply ends with it.
func (r *Replies) header(p []byte) (n int, ended bool, err error) {
	i := bytes.IndexByte(p, '\n')
	text := r.kind == '+' || r.kind == '-' // of any length, and nothing in it counts
	if i < 0 {
		if !text {
			if len(r.line)+len(p) > maxLine {
				return len(p), false, errReply
			}
			r.line = append(r.line, p...)
		}
		return len(p), false, nil
	}
	if text {
		return i + 1, r.value(0), nil
	}
	line := p[:i]
	if len(r.line) > 0 {
		line = append(r.line, line...)
		r.line = nil
	}
	ended, err = r.typed(line)
	return i + 1, ended, err
}

// maxElements bounds what one reply may hold: beyond it sums would overflow.
const maxElements = 1 << 40

// typed takes a whole header.
func (r *Replies) typed(line []byte) (ended bool, err error) {
	if len(line) < 2 || line[len(line)-1] != '\r' {
		return false, errReply
	}
	switch r.kind {
	case ':', ',', '#', '(', '_':
		return r.value(0), nil
	}
	n, ok := number(line[1 : len(line)-1])
	if !ok || n > maxElements || r.left > maxElements {
		return false, errReply
	}
	switch r.kind {
	case '$', '=', '!':
		if n < 0 {
			return r.value(0), nil
		}
		r.skip, r.in = n+2, inBulk
		return false, nil
	case '*', '~', '>':
		return r.value(max(n, 0)), nil
	case '%':
		return r.value(2 * max(n, 0)), nil
	case '|': // goes with the value behind it
		return r.value(2*max(n, 0) + 1), nil
	case resp.NoteByte:
		if n < 1 || n > resp.MaxNote {
			return false, errReply
		}
		r.note, r.short, r.in = r.note[:0], n+2, inNote
		return false, nil
	}
	return false, errReply
}
