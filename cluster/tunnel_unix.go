//go:build unix

package cluster

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

// A reader reads a connection and needs no buffer while nothing comes.
type reader struct {
	raw   syscall.RawConn // nil: it is not one of the system's
	plain plainReader
}

func newReader(conn net.Conn) *reader {
	if sc, ok := conn.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			return &reader{raw: raw}
		}
	}
	return &reader{plain: plainReader{conn: conn}}
}

// tunnelBuffers are shared by all readers that have something to read.
var tunnelBuffers = sync.Pool{New: func() any { return new([tunnelRead]byte) }}

// read waits for bytes and gives them to f; they are f's until it returns.
func (r *reader) read(f func(p []byte) error) error {
	if r.raw == nil {
		return r.plain.read(f)
	}
	var buf *[tunnelRead]byte
	n, failed := 0, error(nil)
	err := r.raw.Read(func(fd uintptr) bool {
		buf = tunnelBuffers.Get().(*[tunnelRead]byte)
		for {
			n, failed = syscall.Read(int(fd), buf[:])
			if failed != syscall.EINTR {
				break
			}
		}
		if errors.Is(failed, syscall.EAGAIN) {
			tunnelBuffers.Put(buf)
			buf = nil
			return false
		}
		return true
	})
	if buf != nil {
		defer tunnelBuffers.Put(buf)
	}
	switch {
	case err != nil:
		return err
	case failed != nil:
		return failed
	case n == 0:
		return io.EOF
	}
	return f(buf[:n])
}
