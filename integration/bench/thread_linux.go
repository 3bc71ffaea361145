package main

import (
	"fmt"
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

// processTime is for how long all threads of a process have run, to the nanosecond:
// /proc/PID/stat counts hundredths of a second, which is a tenth of a short slice. The clock's
// number is what clock_getcpuclockid(3) makes of a process.
func processTime(pid int) (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED of the kernel
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &ts); err != nil {
		return 0, fmt.Errorf("clock of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}
