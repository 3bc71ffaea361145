package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"regent/resp"
)

// pipe sends standard input to the server as it is and counts the replies. Its
// end is an ECHO of random bytes: when they come back every reply has come.
func (c *client) pipe() error {
	if err := c.toLeader(); err != nil {
		return err
	}
	conn := c.s.conn
	if err := conn.conn.SetDeadline(time.Time{}); err != nil {
		return ended(err)
	}
	mark := rand.Text()[:20]
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(conn.conn, c.t.In)
		if err == nil {
			// The line end closes an inline command that lacks one.
			_, err = conn.conn.Write(append([]byte("\r\n"), resp.AppendCommand(nil, "ECHO", mark)...))
		}
		if err == nil && c.o.pipeTimeout > 0 {
			err = conn.conn.SetReadDeadline(time.Now().Add(c.o.pipeTimeout))
		}
		sent <- err
	}()
	replies, failed, err := c.pipeReplies(conn, mark, sent)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "errors: %d, replies: %d\n", failed, replies)
	if failed > 0 {
		return errSilent
	}
	return nil
}

// pipeReplies reads until the mark comes back.
func (c *client) pipeReplies(conn *Conn, mark string, sent <-chan error) (replies, failed int64, err error) {
	said := false
	tell := func() error {
		select {
		case err := <-sent:
			said = true
			if err != nil {
				return fmt.Errorf("send standard input: %w", err)
			}
			fmt.Fprintln(c.out, "All data transferred. Waiting for the last reply...")
		default:
		}
		return nil
	}
	for {
		r, err := conn.reply()
		var silent net.Error
		switch {
		case errors.As(err, &silent) && silent.Timeout() || errors.Is(err, os.ErrDeadlineExceeded):
			fmt.Fprintf(c.t.Err, "No replies for %d seconds: exiting.\n", int(c.o.pipeTimeout.Seconds()))
			return replies, failed + 1, nil
		case err != nil:
			return replies, failed, ended(err)
		}
		if !said {
			if err := tell(); err != nil {
				return replies, failed, err
			}
		}
		if said && c.o.pipeTimeout > 0 {
			if err := conn.conn.SetReadDeadline(time.Now().Add(c.o.pipeTimeout)); err != nil {
				return replies, failed, ended(err)
			}
		}
		if r.Kind == resp.Bulk && string(r.Text) == mark {
			if !said {
				if err := <-sent; err != nil {
					return replies, failed, fmt.Errorf("send standard input: %w", err)
				}
				fmt.Fprintln(c.out, "All data transferred. Waiting for the last reply...")
			}
			fmt.Fprintln(c.out, "Last reply received from server.")
			return replies, failed, nil
		}
		replies++
		if r.IsError() {
			failed++
			fmt.Fprintf(c.t.Err, "%s\n", r.Text)
		}
	}
}

// toLeader makes sure that the session is at the node that takes writes: what
// is piped can't be sent again. CLUSTER SLOTS names the leader first.
func (c *client) toLeader() error {
	if err := c.s.ready(); err != nil {
		return ended(err)
	}
	if !c.s.o.follow || len(c.s.known) < 2 || c.s.known[0] == c.s.addr {
		return nil
	}
	c.s.close()
	c.s.addr = c.s.known[0]
	if err := c.s.ready(); err != nil {
		return ended(err)
	}
	return nil
}
