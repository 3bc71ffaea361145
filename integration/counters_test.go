package integration

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// counters are callers of go-redis's cluster client, each of which counts a key
// of its own up. No call may fail, and no count may fall back.
type counters struct {
	t       *testing.T
	cc      *redis.ClusterClient
	done    atomic.Bool
	wg      sync.WaitGroup
	counts  [4]int64
	longest [4]time.Duration // between two replies
}

func startCounters(t *testing.T, cc *redis.ClusterClient) *counters {
	c := &counters{t: t, cc: cc}
	for i := range c.counts {
		c.wg.Go(func() { c.count(i) })
	}
	return c
}

func (c *counters) count(i int) {
	key := fmt.Sprint("n", i)
	for last := time.Now(); !c.done.Load(); {
		n, err := c.cc.Incr(c.t.Context(), key).Result()
		if err != nil {
			c.t.Errorf("INCR %d of %s: %v", c.counts[i]+1, key, err)
			return
		}
		// A connection that closes under an INCR makes the client say it
		// twice: that is the client's, and no reply is wrong for it.
		if n <= c.counts[i] {
			c.t.Errorf("%s went from %d to %d", key, c.counts[i], n)
			return
		}
		c.counts[i] = n
		now := time.Now()
		c.longest[i] = max(c.longest[i], now.Sub(last))
		last = now
	}
}

// stop ends the callers, and reads back what they counted.
func (c *counters) stop() {
	c.t.Helper()
	c.done.Store(true)
	c.wg.Wait()
	var total int64
	longest := time.Duration(0)
	for i, n := range c.counts {
		// A client that still holds a former leader for the leader reads there,
		// which is a follower's moment behind.
		err := harness.Until(within(c.t, 10*time.Second), func() error {
			v, err := c.cc.Get(c.t.Context(), fmt.Sprint("n", i)).Int64()
			if err == nil && v != n {
				err = fmt.Errorf("counted to %d, and it is %d", n, v)
			}
			return err
		})
		if err != nil {
			c.t.Error(err)
		}
		total += n
		longest = max(longest, c.longest[i])
	}
	c.t.Logf("%d calls of go-redis, the longest took %s", total, longest.Round(time.Millisecond))
}
