package resp

import "strconv"

// Notes are what a leader's listener tells the other end of a tunnel between the
// replies of the client behind it. They begin with a byte that no value begins with, so
// nothing a client can cause looks like one:
//
//	@<length>\r\n<kind><payload>\r\n
const (
	// NoteByte begins a note.
	NoteByte = '@'
	// MaxNote bounds a note in bytes, without its head.
	MaxNote = 8 << 10
)

// Kinds of notes.
const (
	NoteState = 'S' // the session is in this state from here on
	NoteBound = 'B' // the same, and the state cannot be taken to another node
	NoteMoved = 'M' // this node leads no more: what was not answered was not carried out
	NoteEnd   = 'E' // the connection ends here, and is not to be opened anew
	NoteRaw   = 'R' // what follows, both ways, are no commands and replies: a replica's stream
)

// AppendNote appends a note.
func AppendNote(dst []byte, kind byte, payload []byte) []byte {
	dst = append(dst, NoteByte)
	dst = strconv.AppendInt(dst, int64(1+len(payload)), 10)
	dst = append(dst, '\r', '\n', kind)
	dst = append(dst, payload...)
	return append(dst, '\r', '\n')
}
