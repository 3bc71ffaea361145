package aof

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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

// settle does what a turn's end does.
func settle(r *rig, handOff bool) {
	for {
		work, soon := r.Settle(handOff)
		if work != nil {
			work()
		}
		if !soon {
			return
		}
	}
}

// TestSealSoon: a caller that asks gets what was appended onto the disk, whatever the
// policy becomes meanwhile, and with always only the one that syncs writes.
func TestSealSoon(t *testing.T) {
	const writers, each = 16, 100
	for _, policy := range []int64{config.FsyncAlways, config.FsyncEverysec, config.FsyncNo} {
		fsys := disktest.New()
		r := mustLoad(t, fsys, policy)
		over, ended := make(chan bool), make(chan bool)
		go func() { // the last of all waits for others that do not come
			defer close(ended)
			for {
				select {
				case <-over:
					return
				case <-time.After(time.Millisecond):
					r.host.fire()
				}
			}
		}()
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					end := r.Recorder().Append(effects(fmt.Sprintf("0: SET w%d %d", w, i)))
					if err := r.SealSoon(end); err != nil {
						t.Error(err)
					}
					settle(r, w%2 == 0)
					durable(t, r, end)
					if w == 0 && i%10 == 0 {
						r.fsync.Store([]int64{config.FsyncAlways, config.FsyncNo, policy}[i/10%3])
					}
				}
			})
		}
		wg.Wait()
		close(over)
		<-ended
	}
}

// A slowDisk is a host on whose clock everything takes a second.
type slowDisk struct {
	*testHost
	now atomic.Int64
}

func (h *slowDisk) Ticks() int64 { return h.now.Add(int64(time.Second)) }

// TestGroupsAreWhole: those that one fsync has released share the next one with
// those that came while it was under way.
func TestGroupsAreWhole(t *testing.T) {
	const rounds, clients = 50, 8
	fsys := disktest.New()
	r := mustLoad(t, fsys, config.FsyncAlways)
	r.o.Host = &slowDisk{testHost: r.host}
	began, finish, over := make(chan bool), make(chan bool), make(chan bool)
	t.Cleanup(func() { close(over) })
	var held atomic.Bool
	fsys.Fault(func(op disktest.Op) (int, error) {
		if op.Kind == "sync" && held.Load() {
			select {
			case began <- true:
			case <-over:
			}
			select {
			case <-finish:
			case <-over:
			}
		}
		return 0, nil
	})
	// givenUp are those that do not come back, at the next fsync's beginning.
	givenUp := func() {
		for {
			select {
			case <-began:
				return
			case <-time.After(time.Millisecond):
				r.host.fire()
			}
		}
	}
	write := func() int64 {
		end := r.Recorder().Append(effects("0: SET k v"))
		if err := r.SealSoon(end); err != nil {
			t.Fatal(err)
		}
		slow := r.pace.took > 0
		if work, soon := r.Settle(slow); work != nil || soon {
			t.Fatal("the disk is slow, and somebody is to wait for it")
		}
		return end
	}
	durable(t, r, write()) // an fsync was measured
	held.Store(true)
	end := write()
	for range rounds {
		givenUp() // it begins with what one client wrote
		alone := end
		for range clients - 1 {
			write()
		}
		writes := r.stats.writes.Load()
		finish <- true
		durable(t, r, alone)
		time.Sleep(100 * time.Microsecond) // what does not wait is off by now
		end = write()                      // the one is back
		<-began
		if got := r.stats.writes.Load() - writes; got != 1 || r.written.Load() != end {
			t.Fatalf("%d writes for one group, up to %d of %d", got, r.written.Load(), end)
		}
		finish <- true
		durable(t, r, end)
		end = write()
	}
	givenUp()
	held.Store(false)
	finish <- true
	durable(t, r, end)
}

// TestAskedForNothing: what a caller asks for may be in the group that is being written, or be cut off before
// the syncing goroutine looks. That finds nothing to do then, and is woken for the next group as ever.
func TestAskedForNothing(t *testing.T) {
	record := func(r *rig) int64 { return r.Recorder().Append(effects("0: SET k v")) }
	ask := func(r *rig, end int64) {
		if err := r.SealSoon(end); err != nil {
			t.Fatal(err)
		}
		r.Settle(false)
	}
	for name, one := range map[string]struct {
		during string // the call in which the disk is held up
		then   func(r *rig, late int64)
	}{
		"it is being written": {"write", ask},
		"it is cut off": {"sync", func(r *rig, late int64) {
			ask(r, record(r))
			r.forgetUnwritten(Place{Offset: late, History: r.Stream().History()})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fsys := disktest.New()
				r := mustLoad(t, fsys, config.FsyncAlways)
				r.o.Host = &slowDisk{testHost: r.host}
				held, finish := make(chan bool), make(chan bool)
				var hold atomic.Bool
				fsys.Fault(func(op disktest.Op) (int, error) {
					if op.Kind == one.during && hold.CompareAndSwap(true, false) {
						held <- true
						<-finish
					}
					return 0, nil
				})
				rest := func() { // until nobody has anything to do
					synctest.Wait()
					r.host.fire()
					synctest.Wait()
				}
				ask(r, record(r)) // an fsync is measured: the disk is slow
				rest()
				hold.Store(true)
				early, late := record(r), record(r)
				ask(r, early)
				<-held
				one.then(r, late)
				finish <- true
				rest()
				end := record(r) // fewer than came last
				ask(r, end)
				rest()
				if got := r.Durable(); got < end {
					t.Errorf("durable up to %d of %d: nobody is at it", got, end)
				}
			})
		})
	}
}

// TestAloneWaitsForNobody: one client alone is never held up by a timer.
func TestAloneWaitsForNobody(t *testing.T) {
	r := mustLoad(t, disktest.New(), config.FsyncAlways)
	r.o.Host = &slowDisk{testHost: r.host}
	for range 100 {
		end := r.Recorder().Append(effects("0: SET k v"))
		if err := r.SealSoon(end); err != nil {
			t.Fatal(err)
		}
		settle(r, false)
		durable(t, r, end)
	}
}

// TestSettleLends: where fsyncs are quick, the one that completes a group does the
// work if it can, once, and none does it twice.
func TestSettleLends(t *testing.T) {
	r := mustLoad(t, disktest.New(), config.FsyncAlways)
	if work, soon := r.Settle(true); work != nil || soon {
		t.Fatal("there is work before anything is asked for")
	}
	for range 100 {
		end := r.Recorder().Append(effects("0: SET k v"))
		if err := r.SealSoon(end); err != nil {
			t.Fatal(err)
		}
		if r.Durable() >= end {
			t.Fatal("durable before anybody has settled")
		}
		work, _ := r.Settle(true)
		if work == nil {
			t.Fatal("no work is handed off")
		}
		if again, soon := r.Settle(true); again != nil || soon {
			t.Fatal("the same work is handed off twice")
		}
		syncs := r.stats.syncs.Load()
		work()
		if r.Durable() < end || r.stats.syncs.Load() != syncs+1 {
			t.Fatalf("durable up to %d of %d, after %d fsyncs", r.Durable(), end, r.stats.syncs.Load()-syncs)
		}
	}
}
