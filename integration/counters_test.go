package integration

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// counters are callers of go-redis's cluster client, each of which counts a key
// of its own up. No call may fail, and no count may fall back. A call whose
// outcome is not known, as Regent says or as a client concludes that has waited
// in vain, has counted or has not: a busy machine may change the leader under it.
type counters struct {
	t       *testing.T
	cc      *redis.ClusterClient
	done    atomic.Bool
	wg      sync.WaitGroup
	counts  [4]int64
	unknown [4]int64         // calls since the last reply whose outcome is not known
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
		if isUnknown(err) {
			c.unknown[i]++
			continue
		}
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
		c.counts[i], c.unknown[i] = n, 0
		now := time.Now()
		c.longest[i] = max(c.longest[i], now.Sub(last))
		last = now
	}
}

// isUnknown reports whether a call may have been carried out although it failed.
func isUnknown(err error) bool {
	var timeout net.Error
	return err != nil && (strings.HasPrefix(err.Error(), "UNCERTAIN") || errors.As(err, &timeout) && timeout.Timeout())
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
		err := harness.Until(within(c.t, time.Minute), func() error {
			v, err := c.cc.Get(c.t.Context(), fmt.Sprint("n", i)).Int64()
			if err == nil && (v < n || v > n+c.unknown[i]) {
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
