package rdb

import "encoding/binary"

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
	z.begin()
	began, limit := len(dst), len(dst)+room
	literals := 0
	for {
		i, n, back := z.next(src, literals)
		if n == 0 {
			break
		}
		dst = appendLiterals(dst, src[literals:i])
		dst = appendRepeat(dst, n, back)
		if len(dst) > limit {
			z.clock += uint32(len(src))
			return dst[:began], false
		}
		literals = i + n
	}
	z.clock += uint32(len(src))
	rest := len(src) - literals
	if len(dst)+literalsLen(rest) > limit {
		return dst[:began], false
	}
	return appendLiterals(dst, src[literals:]), true
}

// next finds the first repetition from position from on: n bytes at i that stand
// back bytes before it too. n is 0 when there is none. What it finds depends on
// src alone, if it is asked with from 0 first and then with where each repetition
// ends.
func (z *packer) next(src []byte, from int) (i, n, back int) {
	for i = from; i+4 <= len(src); {
		three := load3(src[i:])
		h := lzfHash(three)
		back = int(z.clock) + i - int(z.seen[h]) // beyond i: of an earlier string
		z.seen[h] = z.clock + uint32(i)
		if back > i || back > lzfMaxBack || load3(src[i-back:]) != three {
			i += 1 + (i-from)>>lzfStride
			continue
		}
		n = repeatLen(src, i, back)
		if end := i + n; end+3 <= len(src) { // so that a run that goes on is found at once
			z.seen[lzfHash(load3(src[end-1:]))] = z.clock + uint32(end-1)
		}
		return i, n, back
	}
	return len(src), 0, 0
}

// begin makes room on the clock for the longest string.
func (z *packer) begin() {
	if z.clock == 0 || z.clock > 1<<32-1-lzfMaxSource {
		clear(z.seen[:])
		z.clock = 1
	}
}

// walk calls f with each repetition of src and the bytes between it and the one
// before; at the end, with n 0, with those that are left. It allocates nothing,
// however long src is.
func (z *packer) walk(src []byte, f func(literals []byte, n, back int)) {
	z.begin()
	for from := 0; ; {
		i, n, back := z.next(src, from)
		f(src[from:i], n, back)
		if n == 0 {
			z.clock += uint32(len(src))
			return
		}
		from = i + n
	}
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

// literalsLen is how many bytes appendLiterals takes for n.
func literalsLen(n int) int { return n + (n+lzfMaxLiteral-1)/lzfMaxLiteral }

// repeatBytes is how many bytes appendRepeat takes.
func repeatBytes(n int) int {
	if n-2 < 7 {
		return 2
	}
	return 3
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

// lzfWide is how many bytes unpack copies at once: more than wanted costs less than to
// count them, and what is too much is written over.
const (
	lzfWide = 16
	lzfWord = 8
)

// unpackRoom is how much room unpack wants for n bytes.
func unpackRoom(n int) int { return n + lzfWide }

// unpack gives the n bytes that the packed string must have, in room, which is as long as
// unpackRoom says. A short repetition of what was written just now, as in listpacks, is one
// word: two would wait for the words before them to leave the store buffer.
func unpack(room, src []byte, n int) ([]byte, error) {
	at := 0
	for i := 0; i < len(src); {
		ctrl := int(src[i])
		i++
		if ctrl < lzfMaxLiteral {
			size := ctrl + 1
			if size > len(src)-i || size > n-at {
				return nil, FaultLZF
			}
			switch {
			case len(src)-i < lzfMaxLiteral:
				copy(room[at:], src[i:i+size])
			case size <= lzfWord:
				binary.LittleEndian.PutUint64(room[at:], binary.LittleEndian.Uint64(src[i:]))
			default:
				copyWide(room[at:at+lzfWide], src[i:i+lzfWide])
				if size > lzfWide {
					copyWide(room[at+lzfWide:at+2*lzfWide], src[i+lzfWide:i+2*lzfWide])
				}
			}
			at, i = at+size, i+size
			continue
		}
		size := ctrl >> 5
		if size == 7 && i < len(src) {
			size += int(src[i])
			i++
		}
		if i >= len(src) {
			return nil, FaultLZF
		}
		size += 2
		from := at - (ctrl&0x1f<<8 | int(src[i])) - 1
		i++
		if from < 0 || size > n-at {
			return nil, FaultLZF
		}
		switch {
		case at-from < lzfWord:
			at = repeat(room, from, at, size)
		case size <= lzfWord:
			binary.LittleEndian.PutUint64(room[at:], binary.LittleEndian.Uint64(room[from:]))
			at += size
		default:
			for end := at + size; ; from += lzfWide {
				copyWide(room[at:at+lzfWide], room[from:from+lzfWide])
				if at += lzfWide; at >= end {
					at = end
					break
				}
			}
		}
	}
	if at != n {
		return nil, FaultLZF
	}
	return room[:n:n], nil
}

// copyWide copies lzfWide bytes from the first to the last, so that what stands 8 bytes
// or more before dst may be repeated into it.
func copyWide(dst, src []byte) {
	_, _ = dst[15], src[15]
	binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src))
	binary.LittleEndian.PutUint64(dst[8:], binary.LittleEndian.Uint64(src[8:]))
}

// repeat copies n bytes within dst forward from from to at, and returns where
// they end. Where the two overlap, each round doubles what can be copied.
func repeat(dst []byte, from, at, n int) int {
	for end := at + n; at < end; {
		at += copy(dst[at:end], dst[from:at])
	}
	return at
}
