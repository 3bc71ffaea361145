package server

import "golang.org/x/sys/unix"

// hungUp reports whether the peer of a socket has closed it, or its sending half,
// as far as the kernel knows: also while what the peer has sent before is unread. It does not
// wait. For a descriptor that is closed, or has become another's meanwhile, the answer
// means nothing; the session of such a one has ended, and nobody serves it.
func hungUp(fd int) bool {
	set := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(set[:], 0)
	return n > 0 && err == nil
}
