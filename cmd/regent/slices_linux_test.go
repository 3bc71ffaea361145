package main

import (
	"os"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// TestShortSlices: every thread has asked, one that begins later too, as far as the system
// knows of it; and they keep what else they are.
func TestShortSlices(t *testing.T) {
	before, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	askForShortSlices()
	want := *before
	if now, err := unix.SchedGetAttr(0, 0); err != nil {
		t.Fatal(err)
	} else if before.Runtime != 0 { // the system knows of slices
		want.Runtime = uint64(slice)
		if now.Runtime != want.Runtime {
			t.Fatalf("the slice is %d ns", now.Runtime)
		}
	}
	later := make(chan struct{})
	go func() {
		defer close(later)
		runtime.LockOSThread() // it ends with the goroutine
		tid := unix.Gettid()
		if got, err := unix.SchedGetAttr(tid, 0); err != nil || *got != want {
			t.Errorf("a thread that began later: %+v, want %+v: %v", got, want, err)
		}
	}()
	<-later
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			t.Fatal(err)
		}
		got, err := unix.SchedGetAttr(tid, 0)
		if err == unix.ESRCH {
			continue // it has ended
		}
		if err != nil || *got != want {
			t.Errorf("thread %d: %+v, want %+v: %v", tid, got, want, err)
		}
	}
}
