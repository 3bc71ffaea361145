package integration

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// startSentinels starts redis-server's Sentinels, which watch the node at addr, and ask and
// greet more often than they do by default.
func startSentinels(t *testing.T, n int, addr string) (all []*redis.SentinelClient) {
	t.Helper()
	host, port, _ := net.SplitHostPort(addr)
	for range n {
		s := prepareNode(t, need(t, "redis-server"), "--sentinel")
		file := filepath.Join(s.Dir, "sentinel.conf")
		text := fmt.Sprintf("sentinel monitor mymaster %s %s 2\nsentinel down-after-milliseconds mymaster 5000\nsentinel failover-timeout mymaster 10000\n", host, port)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.Before = []string{file}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		ready(t, s)
		if err := client(t, s).Do(t.Context(), "SENTINEL", "DEBUG", "INFO-PERIOD", 100, "PUBLISH-PERIOD", 100).Err(); err != nil {
			t.Fatal(err)
		}
		c := redis.NewSentinelClient(&redis.Options{Addr: s.Addr()})
		t.Cleanup(func() { c.Close() })
		all = append(all, c)
	}
	return all
}

// TestRealSentinels: Sentinels of redis-server's that are pointed at plain ports find the
// nodes, go on hearing from each of itself, and are told that they cannot say who leads.
func TestRealSentinels(t *testing.T) {
	c, at := startPlain(t)
	leader, err := c.Agreed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sentinels := startSentinels(t, 3, at[leader])
	for _, s := range sentinels {
		if err := harness.Until(within(t, 90*time.Second), func() error {
			m, err := s.Master(t.Context(), "mymaster").Result()
			if err == nil && (m["num-slaves"] != "2" || m["num-other-sentinels"] != "2" || m["flags"] != "master") {
				err = fmt.Errorf("%v", m)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	// Each says hello by way of each node, on the connection on which it asks that node.
	for _, n := range c.Nodes {
		if err := harness.Until(within(t, 90*time.Second), func() error {
			info, err := n.Info(t.Context(), "commandstats")
			if err != nil {
				return err
			}
			calls, _, _ := strings.Cut(strings.TrimPrefix(info["cmdstat_publish"], "calls="), ",")
			if n, _ := strconv.Atoi(calls); n < 30 {
				return fmt.Errorf("%d greetings", n)
			}
			return nil
		}); err != nil {
			t.Fatalf("node %d: %v", n.Port, err)
		}
	}
	for _, s := range sentinels {
		replicas, err := s.Replicas(t.Context(), "mymaster").Result()
		if err != nil || len(replicas) != 2 {
			t.Fatalf("%v, %v", replicas, err)
		}
		for _, r := range replicas {
			if r["role-reported"] != "slave" || r["master-link-status"] != "ok" || net.JoinHostPort(r["master-host"], r["master-port"]) != at[leader] {
				t.Errorf("a replica is %v", r)
			}
			for _, n := range followers(c, leader) {
				info, err := n.Info(t.Context(), "server")
				if err != nil {
					t.Fatal(err)
				}
				if net.JoinHostPort(r["ip"], r["port"]) == at[n] && r["runid"] != info["run_id"] {
					t.Errorf("%s is taken for another node", at[n])
				}
			}
		}
	}
	// What a Sentinel sends to a node that it has chosen ends at the first refusal.
	stays := plainClient(t, at[leader])
	stays.must(t, "+OK", "SET k v")
	for n, addr := range at {
		a := plainClient(t, addr)
		const refused = "-ERR Nodes find their leader by themselves"
		a.must(t, refused, "SLAVEOF NO ONE")
		a.must(t, refused, "REPLICAOF 127.0.0.1 1")
		a.must(t, "+OK", "MULTI")
		a.must(t, refused, "SLAVEOF NO ONE")
		a.must(t, "+QUEUED", "CLIENT KILL TYPE normal")
		a.must(t, "-EXECABORT", "EXEC")
		// On a Sentinel's connection that is so too, and it goes on hearing of the same node.
		a = plainClient(t, addr)
		a.must(t, ":", "PUBLISH __sentinel__:hello x")
		a.must(t, "+OK", "MULTI")
		a.must(t, refused, "SLAVEOF NO ONE")
		a.must(t, "-EXECABORT", "EXEC")
		info, err := n.Info(t.Context(), "server")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := a.line("INFO server"); err != nil || !strings.Contains(got, "run_id:"+info["run_id"]) {
			t.Errorf("after SLAVEOF %s hears of another node: %q, %v", addr, got, err)
		}
	}
	stays.must(t, "v", "GET k")
}

// TestTunnelHalfCommands: what is cut anywhere, and goes to another leader between, is
// carried out once; a client that ends in the midst of a command has done nothing.
func TestTunnelHalfCommands(t *testing.T) {
	c, at := startPlain(t)
	leader, err := c.Agreed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := at[followers(c, leader)[0]]
	const cmd = "*3\r\n$6\r\nAPPEND\r\n$4\r\nhalf\r\n$1\r\nx\r\n"
	cuts := []int{1, 5, 9, 20, len(cmd) - 1}
	var halves []*rawClient
	for _, n := range cuts {
		a := plainClient(t, other)
		a.must(t, "+OK", "SET half %q", "") // it is at the leader
		if _, err := io.WriteString(a, cmd[:n]); err != nil {
			t.Fatal(err)
		}
		halves = append(halves, a)
	}
	for range cuts { // and those that never say the rest
		a := plainClient(t, other)
		a.must(t, "+PONG", "PING")
		a.must(t, "", "GET half")
		_, _ = io.WriteString(a, cmd[:len(cmd)-1])
		a.Close()
	}
	if err := client(t, leader).Do(t.Context(), "FAILOVER").Err(); err != nil {
		t.Fatal(err)
	}
	if err := harness.Until(within(t, 90*time.Second), func() error {
		if now, err := c.Agreed(t.Context()); err != nil || now == leader {
			return errors.New("no change of leader")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i, a := range halves {
		_ = a.SetDeadline(time.Now().Add(60 * time.Second))
		if _, err := io.WriteString(a, cmd[cuts[i]:]); err != nil {
			t.Fatal(err)
		}
		if got, err := a.hear(); err != nil || got != fmt.Sprint(":", i+1) {
			t.Errorf("the command that was cut at %d: %q, %v", cuts[i], got, err)
		}
	}
}
