package latency

import (
	"math"
	"math/bits"
	"sync/atomic"
)

const (
	unitBits = 6 // the narrowest bucket is 64 ns wide
	subBits  = 5 // a doubling has 32 buckets
	subs     = 1 << subBits
	// longest is the longest time that is told apart, in ns: a second.
	longest = 1_000_000_000
	// buckets: the first subs of them are a unit wide, and each doubling up to
	// longest has subs more.
	buckets = subs * (24 - subBits + 1)
)

// A Histogram counts times. The zero value is empty. It may be used by several
// goroutines at once.
type Histogram struct{ n [buckets]atomic.Int64 }

// Add counts a time of nanos as often as n says. Less than nothing is nothing, more
// than a second is one.
func (h *Histogram) Add(nanos, n int64) { h.n[bucketOf(nanos)].Add(n) }

func bucketOf(nanos int64) int {
	units := uint64(min(max(nanos, 0), longest)) >> unitBits
	if units < subs {
		return int(units)
	}
	doubling := bits.Len64(units) - subBits - 1
	return doubling*subs + int(units>>doubling)
}

// highest is the longest time that a bucket holds, in ns.
func highest(bucket int) int64 {
	doubling := max(bucket/subs-1, 0)
	return int64(bucket-doubling*subs+1)<<(doubling+unitBits) - 1
}

// Counts are what histograms held at one moment, added up. They are for one goroutine.
type Counts struct {
	n     [buckets]int64
	total int64
}

// Take adds what h holds.
func (c *Counts) Take(h *Histogram) {
	for i := range h.n {
		n := h.n[i].Load()
		c.n[i] += n
		c.total += n
	}
}

// Total is how many times there are.
func (c *Counts) Total() int64 { return c.total }

// Percentile is a time, in ns, that p percent of the times are not above; 0 without
// times.
func (c *Counts) Percentile(p float64) int64 {
	want := max(int64(math.Round(p/100*float64(c.total))), 1)
	for i, n := range c.n {
		if want -= n; n > 0 && want <= 0 {
			return highest(i)
		}
	}
	return 0
}

// A Step says that Count times were not above Micros, in µs.
type Step struct{ Micros, Count int64 }

// firstStep is the first step's time in ns: a microsecond, as near as a power of two is.
const firstStep = 1024

// Doublings are the steps of times that double, without those that add no time.
// Their names in µs are redis-server's, whose buckets end a little above the power
// of two.
func (c *Counts) Doublings() (steps []Step) {
	var sum int64
	at := 0
	for end := int64(firstStep); sum < c.total && at < buckets; end *= 2 {
		before := sum
		for ; at < buckets && highest(at) < end; at++ {
			sum += c.n[at]
		}
		if sum > before {
			steps = append(steps, Step{(end + end/128 - 1) / 1000, sum})
		}
	}
	return steps
}
