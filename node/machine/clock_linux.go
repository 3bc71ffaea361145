package machine

import "golang.org/x/sys/unix"

// bootNanos reads CLOCK_BOOTTIME in nanoseconds: monotonic, and it goes on
// while the machine is suspended, which Go's own monotonic clock does not.
func bootNanos() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("machine: CLOCK_BOOTTIME cannot be read: " + err.Error())
	}
	return ts.Nano()
}
