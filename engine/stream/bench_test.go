package stream

import (
	"fmt"
	"runtime"
	"testing"
)

// fiveFields is an entry's fields and values: five of 8 bytes.
func fiveFields(i int) (pairs [][]byte) {
	for f := range 5 {
		pairs = append(pairs, fmt.Appendf(nil, "field:%d", f), fmt.Appendf(nil, "%08x", uint32(i*5+f)*2654435761))
	}
	return pairs
}

var redisLimits = Limits{Bytes: 4096, Entries: 100}

func filled(n int) *Stream {
	s := New()
	for i := range n {
		s.Append(ID{uint64(1_700_000_000_000 + i), 0}, fiveFields(i), redisLimits)
	}
	return s
}

func BenchmarkAppend(b *testing.B) {
	s, pairs := New(), fiveFields(1)
	for i := range b.N {
		s.Append(ID{uint64(1_700_000_000_000 + i), 0}, pairs, redisLimits)
	}
	b.ReportMetric(float64(s.Bytes())/float64(b.N), "B/entry")
}

// BenchmarkRange walks over ten entries in the middle of a million.
func BenchmarkRange(b *testing.B) {
	s := filled(1_000_000)
	b.ResetTimer()
	for i := range b.N {
		from := ID{uint64(1_700_000_000_000 + i*7919%999_000), 0}
		w := s.Walk(from, MaxID(), false)
		for n := 0; n < 10 && w.Next(); n++ {
			for range w.Fields {
				w.Pair()
			}
		}
	}
}

// BenchmarkDeliver gives an entry to a consumer and takes it back, with a thousand pending.
func BenchmarkDeliver(b *testing.B) {
	s := New()
	s.CreateGroup([]byte("g"), ID{}, 0)
	g, _ := s.EditGroup([]byte("g"))
	c := g.AddConsumer([]byte("c"), 1)
	for i := range b.N {
		g.Give(ID{uint64(i), 0}, Pending{1, 1, c})
		if i >= 1000 {
			g.Take(ID{uint64(i - 1000), 0})
		}
	}
}

// BenchmarkClone clones a stream of a million entries, and adds one.
func BenchmarkClone(b *testing.B) {
	s := filled(1_000_000)
	var kept *Stream
	b.ResetTimer()
	for i := range b.N {
		kept = s.Clone()
		s.Append(ID{uint64(1_800_000_000_000 + i), 0}, fiveFields(i), redisLimits)
	}
	runtime.KeepAlive(kept)
}

func BenchmarkThousand(b *testing.B) {
	var s *Stream
	for range b.N {
		s = filled(1000)
	}
	b.ReportMetric(float64(s.Bytes())/1000, "B/entry")
}
