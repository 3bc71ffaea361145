package cluster

import (
	"errors"
	"io"
	"net"
)

// tunnelRead is how many bytes a tunnel reads at once.
const tunnelRead = 64 << 10

// A plainReader reads any connection.
type plainReader struct {
	conn net.Conn
	buf  []byte
}

// read waits for bytes and gives them to f; they are f's until it returns.
func (r *plainReader) read(f func(p []byte) error) error {
	if r.buf == nil {
		r.buf = make([]byte, tunnelRead)
	}
	n, err := r.conn.Read(r.buf)
	if n > 0 {
		if err := f(r.buf[:n]); err != nil {
			return err
		}
	}
	return err
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }
