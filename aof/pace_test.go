package aof

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"regent/aof/disk/disktest"
	"regent/engine/config"
)

// durable waits until the log is durable up to off.
func durable(t *testing.T, r *rig, off int64) {
	t.Helper()
	for r.Durable() < off {
		moved := r.notified()
		if r.Durable() >= off {
			return
		}
		select {
		case <-moved:
		case <-time.After(10 * time.Second):
			t.Errorf("durable up to %d, not %d", r.Durable(), off)
			return
		}
	}
}

// TestSealSoon: whoever asks gets what was appended onto the disk, whatever the
// policy becomes meanwhile, and with always nobody writes but the one who syncs.
func TestSealSoon(t *testing.T) {
	const writers, each = 16, 100
	for _, policy := range []int64{config.FsyncAlways, config.FsyncEverysec, config.FsyncNo} {
		fsys := disktest.New()
		r := mustLoad(t, fsys, policy)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					end := r.Recorder().Append(effects(fmt.Sprintf("0: SET w%d %d", w, i)))
					if err := r.SealSoon(end); err != nil {
						t.Error(err)
					}
					durable(t, r, end)
					if w == 0 && i%10 == 0 {
						r.fsync.Store([]int64{config.FsyncAlways, config.FsyncNo, policy}[i/10%3])
					}
				}
			})
		}
		wg.Wait()
	}
}

// A slowDisk is a host on whose clock everything takes a second.
type slowDisk struct {
	*testHost
	now atomic.Int64
}

func (h *slowDisk) Ticks() int64 { return h.now.Add(int64(time.Second)) }

// TestGroupsAreWhole: those whom one fsync releases share the next one, though
// some are quicker than others, and one alone waits for nobody.
func TestGroupsAreWhole(t *testing.T) {
	const rounds = 50
	for _, writers := range []int{1, 8} {
		fsys := disktest.New()
		r := mustLoad(t, fsys, config.FsyncAlways)
		r.o.Host = &slowDisk{testHost: r.host}
		before := r.stats.syncs.Load()
		// Patience ends when somebody does not come back: at the end.
		done := make(chan struct{})
		var wg, timers sync.WaitGroup
		timers.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(100 * time.Millisecond):
					r.host.fire()
				}
			}
		})
		for w := range writers {
			wg.Go(func() {
				for i := range rounds {
					time.Sleep(time.Duration(w) * 50 * time.Microsecond)
					end := r.Recorder().Append(effects(fmt.Sprintf("0: SET w%d %d", w, i)))
					if err := r.SealSoon(end); err != nil {
						t.Error(err)
					}
					durable(t, r, end)
				}
			})
		}
		wg.Wait()
		close(done)
		timers.Wait()
		syncs := r.stats.syncs.Load() - before
		t.Logf("%d writers: %d fsyncs for %d rounds", writers, syncs, rounds)
		if syncs < rounds || syncs > rounds+int64(writers)*4 {
			t.Errorf("%d writers: %d fsyncs for %d rounds", writers, syncs, rounds)
		}
	}
}
