package aof

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"regent/aof/disk"
	"regent/aof/disk/disktest"
	"regent/engine/config"
)

// TestManyWritersAndReaders lets many goroutines append and seal while others
// read the stream: every seal covers its record, every reader sees the same
// bytes, and a load sees each writer's records in the writer's order.
func TestManyWritersAndReaders(t *testing.T) {
	const writers, each, readers = 16, 200, 3
	for _, policy := range []int64{config.FsyncAlways, config.FsyncNo} {
		fsys := disktest.New()
		r := mustLoad(t, fsys, policy)
		var wg, rg sync.WaitGroup
		done := make(chan struct{})
		streams := make([]strings.Builder, readers)
		for i := range readers {
			rd, err := r.Stream().NewReader(0)
			if err != nil {
				t.Fatal(err)
			}
			rg.Go(func() { follow(t, r, rd, done, &streams[i]) })
		}
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					end := r.Recorder().Append(effects(fmt.Sprintf("%d: SET w%d %d", w%3, w, i)))
					if err := r.Seal(end); err != nil || r.Stream().End() < end {
						t.Errorf("sealed up to %d of %d: %v", r.Stream().End(), end, err)
					}
				}
			})
		}
		wg.Wait()
		close(done)
		rg.Wait()
		all := string(readAll(t, r.Log, 0))
		for i := range streams {
			if streams[i].String() != all {
				t.Fatalf("reader %d saw %d other bytes", i, streams[i].Len())
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		back := mustLoad(t, fsys.Crash(disktest.Loss{}), policy)
		next := map[string]int{}
		for _, line := range back.got {
			var db, i int
			var w string
			if _, err := fmt.Sscanf(line, "%d: SET %s %d", &db, &w, &i); err != nil || i != next[w] {
				t.Fatalf("%q comes as number %d of its writer: %v", line, next[w], err)
			}
			next[w]++
		}
		if len(back.got) != writers*each {
			t.Fatalf("%d records came back, want %d", len(back.got), writers*each)
		}
	}
}

// follow reads until done is closed and the end is reached.
func follow(t *testing.T, r *rig, rd io.ReadCloser, done chan struct{}, out *strings.Builder) {
	defer rd.Close()
	buf := make([]byte, 777)
	for last := false; ; {
		moved := r.Stream().Notify()
		n, err := rd.Read(buf)
		out.Write(buf[:n])
		switch {
		case err == io.EOF && last:
			return
		case err == io.EOF:
			select {
			case <-moved:
			case <-done:
				last = true
			}
		case err != nil:
			t.Error(err)
			return
		}
	}
}

// TestSealsShareWrites holds the first write back until many callers wait: the
// second write must cover all of them.
func TestSealsShareWrites(t *testing.T) {
	fsys := disktest.New()
	r := mustLoad(t, fsys, config.FsyncNo)
	began, finish := make(chan bool), make(chan bool)
	var writes int
	fsys.Fault(func(op disktest.Op) (int, error) {
		if op.Kind == "write" {
			if writes++; writes == 1 {
				began <- true
				<-finish
			}
		}
		return 0, nil
	})
	var wg sync.WaitGroup
	seal := func(end int64) {
		wg.Go(func() {
			if err := r.Seal(end); err != nil {
				t.Error(err)
			}
		})
	}
	seal(r.Recorder().Append(effects("0: SET first 1")))
	<-began
	for i := range 50 {
		seal(r.Recorder().Append(effects(fmt.Sprint("0: SET k ", i))))
	}
	for { // until all of them wait
		r.mu.Lock()
		waits := r.turns.nextWriter
		r.mu.Unlock()
		if waits {
			break
		}
	}
	finish <- true
	wg.Wait()
	fsys.Fault(nil)
	if end := r.Recorder().End(); r.Stream().End() != end {
		t.Errorf("written up to %d of %d", r.Stream().End(), end)
	}
	if writes > 3 {
		t.Errorf("%d writes for 51 callers", writes)
	}
}

// TestSealCopesWithCuts runs seals against truncations, which take turns too.
func TestSealCopesWithCuts(t *testing.T) {
	fsys := disktest.New()
	r := mustLoad(t, fsys, config.FsyncAlways)
	base := r.write(t, "0: SET base 1")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				_ = r.Recorder().Append(effects("0: SET k v"))
				if err := r.Seal(r.Stream().End()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		if err := r.Stream().Truncate(base); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	back := mustLoad(t, fsys.Kill(), config.FsyncAlways)
	if len(back.got) == 0 || back.got[0] != "0: SET base 1" {
		t.Errorf("came back: %q", back.got)
	}
}

func BenchmarkAppendSeal(b *testing.B) {
	for _, bench := range []struct {
		name   string
		policy int64
		batch  int
	}{{"no/batch=1", config.FsyncNo, 1}, {"no/batch=16", config.FsyncNo, 16}, {"everysec/batch=16", config.FsyncEverysec, 16}} {
		b.Run(bench.name, func(b *testing.B) {
			r, err := newRig(disk.OS{}, b.TempDir(), bench.policy)
			if err != nil {
				b.Fatal(err)
			}
			if err := r.Load(collect(&r.got), nil); err != nil {
				b.Fatal(err)
			}
			defer r.Close()
			e := effects("0: SET key:0000000001 " + strings.Repeat("v", 59)) // 100 bytes
			b.SetBytes(int64(len(e.Buf)))
			b.ReportAllocs()
			b.ResetTimer()
			var end int64
			for i := range b.N {
				end = r.Recorder().Append(e)
				if i%bench.batch == bench.batch-1 {
					if err := r.Seal(end); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
	b.Run("append alone", func(b *testing.B) {
		r, err := newRig(disktest.New(), testDir, config.FsyncNo)
		if err != nil {
			b.Fatal(err)
		}
		if err := r.Load(collect(&r.got), nil); err != nil {
			b.Fatal(err)
		}
		e := effects("0: SET key:0000000001 " + strings.Repeat("v", 59))
		b.SetBytes(int64(len(e.Buf)))
		b.ReportAllocs()
		for i := range b.N {
			r.Recorder().Append(e)
			if i%10000 == 0 {
				r.mu.Lock()
				r.pending.buf = r.pending.buf[:headroom]
				r.pending.start = r.pending.end
				r.mu.Unlock()
			}
		}
	})
}
