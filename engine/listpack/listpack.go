package listpack

import (
	"encoding/binary"
	"slices"
	"strconv"
)

const (
	headerLen  = 6
	endByte    = 0xFF
	maxCount   = 1<<16 - 1 // of the header: this many or more
	maxBackLen = 5

	// Overhead is what a listpack takes beside its entries, in bytes.
	Overhead = headerLen + 1
)

// A Value is an element: Int if IsInt, else Str, which are the listpack's own
// bytes.
type Value struct {
	Str   []byte
	Int   int64
	IsInt bool
}

// AppendText appends the element's text to dst.
func (v Value) AppendText(dst []byte) []byte {
	if v.IsInt {
		return strconv.AppendInt(dst, v.Int, 10)
	}
	return append(dst, v.Str...)
}

// New returns an empty listpack with room for an entry of the given size.
func New(room int) []byte {
	return Init(slices.Grow([]byte(nil), Overhead+room))
}

// Init is an empty listpack in the memory of buf, which has room for one.
func Init(buf []byte) []byte {
	lp := buf[:Overhead]
	lp[headerLen] = endByte
	setHeader(lp, 0)
	return lp
}

func setHeader(lp []byte, count int) {
	binary.LittleEndian.PutUint32(lp, uint32(len(lp)))
	binary.LittleEndian.PutUint16(lp[4:], uint16(min(count, maxCount)))
}

// Len is the number of elements. It walks when there are very many.
func Len(lp []byte) int {
	if n := int(binary.LittleEndian.Uint16(lp[4:])); n < maxCount {
		return n
	}
	n := 0
	for p := First(lp); p < End(lp); p = Next(lp, p) {
		n++
	}
	return n
}

// First is the position of the first element, End(lp) if there is none.
func First([]byte) int { return headerLen }

// End is the position behind the last element.
func End(lp []byte) int { return len(lp) - 1 }

// Next is the position after p, which is that of an element.
func Next(lp []byte, p int) int {
	n := encodedLen(lp[p:])
	return p + n + backLenBytes(n)
}

// Prev is the position before p, which is that of an element or the end, and not
// of the first.
func Prev(lp []byte, p int) int {
	n, shift := 0, 0
	for {
		p--
		b := lp[p]
		n |= int(b&0x7F) << shift
		if b&0x80 == 0 {
			return p - n
		}
		shift += 7
	}
}

// encodedLen is the length of the encoding and data that b begins with.
func encodedLen(b []byte) int {
	switch c := b[0]; {
	case c < 0x80:
		return 1
	case c < 0xC0:
		return 1 + int(c&0x3F)
	case c < 0xE0:
		return 2
	case c < 0xF0:
		return 2 + (int(c&0x0F)<<8 | int(b[1]))
	case c == code32Str:
		return 5 + int(binary.LittleEndian.Uint32(b[1:]))
	case c == code64:
		return 9
	default: // 16, 24 and 32 bits
		return int(c) - code16 + 3
	}
}

// Codes of the encodings that have a byte of their own.
const (
	code32Str = 0xF0
	code16    = 0xF1
	code24    = 0xF2
	code32    = 0xF3
	code64    = 0xF4
)

// backLenBytes is how many bytes the back length of n takes; Redis's bounds are
// one lower than they need be.
func backLenBytes(n int) int {
	switch {
	case n <= 127:
		return 1
	case n < 1<<14-1:
		return 2
	case n < 1<<21-1:
		return 3
	case n < 1<<28-1:
		return 4
	}
	return maxBackLen
}

// Get is the element at p.
func Get(lp []byte, p int) Value {
	b := lp[p:]
	switch c := b[0]; {
	case c < 0x80:
		return Value{Int: int64(c), IsInt: true}
	case c < 0xC0:
		n := 1 + int(c&0x3F)
		return Value{Str: b[1:n:n]}
	case c < 0xE0:
		const sign = 1 << 12
		n := int64(c&0x1F)<<8 | int64(b[1])
		return Value{Int: (n ^ sign) - sign, IsInt: true}
	case c < 0xF0:
		n := 2 + (int(c&0x0F)<<8 | int(b[1]))
		return Value{Str: b[2:n:n]}
	case c == code16:
		return Value{Int: int64(int16(binary.LittleEndian.Uint16(b[1:]))), IsInt: true}
	case c == code24:
		n := int32(uint32(b[1])<<8|uint32(b[2])<<16|uint32(b[3])<<24) >> 8
		return Value{Int: int64(n), IsInt: true}
	case c == code32:
		return Value{Int: int64(int32(binary.LittleEndian.Uint32(b[1:]))), IsInt: true}
	case c == code64:
		return Value{Int: int64(binary.LittleEndian.Uint64(b[1:])), IsInt: true}
	default:
		n := 5 + int(binary.LittleEndian.Uint32(b[1:]))
		return Value{Str: b[5:n:n]}
	}
}
