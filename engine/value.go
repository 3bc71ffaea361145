package engine

import (
	"bytes"
	"strconv"

	"regent/engine/decimal"
	"regent/engine/dict"
	"regent/engine/large"
	"regent/resp"
)

// Values as commands see them: strings in their encodings, and what every value tells
// of itself.

// EmbstrMax is the longest string in bytes that Redis keeps in one piece
// with its header.
const EmbstrMax = 44

// EncodeString picks the encoding of a string that arrives whole.
func EncodeString(b []byte) dict.Value {
	if len(b) <= decimal.MaxLen {
		if n, ok := decimal.Parse(b); ok {
			return dict.Value{Kind: dict.Int, Int: n}
		}
	}
	if len(b) <= EmbstrMax {
		return dict.Value{Kind: dict.Embstr, Bytes: b}
	}
	return dict.Value{Kind: dict.Raw, Bytes: b}
}

// Text is the bytes of a string value; an integer is written into buf.
func Text(v dict.Value, buf *[decimal.MaxLen]byte) []byte {
	if v.Kind == dict.Int {
		return strconv.AppendInt(buf[:0], v.Int, 10)
	}
	return v.Bytes
}

// TextLen is the length of a string value in bytes.
func TextLen(v dict.Value) int {
	var buf [decimal.MaxLen]byte
	return len(Text(v, &buf))
}

// ReplyText replies with a string value.
func ReplyText(w *resp.Writer, v dict.Value) {
	if v.Kind == dict.Int {
		w.BulkInt(v.Int)
		return
	}
	w.Bulk(v.Bytes)
}

// ReplyString replies with the string at en, which must exist: an error if it is of
// another type.
func (c *Ctx) ReplyString(en Entry) {
	switch en.d.Kind(en.ref) {
	case dict.Embstr, dict.Raw:
		b := en.d.Text(en.ref)
		c.Heavy(len(b))
		if c.grown != nil && len(b) > large.LeastSpan {
			c.makeRoom(len(b))
		}
		c.W.Bulk(b)
	case dict.Int:
		c.W.BulkInt(en.Value().Int)
	default:
		c.Err(resp.ErrWrongType)
	}
}

// StringOf is the string at en, which must exist; false: it is of another
// type, and the error was written.
func (c *Ctx) StringOf(en Entry) (v dict.Value, ok bool) {
	if v, ok = c.PartOf(en); ok {
		c.Heavy(len(v.Bytes))
	}
	return v, ok
}

// PartOf is StringOf for a command that looks at a small part of the string: however long
// that is, it takes no time.
func (c *Ctx) PartOf(en Entry) (v dict.Value, ok bool) {
	if v = en.Value(); !v.Kind.IsString() {
		c.Err(resp.ErrWrongType)
		return v, false
	}
	return v, true
}

// MaxString is the longest string in bytes that a command may make. What comes from
// the log may be longer: there another configuration may have been in force.
func (c *Ctx) MaxString() int64 {
	if c.applying {
		return dict.MaxLen
	}
	return min(c.e.Config.ProtoMaxBulkLen.Get(), dict.MaxLen)
}

// FitsString checks a string's length in bytes after a change of add bytes to the
// size given; false: the error was written.
func (c *Ctx) FitsString(size, add int64) bool {
	if total := size + add; total < size || total > c.MaxString() {
		c.Err(resp.ErrStringTooLong)
		return false
	}
	return true
}

// Loosen makes the string v at en raw and n bytes long, new bytes zero, and returns its
// bytes, which may be changed until the handler returns. By itself it is no change: a handler
// that makes one says Modified. en is over: the string may have moved.
func (c *Ctx) Loosen(key []byte, en Entry, v dict.Value, n int) []byte {
	if v.Kind != dict.Int && en.d.Stays(en.ref, n) {
		c.Heavy(n - len(v.Bytes))
	} else {
		c.Heavy(n)
	}
	if v.Kind == dict.Int {
		var buf [decimal.MaxLen]byte
		en.ref = en.d.Put(key, dict.Value{Kind: dict.Raw, Bytes: Text(v, &buf)}, en.ExpireAt())
	}
	_, b := en.d.Resize(en.ref, n)
	return b
}

// Stretch is Loosen for a change. A key that does not exist (en is not OK) comes to be.
func (c *Ctx) Stretch(key []byte, en Entry, v dict.Value, n int) []byte {
	if !en.OK() {
		en = c.Put(key, dict.Value{Kind: dict.Raw, Bytes: make([]byte, n)}, 0)
		_, b := en.d.Resize(en.ref, n)
		return b
	}
	b := c.Loosen(key, en, v, n)
	c.changed(c.s.db, key)
	return b
}

func (en Entry) IsString() bool { return en.d.Kind(en.ref).IsString() }

// TypeName is what TYPE answers for v.
func TypeName(v dict.Value) string {
	switch {
	case v.Kind == dict.Object:
		return v.Obj.(Object).TypeName()
	case v.Kind.IsPacked():
		name, _ := Form(v.Kind.Form()).names()
		return name
	}
	return "string"
}

// Detach makes v independent of its entry.
func Detach(v dict.Value) dict.Value {
	v.Bytes = bytes.Clone(v.Bytes)
	return v
}

// EncodingName is what OBJECT ENCODING answers for v.
func EncodingName(v dict.Value) string {
	switch v.Kind {
	case dict.Int:
		return "int"
	case dict.Embstr:
		return "embstr"
	case dict.Raw:
		return "raw"
	}
	if v.Kind.IsPacked() {
		_, name := Form(v.Kind.Form()).names()
		return name
	}
	return v.Obj.(Object).Encoding()
}
