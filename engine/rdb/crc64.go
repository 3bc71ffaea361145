package rdb

import "encoding/binary"

// The checksum is CRC64 with the polynomial that David Jones chose,
// ad93d23594c935a9, bits reflected, beginning with 0, nothing inverted at the
// end. hash/crc64 inverts, and builds its fast tables anew at each call for a
// polynomial that it does not know; so the tables stand here.
//
// Eight tables take eight bytes a step: table[k][b] is the remainder of byte b
// followed by k zero bytes.

const jonesReflected = 0x95ac9329ac4bc9b5

type crcTables [8][256]uint64

// jones is never written after it was made.
var jones = makeTables()

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
	t := jones
	for len(p) >= 8 {
		crc ^= binary.LittleEndian.Uint64(p)
		crc = t[7][byte(crc)] ^ t[6][byte(crc>>8)] ^ t[5][byte(crc>>16)] ^ t[4][byte(crc>>24)] ^
			t[3][byte(crc>>32)] ^ t[2][byte(crc>>40)] ^ t[1][byte(crc>>48)] ^ t[0][crc>>56]
		p = p[8:]
	}
	for _, b := range p {
		crc = t[0][byte(crc)^b] ^ crc>>8
	}
	return crc
}
