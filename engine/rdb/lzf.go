package rdb

import (
	"encoding/binary"
	"errors"
)

// LZF, the compression that Redis uses for strings. A packed string is a row of
//
//	000nnnnn  bytes...             n+1 literal bytes
//	lllooooo  oooooooo             repeat l+2 bytes from o+1 bytes back, l in 1..6
//	111ooooo  llllllll  oooooooo   the same, l+9 bytes
//
// where a repetition may overlap what it is writing.

const (
	lzfMaxLiteral = 1 << 5
	lzfMaxBack    = 1 << 13          // bytes back that a repetition can reach
	lzfMaxRepeat  = 7 + 255 + 2      // bytes of one repetition
	lzfMaxGain    = lzfMaxRepeat / 3 // how many bytes one packed byte can stand for
	lzfHashBits   = 13
	lzfMaxSource  = 1 << 30 // longer strings stay as they are
	// lzfStride: after so many literal bytes (as a power of two) without a
	// repetition the search begins to leave positions out.
	lzfStride = 5
)

var errLZF = errors.New("compressed string is damaged")

// A packer compresses; it may be used for one string after another, and
// allocates nothing.
type packer struct {
	// seen holds for each hash of three bytes where they were last, as clock +
	// position. What was written for earlier strings is below clock, so the
	// table needs no clearing.
	seen  [1 << lzfHashBits]uint32
	clock uint32
}

// load3 is the three bytes at p, in the upper part of a word; four must exist.
func load3(p []byte) uint32 { return binary.LittleEndian.Uint32(p) << 8 }

func lzfHash(three uint32) uint32 { return three * 2654435761 >> (32 - lzfHashBits) }

// pack appends src, compressed, to dst, if that takes at most room bytes; else
// it returns dst as it was and false.
func (z *packer) pack(dst, src []byte, room int) ([]byte, bool) {
	if len(src) > lzfMaxSource {
		return dst, false
	}
	if z.clock == 0 || z.clock > 1<<32-1-lzfMaxSource {
		clear(z.seen[:])
		z.clock = 1
	}
	began, limit := len(dst), len(dst)+room
	literals, i := 0, 0
	for i+4 <= len(src) {
		three := load3(src[i:])
		h := lzfHash(three)
		back := int(z.clock) + i - int(z.seen[h]) // beyond i: of an earlier string
		z.seen[h] = z.clock + uint32(i)
		if back > i || back > lzfMaxBack || load3(src[i-back:]) != three {
			i += 1 + (i-literals)>>lzfStride
			continue
		}
		n := repeatLen(src, i, back)
		dst = appendLiterals(dst, src[literals:i])
		dst = appendRepeat(dst, n, back)
		if len(dst) > limit {
			z.clock += uint32(len(src))
			return dst[:began], false
		}
		i += n
		literals = i
		if i+3 <= len(src) { // so that a run that goes on is found at once
			z.seen[lzfHash(load3(src[i-1:]))] = z.clock + uint32(i-1)
		}
	}
	z.clock += uint32(len(src))
	rest := len(src) - literals
	if len(dst)+rest+(rest+lzfMaxLiteral-1)/lzfMaxLiteral > limit {
		return dst[:began], false
	}
	return appendLiterals(dst, src[literals:]), true
}

// repeatLen is how far src[i:] goes on like what stands back bytes before it.
func repeatLen(src []byte, i, back int) int {
	end := min(len(src), i+lzfMaxRepeat)
	j := i + 3
	for j+8 <= end && binary.LittleEndian.Uint64(src[j:]) == binary.LittleEndian.Uint64(src[j-back:]) {
		j += 8
	}
	for j < end && src[j] == src[j-back] {
		j++
	}
	return j - i
}

func appendLiterals(dst, p []byte) []byte {
	for len(p) > 0 {
		n := min(len(p), lzfMaxLiteral)
		dst = append(dst, byte(n-1))
		dst = append(dst, p[:n]...)
		p = p[n:]
	}
	return dst
}

func appendRepeat(dst []byte, n, back int) []byte {
	n, back = n-2, back-1
	if n < 7 {
		return append(dst, byte(n<<5|back>>8), byte(back))
	}
	return append(dst, byte(7<<5|back>>8), byte(n-7), byte(back))
}

// unpack fills dst, which has the length that the packed string must have.
func unpack(dst, src []byte) error {
	at := 0
	for len(src) > 0 {
		ctrl := int(src[0])
		src = src[1:]
		if ctrl < lzfMaxLiteral {
			n := ctrl + 1
			if n > len(src) || n > len(dst)-at {
				return errLZF
			}
			at += copy(dst[at:], src[:n])
			src = src[n:]
			continue
		}
		n := ctrl >> 5
		if n == 7 && len(src) > 0 {
			n += int(src[0])
			src = src[1:]
		}
		if len(src) == 0 {
			return errLZF
		}
		n, from := n+2, at-(ctrl&0x1f<<8|int(src[0]))-1
		src = src[1:]
		if from < 0 || n > len(dst)-at {
			return errLZF
		}
		at = repeat(dst, from, at, n)
	}
	if at != len(dst) {
		return errLZF
	}
	return nil
}

// repeat copies n bytes within dst forward from from to at, and returns where
// they end. Where the two overlap, each round doubles what can be copied.
func repeat(dst []byte, from, at, n int) int {
	for end := at + n; at < end; {
		at += copy(dst[at:end], dst[from:at])
	}
	return at
}
