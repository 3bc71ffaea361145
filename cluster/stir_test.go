package cluster

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// TestStirrer: no change is missed by whatever looks after it has asked for the
// next one.
func TestStirrer(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		const rounds, waiters = 200, 4
		var s stirrer
		var n atomic.Int64
		var wg sync.WaitGroup
		for range waiters {
			wg.Go(func() {
				for {
					next := s.next()
					if n.Load() == rounds {
						return
					}
					<-next // a change that is missed is a deadlock, which synctest finds
				}
			})
		}
		for range rounds {
			n.Add(1)
			s.stir()
		}
		wg.Wait()
	})
}
