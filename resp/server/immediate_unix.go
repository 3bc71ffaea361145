//go:build unix

package server

import (
	"net"
	"syscall"
)

// An immediate asks the kernel what it takes and has at once, which net.Conn
// cannot: its Write waits until all is taken. The functions are made once,
// for each would cost an allocation.
type immediate struct {
	raw     syscall.RawConn
	b       []byte
	n       int
	err     error
	doWrite func(fd uintptr) bool
	doRead  func(fd uintptr) bool
}

// newImmediate returns nil for a connection that is not a plain socket.
func newImmediate(conn net.Conn) *immediate {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	m := &immediate{raw: raw}
	m.doWrite = func(fd uintptr) bool { m.n, m.err = syscall.Write(int(fd), m.b); return true }
	m.doRead = func(fd uintptr) bool { m.n, m.err = syscall.Read(int(fd), m.b); return true }
	return m
}

func (m *immediate) write(b []byte) (n int, err error) { return m.do(m.raw.Write, m.doWrite, b) }

func (m *immediate) read(b []byte) (n int, err error) { return m.do(m.raw.Read, m.doRead, b) }

func (m *immediate) do(call func(func(uintptr) bool) error, f func(uintptr) bool, b []byte) (n int, err error) {
	m.b = b
	err = call(f)
	m.b = nil
	switch {
	case err != nil:
		return 0, err
	case m.err == syscall.EAGAIN || m.err == syscall.EINTR:
		return 0, nil
	case m.err != nil:
		return 0, m.err
	}
	return m.n, nil
}
