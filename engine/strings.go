package engine

import (
	"slices"

	"regent/engine/dict"
	"regent/resp"
)

// The string commands. A string is held in the encoding Redis shows:
//
//	Int     "12345"       a canonical 64-bit integer that was SET or counted
//	Embstr  up to 44 B    written in one piece
//	Raw     above, or changed in place (APPEND, SETRANGE)
//
// The files: strings_get.go reads, strings_set.go writes whole values,
// strings_edit.go changes them in place, strings_count.go calculates,
// strings_lcs.go compares.

// embstrMax is the longest string in bytes that Redis keeps in one piece
// with its header.
const embstrMax = 44

func stringCommands() []Command {
	return slices.Concat(stringReads(), stringSwaps(), stringSets(), stringEdits(), counters(), lcsCommands())
}

// encode picks the encoding of a string that arrives whole.
func encode(b []byte) dict.Value {
	if len(b) <= maxIntDigits {
		if n, ok := parseInt(b); ok {
			return dict.Value{Kind: dict.Int, Int: n}
		}
	}
	if len(b) <= embstrMax {
		return dict.Value{Kind: dict.Embstr, Bytes: b}
	}
	return dict.Value{Kind: dict.Raw, Bytes: b}
}

// text is the bytes of a string value; an integer is written into buf.
func text(v dict.Value, buf *[maxIntDigits]byte) []byte {
	if v.Kind == dict.Int {
		return appendInt(buf[:0], v.Int)
	}
	return v.Bytes
}

// textLen is the length of a string value in bytes.
func textLen(v dict.Value) int {
	var buf [maxIntDigits]byte
	return len(text(v, &buf))
}

// replyText replies with a string value.
func replyText(w *resp.Writer, v dict.Value) {
	if v.Kind == dict.Int {
		w.BulkInt(v.Int)
		return
	}
	w.Bulk(v.Bytes)
}

// stringOf is the string at en, which must exist; false: it is of another
// type, and the error was written.
func (c *Ctx) stringOf(en Entry) (v dict.Value, ok bool) {
	v = en.Value()
	if v.Kind == dict.Object {
		c.Err(resp.ErrWrongType)
		return v, false
	}
	c.heavy(len(v.Bytes))
	return v, true
}

// fits checks a string's length in bytes after a change of add bytes to the
// size given; false: the error was written.
func (c *Ctx) fits(size, add int64) bool {
	if total := size + add; total < size || total > c.E.Config.ProtoMaxBulkLen.Get() {
		c.Err(resp.ErrStringTooLong)
		return false
	}
	return true
}
