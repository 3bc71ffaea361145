package bitmaps

import (
	"encoding/binary"
	"math/bits"
)

// What the commands are made of: functions of bytes. A word is eight bytes.

const wordBytes = 8

// bitAt is the bit of b, 0 beyond its end.
func bitAt(b []byte, at int64) int64 {
	if at>>3 >= int64(len(b)) {
		return 0
	}
	return int64(b[at>>3]>>(7-at&7)) & 1
}

// count is the number of bits that are set.
func count(b []byte) int64 {
	var n [4]int // four words at a time, which do not wait for one another
	for len(b) >= 4*wordBytes {
		n[0] += bits.OnesCount64(binary.LittleEndian.Uint64(b))
		n[1] += bits.OnesCount64(binary.LittleEndian.Uint64(b[8:]))
		n[2] += bits.OnesCount64(binary.LittleEndian.Uint64(b[16:]))
		n[3] += bits.OnesCount64(binary.LittleEndian.Uint64(b[24:]))
		b = b[4*wordBytes:]
	}
	sum := n[0] + n[1] + n[2] + n[3]
	for len(b) >= wordBytes {
		sum += bits.OnesCount64(binary.LittleEndian.Uint64(b))
		b = b[wordBytes:]
	}
	for _, x := range b {
		sum += bits.OnesCount8(x)
	}
	return int64(sum)
}

// countIn is count of a span, which lies within b.
func countIn(b []byte, s span) int64 {
	if s.first > s.last {
		return 0
	}
	from, to := s.first>>3, s.last>>3
	n := count(b[from : to+1])
	n -= int64(bits.OnesCount8(b[from] &^ (0xff >> (s.first & 7))))
	return n - int64(bits.OnesCount8(b[to]&(1<<(7-s.last&7)-1)))
}

// find is the place of the first bit within s, which lies within b, that is set, or not
// set; -1: there is none.
func find(b []byte, s span, set bool) int64 {
	if s.first > s.last {
		return -1
	}
	flip := byte(0xff) // so that a bit that is set is looked for
	if set {
		flip = 0
	}
	i, last := s.first>>3, s.last>>3
	x := (b[i] ^ flip) & (0xff >> (s.first & 7))
	for x == 0 && i < last {
		i++
		i += skip(b[i:last], flip)
		x = b[i] ^ flip
	}
	if x == 0 {
		return -1
	}
	if at := i<<3 + int64(bits.LeadingZeros8(x)); at <= s.last {
		return at
	}
	return -1
}

// skip is how many bytes at b's beginning are equal to x, which is all zeros or all ones.
func skip(b []byte, x byte) (n int64) {
	word := uint64(x) * 0x0101010101010101
	for len(b) >= wordBytes && binary.LittleEndian.Uint64(b) == word {
		n, b = n+wordBytes, b[wordBytes:]
	}
	for len(b) > 0 && b[0] == x {
		n, b = n+1, b[1:]
	}
	return n
}

// fieldBytes are as many as a field of 64 bits may touch.
const fieldBytes = 9

// field is the n bits of b from at on, 1 <= n <= 64, as a number; beyond its end are
// zeros.
func field(b []byte, at int64, n uint) uint64 {
	var w [fieldBytes]byte
	if i := at >> 3; i < int64(len(b)) {
		copy(w[:], b[i:])
	}
	shift := uint(at & 7)
	return (binary.BigEndian.Uint64(w[:])<<shift | uint64(w[8])>>(8-shift)) >> (64 - n)
}

// setField puts the lower n bits of x to where field finds them. They lie within b.
func setField(b []byte, at int64, n uint, x uint64) {
	var w [fieldBytes]byte
	b = b[at>>3:]
	copy(w[:], b)
	shift := uint(at & 7)
	x <<= 64 - n
	mask := ^uint64(0) << (64 - n)
	binary.BigEndian.PutUint64(w[:], binary.BigEndian.Uint64(w[:])&^(mask>>shift)|x>>shift)
	w[8] = w[8]&^byte(mask<<(8-shift)) | byte(x<<(8-shift))
	copy(b, w[:])
}

// The operations of BITOP.
type operation uint8

const (
	and operation = iota
	or
	xor
	not
)

// of is x op y.
func (op operation) of(x, y uint64) uint64 {
	switch op {
	case and:
		return x & y
	case or:
		return x | y
	case xor:
		return x ^ y
	}
	return ^x
}

// combine makes dst, which is at least as long as b, what op makes of both; what b is too
// short for is zeros. NOT is of dst alone, and b as long.
func combine(op operation, dst, b []byte) {
	if op == and {
		clear(dst[len(b):])
	}
	for len(b) >= 4*wordBytes {
		for i := 0; i < 4*wordBytes; i += wordBytes { // the operation is chosen once for four words
			binary.LittleEndian.PutUint64(dst[i:], op.of(binary.LittleEndian.Uint64(dst[i:]), binary.LittleEndian.Uint64(b[i:])))
		}
		dst, b = dst[4*wordBytes:], b[4*wordBytes:]
	}
	for i, y := range b {
		dst[i] = byte(op.of(uint64(dst[i]), uint64(y)))
	}
}
