package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestRestartKeepsWhatWasAcknowledged kills a lone server under each fsync
// policy and starts it again on its log.
func TestRestartKeepsWhatWasAcknowledged(t *testing.T) {
	for _, policy := range []string{"always", "everysec", "no"} {
		t.Run(policy, func(t *testing.T) {
			n := startNode(t, "--appendfsync", policy)
			c := client(t, n)
			for i := range 500 {
				if err := c.Set(t.Context(), fmt.Sprint("k", i), i, 0).Err(); err != nil {
					t.Fatal(err)
				}
			}
			c.Incr(t.Context(), "k1")
			c.Del(t.Context(), "k2")
			c.Set(t.Context(), "mortal", "x", time.Hour)
			const life = 20 * time.Millisecond
			c.Set(t.Context(), "dead", "x", life)
			if err := n.Kill(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(life) // a restart is quicker than that
			if err := n.Start(); err != nil {
				t.Fatal(err)
			}
			ready(t, n)
			c = client(t, n)
			equal(t, c.Get(t.Context(), "k1"), "2")
			equal(t, c.Get(t.Context(), "k499"), "499")
			time.Sleep(20 * time.Millisecond) // a restart may be quicker than that
			for _, gone := range []string{"k2", "dead"} {
				if err := c.Get(t.Context(), gone).Err(); err != redis.Nil {
					t.Errorf("%s is there again: %v", gone, err)
				}
			}
			if ttl := c.TTL(t.Context(), "mortal").Val(); ttl <= 59*time.Minute || ttl > time.Hour {
				t.Errorf("time to live after the restart: %s", ttl)
			}
		})
	}
}

func equal(t *testing.T, got *redis.StringCmd, want string) {
	t.Helper()
	if v, err := got.Result(); v != want || err != nil {
		t.Errorf("%v: got %q, %v; want %q", got.Args(), v, err, want)
	}
}

// TestTornTailIsCut writes half a record behind the log; the start must cut
// it, say so, and keep everything before it.
func TestTornTailIsCut(t *testing.T) {
	n := startNode(t)
	c := client(t, n)
	c.Set(t.Context(), "k", "v", 0)
	if err := n.Stop(); err != nil {
		t.Fatalf("an orderly end: %v", err)
	}
	appendTo(t, incrFile(t, n.Dir), "*3\r\n$3\r\nSET\r\n$4\r\nha")
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, n)
	equal(t, client(t, n).Get(t.Context(), "k"), "v")
	if !strings.Contains(n.Log(), "Cutting 19 bytes") {
		t.Errorf("the log does not say that 19 bytes were cut:\n%s", n.Log())
	}
}

// TestDamageRefusesToStart flips a byte in the middle of the log: the server
// must not start on it, and must say where it is.
func TestDamageRefusesToStart(t *testing.T) {
	n := startNode(t)
	c := client(t, n)
	for i := range 100 {
		c.Set(t.Context(), fmt.Sprint("key", i), "value", 0)
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	path := incrFile(t, n.Dir)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(text), "value")
	text[at] ^= 1
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	status, err := n.Exited(within(t, time.Minute))
	if err != nil || status != 1 {
		t.Fatalf("exit status %d, %v; want 1", status, err)
	}
	lines := strings.Split(strings.TrimSpace(n.Log()), "\n")
	last := lines[len(lines)-1]
	if !strings.Contains(last, "offset") || !strings.Contains(last, filepath.Base(path)) {
		t.Errorf("the last line names neither file nor offset: %s", last)
	}
}

func incrFile(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "appendonlydir", "*.incr.aof"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no log in %s: %v", dir, err)
	}
	return found[len(found)-1]
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// TestRedisLoadsTheLog starts redis-server on Regent's directory.
func TestRedisLoadsTheLog(t *testing.T) {
	n := startNode(t)
	c := client(t, n)
	c.Set(t.Context(), "a", "1", 0)
	c.Set(t.Context(), "b", "2", time.Hour)
	c.Do(t.Context(), "MSET", "x", "1", "y", "2")
	c.Append(t.Context(), "a", "0")
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	r := prepareNode(t, need(t, "redis-server"), "--save", "", "--appendonly", "yes")
	if err := os.CopyFS(filepath.Join(r.Dir, "appendonlydir"), os.DirFS(filepath.Join(n.Dir, "appendonlydir"))); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, r)
	rc := client(t, r)
	equal(t, rc.Get(t.Context(), "a"), "10")
	equal(t, rc.Get(t.Context(), "y"), "2")
	if n := rc.DBSize(t.Context()).Val(); n != 4 {
		t.Errorf("%d keys, want 4", n)
	}
}
