package set

import (
	"hash/maphash"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
)

// heap is the bytes that the heap holds.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkMemory tells what members cost, as the set counts and as the heap has
// it, in bytes each.
func BenchmarkMemory(b *testing.B) {
	for _, n := range []int{5, 20, 100, 1000, 10_000, 1_000_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for range b.N {
				sets := make([]Set, max(1, 100_000/n))
				before := heap()
				counted := int64(0)
				for j := range sets {
					sets[j] = New(maphash.MakeSeed())
					for i := range n {
						sets[j].Add(numbered(i), limit)
					}
					counted += sets[j].Bytes() - setBytes
				}
				all := float64(n * len(sets))
				b.ReportMetric(float64(heap()-before)/all, "heapB/member")
				b.ReportMetric(float64(counted)/all, "B/member")
				runtime.KeepAlive(sets)
			}
		})
	}
}

const benchSize = 1_000_000

func BenchmarkAdd(b *testing.B) {
	s := New(maphash.MakeSeed())
	for i := range b.N {
		s.Add(numbered(i), limit)
	}
}

func BenchmarkHas(b *testing.B) {
	s := filled(benchSize)
	rnd := rand.New(rand.NewPCG(1, 2))
	keys := make([][]byte, 1<<16)
	for i := range keys {
		keys[i] = numbered(rnd.IntN(2 * benchSize))
	}
	b.ResetTimer()
	for i := range b.N {
		s.Has(keys[i%len(keys)])
	}
}

func BenchmarkPop(b *testing.B) {
	s := filled(max(b.N, 1000))
	rnd := rand.New(rand.NewPCG(1, 2))
	var buf []byte
	b.ResetTimer()
	for range b.N {
		buf = s.PopRandom(buf[:0], rnd.Uint64)
	}
}

func BenchmarkClone(b *testing.B) {
	s := filled(benchSize)
	b.ResetTimer()
	for range b.N {
		s.Clone()
	}
}

// BenchmarkHasInCache looks up members of a set that is small enough to stay in
// the cache, and others.
func BenchmarkHasInCache(b *testing.B) {
	s := New(maphash.MakeSeed())
	keys := make([][]byte, 1000)
	for i := range keys {
		keys[i] = numbered(i)
		if i%2 == 0 {
			s.Add(keys[i], limit)
		}
	}
	b.ResetTimer()
	for i := range b.N {
		s.Has(keys[i%len(keys)])
	}
}

// BenchmarkUnion adds the members of two sets to a new one; the price is that of
// a member.
func BenchmarkUnion(b *testing.B) {
	x, y := filled(500), filled(1000)
	for n := 0; n < b.N; n += x.Len() + y.Len() {
		to := New(x.seed)
		for _, s := range []*Set{&x, &y} {
			s.Each(func(m []byte) bool { to.Add(m, limit); return true })
		}
	}
}

// BenchmarkCommon goes through two sets of integers, beside what they have in common: all, half
// and few; the price is that of all members of the smaller one.
func BenchmarkCommon(b *testing.B) {
	every := func(n, step int) []byte {
		s := New(maphash.MakeSeed())
		for i := range n {
			s.Add(strconv.AppendInt(nil, int64(7*step*i), 10), limit)
		}
		ints, _ := s.Ints()
		return ints
	}
	for name, sets := range map[string][][]byte{
		"alike": {every(100, 1), every(100, 1)}, "every second": {every(100, 1), every(100, 2)}, "one large": {every(10, 40), every(400, 1)},
	} {
		b.Run(name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				Common(sets, func(int64) bool { n++; return true })
			}
		})
	}
}
