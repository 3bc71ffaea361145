package integration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

const (
	// diskBytes is the size of the file system that the log fills, ballastBytes
	// what is given back later.
	diskBytes, ballastBytes = 40 << 20, 24 << 20
	// diskValue is the size of the values that fill it.
	diskValue = 10 << 10
	// diskWriters fill it at once.
	diskWriters = 4
)

// smallDisk mounts a file system of its own, with a ballast in it.
func smallDisk(t *testing.T) (dir, ballast string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskBytes)); err != nil {
		t.Fatalf("this test needs a small file system, and may not mount one (%v): run the tests as root, or with CAP_SYS_ADMIN", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	ballast = filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, ballastBytes), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, ballast
}

// fillDisk writes until all writers are refused, and returns what was
// acknowledged.
func fillDisk(t *testing.T, n *harness.Node, prefix string) (acked []string) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	value := strings.Repeat("x", diskValue)
	for w := range diskWriters {
		c := client(t, n)
		wg.Go(func() {
			for i := range 2 * diskBytes / diskValue {
				key := fmt.Sprintf("%s:%d:%d", prefix, w, i)
				err := c.Set(t.Context(), key, value, 0).Err()
				switch {
				case err == nil:
					mu.Lock()
					acked = append(acked, key)
					mu.Unlock()
				case strings.HasPrefix(err.Error(), "MISCONF Errors writing to the AOF file: "):
					return
				case strings.HasPrefix(err.Error(), "UNCERTAIN "):
				default:
					t.Errorf("%s: %v", key, err)
					return
				}
			}
			t.Error("the disk does not get full")
		})
	}
	wg.Wait()
	return acked
}

// wantAll fails for each key that is not there.
func wantAll(t *testing.T, n *harness.Node, keys []string) {
	t.Helper()
	c := client(t, n)
	for batch := range slices.Chunk(keys, 500) {
		p := c.Pipeline()
		for _, key := range batch {
			p.StrLen(t.Context(), key)
		}
		sizes, err := p.Exec(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, size := range sizes {
			if got := size.(*redis.IntCmd).Val(); got != diskValue {
				t.Fatalf("%s was acknowledged and has %d bytes", batch[i], got)
			}
		}
	}
}

// refusesWrites fails unless a write is refused as on a full disk, and reads go
// on.
func refusesWrites(t *testing.T, n *harness.Node) {
	t.Helper()
	c := client(t, n)
	if err := c.Set(t.Context(), "refused", "1", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "MISCONF ") {
		t.Errorf("a write on a full disk: %v", err)
	}
	if err := c.Get(t.Context(), "refused").Err(); err != redis.Nil {
		t.Errorf("a refused write was carried out: %v", err)
	}
	if info := c.Info(t.Context(), "persistence").Val(); !strings.Contains(info, "aof_last_write_status:err") {
		t.Errorf("INFO does not say that the log cannot be written:\n%s", info)
	}
}

// TestFullDisk fills the disk of a server: writes are refused with a clear
// error, reads go on, nothing acknowledged is missing after kill -9 and a start on
// the full disk, and when there is space again the server goes on by itself.
func TestFullDisk(t *testing.T) {
	for _, policy := range []string{"always", "everysec"} {
		t.Run(policy, func(t *testing.T) {
			disk, ballast := smallDisk(t)
			n := prepareNode(t, binary(), "--appendfsync", policy, "--auto-aof-rewrite-percentage", "0", "--dir", disk)
			restart := func() {
				if err := n.Start(); err != nil {
					t.Fatal(err)
				}
				// Not ready: on a full disk PING is refused too, as by Redis.
				c := client(t, n)
				if err := harness.Until(within(t, harness.StartTimeout), func() error { return c.DBSize(t.Context()).Err() }); err != nil {
					t.Fatal(err)
				}
			}
			restart()
			acked := fillDisk(t, n, "first")
			if len(acked) < 100 {
				t.Errorf("only %d writes before the disk was full", len(acked))
			}
			refusesWrites(t, n)
			wantAll(t, n, acked)
			if err := n.Kill(); err != nil {
				t.Fatal(err)
			}
			restart()
			wantAll(t, n, acked)
			refusesWrites(t, n)
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
			c := client(t, n)
			if err := harness.Until(within(t, harness.StartTimeout), func() error {
				return c.Set(t.Context(), "again", strings.Repeat("y", diskValue), 0).Err()
			}); err != nil {
				t.Fatalf("there is space, and writes are still refused: %v", err)
			}
			acked = append(append(acked, "again"), fillDisk(t, n, "second")...)
			if err := n.Kill(); err != nil {
				t.Fatal(err)
			}
			restart()
			wantAll(t, n, acked)
			t.Logf("%d writes acknowledged", len(acked))
		})
	}
}

// TestFullDiskOfALeader: a leader whose disk is full gives up its leadership, the
// others go on without a loss, and when there is space again it is one of them,
// and leads again.
func TestFullDiskOfALeader(t *testing.T) {
	disk, ballast := smallDisk(t)
	c, err := harness.NewCluster(binary(), t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	full := highest(c)
	full.Dir = filepath.Join(disk, "node")
	runCluster(t, c)
	leads(within(t, settled), t, c, full)
	load := harness.StartLoad(diskWriters, "full", c.Addrs(), nil)
	defer load.Stop()
	wait(t, load)
	hog := filepath.Join(disk, "hog")
	if err := os.WriteFile(hog, make([]byte, diskBytes), 0o644); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk does not get full: %v", err)
	}
	// What the log has set aside takes some more, in few writes: a machine that has too much to
	// do may come to ten a second. One may fail for another reason there: then the disk has room
	// still.
	big, value, fit := client(t, full), strings.Repeat("x", 32*diskValue), 0
	if err := harness.Until(within(t, time.Minute), func() error {
		if big.Set(t.Context(), fmt.Sprint("big", fit%diskWriters), value, 0).Err() == nil {
			fit++
		}
		leader, err := c.Leader(t.Context())
		if err == nil && leader == full {
			err = fmt.Errorf("it leads with a full disk, onto which %d values went", fit)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	wait(t, load)
	for _, file := range []string{hog, ballast} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	leads(within(t, settled), t, c, full)
	wait(t, load)
	load.Stop()
	nothingMissing(t, c, load)
}
