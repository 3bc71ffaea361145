package main

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// lockThread keeps the caller on one thread, whose time threadTime is.
func lockThread() (unlock func()) {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

// threadTime is for how long the thread has run.
func threadTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic("bench: the thread's clock: " + err.Error())
	}
	return time.Duration(ts.Nano())
}
