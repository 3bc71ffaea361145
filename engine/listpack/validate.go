package listpack

import (
	"encoding/binary"
	"errors"
)

// ErrDamaged says that bytes are not a listpack, or not a ziplist.
var ErrDamaged = errors.New("a packed list is damaged")

// Validate looks at every byte of what came from outside and returns the number
// of elements. After that no function of this package goes astray in it.
func Validate(lp []byte) (n int, err error) {
	if !framed(lp) {
		return 0, ErrDamaged
	}
	end := End(lp)
	for p := headerLen; p < end; n++ {
		if size := int(lp[p]) - 0x80 + 1; uint(size-1) < 1<<6 { // a short string, as most are
			if q := p + size; q >= end || int(lp[q]) != size {
				return 0, ErrDamaged
			}
			p += size + 1
			continue
		}
		size, back, ok := checkEntry(lp[p:end])
		if !ok {
			return 0, ErrDamaged
		}
		p += size + back
	}
	if !counted(lp, n) {
		return 0, ErrDamaged
	}
	return n, nil
}

// framed reports whether lp begins with its length and ends with the end.
func framed(lp []byte) bool {
	return len(lp) >= Overhead && uint64(binary.LittleEndian.Uint32(lp)) == uint64(len(lp)) && lp[len(lp)-1] == endByte
}

// counted reports whether lp may say of n elements what it says.
func counted(lp []byte, n int) bool {
	count := int(binary.LittleEndian.Uint16(lp[4:]))
	return count == min(n, maxCount) || count == maxCount
}

// checkEntry is the size of the entry that b begins with, and that of the back length behind
// it, if they are there.
func checkEntry(b []byte) (size, back int, ok bool) {
	c := b[0]
	head := 1
	switch {
	case c > code64:
		return 0, 0, false
	case c == code32Str:
		head = 5
	case c >= 0xC0 && c < 0xF0:
		head = 2
	}
	if len(b) < head {
		return 0, 0, false
	}
	n := encodedLen(b)
	back = backLenBytes(n)
	if n+back > len(b) {
		return 0, 0, false
	}
	if back == 1 {
		return n, 1, b[n] == byte(n)
	}
	var want [maxBackLen]byte
	putBackLen(want[:], n)
	return n, back, string(b[n:n+back]) == string(want[:back])
}
