package latency

import "time"

// waitBounds are the bounds of a Waits in ns: the same at every node and in every version, so that
// counts of several nodes can be added up.
var waitBounds = [...]int64{
	int64(50 * time.Microsecond), int64(100 * time.Microsecond), int64(200 * time.Microsecond), int64(500 * time.Microsecond),
	int64(time.Millisecond), int64(2 * time.Millisecond), int64(5 * time.Millisecond), int64(10 * time.Millisecond), int64(20 * time.Millisecond),
	int64(50 * time.Millisecond), int64(100 * time.Millisecond), int64(200 * time.Millisecond), int64(500 * time.Millisecond),
	int64(time.Second), int64(2 * time.Second), int64(5 * time.Second),
}

// A Waits counts times by a few bounds, between 50 µs and 5 s. The zero value is empty. It is for
// one goroutine at a time; a copy is what it held at one moment.
type Waits struct {
	n   [len(waitBounds) + 1]int64 // by bucket, the last one has no bound
	sum int64
}

// Add counts a time of nanos. Less than nothing is nothing.
func (w *Waits) Add(nanos int64) {
	nanos = max(nanos, 0)
	i := 0
	for i < len(waitBounds) && nanos > waitBounds[i] {
		i++
	}
	w.n[i]++
	w.sum += nanos
}

// Sum is all times together, in ns.
func (w *Waits) Sum() int64 { return w.sum }

// Total is how many times there are.
func (w *Waits) Total() (total int64) {
	for _, n := range w.n {
		total += n
	}
	return total
}

// Bounds calls f with each bound, in ns, and how many times were not above it.
func (w *Waits) Bounds(f func(bound, count int64)) {
	count := int64(0)
	for i, bound := range waitBounds {
		count += w.n[i]
		f(bound, count)
	}
}
