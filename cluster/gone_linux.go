package cluster

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// hungUp reports whether a client has closed its connection, or its sending half, as far as
// the kernel knows: also while what it has sent before is unread. It does not wait.
func hungUp(conn net.Conn) (gone bool) {
	if under, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = under.NetConn()
	}
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	_ = raw.Control(func(fd uintptr) {
		set := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(set[:], 0)
		gone = n > 0 && err == nil
	})
	return gone
}
