package persist

import (
	"context"
	"sync"
	"time"

	"regent/engine/config"
	"regent/engine/rdb"
)

// A slowness draws out, key by key, what is over too soon for a test to look at:
// rdb-key-save-delay and key-load-delay, in microseconds for each key; below 0 one microsecond for
// one key of so many. Keys that are loaded on several cores wait one after the other, as
// they would on one.
type slowness struct {
	per   *config.Int
	until context.Context // of the load of the log at the start; nil: another one
	mu    sync.Mutex
	owed  time.Duration
}

// Limits of a slowness.
const (
	// leastRest is what a rest is gathered up to: the system's timers are no finer.
	leastRest = time.Millisecond
	// mostRest is after how long CONFIG SET and the end of the work are heeded.
	mostRest = 10 * time.Millisecond
)

// keys rests for n keys, or until ctx ends, whose error it returns, or the directive is changed.
func (s *slowness) keys(ctx context.Context, n int) error {
	per := s.per.Get()
	if per == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if per > 0 {
		s.owed += time.Duration(n) * time.Duration(per) * time.Microsecond
	} else {
		s.owed += time.Duration(n) * time.Microsecond / time.Duration(-per)
	}
	for s.owed >= leastRest {
		began := time.Now()
		t := time.NewTimer(min(s.owed, mostRest))
		select {
		case <-ctx.Done():
			t.Stop()
			s.owed = 0 // by work that is over: the next begins anew
			return ctx.Err()
		case <-t.C:
		}
		s.owed -= time.Since(began)
		if s.per.Get() != per {
			s.owed = 0
		}
	}
	return nil
}

// slowly is put that rests for each key.
func (s *slowness) slowly(ctx context.Context, put func(*rdb.Batch) error) func(*rdb.Batch) error {
	return func(b *rdb.Batch) error {
		if err := s.keys(ctx, len(b.Entries)); err != nil {
			return err
		}
		return put(b)
	}
}
