package listpack

import (
	"encoding/binary"
)

// Ziplists, which Redis up to 6.2 wrote (ziplist.c):
//
//	bytes 4 | tail 4 | count 2 | entry | entry | ... | 0xFF
//
//	entry   length of the entry before, 1 byte, or 0xFE and 4
//	        00llllll string             C0 nn
//	        01llllll llllllll string    D0 nnnn
//	        80 llll string              E0 nnnnnnnn
//	        1111nnnn: n-1, 0 to 12      F0 nnn
//	                                    FE n
//
// Lengths after 01 and 80 have their high byte first, everything else its low.

const (
	zipHeader  = 10
	zipBigPrev = 0xFE // 4 bytes of length follow
)

// Ziplist calls f with the elements of a ziplist that came from outside; their
// bytes are the ziplist's own. The error is ErrDamaged, possibly after some
// elements.
func Ziplist(zl []byte, f func(Value)) error {
	if len(zl) < zipHeader+1 || uint64(binary.LittleEndian.Uint32(zl)) != uint64(len(zl)) || zl[len(zl)-1] != endByte {
		return ErrDamaged
	}
	n, before, at := 0, 0, zipHeader
	for b := zl[zipHeader : len(zl)-1]; len(b) > 0; n++ {
		head := 1
		prev := int(b[0])
		if b[0] >= zipBigPrev {
			if head = 5; b[0] > zipBigPrev || len(b) < head {
				return ErrDamaged
			}
			prev = int(binary.LittleEndian.Uint32(b[1:]))
		}
		v, size, ok := zipValue(b[head:])
		if !ok || prev != before {
			return ErrDamaged
		}
		before = head + size
		at, b = at+before, b[before:]
		f(v)
	}
	if tail := int(binary.LittleEndian.Uint32(zl[4:])); n > 0 && tail != at-before || n == 0 && tail != zipHeader {
		return ErrDamaged
	}
	if count := int(binary.LittleEndian.Uint16(zl[8:])); count != n && count != maxCount {
		return ErrDamaged
	}
	return nil
}

// zipValue reads an entry after the length of the one before it.
func zipValue(b []byte) (v Value, size int, ok bool) {
	if len(b) == 0 {
		return v, 0, false
	}
	c := b[0]
	if c < 0xC0 {
		return zipString(b)
	}
	width := 0
	switch c {
	case 0xC0:
		width = 2
	case 0xD0:
		width = 4
	case 0xE0:
		width = 8
	case 0xF0:
		width = 3
	case 0xFE:
		width = 1
	default:
		const first, last = 0xF1, 0xFD
		return Value{Int: int64(c) - first, IsInt: true}, 1, c >= first && c <= last
	}
	if len(b) < 1+width {
		return v, 0, false
	}
	u := uint64(0)
	for i := range width {
		u |= uint64(b[1+i]) << (64 - 8*width + 8*i)
	}
	return Value{Int: int64(u) >> (64 - 8*width), IsInt: true}, 1 + width, true
}

func zipString(b []byte) (v Value, size int, ok bool) {
	head, n := 1, int64(b[0]&0x3F)
	switch {
	case b[0] >= 0x80:
		if head = 5; len(b) >= head {
			n = int64(binary.BigEndian.Uint32(b[1:]))
		}
	case b[0] >= 0x40:
		if head = 2; len(b) >= head {
			n = n<<8 | int64(b[1])
		}
	}
	if int64(len(b)) < int64(head)+n {
		return v, 0, false
	}
	size = head + int(n)
	return Value{Str: b[head:size:size]}, size, true
}

// FromZiplist is a listpack of a ziplist's elements: what is the text of a number is stored as
// one there, as redis-server does.
func FromZiplist(zl []byte) ([]byte, error) {
	lp := New(len(zl))
	var text []byte
	err := Ziplist(zl, func(v Value) {
		text = v.AppendText(text[:0])
		e := ElementOf(text)
		lp = Insert(lp, End(lp), &e)
	})
	return lp, err
}
