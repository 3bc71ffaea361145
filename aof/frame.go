package aof

import (
	"bytes"
	"hash/crc32"
	"strconv"

	"regent/engine/large"
	"regent/engine/units"
)

// Frames. A group of bytes that went to the disk in one write stands between
// two annotation lines (doc.go draws them):
//
//	#G+<length> <checksum of the bytes> <checksum of this line>\n
//	...bytes...
//	#G-<epoch> <offset after the bytes> <checksum of this line>\n
//
// Lengths, epochs and offsets are decimal, checksums CRC-32C in 8 hex digits.
// The line's own checksum begins with the file's salt, so that no client can
// forge a line inside a value, and old blocks of another file, come back after
// a power loss, are not taken for this one's.

// Kinds of frames.
const (
	kindHead  byte = 'S' // the head of a file: not part of the stream
	kindGroup byte = 'G' // records of the stream
	kindData  byte = 'D' // commands of a base file: not part of the stream
)

// maxLine bounds an annotation line of a frame, in bytes with its line end:
// 3 + 20 + 1 + 20 + 1 + 8 + 1, rounded up.
const maxLine = 64

// headroom is what is kept free before a group's bytes for its opening line.
const headroom = 48

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return large.Update(0, castagnoli, b) }

// An opening is what an opening line says.
type opening struct {
	kind   byte
	length int64 // bytes between the lines
	sum    uint32
	size   int // bytes of the line itself
}

// A closing is what a closing line says.
type closing struct {
	kind   byte
	epoch  int64
	offset int64
	size   int
}

func appendOpening(dst []byte, kind byte, salt uint32, data []byte) []byte {
	return appendOpeningOf(dst, kind, salt, int64(len(data)), checksum(data))
}

// appendOpeningOf is appendOpening for so many bytes with that checksum.
func appendOpeningOf(dst []byte, kind byte, salt uint32, length int64, sum uint32) []byte {
	from := len(dst)
	dst = append(dst, '#', kind, '+')
	dst = strconv.AppendInt(dst, length, 10)
	dst = append(dst, ' ')
	dst = appendHex(dst, sum)
	return appendLineSum(dst, from, salt)
}

func appendClosing(dst []byte, kind byte, salt uint32, epoch, offset int64) []byte {
	from := len(dst)
	dst = append(dst, '#', kind, '-')
	dst = strconv.AppendInt(dst, epoch, 10)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, offset, 10)
	return appendLineSum(dst, from, salt)
}

// appendLineSum ends the line that began at dst[from].
func appendLineSum(dst []byte, from int, salt uint32) []byte {
	sum := crc32.Update(salt, castagnoli, dst[from:])
	dst = append(dst, ' ')
	dst = appendHex(dst, sum)
	return append(dst, '\n')
}

func appendHex(dst []byte, v uint32) []byte {
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		dst = append(dst, digits[v>>shift&15])
	}
	return dst
}

// parseOpening reads an opening line at the start of b.
func parseOpening(b []byte, salt uint32) (o opening, ok bool) {
	f, size, ok := lineFields(b, '+', salt)
	if !ok {
		return o, false
	}
	o.kind, o.size = b[1], size
	o.length, ok = units.Decimal(f[0])
	if !ok {
		return o, false
	}
	o.sum, ok = parseHex(f[1])
	return o, ok
}

// parseClosing reads a closing line at the start of b.
func parseClosing(b []byte, salt uint32) (c closing, ok bool) {
	f, size, ok := lineFields(b, '-', salt)
	if !ok {
		return c, false
	}
	c.kind, c.size = b[1], size
	if c.epoch, ok = units.Decimal(f[0]); !ok {
		return c, false
	}
	c.offset, ok = units.Decimal(f[1])
	return c, ok
}

// lineFields checks the line at the start of b and returns its two fields.
func lineFields(b []byte, sign byte, salt uint32) (f [2][]byte, size int, ok bool) {
	if len(b) < 4 || b[0] != '#' || b[2] != sign || !isKind(b[1]) {
		return f, 0, false
	}
	nl := bytes.IndexByte(b[:min(len(b), maxLine)], '\n')
	const sumLen = 8
	if nl < 3+sumLen+1 || b[nl-sumLen-1] != ' ' {
		return f, 0, false
	}
	body := b[:nl-sumLen-1]
	if sum, ok := parseHex(b[nl-sumLen : nl]); !ok || sum != crc32.Update(salt, castagnoli, body) {
		return f, 0, false
	}
	first, second, ok := bytes.Cut(body[3:], []byte{' '})
	f[0], f[1] = first, second
	return f, nl + 1, ok
}

func isKind(k byte) bool { return k == kindHead || k == kindGroup || k == kindData }

func parseHex(b []byte) (uint32, bool) {
	if len(b) != 8 {
		return 0, false
	}
	var v uint32
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uint32(c-'0')
		case c >= 'a' && c <= 'f':
			v = v<<4 | uint32(c-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

// findLine returns where the first valid opening or closing line in b begins,
// -1 if there is none.
func findLine(b []byte, salt uint32) int {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '#')
		if i < 0 {
			return -1
		}
		at += i
		_, opens := parseOpening(b[at:], salt)
		_, closes := parseClosing(b[at:], salt)
		if opens || closes {
			return at
		}
		at++
	}
}
