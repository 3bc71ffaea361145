package hyperlogs_test

import (
	"fmt"
	"testing"

	"regent/engine/enginetest"
)

// BenchmarkHyperlogs carries out commands on a sparse and on a dense HyperLogLog.
func BenchmarkHyperlogs(b *testing.B) {
	do := enginetest.HotSession(b, &enginetest.Tape{})
	for i := range 100_000 {
		if i < 200 {
			do(enginetest.Raw("PFADD", "sparse", fmt.Sprint(i)))
		}
		do(enginetest.Raw("PFADD", "dense", fmt.Sprint(i)))
	}
	for _, key := range []string{"sparse", "dense"} {
		for _, line := range [][]string{
			{"PFADD", key, "77"}, {"PFCOUNT", key}, {"PFCOUNT", key, key}, {"PFMERGE", "d", key},
		} {
			b.Run(fmt.Sprint(line), func(b *testing.B) {
				cmd := enginetest.Raw(line...)
				b.ReportAllocs()
				for range b.N {
					do(cmd)
				}
			})
		}
	}
	b.Run("PFADD of new ones", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			do(enginetest.Raw("PFADD", "dense", fmt.Sprint("new", i)))
		}
	})
}
