//go:build !linux

package peer

import (
	"net"
	"time"
)

// A socket is there on Linux only.
type socket struct {
	net.Conn
	nowait bool
}

func newSocket(net.Conn, bool) *socket { return nil }

func (*socket) with(func(fd int)) {}

func (*socket) await(time.Duration) bool { return true }

func (*socket) try([]byte) (int, error) { return 0, nil }
