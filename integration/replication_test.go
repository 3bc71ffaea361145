package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// setMany writes n keys in pipelines.
func setMany(t *testing.T, c redis.UniversalClient, prefix string, n int) {
	t.Helper()
	const batch = 1000
	for from := 0; from < n; from += batch {
		_, err := c.Pipelined(t.Context(), func(p redis.Pipeliner) error {
			for i := from; i < min(from+batch, n); i++ {
				p.Set(t.Context(), fmt.Sprint(prefix, i), fmt.Sprintf("value of %d", i), 0)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// sameData waits until all running nodes hold the same keys and values.
func sameData(t *testing.T, c *harness.Cluster) {
	t.Helper()
	ctx := within(t, 30*time.Second)
	err := harness.Until(ctx, func() error {
		var first string
		for _, n := range c.Nodes {
			if n.PID() == 0 {
				continue
			}
			digest, err := digestOf(ctx, n)
			switch {
			case err != nil:
				return err
			case first == "":
				first = digest
			case digest != first:
				return fmt.Errorf("node %d holds other data", n.Port)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func digestOf(ctx context.Context, n *harness.Node) (string, error) {
	c := n.Client()
	defer c.Close()
	return c.Do(ctx, "DEBUG", "DIGEST").Text()
}

// TestClusterFromRedisData: a node that starts on a redis-server's append only
// directory leads two empty ones: they get full copies, while writers write.
func TestClusterFromRedisData(t *testing.T) {
	r := startRedis(t, "--appendonly", "yes")
	rc := client(t, r)
	setMany(t, rc, "old", 20000)
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	c, err := harness.NewCluster(binary(), t.TempDir(), 3, "--enable-debug-command", "yes")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Kill()
		if t.Failed() {
			for _, n := range c.Nodes {
				t.Logf("log of node %d:\n%s", n.Port, n.Log())
			}
		}
	})
	const dir = "appendonlydir"
	if err := os.CopyFS(filepath.Join(c.Nodes[0].Dir, dir), os.DirFS(filepath.Join(r.Dir, dir))); err != nil {
		t.Fatal(err)
	}
	two := &harness.Cluster{Nodes: c.Nodes[:2]} // a majority that has the data
	if err := two.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Nodes[2].Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, c.Nodes[2])
	load := harness.StartLoad(2, "new", c.Addrs(), nil)
	defer load.Stop()
	wait(t, load)
	if _, err := c.Agreed(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait(t, load)
	load.Stop()
	nothingMissing(t, c, load)
	sameData(t, c)
	for _, n := range c.Nodes {
		equal(t, client(t, n).Get(t.Context(), "old19999"), "value of 19999")
	}
	// They have it on disk, too.
	for _, n := range c.Nodes {
		if err := errors.Join(n.Kill(), n.Start()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Agreed(t.Context()); err != nil {
		t.Fatal(err)
	}
	sameData(t, c)
	nothingMissing(t, c, load)
}
