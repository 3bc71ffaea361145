package rdb

// carryless says that the machine multiplies polynomials.
var carryless = hasCarryless()

func hasCarryless() bool

// fold gives 16 bytes that have the checksum, from 0 on, that the n at p have from crc on. n is
// a multiple of 16, and not 0.
//
//go:noescape
func fold(crc uint64, p *byte, n int, by *foldings, rest *[16]byte)
