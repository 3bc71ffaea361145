package peer

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// userTimeout is how long sent bytes may stay unacknowledged before the
// kernel gives a connection up, in ms. Without it a connection that lived
// through a partition waits for a retransmission that the kernel has put off
// by then for many seconds.
const userTimeout = 1500

func tune(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, userTimeout)
	})
}
