package regent

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/engine/config"
)

// taken listens at a port that it chooses, as long as the test runs or until it is closed.
func taken(t *testing.T) (l net.Listener, port string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return l, port
}

// freePort is a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, port := taken(t)
	l.Close()
	return port
}

// at is a client of a port on the loopback address.
func at(t *testing.T, port string) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + port, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1, PoolSize: 1, ReadTimeout: time.Minute})
	t.Cleanup(func() { c.Close() })
	return c
}

// listensElsewhere says CONFIG SET port and bind to the server at a port in every way; replies name no port.
func listensElsewhere(t *testing.T, port string) (said []string) {
	t.Helper()
	_, busy := taken(t)
	free := freePort(t)
	names := strings.NewReplacer(port, "PORT", busy, "BUSY", free, "FREE")
	first := at(t, port)
	do := func(c *redis.Client, args ...any) {
		got, err := c.Do(t.Context(), args...).Result()
		if err != nil {
			got = err.Error()
			if strings.Contains(err.Error(), "refused") {
				got = "nobody listens"
			}
		}
		said = append(said, names.Replace(fmt.Sprint(args, ": ", got)))
	}
	for _, pairs := range [][]any{
		{"port", busy, "maxmemory", "123456789"}, {"port", "70000"}, {"bind", "192.0.2.1"}, {"bind", "127.0.0.1 192.0.2.1"}, {"bind", "127.0.0.1 -192.0.2.1"},
		{"bind", strings.Repeat("127.0.0.1 ", 17)}, {"port", port}, {"port", free, "maxmemory", "x"},
	} {
		do(first, append([]any{"CONFIG", "SET"}, pairs...)...)
		do(first, "CONFIG", "GET", "port")
		do(first, "CONFIG", "GET", "bind")
		do(first, "CONFIG", "GET", "maxmemory")
		do(at(t, port), "PING")
	}
	do(first, "CONFIG", "SET", "port", free)
	do(first, "PING") // a client that is connected stays
	do(at(t, port), "PING")
	do(at(t, free), "PING")
	do(at(t, free), "CONFIG", "SET", "port", port)
	do(at(t, free), "PING")
	do(at(t, port), "PING")
	do(first, "CONFIG", "SET", "port", "0")
	do(at(t, port), "PING")
	do(first, "CONFIG", "SET", "port", port)
	do(at(t, port), "PING")
	return said
}

// TestListensElsewhere: CONFIG SET port and bind do what they do in redis-server; what cannot be done
// is taken back.
func TestListensElsewhere(t *testing.T) {
	for _, model := range []string{"eventloop", "goroutine"} {
		theirs, end := startRedis(t, t.TempDir())
		defer end()
		_, theirPort, _ := net.SplitHostPort(theirs.Options().Addr)
		port := freePort(t)
		cfg := config.New()
		if err := config.Parse(cfg, strings.Join([]string{"dir " + t.TempDir(), "port " + port, "bind 127.0.0.1", "io-model " + model}, "\n"), "test"); err != nil {
			t.Fatal(err)
		}
		s, err := New(Options{Config: cfg})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		c := at(t, port)
		for err := error(net.ErrClosed); err != nil; {
			err = c.Ping(t.Context()).Err()
		}
		ours := listensElsewhere(t, port)
		if theirs := listensElsewhere(t, theirPort); !slices.Equal(ours, theirs) {
			for i := range ours {
				if ours[i] != theirs[i] {
					t.Errorf("%s: %s\n  redis-server: %s", model, ours[i], theirs[i])
				}
			}
		}
		if got := s.Addrs(); len(got) != 1 || got[0].String() != "127.0.0.1:"+port {
			t.Errorf("at the end it listens at %v", got)
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}
