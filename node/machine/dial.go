package machine

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"regent/engine"
)

// Dialer opens connections to other servers as engine.Dialer, by dial; nil: over the
// system's TCP. With secure they speak TLS.
func Dialer(dial func(ctx context.Context, network, addr string) (net.Conn, error), secure func() *tls.Config) engine.Dialer {
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
		case secure == nil:
			return remote{conn}, nil
		}
		within := tls.Client(conn, secure())
		if err := within.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("TLS with %s: %w", addr, err)
		}
		return remote{within}, nil
	}
}

// A remote is a connection as the engine wants it.
type remote struct{ net.Conn }

// Within is engine.Remote's.
func (r remote) Within(d time.Duration) error { return r.SetDeadline(time.Now().Add(d)) }
