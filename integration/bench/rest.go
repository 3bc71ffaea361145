package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"time"
)

// restTimeout is how long a server may take to answer the PING of rest.
const restTimeout = 10 * time.Second

// pingLine and pongLine are what rest says and hears.
const pingLine, pongLine = "PING\r\n", "+PONG\r\n"

// rest ends a slice: the server has taken leave of the slice's clients, and does no more for
// them. One client sends one PING, and that matters: redis-server with io-threads keeps these
// spinning after its clients have gone, and has them stop when it next writes to few of them.
// Until then they take a core from the server that has the next slice.
func rest(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, restTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("end a slice: %w", err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // fails only for a connection that is closed
	}
	if _, err := io.WriteString(conn, pingLine); err != nil {
		return fmt.Errorf("end a slice: %w", err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	switch {
	case err != nil:
		return fmt.Errorf("end a slice: %w", err)
	case answer != pongLine:
		return fmt.Errorf("end a slice: PING is answered with %q", answer)
	}
	return nil
}
