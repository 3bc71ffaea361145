package bitmaps_test

import (
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// BenchmarkBits carries out commands on strings of 1 MiB and of 8 bytes.
func BenchmarkBits(b *testing.B) {
	do := enginetest.HotSession(b, &enginetest.Tape{})
	large := strings.Repeat("regent\x00\xff", 1<<17)
	do(enginetest.Raw("SET", "large", large))
	do(enginetest.Raw("SET", "other", large))
	do(enginetest.Raw("SET", "zeros", strings.Repeat("\x00", len(large))))
	do(enginetest.Raw("SET", "small", large[:8]))
	for _, line := range []string{
		"BITCOUNT large", "BITCOUNT small", "BITPOS zeros 1", "BITOP AND d large other", "BITOP NOT d large", "BITOP XOR d small small",
		"SETBIT large 77 1", "GETBIT large 77", "BITFIELD small INCRBY u8 8 1 GET i5 3",
	} {
		b.Run(line, func(b *testing.B) {
			cmd := enginetest.Raw(strings.Fields(line)...)
			b.ReportAllocs()
			for range b.N {
				do(cmd)
			}
		})
	}
	b.Run("SETBIT that changes", func(b *testing.B) {
		cmds := [2][][]byte{enginetest.Raw("SETBIT", "large", "99", "1"), enginetest.Raw("SETBIT", "large", "99", "0")}
		b.ReportAllocs()
		for i := range b.N {
			do(cmds[i&1])
		}
	})
}
