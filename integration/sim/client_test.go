package sim

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"regent/resp"
)

// A caller is a connection to one address, for commands one after the other.
type caller struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	addr string
	conn net.Conn
	in   *bufio.Reader
}

// A replyError is an error that the server answered.
type replyError string

func (e replyError) Error() string { return string(e) }

var errUnsent = errors.New("not sent")

// do sends a command and waits for its reply, as fmt prints what go-redis returns. An
// error that is errUnsent says that nobody has seen the command.
func (c *caller) do(limit time.Duration, args ...any) (string, error) {
	replies, err := c.exchange(limit, args)
	if err != nil {
		return "", err
	}
	if answer, is := replies[0].(replyError); is {
		return "", answer
	}
	return fmt.Sprint(replies[0]), nil
}

// exchange sends commands at once and reads their replies, of which some may be errors.
func (c *caller) exchange(limit time.Duration, commands ...[]any) (replies []any, err error) {
	end := time.Now().Add(limit)
	if c.conn == nil {
		ctx, cancel := context.WithDeadline(context.Background(), end)
		defer cancel()
		conn, err := c.dial(ctx, "tcp", c.addr)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errUnsent, err)
		}
		c.conn, c.in = conn, bufio.NewReader(conn)
	}
	var b []byte
	for _, args := range commands {
		words := make([]string, len(args))
		for i, a := range args {
			words[i] = fmt.Sprint(a)
		}
		b = resp.AppendCommand(b, words...)
	}
	_ = c.conn.SetDeadline(end)
	_, err = c.conn.Write(b)
	for len(replies) < len(commands) && err == nil {
		var v any
		v, err = readReply(c.in)
		var answer replyError
		if errors.As(err, &answer) {
			v, err = answer, nil
		}
		replies = append(replies, v)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return replies, nil
}

func (c *caller) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

func readReply(in *bufio.Reader) (any, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return nil, errors.New("an empty line for a reply")
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+':
		return rest, nil
	case '-':
		return nil, replyError(rest)
	case ':':
		return strconv.ParseInt(rest, 10, 64)
	case '$', '*':
		n, err := strconv.Atoi(rest)
		if err != nil {
			return nil, err
		}
		if n < 0 {
			return "", nil
		}
		if kind == '$' {
			b := make([]byte, n+2)
			if _, err := io.ReadFull(in, b); err != nil {
				return nil, err
			}
			return string(b[:n]), nil
		}
		out := make([]any, n)
		for i := range out {
			v, err := readReply(in)
			var answer replyError
			if errors.As(err, &answer) {
				v, err = string(answer), nil
			}
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
		return out, nil
	}
	return nil, fmt.Errorf("not a reply: %q", line)
}
