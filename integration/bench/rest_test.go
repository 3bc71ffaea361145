package main

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"regent/integration/harness"
)

// TestSlicesEndAtRest: when a slice is over, the I/O threads of redis-server are. It tells by
// the first command that it is sent, as that has them stop.
func TestSlicesEndAtRest(t *testing.T) {
	const slices, requests = 10, 1000
	ports, err := harness.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	n := redisNode(options{redis: "redis-server"}, ports[0], t.TempDir(), "--io-threads", "2", "--io-threads-do-reads", "yes")
	defer stop(n)
	if err := start(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	for i := range slices {
		if _, err := benchmark(t.Context(), n, requests, []string{"-c", "50", "PING"}, nil); err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", n.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "INFO server\r\nQUIT\r\n") // what is not sent is not answered
		info, err := io.ReadAll(conn)
		_ = conn.Close() // it was read to its end
		if err != nil || !strings.Contains(string(info), "\r\nio_threads_active:0\r\n") {
			t.Fatalf("after slice %d: %v, %s", i, err, info)
		}
	}
}

// TestRest: it says PING, and is content with nothing but its answer.
func TestRest(t *testing.T) {
	for _, c := range []struct{ answer, err string }{
		{"+PONG\r\n", ""},
		{"-NOAUTH Authentication required.\r\n", "NOAUTH"},
		{"+PON", "EOF"},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		said := make(chan string, 1)
		go func() {
			conn, err := l.Accept()
			if err != nil {
				said <- err.Error()
				return
			}
			defer conn.Close()
			b := make([]byte, len(pingLine))
			_, _ = io.ReadFull(conn, b) // what has come is compared
			said <- string(b)
			_, _ = io.WriteString(conn, c.answer) // the other end sees what is missing
		}()
		err = rest(t.Context(), l.Addr().String())
		if got := <-said; got != pingLine {
			t.Errorf("it says %q", got)
		}
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("answered %q: %v", c.answer, err)
		}
	}
}

// TestRestGivesUp: nobody listens, or the caller has given up.
func TestRestGivesUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := rest(ctx, l.Addr().String()); err == nil {
		t.Error("no error")
	}
}
