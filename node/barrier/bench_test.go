package barrier

import (
	"testing"
	"time"

	"regent/engine"
)

// BenchmarkWait is one client's part of a turn in which 16 clients wait for a follower.
func BenchmarkWait(b *testing.B) {
	s, r := newStage()
	start := time.Now()
	r.ports.Ticks = func() int64 { return int64(time.Since(start)) }
	var conns [16]*fakeConn
	for i := range conns {
		conns[i] = &fakeConn{}
	}
	for range b.N / len(conns) {
		for i, c := range conns {
			r.Wait(s.committed+int64(i)+1, 1, engine.AcksDefault.Set(), c)
		}
		s.committed += int64(len(conns))
		r.Advance()
		for _, c := range conns {
			if r.Outcome(c) != engine.Committed {
				b.Fatal("it waits")
			}
		}
	}
}
