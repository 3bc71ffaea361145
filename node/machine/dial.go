package machine

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"regent/engine"
)

// Dial connects to another server over TCP: it is engine.Dialer.
func Dial(addr string, limit time.Duration) (engine.Remote, error) {
	conn, err := net.DialTimeout("tcp", addr, limit)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%w: %w", engine.ErrRefused, err)
	case err != nil:
		return nil, err
	}
	return remote{conn}, nil
}

// A remote is a connection as the engine wants it.
type remote struct{ net.Conn }

// Within is engine.Remote's.
func (r remote) Within(d time.Duration) error { return r.SetDeadline(time.Now().Add(d)) }
