package main

import (
	"fmt"
	"net"
	"time"

	"regent/resp"
)

// A serverConn is one connection to a server: a command, its reply, the next.
type serverConn struct {
	conn net.Conn
	in   *resp.Reader
}

// dialServer connects within timeout.
func dialServer(network, addr string, timeout time.Duration) (*serverConn, error) {
	conn, err := net.DialTimeout(network, addr, timeout)
	if err != nil {
		return nil, err
	}
	return &serverConn{conn: conn, in: resp.NewReader(conn, resp.DefaultLimits())}, nil
}

func (c *serverConn) close() { _ = c.conn.Close() }

// maxPushes bounds the out-of-band messages passed over before one reply.
const maxPushes = 1 << 16

// do sends a command and returns its reply, which must be complete within
// timeout. After an error the connection is of no use.
func (c *serverConn) do(timeout time.Duration, words []string) (resp.Value, error) {
	if err := c.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return resp.Value{}, fmt.Errorf("set a deadline: %w", err)
	}
	if _, err := c.conn.Write(resp.AppendCommand(nil, words...)); err != nil {
		return resp.Value{}, fmt.Errorf("send: %w", err)
	}
	for range maxPushes {
		v, err := c.in.Read()
		if err != nil {
			return resp.Value{}, fmt.Errorf("read the reply: %w", err)
		}
		if v.Kind != resp.Push {
			return v, nil
		}
	}
	return resp.Value{}, fmt.Errorf("no reply among %d messages", maxPushes)
}
