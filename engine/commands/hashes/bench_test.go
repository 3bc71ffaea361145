package hashes_test

import (
	"fmt"
	"testing"

	"regent/engine/enginetest"
)

// BenchmarkHashes carries out commands on one hash of ten fields, and on one of
// 100,000.
func BenchmarkHashes(b *testing.B) {
	for _, size := range []int{10, 100_000} {
		do := enginetest.HotSession(b, &enginetest.Tape{})
		for i := range size {
			do(enginetest.Raw("HSET", "h", fmt.Sprint("field:", i), "12345678"))
		}
		do(enginetest.Raw("SET", "s", "12345678"))
		for _, name := range []string{"SET", "GET", "HGET", "HSET", "HSET longer", "HINCRBY", "HEXISTS"} {
			b.Run(fmt.Sprint(name, " of ", size), func(b *testing.B) {
				var cmds [][][]byte
				for i := range 997 {
					field := fmt.Sprint("field:", i*7919%size)
					cmds = append(cmds, map[string][][]byte{
						"SET": enginetest.Raw("SET", "s", "12345678"), "GET": enginetest.Raw("GET", "s"),
						"HGET": enginetest.Raw("HGET", "h", field), "HSET": enginetest.Raw("HSET", "h", field, "23456789"),
						"HSET longer": enginetest.Raw("HSET", "h", field, "23456789"[:1+i%8]+"x"), "HINCRBY": enginetest.Raw("HINCRBY", "h", fmt.Sprint("n", i%size), "1"),
						"HEXISTS": enginetest.Raw("HEXISTS", "h", field),
					}[name])
				}
				b.ReportAllocs()
				b.ResetTimer()
				for i := range b.N {
					do(cmds[i%len(cmds)])
				}
			})
		}
	}
}
