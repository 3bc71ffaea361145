package server

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// adopt makes a client of a connection of Go's, which is closed then; taken is false for
// one that is nothing for an event loop.
func (g *loops) adopt(conn net.Conn, set func(*client), begin func(*client) bool) (taken bool, err error) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return false, nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false, nil
	}
	fd := -1
	if err := raw.Control(func(n uintptr) {
		if dup, err := unix.FcntlInt(n, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			fd = dup
		}
	}); err != nil || fd < 0 {
		return false, nil
	}
	first, err := g.loop(0)
	if err != nil {
		closeNow(fd)
		return false, nil
	}
	p := &slot{sock: fd}
	set(&p.client)
	p.client.link = p
	p.at.Store(first)
	p.queued.Store(true) // what wakes it meanwhile need not post it
	g.srv.tune(fd)
	if !begin(&p.client) {
		closeNow(fd)
		return false, errStopping
	}
	_ = conn.Close() // fd is its own
	if !first.post(p, nil) {
		p.Kill()
	}
	return true, nil
}
