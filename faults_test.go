package regent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"regent/aof/disk/disktest"
)

// A badDisk is a disk of the log whose fsyncs stall or fail, or that is full.
type badDisk struct {
	*disktest.FS
	syncs atomic.Int64 // tried
	stall chan struct{}
	mu    sync.Mutex
	fail  error
	full  bool
}

func newBadDisk() *badDisk {
	d := &badDisk{FS: disktest.New()}
	d.Fault(d.ask)
	return d
}

func (d *badDisk) ask(op disktest.Op) (int, error) {
	d.mu.Lock()
	stall, fail, full := d.stall, d.fail, d.full
	d.mu.Unlock()
	switch op.Kind {
	case "sync":
		d.syncs.Add(1)
		if stall != nil {
			<-stall
		}
		return 0, fail
	case "write", "allocate", "create":
		if full {
			return op.N / 2, syscall.ENOSPC
		}
	}
	return 0, nil
}

func (d *badDisk) set(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// hold makes fsyncs wait for the function that it returns.
func (d *badDisk) hold() (release func()) {
	stall := make(chan struct{})
	d.set(func() { d.stall = stall })
	return func() {
		d.set(func() { d.stall = nil })
		close(stall)
	}
}

// TestAStalledFsyncStallsWhoAskedForIt: with always, writers wait for the fsync
// and share one; a client that reads what they wrote waits too; all others go on. (That old
// shares no mark with the others is so for these names.)
func TestAStalledFsyncStallsWhoAskedForIt(t *testing.T) {
	d := newBadDisk()
	ts := beginOn(t, d, t.TempDir(), "appendfsync always", "write-timeout 60000")
	ts.do("OK", "set", "old", "1")
	release := d.hold()
	before, end := d.syncs.Load(), ts.data.Log().Recorder().End()
	const writers = 40
	record := int64(len("*3\r\n$3\r\nSET\r\n$4\r\nnew0\r\n$1\r\n0\r\n"))
	var wg sync.WaitGroup
	var done atomic.Int64
	for i := range writers {
		c := ts.client()
		wg.Go(func() {
			if err := c.Set(t.Context(), fmt.Sprint("new", i), i, 0).Err(); err != nil {
				t.Error(err)
			}
			done.Add(1)
		})
	}
	ts.until("the writes have been carried out", func() bool { return d.syncs.Load() > before && ts.data.Log().Recorder().End() >= end+writers*record })
	reader := ts.client()
	wg.Go(func() {
		if got := reader.Get(t.Context(), "new7").Val(); got != "7" {
			t.Errorf("new7 is %q", got)
		}
		done.Add(1)
	})
	for range 20 { // the others go on
		ts.do("1", "get", "old")
		ts.do("PONG", "ping")
	}
	if n := done.Load(); n != 0 {
		t.Errorf("%d clients were answered before the fsync", n)
	}
	release()
	wg.Wait()
	if n := d.syncs.Load() - before; n > 3 {
		t.Errorf("%d fsyncs for %d writers at once", n, writers)
	}
}

// TestEverysecDoesNotWait: with everysec nobody waits for a stalled fsync.
func TestEverysecDoesNotWait(t *testing.T) {
	d := newBadDisk()
	ts := beginOn(t, d, t.TempDir(), "appendfsync everysec")
	release := d.hold()
	before := d.syncs.Load()
	ts.until("an fsync stalls", func() bool {
		ts.do("OK", "set", "k", "1")
		return d.syncs.Load() > before
	})
	for i := range 20 {
		ts.do("OK", "set", "k", i)
		ts.do(fmt.Sprint(i), "get", "k")
	}
	release()
}

// TestAFailedFsync: what waits is told that its fate is open, writes are refused
// from then on, reads go on, INFO says so; and once the disk works again the log
// is made anew by itself.
func TestAFailedFsync(t *testing.T) {
	d := newBadDisk()
	dir := t.TempDir()
	// Where the keeper looks whether the disk works again.
	if err := os.MkdirAll(filepath.Join(dir, "appendonlydir"), 0o755); err != nil {
		t.Fatal(err)
	}
	ts := beginOn(t, d, dir, "appendfsync always")
	ts.do("OK", "set", "a", "1")
	d.set(func() { d.fail = errors.New("input/output error") })
	if err := ts.client().Set(t.Context(), "b", "2", 0).Err(); err == nil {
		t.Error("a write was acknowledged that is not on the disk")
	}
	ts.until("writes are refused", func() bool {
		err := ts.client().Set(t.Context(), "c", "3", 0).Err()
		return err != nil && strings.HasPrefix(err.Error(), "MISCONF Errors writing to the AOF file: ")
	})
	ts.do("1", "get", "a")
	if got := ts.info("aof_last_write_status"); got != "err" {
		t.Errorf("aof_last_write_status:%s", got)
	}
	if got := ts.client().Get(t.Context(), "c").Err(); got != redis.Nil {
		t.Errorf("a refused write was carried out: %v", got)
	}
	d.set(func() { d.fail = nil })
	ts.until("writes are taken again", func() bool { return ts.client().Set(t.Context(), "d", "4", 0).Err() == nil })
	if got := ts.info("aof_last_write_status"); got != "ok" {
		t.Errorf("aof_last_write_status:%s", got)
	}
	// All that was acknowledged survives a power loss, before and after.
	back := beginOn(t, d.Crash(disktest.Loss{}), dir)
	back.do("1", "get", "a")
	back.do("4", "get", "d")
}

// TestAFullDisk: writes are refused before they are carried out, nothing
// acknowledged is lost, and service goes on by itself when there is space.
func TestAFullDisk(t *testing.T) {
	for _, policy := range []string{"always", "everysec"} {
		t.Run(policy, func(t *testing.T) {
			d := newBadDisk()
			dir := t.TempDir()
			ts := beginOn(t, d, dir, "appendfsync "+policy, "write-timeout 200")
			ts.do("OK", "set", "a", "1")
			d.set(func() { d.full = true })
			acked, big := map[string]bool{}, strings.Repeat("x", 1<<20)
			c := ts.client()
			refused := false
			for i := 0; i < 200 && !refused; i++ {
				key := fmt.Sprint("k", i)
				err := c.Set(t.Context(), key, big, 0).Err()
				acked[key] = err == nil
				refused = err != nil && strings.HasPrefix(err.Error(), "MISCONF")
			}
			if !refused {
				t.Fatal("200 MiB fit on a full disk")
			}
			ts.do("1", "get", "a")
			d.set(func() { d.full = false })
			ts.until("writes are taken again", func() bool { return ts.client().Set(t.Context(), "z", "1", 0).Err() == nil })
			acked["a"], acked["z"] = true, true
			back := beginOn(t, d.Kill(), dir)
			for key, yes := range acked {
				if yes && back.client().Exists(t.Context(), key).Val() != 1 {
					t.Errorf("%s was acknowledged and is gone", key)
				}
			}
		})
	}
}
