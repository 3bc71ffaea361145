package cli

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"regent/resp"
	"regent/resp/secure"
)

// A Conn is one connection to a server: a command, its reply, the next. It is
// not safe for concurrent use.
type Conn struct {
	conn net.Conn
	in   *resp.Reader
	// pushed is given what a RESP3 server sends unasked; nil drops it.
	pushed func(resp.Value)
}

// keepAlive finds out that the other machine is gone while a reply is awaited:
// blocking commands may wait for ever, so that no time says it.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// Dial connects within timeout. The network is "tcp" or "unix".
func Dial(network, addr string, timeout time.Duration) (*Conn, error) {
	d := net.Dialer{Timeout: timeout, KeepAliveConfig: keepAlive}
	conn, err := d.Dial(network, addr)
	if err != nil {
		return nil, err
	}
	return &Conn{conn: conn, in: resp.NewReader(conn, resp.DefaultLimits())}, nil
}

// secure has the connection speak TLS. With an error it is closed.
func (c *Conn) secure(o *options, timeout time.Duration) error {
	cfg, err := secure.Dialling(o.secure, o.sni, o.insecure)
	if err == nil {
		under := c.conn
		conn := tls.Client(under, cfg)
		_ = under.SetDeadline(time.Now().Add(timeout))
		err = conn.Handshake()
		_ = under.SetDeadline(time.Time{})
		c.conn, c.in = conn, resp.NewReader(conn, resp.DefaultLimits())
	}
	if err != nil {
		c.Close()
		return fmt.Errorf("TLS: %w", err)
	}
	return nil
}

// Close closes the connection.
func (c *Conn) Close() { _ = c.conn.Close() }

// maxPushes bounds the out-of-band messages passed over before one reply.
const maxPushes = 1 << 20

// errNotSent is wrapped when a command did not leave completely: it was not
// carried out.
var errNotSent = errors.New("not sent")

// Do sends a command and returns its reply. A timeout of 0 waits for ever.
// After an error the connection is of no use.
func (c *Conn) Do(timeout time.Duration, words ...string) (resp.Value, error) {
	var until time.Time
	if timeout > 0 {
		until = time.Now().Add(timeout)
	}
	if err := c.conn.SetDeadline(until); err != nil {
		return resp.Value{}, fmt.Errorf("%w: set a deadline: %w", errNotSent, err)
	}
	if err := c.send(resp.AppendCommand(nil, words...)); err != nil {
		return resp.Value{}, err
	}
	return c.reply()
}

// send writes whole commands.
func (c *Conn) send(b []byte) error {
	if _, err := c.conn.Write(b); err != nil {
		return fmt.Errorf("%w: %w", errNotSent, err)
	}
	return nil
}

// reply returns the next reply; what came unasked before it is handed on.
func (c *Conn) reply() (resp.Value, error) {
	for range maxPushes {
		v, err := c.in.Read()
		if err != nil {
			return resp.Value{}, err
		}
		if v.Kind != resp.Push {
			return v, nil
		}
		if c.pushed != nil {
			c.pushed(v)
		}
	}
	return resp.Value{}, fmt.Errorf("no reply among %d messages", maxPushes)
}
