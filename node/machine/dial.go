package machine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"regent/engine"
)

// Dialer opens connections to other servers as engine.Dialer, by dial; nil: over the
// system's TCP.
func Dialer(dial func(ctx context.Context, network, addr string) (net.Conn, error)) engine.Dialer {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(addr string, limit time.Duration) (engine.Remote, error) {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		conn, err := dial(ctx, "tcp", addr)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			return nil, fmt.Errorf("%w: %w", engine.ErrRefused, err)
		case err != nil:
			return nil, err
		}
		return remote{conn}, nil
	}
}

// A remote is a connection as the engine wants it.
type remote struct{ net.Conn }

// Within is engine.Remote's.
func (r remote) Within(d time.Duration) error { return r.SetDeadline(time.Now().Add(d)) }
