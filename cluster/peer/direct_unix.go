//go:build unix

package peer

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// A direct writes to a socket of the system without waiting, which no goroutine needs to
// be woken for. It belongs to the connection's writer.
type direct struct {
	sock *socket // nil: what follows
	raw  syscall.RawConn
	try  func(fd uintptr) bool // made once: it would be garbage for each write
	b    []byte
	n    int
	err  error
}

// newDirect is nil for what is no socket of the system: TLS, or a connection of a test.
func newDirect(c net.Conn) *direct {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	d := &direct{raw: raw}
	d.try = func(fd uintptr) bool {
		d.n, d.err = syscall.Write(int(fd), d.b)
		return true // whatever became of it: nothing is waited for
	}
	return d
}

// write writes what of b is taken at once; that may be nothing.
func (d *direct) write(b []byte) (n int, err error) {
	if d == nil || len(b) == 0 {
		return 0, nil
	}
	if d.sock != nil {
		return d.sock.try(b)
	}
	d.b, d.n, d.err = b, 0, nil
	err = d.raw.Write(d.try)
	d.b = nil
	if err == nil {
		err = d.err
	}
	switch {
	case err == nil:
		return d.n, nil
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR), errors.Is(err, os.ErrDeadlineExceeded):
		return 0, nil // a deadline that is over was an earlier write's
	}
	return 0, err
}
