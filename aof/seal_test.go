package aof

import (
	"sync"
	"testing"
	"time"

	"regent/aof/disk/disktest"
	"regent/engine/config"
)

// TestSealBeyondTheEnd: an offset behind the end of what was appended asks for
// all of it. Nothing would ever reach it: a caller that waits for that spins for good.
func TestSealBeyondTheEnd(t *testing.T) {
	for _, policy := range []struct {
		name  string
		fsync int64
	}{{"no", config.FsyncNo}, {"everysec", config.FsyncEverysec}, {"always", config.FsyncAlways}} {
		t.Run(policy.name, func(t *testing.T) {
			r := mustLoad(t, disktest.New(), policy.fsync)
			go func() {
				for range r.events {
				}
			}()
			r.write(t, "0: SET a 1", "0: SET b 2")
			end := recorder{r.Log}.End()
			returns(t, "Seal of an offset behind the end", func() error { return r.Log.Seal(end + 1) })
			returns(t, "SealSoon", func() error { return r.Log.SealSoon(end + 1) })
			if got := r.Stream().End(); got != end {
				t.Errorf("%d bytes are written, want %d", got, end)
			}
		})
	}
}

// TestSealOfWhatIsCutMeanwhile: the offset was one of the log when it was asked
// for, and the log is cut while the others write.
func TestSealOfWhatIsCutMeanwhile(t *testing.T) {
	r := mustLoad(t, disktest.New(), config.FsyncNo)
	go func() {
		for range r.events {
		}
	}()
	r.write(t, "0: SET a 1")
	keep := r.Stream().End()
	r.write(t, "0: SET b 2")
	asked := r.Stream().End()
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = r.Log.Seal(asked)
				}
			}
		})
	}
	returns(t, "Truncate beside Seal", func() error { return r.Stream().Truncate(keep) })
	returns(t, "Seal of what was cut off", func() error { return r.Log.Seal(asked) })
	close(stop)
	returns(t, "the others", func() error { wg.Wait(); return nil })
}

// returns fails unless f does, within a time that only a hang takes.
func returns(t *testing.T, what string, f func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("%s does not return", what)
	}
}
