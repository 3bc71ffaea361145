package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regent/integration/harness"
)

// TestShortenedLog: a node loses a part of what it keeps while it is down and
// the machine is not. Two acknowledged writes that the third has never seen; the
// third and the robbed one are a majority, but must not lead without them.
func TestShortenedLog(t *testing.T) {
	const log, state, reached = "appendonlydir", "cluster.state", "cluster.reached"
	remove := func(names ...string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			for _, name := range names {
				if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
				if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	cut := func(at func(b []byte) int) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, log, "appendonly.aof.1.incr.aof")
			b, err := os.ReadFile(path)
			if err == nil {
				err = os.Truncate(path, int64(at(b)))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	middle := func(b []byte) int { return bytes.LastIndex(b, []byte("#G-")) / 2 }
	for name, rob := range map[string]func(t *testing.T, dir string){
		"log removed":                remove(log),
		"log cut in the middle":      cut(middle),
		"log cut between two groups": cut(func(b []byte) int { return bytes.LastIndex(b[:middle(b)], []byte("#G+")) }),
		"state file lost":            remove(state),
		"log and mark removed":       remove(log, reached),
		"mark removed":               remove(reached),
		"state file and mark lost":   remove(state, reached),
	} {
		t.Run(name, func(t *testing.T) { robbed(t, func(dir string) { rob(t, dir) }) })
	}
}

func robbed(t *testing.T, rob func(dir string)) {
	const writes = 200
	c, leader := startCluster(t, 3, "--takeover", "manual", "--election-timeout", "1000") // nobody is to be elected here because the machine is busy
	var away, victim *harness.Node
	for _, n := range c.Nodes {
		switch {
		case n == leader:
		case away == nil:
			away = n
		default:
			victim = n
		}
	}
	write := func(prefix string) {
		t.Helper()
		cl := client(t, leader)
		for i := range writes {
			if err := cl.Set(t.Context(), fmt.Sprint(prefix, i), "v", 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("a")
	if err := away.Kill(); err != nil {
		t.Fatal(err)
	}
	write("b")
	for _, n := range []*harness.Node{leader, victim} {
		if err := n.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	rob(victim.Dir)
	for _, n := range []*harness.Node{victim, away} {
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []*harness.Node{victim, away} {
		ready(t, n)
	}
	if got := info(t, victim, "regent")["recovering"]; got != "1" {
		t.Errorf("recovering:%s at a node that has lost something", got)
	}
	for end := time.Now().Add(4 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		for _, n := range []*harness.Node{victim, away} {
			if info(t, n, "replication")["role"] == "master" {
				t.Fatalf("node %d leads without what the third node holds", n.Port)
			}
		}
	}
	if err := leader.Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, leader)
	if _, err := c.Agreed(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, n := range c.Nodes {
		err := harness.Until(within(t, 30*time.Second), func() error { return holds(t, n, writes) })
		if err != nil {
			t.Fatalf("node %d: %v", n.Port, err)
		}
	}
}

// holds reports what is missing at a node.
func holds(t *testing.T, n *harness.Node, writes int) error {
	if got := info(t, n, "regent")["recovering"]; got != "0" {
		return errors.New("its vote does not count yet")
	}
	c := client(t, n)
	if err := c.Do(t.Context(), "READONLY").Err(); err != nil {
		return err
	}
	var missing []string
	for _, prefix := range []string{"a", "b"} {
		for i := range writes {
			key := fmt.Sprint(prefix, i)
			if v, err := c.Get(t.Context(), key).Result(); v != "v" {
				missing = append(missing, fmt.Sprintf("%s (%v)", key, err))
			}
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%d writes are missing: %s", len(missing), strings.Join(missing[:1], " "))
	}
	return nil
}
