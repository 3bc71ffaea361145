package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"regent/integration/harness"
)

// TestAClusterBeginsWithADump: a lone dump.rdb at one node is the data of a
// cluster that begins, as README says; a node that has been one of the cluster
// and lost its log does not bring an old dump back.
func TestAClusterBeginsWithADump(t *testing.T) {
	const keys = 1000
	lone := startNode(t, "--appendonly", "no")
	words := []any{"MSET"}
	for i := range keys {
		words = append(words, "key:"+strconv.Itoa(i), i)
	}
	if err := client(t, lone).Do(t.Context(), words...).Err(); err != nil {
		t.Fatal(err)
	}
	if err := lone.Stop(); err != nil {
		t.Fatal(err)
	}
	dump, err := os.ReadFile(filepath.Join(lone.Dir, "dump.rdb"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := harness.NewCluster(binary(), t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	has := c.Nodes[0]
	if err := os.MkdirAll(has.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(has.Dir, "dump.rdb"), string(dump))
	t.Cleanup(c.Kill)
	// With one empty node as a majority: two empty ones could begin without it.
	for _, n := range c.Nodes[:2] {
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Leader(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Nodes[2].Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, c.Nodes[2])
	holds := func(want int64) {
		t.Helper()
		if _, err := c.Agreed(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, n := range c.Nodes {
			ctx := within(t, harness.StartTimeout)
			if err := harness.Until(ctx, func() error { return wantSize(ctx, t, n, want) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	holds(keys)
	leader, err := c.Leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := client(t, leader).Set(t.Context(), "later", 1, 0).Err(); err != nil {
		t.Fatal(err)
	}
	holds(keys + 1)
	if err := has.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(has.Dir, "appendonlydir")); err != nil {
		t.Fatal(err)
	}
	if err := has.Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, has)
	holds(keys + 1)
}

func wantSize(ctx context.Context, t *testing.T, n *harness.Node, want int64) error {
	got, err := client(t, n).DBSize(ctx).Result()
	if err == nil && got != want {
		err = fmt.Errorf("node %d has %d keys, want %d", n.Port, got, want)
	}
	return err
}
