package listpack

import (
	"encoding/binary"

	"regent/engine/decimal"
)

// An Even is what remains of a listpack whose elements are all equally long when all that
// can be reckoned is left out: lengths, back lengths, and what each begins with.
//
//	total 4 | count 2 | length 2 | same 2 | texts 1 | same bytes | rest | rest | ...
//	'- bytes of the listpack     '- of these, of an element
//
// Its elements are their entries' encoding and data, if these are equally long, and else
// their texts: among ids in hexadecimal digits some are numbers. It is for looking at:
// positions are indices, so that an element is found without a walk. Append makes the
// listpack again, to the byte.
type Even []byte

const (
	evenHead = 11
	// evenMin is how many elements are worth it, and evenShare the part of a listpack
	// that must be won at least.
	evenMin   = 4
	evenShare = 16
	maxEven   = 1<<16 - 1 // of length
)

// EvenOf is lp as one; false: its elements differ in length, or little would be won.
func EvenOf(lp []byte) (Even, bool) {
	n := int(binary.LittleEndian.Uint16(lp[4:]))
	if n < evenMin || n == maxCount {
		return nil, false
	}
	ev := Even(make([]byte, evenHead))
	copy(ev, lp[:headerLen])
	var a, b decimal.Text
	first, p := ev.element(lp, First(lp), &a)
	if size := len(first); n*(size+backLenBytes(size)) != End(lp)-headerLen {
		ev[10] = 1
		first, p = ev.element(lp, First(lp), &a)
	}
	same := len(first) // not 0: elements without text are all packed alike
	for p < End(lp) {
		var e []byte
		if e, p = ev.element(lp, p, &b); len(e) != len(first) || len(e) > maxEven {
			return nil, false
		}
		same = common(first[:same], e)
	}
	room := evenHead + same + n*(len(first)-same)
	if room >= len(lp)-len(lp)/evenShare {
		return nil, false
	}
	binary.LittleEndian.PutUint16(ev[6:], uint16(len(first)))
	binary.LittleEndian.PutUint16(ev[8:], uint16(same))
	ev = append(append(make([]byte, 0, room), ev...), first[:same]...)
	for p := First(lp); p < End(lp); {
		if ev.texts() && !usual(lp, p) {
			return nil, false
		}
		var e []byte
		e, p = ev.element(lp, p, &b)
		ev = append(ev, e[same:]...)
	}
	return ev, true
}

// element is what ev keeps of the entry at p, and the position after it. Numbers are written
// into text.
func (ev Even) element(lp []byte, p int, text *decimal.Text) (e []byte, next int) {
	if !ev.texts() {
		size := encodedLen(lp[p:])
		return lp[p : p+size], p + size + backLenBytes(size)
	}
	if n := int(lp[p]) - 0x80; uint(n) < 1<<6 { // a short string, as most are
		return lp[p+1 : p+1+n], p + n + 2
	}
	v := Get(lp, p)
	if v.IsInt {
		return text.Of(v.Int), Next(lp, p)
	}
	return v.Str, Next(lp, p)
}

// usual reports whether the entry at p is as its text would be packed.
func usual(lp []byte, p int) bool {
	v := Get(lp, p)
	if v.IsInt {
		return intLen(v.Int) == encodedLen(lp[p:])
	}
	if len(v.Str) > 0 && v.Str[0] > '9' { // no number
		return textLen(len(v.Str)) == encodedLen(lp[p:])
	}
	e := ElementOf(v.Str)
	return !e.isInt && e.encodedLen() == encodedLen(lp[p:])
}

// common is how many bytes a and b, which is not shorter, begin with alike.
func common(a, b []byte) int {
	if string(a) == string(b[:len(a)]) {
		return len(a)
	}
	for i, c := range a {
		if b[i] != c {
			return i
		}
	}
	return len(a)
}

func (ev Even) length() int { return int(binary.LittleEndian.Uint16(ev[6:])) }
func (ev Even) same() int   { return int(binary.LittleEndian.Uint16(ev[8:])) }
func (ev Even) texts() bool { return ev[10] != 0 }

// Size is how many bytes the listpack has.
func (ev Even) Size() int { return int(binary.LittleEndian.Uint32(ev)) }

// Len is the number of elements.
func (ev Even) Len() int { return int(binary.LittleEndian.Uint16(ev[4:])) }

// Get is element i. It may stand in text, which has grown then, or shows an integer's text.
func (ev Even) Get(i int, text []byte) (Value, []byte) {
	same := ev.same()
	each := ev.length() - same
	at := evenHead + same + i*each
	rest := ev[at : at+each : at+each]
	if same == 1 && !ev.texts() && ev[evenHead]&0xC0 == 0x80 { // a short string, of which the rest is all
		return Value{Str: rest}, text
	}
	if same > 0 {
		text = append(append(text[:0], ev[evenHead:evenHead+same]...), rest...)
		rest = text
	}
	if ev.texts() {
		return Value{Str: rest}, text
	}
	return Get(rest, 0), text
}

// Append appends the listpack that it stands for.
func (ev Even) Append(dst []byte) []byte {
	began, n := len(dst), ev.Len()
	dst = append(dst, ev[:headerLen]...)
	length, same := ev.length(), ev.same()
	rest := ev[evenHead+same:]
	text := make([]byte, length)
	copy(text, ev[evenHead:evenHead+same])
	var back [maxBackLen]byte
	putBackLen(back[:backLenBytes(length)], length)
	for range n {
		rest = rest[copy(text[same:], rest):]
		if !ev.texts() {
			dst = append(append(dst, text...), back[:backLenBytes(length)]...)
			continue
		}
		e := Element{text: text}
		if text[0] <= '9' {
			e = ElementOf(text)
		}
		if n := length + 1; !e.isInt && length < 1<<6 {
			dst = append(append(append(dst, 0x80|byte(length)), text...), byte(n))
			continue
		}
		at := len(dst)
		dst = append(dst, make([]byte, e.Size())...)
		e.put(dst[at:])
	}
	dst = append(dst, endByte)
	setHeader(dst[began:], n)
	return dst
}
