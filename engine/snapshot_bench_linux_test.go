package engine_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"regent/engine"
	"regent/engine/enginetest"
)

// threadNanos is the processor time of this thread: what others take from the
// machine does not count.
func threadNanos() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic(err)
	}
	return ts.Nano()
}

// BenchmarkSnapshotLocks tells how long a snapshot of 5 million keys locks all
// shards at its cut, and one at its longest step, in processor time:
//
//	go test ./engine -run - -bench SnapshotLocks -benchtime 3x
func BenchmarkSnapshotLocks(b *testing.B) {
	const keys = 5_000_000
	s := enginetest.NewEngine(b, func(o *engine.Options) { o.Log = nil })
	c := s.Client()
	value := strings.Repeat("v", 64)
	for i := range keys {
		c.Do("SET", fmt.Sprintf("key:%012d", i), value)
	}
	for s.Maintain() {
		continue
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var cut, longest int64
	for b.Loop() {
		one, step, entries := s.SnapshotSteps(threadNanos)
		if entries != keys {
			b.Fatalf("%d entries", entries)
		}
		cut, longest = max(cut, one), max(longest, step)
	}
	b.ReportMetric(float64(cut)/1000, "cut-µs")
	b.ReportMetric(float64(longest)/1000, "step-µs")
	b.ReportMetric(0, "ns/op")
}
