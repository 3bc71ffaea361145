package enginetest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"regent/resp"
)

// Limits of talking to the oracle.
const (
	oracleStarts   = 5                // attempts to start, should a port be taken meanwhile
	oraclePatience = 20 * time.Second // for it to come up, and for a reply
	oraclePoll     = 5 * time.Millisecond
)

// A Redis is a redis-server of the test's own: what Regent must answer like.
type Redis struct {
	addr string
	kill func() // ends it
}

// Port is where it listens, on the loopback.
func (r *Redis) Port() string {
	_, port, _ := net.SplitHostPort(r.addr)
	return port
}

// Kill ends it at once.
func (r *Redis) Kill() { r.kill() }

// StartRedis starts a redis-server without persistence on a free port of the
// loopback, and ends it with the test. Extra arguments go to its command
// line. Without redis-server the test fails: there is nothing to compare with.
func StartRedis(t testing.TB, extra ...string) *Redis {
	t.Helper()
	return start(t, func(port string) []string {
		return append([]string{
			"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
			"--dir", t.TempDir(), "--daemonize", "no",
		}, extra...)
	})
}

// StartSentinel starts a redis-sentinel that watches a server under the name mymaster,
// with a quorum of 2.
func StartSentinel(t testing.TB, master *Redis, downAfter time.Duration) *Redis {
	t.Helper()
	return start(t, func(port string) []string {
		dir := t.TempDir()
		conf := filepath.Join(dir, "sentinel.conf") // Sentinel writes into it
		text := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor mymaster 127.0.0.1 %s 2\nsentinel down-after-milliseconds mymaster %d\n",
			port, dir, master.Port(), downAfter.Milliseconds())
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{conf, "--sentinel"}
	})
}

// start starts redis-server with what args says for a port.
func start(t testing.TB, args func(port string) []string) *Redis {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatalf("the oracle is missing: %v", err)
	}
	for range oracleStarts {
		r, err := startOnce(t, path, args)
		if err == nil {
			return r
		}
		t.Logf("starting redis-server: %v", err)
	}
	t.Fatal("redis-server does not start")
	return nil
}

func startOnce(t testing.TB, path string, args func(port string) []string) (*Redis, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().(*net.TCPAddr)
	if err := l.Close(); err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args(fmt.Sprint(addr.Port))...)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for end := time.Now().Add(oraclePatience); time.Now().Before(end); {
		select {
		case err := <-ended:
			return nil, fmt.Errorf("it ended: %w", err)
		case <-time.After(oraclePoll):
		}
		conn, err := net.Dial("tcp", addr.String())
		if err != nil {
			continue
		}
		_ = conn.Close() // only its being accepted mattered
		kill := sync.OnceFunc(func() {
			if err := cmd.Process.Kill(); err != nil {
				t.Logf("ending redis-server: %v", err)
			}
			<-ended
		})
		t.Cleanup(kill)
		return &Redis{addr.String(), kill}, nil
	}
	_ = cmd.Process.Kill() // it never came up
	<-ended
	return nil, errors.New("it does not listen")
}

// A RedisClient is a connection to the oracle.
type RedisClient struct {
	conn net.Conn
	buf  []byte
	t    testing.TB
}

// Client connects to the oracle; the connection ends with the test.
func (r *Redis) Client(t testing.TB) *RedisClient {
	t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the oracle may be gone already
	return &RedisClient{conn: conn, t: t}
}

// Close ends the connection before the test does.
func (c *RedisClient) Close() { _ = c.conn.Close() }

// Do sends a command and returns its reply as it came.
func (c *RedisClient) Do(args ...string) string {
	c.t.Helper()
	c.Send(args...)
	return c.Next()
}

// Send sends a command, whose reply Next reads if there is one.
func (c *RedisClient) Send(args ...string) {
	c.t.Helper()
	if err := c.conn.SetDeadline(time.Now().Add(oraclePatience)); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.conn.Write(resp.AppendCommand(nil, args...)); err != nil {
		c.t.Fatalf("%q to redis-server: %v", args, err)
	}
}

// Next reads one more reply.
func (c *RedisClient) Next() string {
	c.t.Helper()
	var chunk [16 << 10]byte
	for {
		_, rest, err := Parse(c.buf)
		if err == nil {
			whole := string(c.buf[:len(c.buf)-len(rest)])
			c.buf = append([]byte(nil), rest...)
			return whole
		}
		if !errors.Is(err, errShort) {
			c.t.Fatalf("redis-server: %v", err)
		}
		n, err := c.conn.Read(chunk[:])
		if err != nil {
			c.t.Fatalf("reading from redis-server: %v", err)
		}
		c.buf = append(c.buf, chunk[:n]...)
	}
}
