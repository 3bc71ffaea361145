// Package hll works on HyperLogLogs: strings that remember roughly how many different
// elements were added to them, in Redis's format to the byte. It knows bytes alone, no
// commands, and keeps nothing between calls.
//
//	byte 0..3   "HYLL"
//	byte 4      0 dense, 1 sparse
//	byte 5..7   not used
//	byte 8..15  the cardinality as it was last counted, low byte first; the highest bit
//	            is set when something was added since
//	byte 16..   16384 registers
//
// An element's hash (MurmurHash64A) names a register by its lowest 14 bits; the register
// keeps the longest run of zeros, plus one, that the other 50 began with, lowest first.
//
// Dense: six bits each, one after the other, the first in the lowest bits: 12288 bytes.
// Sparse: runs of equal registers.
//
//	00nnnnnn            n+1 registers of 0
//	01nnnnnn nnnnnnnn   n+1 registers of 0, high byte first
//	1vvvvvnn            n+1 registers of v+1
//
// A sparse one becomes dense when a register goes beyond 32, or when it would get longer
// than the limit that the caller gives (hll-sparse-max-bytes). How runs are split and put
// together again is part of the format here, for two servers that were told the same are to
// hold the same bytes: see sparse.go.
//
// # Damage
//
// A string may be anything: clients can SET and APPEND what they like. Valid looks at what
// can be seen at once; runs that do not make 16384 registers are ErrDamaged where they are
// walked through. No bytes make a function panic (FuzzAnyBytes).
//
// # Speed
//
// Counting the registers of a dense one goes by words of eight registers; the estimate
// itself takes a few dozen steps (Otmar Ertl, New cardinality estimation algorithms for
// HyperLogLog sketches, 2017).
package hll

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

const (
	// Registers is their number.
	Registers = 1 << indexBits
	indexBits = 14
	// maxCount is the highest count an element can have.
	maxCount = 64 - indexBits + 1

	headBytes = 16
	cachedAt  = 8
	stale     = 0x80 // in the last byte of the head
	// NewBytes is the length of New.
	NewBytes = headBytes + 2
	// DenseBytes is the length of a dense one.
	DenseBytes = headBytes + Registers*registerBits/8

	registerBits = 6
	registerMask = 1<<registerBits - 1
)

// The encodings, byte 4.
const (
	dense byte = iota
	sparse
)

// ErrDamaged says that runs do not make 16384 registers.
var ErrDamaged = errors.New("damaged HyperLogLog")

// New appends an empty one, sparse, to dst.
func New(dst []byte) []byte {
	dst = append(dst, "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	return appendZeros(dst, Registers)
}

// Valid reports whether b can be one, as far as its beginning and length tell.
func Valid(b []byte) bool {
	return len(b) >= headBytes && string(b[:4]) == "HYLL" && (b[4] == sparse || b[4] == dense && len(b) == DenseBytes)
}

// IsDense reports whether b, which is Valid, is dense.
func IsDense(b []byte) bool { return b[4] == dense }

// Cached is the cardinality that was counted last; false: something was added since.
func Cached(b []byte) (n uint64, ok bool) {
	return binary.LittleEndian.Uint64(b[cachedAt:]), b[headBytes-1]&stale == 0
}

// SetCached notes the cardinality.
func SetCached(b []byte, n uint64) { binary.LittleEndian.PutUint64(b[cachedAt:], n) }

// Invalidate says that the cardinality is not known.
func Invalidate(b []byte) { b[headBytes-1] |= stale }

// Place is an element's register, and what it counts there.
func Place(element []byte) (index int, count uint8) {
	h := hash(element)
	return int(h & (Registers - 1)), uint8(bits.TrailingZeros64(h>>indexBits|1<<(maxCount-1)) + 1)
}

const (
	hashSeed  = 0xadc83b19
	hashMul   = 0xc6a4a7935bd1e995
	hashShift = 47
)

// hash is MurmurHash64A.
func hash(p []byte) uint64 {
	h := hashSeed ^ uint64(len(p))*hashMul
	for ; len(p) >= 8; p = p[8:] {
		k := binary.LittleEndian.Uint64(p) * hashMul
		k ^= k >> hashShift
		h = (h ^ k*hashMul) * hashMul
	}
	if len(p) > 0 {
		var last [8]byte
		copy(last[:], p)
		h = (h ^ binary.LittleEndian.Uint64(last[:])) * hashMul
	}
	h = (h ^ h>>hashShift) * hashMul
	return h ^ h>>hashShift
}

// Register is a register of a dense one.
func Register(b []byte, index int) uint8 {
	at := headBytes + index*registerBits/8
	w := uint16(b[at])
	if at+1 < len(b) {
		w |= uint16(b[at+1]) << 8
	}
	return uint8(w>>(index*registerBits&7)) & registerMask
}

// SetRegister changes a register of a dense one.
func SetRegister(b []byte, index int, count uint8) {
	at, shift := headBytes+index*registerBits/8, index*registerBits&7
	b[at] = b[at]&^byte(registerMask<<shift) | count<<shift
	if shift > 8-registerBits {
		b[at+1] = b[at+1]&^byte(registerMask>>(8-shift)) | count>>(8-shift)
	}
}

// Set raises a register to count, if it is lower; false: it is not. limit bounds a sparse
// one in bytes. b may be changed, also if there is an error, and out be longer or shorter.
func Set(b []byte, index int, count uint8, limit int) (out []byte, changed bool, err error) {
	if !IsDense(b) {
		return setSparse(b, index, count, limit)
	}
	if Register(b, index) >= count {
		return b, false, nil
	}
	SetRegister(b, index, count)
	return b, true, nil
}

// A Max is the highest of several HyperLogLogs, register by register.
type Max [Registers]uint8

// Merge raises m to b, which is Valid.
func (m *Max) Merge(b []byte) error {
	if !IsDense(b) {
		return eachRun(b, func(from, n int, count uint8) {
			for i := from; i < from+n; i++ {
				m[i] = max(m[i], count)
			}
		})
	}
	eachDense(b, func(i int, word uint64) {
		for j := i; j < i+8; j++ {
			m[j] = max(m[j], uint8(word)&registerMask)
			word >>= registerBits
		}
	})
	return nil
}

// eachDense gives out the registers of a dense one, eight in a word, the first lowest.
func eachDense(b []byte, f func(first int, word uint64)) {
	b = b[headBytes:]
	for i := 0; i < Registers; i += 8 {
		f(i, uint64(binary.LittleEndian.Uint32(b))|uint64(binary.LittleEndian.Uint16(b[4:]))<<32)
		b = b[6:]
	}
}

// ToDense is b, which is Valid, as a dense one of its own, with its head.
func ToDense(b []byte) ([]byte, error) {
	out := make([]byte, DenseBytes)
	copy(out, b[:headBytes])
	out[4] = dense
	if IsDense(b) {
		copy(out, b)
		return out, nil
	}
	err := eachRun(b, func(from, n int, count uint8) {
		for i := from; i < from+n; i++ {
			SetRegister(out, i, count)
		}
	})
	return out, err
}
