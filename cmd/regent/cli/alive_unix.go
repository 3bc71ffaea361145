//go:build unix

package cli

import (
	"errors"
	"syscall"
)

// alive looks, without waiting, whether the other side has closed the
// connection: what is sent on it then arrives nowhere.
func (c *Conn) alive() bool {
	if c.in.Buffered() > 0 {
		return true
	}
	sc, ok := c.conn.(syscall.Conn)
	if !ok {
		return true
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	var n int
	var failed error
	err = rc.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, failed = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return true
	})
	if err != nil {
		return false
	}
	return n > 0 || errors.Is(failed, syscall.EAGAIN) || errors.Is(failed, syscall.EINTR)
}
