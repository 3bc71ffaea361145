package listpack

import "encoding/binary"

// A Packed is a listpack that is kept and seldom read: without back lengths and the end, and
// with the bytes of texts as letters of few bits each, if they are few different ones in all.
//
//	total 4 | count 2 | width 1 | alphabet | entry | entry | ...
//	'- bytes of the listpack      '- alphabet.go
//
//	entry     encoding and data as in a listpack; of a text the letters' numbers are the data,
//	          if width is not 0
//
// It is read by making the listpack again (Append), to the byte.
type Packed []byte

const (
	packedHead = headerLen + 1
	// packedShare is the part of a listpack that must be won at least.
	packedShare = 16
)

// textHead is how many bytes stand before the data of a text with the first byte c, 0: it is
// an integer.
func textHead(c byte) int {
	switch {
	case c >= 0x80 && c < 0xC0:
		return 1
	case c >= 0xE0 && c < 0xF0:
		return 2
	case c == code32Str:
		return 5
	}
	return 0
}

// PackedOf is lp as one; false: little would be won.
func PackedOf(lp []byte) (Packed, bool) {
	var used byteSet
	plain, end := packedHead, End(lp)
	for p := headerLen; p < end; {
		if n := int(lp[p]) - 0x80; uint(n) < 1<<6 { // a short string, as most are
			used.add(lp[p+1 : p+1+n])
			plain += n + 1
			p += n + 2
			continue
		}
		n := encodedLen(lp[p:])
		if head := textHead(lp[p]); head > 0 {
			used.add(lp[p+head : p+n])
		}
		plain += n
		p += n + backLenBytes(n)
	}
	width, most := 0, len(lp)-len(lp)/packedShare
	if used.few() {
		width = used.width()
	}
	made := packedAs(lp, width, &used, plain)
	if width > 0 && len(made) >= plain { // of many short texts
		made = packedAs(lp, 0, &used, plain)
	}
	if len(made) >= most {
		return nil, false
	}
	return append(make([]byte, 0, len(made)), made...), true
}

// packedAs is lp with letters of so many bits, or with 0 texts as they are; room is about how
// many bytes it takes.
func packedAs(lp []byte, width int, used *byteSet, room int) []byte {
	packed := append(append(make([]byte, 0, room), lp[:headerLen]...), byte(width))
	var code [256]byte
	if width > 0 {
		packed = append(packed, used.letters(&code)...)
	}
	for p, end := headerLen, End(lp); p < end; {
		n := encodedLen(lp[p:])
		if head := textHead(lp[p]); head > 0 && width > 0 {
			packed = pack(append(packed, lp[p:p+head]...), lp[p+head:p+n], &code, width)
		} else {
			packed = append(packed, lp[p:p+n]...)
		}
		p += n + backLenBytes(n)
	}
	return packed
}

// Size is how many bytes the listpack has.
func (pk Packed) Size() int { return int(binary.LittleEndian.Uint32(pk)) }

// Append appends the listpack that it stands for.
func (pk Packed) Append(dst []byte) []byte {
	began := len(dst)
	if size := pk.Size(); cap(dst)-began < size {
		dst = append(make([]byte, 0, began+size), dst...)
	}
	to := dst[began : began+pk.Size()]
	copy(to, pk[:headerLen])
	width, at, w := int(pk[headerLen]), packedHead, headerLen
	var letters []byte
	if width > 0 {
		letters = pk[at : at+1<<width]
		at += 1 << width
	}
	for at < len(pk) {
		n, head := encodedLen(pk[at:]), textHead(pk[at])
		if head > 0 && width > 0 {
			copy(to[w:], pk[at:at+head])
			has := packedLen(n-head, width)
			unpack(to[w+head:w+n], pk[at+head:at+head+has], letters, width)
			at += head + has
		} else {
			at += copy(to[w:], pk[at:at+n])
		}
		w += n
		if n < 1<<7 {
			to[w] = byte(n)
			w++
			continue
		}
		back := backLenBytes(n)
		putBackLen(to[w:w+back], n)
		w += back
	}
	to[w] = endByte
	return dst[:began+len(to)]
}
