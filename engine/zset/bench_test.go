package zset

import (
	"hash/maphash"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
)

// million is a large sorted set with scores that are drawn, and its members.
func million(n int) (*ZSet, [][]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	z := New(maphash.MakeSeed())
	members := make([][]byte, n)
	for i := range members {
		members[i] = []byte("member:" + strconv.Itoa(100_000_000+i)) // 16 bytes
		z.Put(z.Find(members[i]), members[i], r.Float64()*1e9, Limits{})
	}
	return &z, members
}

const benchSize = 1_000_000

func BenchmarkPut(b *testing.B) {
	z, _ := million(benchSize)
	r := rand.New(rand.NewPCG(3, 4))
	var buf []byte
	for i := 0; b.Loop(); i++ {
		buf = strconv.AppendInt(append(buf[:0], "fresh:"...), int64(i), 10)
		z.Put(z.Find(buf), buf, r.Float64()*1e9, Limits{})
	}
}

func BenchmarkIncr(b *testing.B) {
	z, members := million(benchSize)
	r := rand.New(rand.NewPCG(3, 4))
	for b.Loop() {
		m := members[r.IntN(len(members))]
		at := z.Find(m)
		z.Put(at, m, at.Score+1, Limits{})
	}
}

func BenchmarkMove(b *testing.B) {
	z, members := million(benchSize)
	r := rand.New(rand.NewPCG(3, 4))
	for b.Loop() {
		m := members[r.IntN(len(members))]
		z.Put(z.Find(m), m, r.Float64()*1e9, Limits{})
	}
}

// BenchmarkMoveForeseen is BenchmarkMove with sixteen moves foreseen at a time.
func BenchmarkMoveForeseen(b *testing.B) {
	z, members := million(benchSize)
	r := rand.New(rand.NewPCG(3, 4))
	wants, next := make([]Want, MaxWants), MaxWants
	for b.Loop() {
		if next == MaxWants {
			for i := range wants {
				wants[i] = Want{members[r.IntN(len(members))], r.Float64() * 1e9, true}
			}
			z.Foresee(wants)
			next = 0
		}
		w := &wants[next]
		z.Put(z.Find(w.Member), w.Member, w.Score, Limits{})
		next++
	}
}

// BenchmarkMoveFromFull is BenchmarkMove of a set that came in order, whose leaves are full: each
// splits when it gets one more.
func BenchmarkMoveFromFull(b *testing.B) {
	z := New(maphash.MakeSeed())
	var buf []byte
	for i := range benchSize {
		buf = strconv.AppendInt(append(buf[:0], "member:"...), int64(100_000_000+i), 10)
		z.Put(z.Find(buf), buf, float64(i), Limits{})
	}
	r := rand.New(rand.NewPCG(3, 4))
	for b.Loop() {
		buf = strconv.AppendInt(append(buf[:0], "member:"...), int64(100_000_000+r.IntN(benchSize)), 10)
		if at, score := z.Find(buf), float64(r.IntN(benchSize)); score != at.Score {
			z.Put(at, buf, score, Limits{})
		}
	}
}

func BenchmarkScore(b *testing.B) {
	z, members := million(benchSize)
	r := rand.New(rand.NewPCG(3, 4))
	for b.Loop() {
		z.Find(members[r.IntN(len(members))])
	}
}

func BenchmarkRank(b *testing.B) {
	z, members := million(benchSize)
	r := rand.New(rand.NewPCG(3, 4))
	for b.Loop() {
		m := members[r.IntN(len(members))]
		z.Rank(m, z.Find(m).Score)
	}
}

func BenchmarkRange100(b *testing.B) {
	z, _ := million(benchSize)
	r := rand.New(rand.NewPCG(3, 4))
	n := 0
	for b.Loop() {
		z.Walk(r.IntN(benchSize-100), 100, false, func(m []byte, _ float64) bool { n += len(m); return true })
	}
}

func BenchmarkPopMin(b *testing.B) {
	z, _ := million(benchSize)
	for i := 0; b.Loop(); i++ {
		if z.Len() == 0 {
			b.StopTimer()
			z, _ = million(benchSize)
			b.StartTimer()
		}
		z.RemoveRange(0, 1)
	}
}

func BenchmarkClone(b *testing.B) {
	z, _ := million(benchSize)
	for b.Loop() {
		z.Clone()
	}
}

// BenchmarkMemory reports bytes per element, as they are and as they are counted.
func BenchmarkMemory(b *testing.B) {
	for _, n := range []int{200, 100_000, 1_000_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				var before, after runtime.MemStats
				many := make([]*ZSet, 1+100_000/n)
				members := make([][][]byte, len(many))
				for i := range many {
					many[i], members[i] = million(n)
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(many[0].Bytes())/float64(n), "counted/elem")
				runtime.KeepAlive(members)
				clear(many)
				runtime.GC()
				runtime.ReadMemStats(&before)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n*len(many)), "heap/elem")
				runtime.KeepAlive(members)
			}
		})
	}
}
