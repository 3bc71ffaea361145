package listpack

import (
	"bytes"
	"encoding/binary"
	"slices"

	"regent/engine/decimal"
)

// An Element is an element to be packed, or to be looked for.
type Element struct {
	text  []byte
	n     int64
	isInt bool
}

// ElementOf prepares a text, whose bytes are kept.
func ElementOf(text []byte) Element {
	n, ok := decimal.Parse(text)
	return Element{text, n, ok}
}

// ElementOfInt prepares an integer. It has no text.
func ElementOfInt(n int64) Element { return Element{n: n, isInt: true} }

// Len is the text's length in bytes.
func (e *Element) Len() int { return len(e.text) }

// Text is the text.
func (e *Element) Text() []byte { return e.text }

// Is reports whether v is the same element.
func (e *Element) Is(v Value) bool {
	if v.IsInt {
		return e.isInt && e.n == v.Int
	}
	return bytes.Equal(e.text, v.Str)
}

// Find is the position of the first of the elements at p, p+step, p+2·step … that is
// e, End(lp) if none is.
func Find(lp []byte, p, step int, e *Element) int {
	end := End(lp)
	for p < end {
		if n := int(lp[p]) - 0x80; uint(n) < 1<<6 { // a short string, as most are
			q := p + 1 + n
			if string(lp[p+1:q]) == string(e.text) {
				return p
			}
			p = q + 1
		} else {
			if e.Is(Get(lp, p)) {
				return p
			}
			p = Next(lp, p)
		}
		for range step - 1 {
			p = Next(lp, p)
		}
	}
	return end
}

// Nth is the position of element n, of which there are more.
func Nth(lp []byte, n int) int {
	p := First(lp)
	for range n {
		p = Next(lp, p)
	}
	return p
}

// Size is the bytes of the entry.
func (e *Element) Size() int {
	n := e.encodedLen()
	return n + backLenBytes(n)
}

func (e *Element) encodedLen() int {
	if e.isInt {
		return intLen(e.n)
	}
	return textLen(len(e.text))
}

func textLen(n int) int {
	switch {
	case n < 1<<6:
		return 1 + n
	case n < 1<<12:
		return 2 + n
	}
	return 5 + n
}

func intLen(n int64) int {
	switch {
	case n >= 0 && n < 1<<7:
		return 1
	case n >= -1<<12 && n < 1<<12:
		return 2
	case n == int64(int16(n)):
		return 3
	case n >= -1<<23 && n < 1<<23:
		return 4
	case n == int64(int32(n)):
		return 5
	}
	return 9
}

// put writes the entry to dst, which is as long as Size says.
func (e *Element) put(dst []byte) {
	n := e.encodedLen()
	e.putEntry(dst[:n])
	putBackLen(dst[n:], n)
}

// putEntry writes encoding and data, which are len(dst) bytes long.
func (e *Element) putEntry(dst []byte) {
	if e.isInt {
		putInt(dst, e.n)
		return
	}
	length := len(e.text)
	switch len(dst) - length {
	case 1:
		dst[0] = 0x80 | byte(length)
	case 2:
		dst[0], dst[1] = 0xE0|byte(length>>8), byte(length)
	default:
		dst[0] = code32Str
		binary.LittleEndian.PutUint32(dst[1:], uint32(length))
	}
	copy(dst[len(dst)-length:], e.text)
}

// putInt writes an integer's encoding, which is len(dst) bytes long.
func putInt(dst []byte, n int64) {
	switch len(dst) {
	case 1:
		dst[0] = byte(n)
		return
	case 2:
		dst[0], dst[1] = 0xC0|byte(n>>8)&0x1F, byte(n)
		return
	case 9:
		dst[0] = code64
	default:
		dst[0] = byte(code16 + len(dst) - 3)
	}
	for i := range dst[1:] {
		dst[1+i] = byte(n >> (8 * i))
	}
}

func putBackLen(dst []byte, n int) {
	last := backLenBytes(n) - 1
	for i := last; i >= 0; i-- {
		dst[i] = byte(n)&0x7F | 0x80
		n >>= 7
	}
	dst[0] &^= 0x80
}

const (
	// RoomyFrom is from which size in bytes a listpack that grows gets more room
	// than it needs, a roomyShare of it: it is moved seldom then. Small ones get
	// what they need.
	RoomyFrom  = 512
	roomyShare = 6
	// page is where most listpacks end: room beyond it is only for what goes there.
	page = 8 << 10
)

// Room is how much to make room for where n bytes are wanted.
func Room(n int) int {
	room := n
	if n >= RoomyFrom {
		room += n / roomyShare
		if n <= page {
			room = min(room, page)
		}
	}
	return room
}

// grown is lp with room for at least n bytes in all.
func grown(lp []byte, n int) []byte {
	if n <= cap(lp) {
		return lp
	}
	return append(slices.Grow([]byte(nil), Room(n)), lp...)
}

// Insert puts e in at p, before what stands there.
func Insert(lp []byte, p int, e *Element) []byte {
	count, size, was := Len(lp), e.Size(), len(lp)
	lp = grown(lp, was+size)[:was+size]
	copy(lp[p+size:], lp[p:was])
	e.put(lp[p:])
	setHeader(lp, count+1)
	return lp
}

// Append2 puts two elements in at the end.
func Append2(lp []byte, a, b *Element) []byte {
	count, size, was := Len(lp), a.Size(), len(lp)
	to := was + size + b.Size()
	lp = grown(lp, to)[:to]
	a.put(lp[was-1:])
	b.put(lp[was-1+size:])
	lp[to-1] = endByte
	setHeader(lp, count+2)
	return lp
}

// Replace puts e in the place of what stands at p.
func Replace(lp []byte, p int, e *Element) []byte {
	count, size, was, q := Len(lp), e.Size(), len(lp), Next(lp, p)
	to := was + size - (q - p)
	lp = grown(lp, to)
	lp = lp[:max(to, was)]
	copy(lp[p+size:], lp[q:was])
	lp = lp[:to]
	e.put(lp[p:])
	setHeader(lp, count)
	return lp
}

// Delete removes the n elements from p up to q.
func Delete(lp []byte, p, q, n int) []byte {
	count := Len(lp)
	lp = append(lp[:p], lp[q:]...)
	setHeader(lp, count-n)
	return lp
}

// DropFirst removes the first n elements, which end at q. Nothing moves: the
// listpack begins later then.
func DropFirst(lp []byte, q, n int) []byte {
	count := Len(lp)
	lp = lp[q-headerLen:]
	setHeader(lp, count-n)
	return lp
}

// PushFirst puts e in as the first element of the listpack that is buf from gap on,
// with a gap of at least e's Size, and returns where it begins then.
func PushFirst(buf []byte, gap int, e *Element) int {
	count := Len(buf[gap:])
	gap -= e.Size()
	lp := buf[gap:]
	e.put(lp[headerLen:])
	setHeader(lp, count+1)
	return gap
}

// Part is a new listpack of the n elements from p up to q.
func Part(lp []byte, p, q, n int) []byte {
	part := slices.Grow([]byte(nil), Overhead+q-p)
	part = append(part, lp[:headerLen]...)
	part = append(part, lp[p:q]...)
	part = append(part, endByte)
	setHeader(part, n)
	return part
}

// Join appends the elements of b to a, which may grow in its place.
func Join(a, b []byte) []byte {
	count := Len(a) + Len(b)
	body := b[headerLen:End(b)]
	at := End(a)
	a = grown(a, len(a)+len(body))
	a = append(append(a[:at], body...), endByte)
	setHeader(a, count)
	return a
}
