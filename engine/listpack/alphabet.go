package listpack

import "math/bits"

// Texts that are made of few different bytes: each of these is a letter, and its number
// takes maxWidth bits at most instead of eight. Two hexadecimal digits share a byte, four
// letters of base64 three.

// maxWidth is the most bits of a letter that are worth it.
const maxWidth = 6

// A byteSet is some of the 256 bytes: 1 stands at each. A store for a byte needs no other
// one before it, as a bit would.
type byteSet [256]uint8

// add puts in those of b.
func (s *byteSet) add(b []byte) {
	for _, c := range b {
		s[c] = 1
	}
}

// few reports whether an alphabet has room for them.
func (s *byteSet) few() bool { return s.len() <= 1<<maxWidth }

func (s *byteSet) len() (n int) {
	for _, is := range s {
		n += int(is)
	}
	return n
}

// width is the bits of a letter, at least 1.
func (s *byteSet) width() int { return max(bits.Len(uint(max(s.len()-1, 0))), 1) }

// letters are the bytes in their order, as many as the width has numbers: what is too much
// are zeros. code gets the number of each.
func (s *byteSet) letters(code *[256]byte) []byte {
	letters := make([]byte, 0, 1<<maxWidth)
	for c, is := range s {
		if is != 0 {
			code[c] = byte(len(letters))
			letters = append(letters, byte(c))
		}
	}
	return letters[:1<<s.width()]
}

// packedLen is the bytes that n letters take.
func packedLen(n, width int) int { return (n*width + 7) / 8 }

// pack appends the numbers of text's letters, the first in the lowest bits.
func pack(dst, text []byte, code *[256]byte, width int) []byte {
	if width == 4 {
		for len(text) >= 2 {
			dst = append(dst, code[text[0]]|code[text[1]]<<4)
			text = text[2:]
		}
	}
	acc, have := uint(0), 0
	for _, c := range text {
		acc |= uint(code[c]) << have
		for have += width; have >= 8; have -= 8 {
			dst = append(dst, byte(acc))
			acc >>= 8
		}
	}
	if have > 0 {
		dst = append(dst, byte(acc))
	}
	return dst
}

// unpack fills text with the letters whose numbers pack has written.
func unpack(text, packed, letters []byte, width int) {
	if width == 4 {
		table := (*[16]byte)(letters)
		for len(text) >= 2 && len(packed) > 0 {
			b := packed[0]
			text[0], text[1] = table[b&15], table[b>>4]
			text, packed = text[2:], packed[1:]
		}
	}
	acc, have := uint(0), 0
	mask := uint(len(letters) - 1)
	for i := range text {
		if have < width {
			acc |= uint(packed[0]) << have
			packed = packed[1:]
			have += 8
		}
		text[i] = letters[acc&mask]
		acc >>= width
		have -= width
	}
}
