package disk_test

import (
	"testing"
	"testing/synctest"

	"regent/aof/disk"
)

// TestAGateHoldsOne: the others wait, or are told that they would have to.
func TestAGateHoldsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := disk.NewGate()
		if !g.TryLock() {
			t.Fatal("a gate that nobody holds is not to be had")
		}
		if g.TryLock() {
			t.Error("two hold it")
		}
		in := 0
		for range 2 {
			go func() {
				g.Lock()
				in++
			}()
		}
		for want := range 3 {
			synctest.Wait()
			if in != want {
				t.Fatalf("%d hold it after %d were let in", in, want)
			}
			g.Unlock()
		}
		if !g.TryLock() {
			t.Error("a gate that was let go is not to be had")
		}
	})
}
