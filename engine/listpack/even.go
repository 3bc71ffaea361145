package listpack

import (
	"encoding/binary"
	"slices"

	"regent/engine/decimal"
)

// An Even is what remains of a listpack whose elements are all equally long when all that
// can be reckoned is left out: lengths, back lengths, and what each begins with.
//
//	total 4 | count 2 | length 2 | same 2 | form 1 | same bytes | alphabet | rest | rest | ...
//	'- bytes of the listpack     '- of these, of an element
//
// If all rests are made of few different bytes, digits or base64, these are the alphabet,
// and the rests have but a few bits for each, whole bytes together (alphabet.go). form says
// how many, in the high half, and whether elements are texts, in the lowest bit.
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

	formTexts = 1
	formShift = 4
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
		ev[10] = formTexts
		first, p = ev.element(lp, First(lp), &a)
	}
	same := len(first) // not 0: elements without text are all packed alike
	var used byteSet
	few := true
	for i := 1; p < End(lp); i++ {
		var e []byte
		if e, p = ev.element(lp, p, &b); len(e) != len(first) || len(e) > maxEven {
			return nil, false
		}
		same = common(first[:same], e)
		if few {
			used.add(e[same:])
			few = i&(i-1) != 0 || used.few() // which is looked at less and less often
		}
	}
	used.add(first[same:]) // of those before, too, where same was more
	few = few && used.few()
	each := len(first) - same
	room := evenHead + same + n*each
	var code [256]byte
	var letters []byte
	if width := used.width(); few && evenHead+same+1<<width+n*packedLen(each, width) < room {
		ev[10] |= byte(width << formShift)
		letters = used.letters(&code)
		room = evenHead + same + len(letters) + n*packedLen(each, width)
	}
	if room >= len(lp)-len(lp)/evenShare {
		return nil, false
	}
	binary.LittleEndian.PutUint16(ev[6:], uint16(len(first)))
	binary.LittleEndian.PutUint16(ev[8:], uint16(same))
	ev = append(append(append(make([]byte, 0, room), ev...), first[:same]...), letters...)
	return ev.fill(lp, &code)
}

// fill appends the rests of lp's elements; false: one of them would not come back as it was.
func (ev Even) fill(lp []byte, code *[256]byte) (Even, bool) {
	same, width := ev.same(), ev.width()
	var b decimal.Text
	for p := First(lp); p < End(lp); {
		if ev.texts() && !usual(lp, p) {
			return nil, false
		}
		var e []byte
		if e, p = ev.element(lp, p, &b); width == 0 {
			ev = append(ev, e[same:]...)
		} else {
			ev = pack(ev, e[same:], code, width)
		}
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
func (ev Even) texts() bool { return ev[10]&formTexts != 0 }

// width is the bits of a byte of the rests, 0: all of it.
func (ev Even) width() int { return int(ev[10] >> formShift) }

// rests is where the rests begin, how many bytes each takes, and their alphabet.
func (ev Even) rests() (at, each int, letters []byte) {
	at, each = evenHead+ev.same(), ev.length()-ev.same()
	if width := ev.width(); width > 0 {
		letters = ev[at : at+1<<width]
		at, each = at+1<<width, packedLen(each, width)
	}
	return at, each, letters
}

// Size is how many bytes the listpack has.
func (ev Even) Size() int { return int(binary.LittleEndian.Uint32(ev)) }

// Len is the number of elements.
func (ev Even) Len() int { return int(binary.LittleEndian.Uint16(ev[4:])) }

// Get is element i. It may stand in text, which has grown then, or shows an integer's text.
func (ev Even) Get(i int, text []byte) (Value, []byte) {
	same := ev.same()
	at, each, letters := ev.rests()
	at += i * each
	rest := ev[at : at+each : at+each]
	if letters == nil && same == 1 && !ev.texts() && ev[evenHead]&0xC0 == 0x80 { // a short string, of which the rest is all
		return Value{Str: rest}, text
	}
	if same > 0 || letters != nil {
		text = append(text[:0], ev[evenHead:evenHead+same]...)
		if letters == nil {
			text = append(text, rest...)
		} else {
			length := ev.length()
			text = slices.Grow(text, length-same)[:length]
			unpack(text[same:], rest, letters, ev.width())
		}
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
	length, same, width := ev.length(), ev.same(), ev.width()
	at, each, letters := ev.rests()
	rest := ev[at:]
	text := make([]byte, length)
	copy(text, ev[evenHead:evenHead+same])
	var back [maxBackLen]byte
	putBackLen(back[:backLenBytes(length)], length)
	for range n {
		if width == 0 {
			copy(text[same:], rest)
		} else {
			unpack(text[same:], rest[:each], letters, width)
		}
		rest = rest[each:]
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
