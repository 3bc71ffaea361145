package rdb

import "encoding/binary"

// The checksum is CRC64 with the polynomial that David Jones chose,
// ad93d23594c935a9, bits reflected, beginning with 0, nothing inverted at the
// end. hash/crc64 inverts, and builds its fast tables anew at each call for a
// polynomial that it does not know; so the tables stand here.
//
// Eight tables take eight bytes a step: table[k][b] is the remainder of byte b
// followed by k zero bytes. A step waits for the one before it; so where there are many bytes two
// lanes go side by side, and the first's remainder is moved on over the second's bytes: 1.0 GB/s
// became 1.9.
//
// Where the machine multiplies polynomials (PCLMULQDQ), a product moves 64 bits on over any
// distance: four lanes of 16 bytes go on by 64 bytes a step, and come down to 16 bytes with the
// same remainder, which the tables take (fold_amd64.s). 1,000 bytes take 128 ns so, and 650 by
// the tables.

const jonesReflected = 0x95ac9329ac4bc9b5

type crcTables [8][256]uint64

// crcLane is the length of a lane in bytes.
const crcLane = 512

// foldings are what the halves of 16 bytes are multiplied by to go on by 16 bytes, and by 64.
type foldings struct{ near, far [2]uint64 }

const (
	// foldFrom is from how many bytes on they are folded.
	foldFrom = 64
	// foldMost bounds a call that no collection of garbage can interrupt, in bytes.
	foldMost = 64 << 10
)

func makeFoldings() *foldings {
	return &foldings{
		near: [2]uint64{powerOf(128 + 63), powerOf(128 - 1)},
		far:  [2]uint64{powerOf(512 + 63), powerOf(512 - 1)},
	}
}

// powerOf is the remainder of x to the n, bits reflected: the lowest is that of x to the 63. A
// product of two such is off by one bit, which the powers take into account.
func powerOf(n int) uint64 {
	r := uint64(1) << 63
	for range n {
		low := r & 1
		r >>= 1
		if low != 0 {
			r ^= jonesReflected
		}
	}
	return r
}

// Never written after they were made: over[k][b] is the remainder of byte b as the k-th of
// eight, followed by a lane of zero bytes.
var (
	jones = makeTables()
	over  = jones.overLane()
	folds = makeFoldings()
)

func (t *crcTables) overLane() *crcTables {
	o := new(crcTables)
	for bit := range 64 {
		crc := uint64(1) << bit
		for range crcLane / 8 {
			crc = t.step(crc)
		}
		k, low := bit/8, 1<<(bit%8)
		for b := range low { // the bits below it are there
			o[k][low|b] = o[k][b] ^ crc
		}
	}
	return o
}

// step moves a remainder on over eight zero bytes.
func (t *crcTables) step(crc uint64) uint64 {
	return t[7][byte(crc)] ^ t[6][byte(crc>>8)] ^ t[5][byte(crc>>16)] ^ t[4][byte(crc>>24)] ^
		t[3][byte(crc>>32)] ^ t[2][byte(crc>>40)] ^ t[1][byte(crc>>48)] ^ t[0][crc>>56]
}

func makeTables() *crcTables {
	t := new(crcTables)
	for b := range 256 {
		crc := uint64(b)
		for range 8 {
			low := crc & 1
			crc >>= 1
			if low != 0 {
				crc ^= jonesReflected
			}
		}
		t[0][b] = crc
	}
	for b := range 256 {
		crc := t[0][b]
		for k := 1; k < len(t); k++ {
			crc = t[0][byte(crc)] ^ crc>>8
			t[k][b] = crc
		}
	}
	return t
}

// Checksum goes on from crc (0 at the beginning) over p.
func Checksum(crc uint64, p []byte) uint64 {
	if !carryless || len(p) < foldFrom {
		return checksum(crc, p)
	}
	for len(p) >= 16 {
		n := min(len(p)&^15, foldMost)
		var rest [16]byte
		fold(crc, &p[0], n, folds, &rest)
		crc, p = checksum(0, rest[:]), p[n:]
	}
	return checksum(crc, p)
}

// checksum is Checksum by the tables alone.
func checksum(crc uint64, p []byte) uint64 {
	t := jones
	for len(p) >= 2*crcLane {
		var second uint64
		a, b := p[:crcLane], p[crcLane:2*crcLane]
		for i := 0; i+8 <= crcLane; i += 8 {
			crc = t.step(crc ^ binary.LittleEndian.Uint64(a[i:]))
			second = t.step(second ^ binary.LittleEndian.Uint64(b[i:]))
		}
		crc = over[0][byte(crc)] ^ over[1][byte(crc>>8)] ^ over[2][byte(crc>>16)] ^ over[3][byte(crc>>24)] ^
			over[4][byte(crc>>32)] ^ over[5][byte(crc>>40)] ^ over[6][byte(crc>>48)] ^ over[7][crc>>56] ^ second
		p = p[2*crcLane:]
	}
	for len(p) >= 8 {
		crc = t.step(crc ^ binary.LittleEndian.Uint64(p))
		p = p[8:]
	}
	for _, b := range p {
		crc = t[0][byte(crc)^b] ^ crc>>8
	}
	return crc
}
