package harness

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Load is some writers that each write key after key and remember which
// were acknowledged and when. A writer follows MOVED, tries the next node
// when one does not answer, and never writes a key twice: what was not
// acknowledged is counted as unknown and given up.
type Load struct {
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	writers []*writer
	slow    atomic.Bool
}

type writer struct {
	mu      sync.Mutex
	acked   []string
	times   []time.Time
	unknown atomic.Int64
	why     map[string]int // of those; under mu
}

const (
	// writeTimeout is a writer's patience with one node: a stopped leader
	// must not hold it for long.
	writeTimeout = 250 * time.Millisecond
	// retryPause keeps a writer from spinning while nobody leads.
	retryPause = 2 * time.Millisecond
	// slowPause is what a slow writer rests after each write.
	slowPause = 20 * time.Millisecond
)

// StartLoad starts n writers against the nodes at addrs.
func StartLoad(n int, prefix string, addrs []string, dial Dialer) *Load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &Load{cancel: cancel}
	for i := range n {
		w := &writer{why: map[string]int{}}
		l.writers = append(l.writers, w)
		l.wg.Go(func() { w.run(ctx, l, fmt.Sprintf("%s:%d:", prefix, i), newFollower(addrs, i, dial)) })
	}
	return l
}

func (w *writer) run(ctx context.Context, l *Load, prefix string, pool *follower) {
	defer pool.close()
	for seq := 0; ctx.Err() == nil; {
		key := fmt.Sprintf("%s%d", prefix, seq)
		_, err := pool.do("set", key, key)
		switch {
		case err == nil:
			w.ack(key)
			seq++
		case !strings.HasPrefix(err.Error(), "MOVED ") && !refused(err):
			w.miss(err)
			seq++
		}
		pool.settle(err)
		if l.slow.Load() {
			time.Sleep(slowPause)
		}
	}
}

// Slow makes the writers rest between writes, or write on at once.
func (l *Load) Slow(yes bool) { l.slow.Store(yes) }

// refused reports whether err says that the write was not even tried: by a
// node without a leader, a replica of redis-server, or nobody at all.
func refused(err error) bool {
	for _, code := range []string{"CLUSTERDOWN", "READONLY", "LOADING", "MASTERDOWN"} {
		if strings.HasPrefix(err.Error(), code) {
			return true
		}
	}
	return strings.Contains(err.Error(), "connection refused")
}

// maxReasons bounds what a writer remembers of why writes ended without a yes
// or a no.
const maxReasons = 32

// address is what differs between two messages of one kind.
var address = regexp.MustCompile(`[0-9.]+:[0-9]+(->[0-9.]+:[0-9]+)?`)

func (w *writer) miss(err error) {
	w.unknown.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if text := address.ReplaceAllString(err.Error(), "…"); len(w.why) < maxReasons || w.why[text] > 0 {
		w.why[text]++
	}
}

// Reasons are why writes ended without a yes or a no, and how often.
func (l *Load) Reasons() map[string]int {
	all := map[string]int{}
	for _, w := range l.writers {
		w.mu.Lock()
		for text, n := range w.why {
			all[text] += n
		}
		w.mu.Unlock()
	}
	return all
}

func (w *writer) ack(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked = append(w.acked, key)
	w.times = append(w.times, time.Now())
}

// Stop ends the writers.
func (l *Load) Stop() {
	l.cancel()
	l.wg.Wait()
}

// Acked is how many writes were acknowledged so far.
func (l *Load) Acked() int {
	n := 0
	for _, w := range l.writers {
		w.mu.Lock()
		n += len(w.acked)
		w.mu.Unlock()
	}
	return n
}

// Unknown is how many writes ended without a yes or a no.
func (l *Load) Unknown() int64 {
	var n int64
	for _, w := range l.writers {
		n += w.unknown.Load()
	}
	return n
}

// Gap is the longest time between two acknowledgements of anyone that ends
// after the moment from, and when it began: how long nobody could write.
func (l *Load) Gap(from time.Time) (longest time.Duration, began time.Time) {
	var all []time.Time
	for _, w := range l.writers {
		w.mu.Lock()
		all = append(all, w.times...)
		w.mu.Unlock()
	}
	slices.SortFunc(all, time.Time.Compare)
	last := from
	for _, at := range all {
		if at.Before(from) {
			continue
		}
		if gap := at.Sub(last); gap > longest {
			longest, began = gap, last
		}
		last = at
	}
	return longest, began
}

// Wait waits until n more writes are acknowledged.
func (l *Load) Wait(ctx context.Context, n int) error {
	goal := l.Acked() + n
	return Until(ctx, func() error {
		if got := l.Acked(); got < goal {
			return fmt.Errorf("%d of %d writes acknowledged", got, goal)
		}
		return nil
	})
}

// Missing reads every acknowledged key back and returns those that are gone
// or hold something else.
func (l *Load) Missing(ctx context.Context, c redis.UniversalClient) ([]string, error) {
	const batch = 500
	var missing []string
	for _, w := range l.writers {
		for keys := range slices.Chunk(w.acked, batch) {
			values, err := c.MGet(ctx, keys...).Result()
			if err != nil {
				return nil, fmt.Errorf("read the keys back: %w", err)
			}
			for i, v := range values {
				if v != keys[i] {
					missing = append(missing, keys[i])
				}
			}
		}
	}
	return missing, nil
}
