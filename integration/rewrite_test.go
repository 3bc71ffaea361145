package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

const (
	// killWriters write at once, each its own killKeys keys, over and over.
	killWriters, killKeys = 4, 300
	// killBallast makes a rewrite last: keys of 500 bytes.
	killBallast = 20_000
)

// kills is how often a process is killed.
func kills() int {
	if os.Getenv("REGENT_SOAK") != "" {
		return 200
	}
	return 20
}

// A tally is what one writer knows of its keys: the number that was acknowledged
// last, and the one that was sent last.
type tally struct {
	prefix      string
	acked, sent [killKeys]int
	next        int
}

// run writes until the server is gone.
func (w *tally) run(ctx context.Context, c *redis.Client) {
	for ctx.Err() == nil {
		w.next++
		k := w.next % killKeys
		w.sent[k] = w.next
		if err := c.Set(ctx, w.key(k), w.next, 0).Err(); err != nil {
			return
		}
		w.acked[k] = w.next
	}
}

func (w *tally) key(k int) string { return fmt.Sprintf("%s:%d", w.prefix, k) }

// verify reads all keys back: none may be older than what was acknowledged, nor
// something that was never sent.
func (w *tally) verify(t *testing.T, c *redis.Client) {
	t.Helper()
	keys := make([]string, killKeys)
	for k := range keys {
		keys[k] = w.key(k)
	}
	values, err := c.MGet(t.Context(), keys...).Result()
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range values {
		got := 0
		if v != nil {
			if got, err = strconv.Atoi(v.(string)); err != nil {
				t.Fatalf("%s holds %q", keys[k], v)
			}
		}
		if got < w.acked[k] || got > w.sent[k] {
			t.Fatalf("%s is %d: %d was acknowledged last, %d sent last", keys[k], got, w.acked[k], w.sent[k])
		}
		w.acked[k] = got // it is there now, and must stay
	}
}

// TestKillDuringRewrites kills a server with appendfsync always again and again
// while it takes writes and rewrites its log: nothing acknowledged is missing, and
// what a killed rewrite leaves is gone after the next start.
func TestKillDuringRewrites(t *testing.T) {
	always := []string{"--appendfsync", "always", "--auto-aof-rewrite-percentage", "0", "--aof-use-rdb-preamble"}
	n := startNode(t, append(always, "yes")...)
	fillBallast(t, n)
	tallies := make([]*tally, killWriters)
	for i := range tallies {
		tallies[i] = &tally{prefix: fmt.Sprint("writer", i)}
	}
	inside := 0
	for round := range kills() {
		killUnderLoad(t, n, tallies)
		left, err := filepath.Glob(filepath.Join(n.Dir, "appendonlydir", "temp-*"))
		if err != nil {
			t.Fatal(err)
		}
		if len(left) > 0 {
			inside++
		}
		n.Args = append(always, []string{"yes", "no"}[round%2])
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		ready(t, n)
		onlyListed(t, n.Dir)
		c := n.Client()
		for _, w := range tallies {
			w.verify(t, c)
		}
		if size := c.DBSize(t.Context()).Val(); size < killBallast {
			t.Fatalf("%d keys are left", size)
		}
		c.Close()
	}
	sent := 0
	for _, w := range tallies {
		sent += w.next
	}
	t.Logf("%d kills, %d of them left a rewrite unfinished; %d writes", kills(), inside, sent)
	if inside < kills()/5 {
		t.Errorf("only %d of %d kills hit a rewrite: the test does not test", inside, kills())
	}
}

func fillBallast(t *testing.T, n *harness.Node) {
	t.Helper()
	c := client(t, n)
	value := strings.Repeat("ballast ", 63)
	for from := 0; from < killBallast; from += 1000 {
		p := c.Pipeline()
		for i := range 1000 {
			p.Set(t.Context(), fmt.Sprint("ballast", from+i), value, 0)
		}
		if _, err := p.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// killUnderLoad lets writers and rewrites run for a moment of random length, and
// kills the server.
func killUnderLoad(t *testing.T, n *harness.Node, tallies []*tally) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for _, w := range tallies {
		wg.Go(func() {
			c := n.Client()
			defer c.Close()
			w.run(ctx, c)
		})
	}
	wg.Go(func() {
		c := n.Client()
		defer c.Close()
		for ctx.Err() == nil {
			// One that is in progress is as good.
			if err := c.BgRewriteAOF(ctx).Err(); err != nil && !strings.Contains(err.Error(), "in progress") {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	time.Sleep(time.Duration(20+rand.IntN(400)) * time.Millisecond)
	if err := n.Kill(); err != nil {
		t.Fatal(err)
	}
	cancel()
	wg.Wait()
}

// onlyListed fails the test if the log's directory holds more than the manifest
// lists.
func onlyListed(t *testing.T, dir string) {
	t.Helper()
	dir = filepath.Join(dir, "appendonlydir")
	manifest, err := os.ReadFile(filepath.Join(dir, "appendonly.aof.manifest"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		switch name := f.Name(); {
		case name == "lock" || name == "appendonly.aof.manifest":
		case !strings.Contains(string(manifest), "file "+name+" "):
			t.Errorf("%s is left over; the manifest lists\n%s", name, manifest)
		}
	}
}

// TestBackupUnderLoad copies a node that is being written to, makes a directory of
// the copy, and starts from it: the pairs that one command writes together are
// together there, and nothing acknowledged before the copy is missing.
func TestBackupUnderLoad(t *testing.T) {
	n := startNode(t)
	backupAndRestore(t, n, n)
}

// TestBackupOfAFollower: a follower copies what it has applied.
func TestBackupOfAFollower(t *testing.T) {
	c, leader := startCluster(t, 3)
	for _, n := range c.Nodes {
		if n != leader {
			backupAndRestore(t, leader, n)
			return
		}
	}
}

func backupAndRestore(t *testing.T, leader, from *harness.Node) {
	t.Helper()
	fillBallast(t, leader)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() {
		c := leader.Client()
		defer c.Close()
		for i := 1; ctx.Err() == nil; i++ {
			pair := fmt.Sprint(i % 50)
			if err := c.MSet(ctx, "left"+pair, i, "right"+pair, i).Err(); err != nil {
				return
			}
			if i%100 == 0 {
				c.Set(ctx, "floor", i, 0)
			}
		}
	})
	lc, fc := client(t, leader), client(t, from)
	floor := 0
	err := harness.Until(within(t, 30*time.Second), func() (err error) {
		if floor, err = fc.Get(ctx, "floor").Int(); err == nil && floor < 500 {
			err = fmt.Errorf("only %d writes", floor)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	copies, restored := t.TempDir(), filepath.Join(t.TempDir(), "data")
	if out, status := run(t, "", "backup", "--from", from.Addr(), "--to", copies); status != 0 {
		t.Fatalf("backup: %d\n%s", status, out)
	}
	stop()
	wg.Wait()
	if err := lc.Ping(t.Context()).Err(); err != nil {
		t.Errorf("after the backup: %v", err)
	}
	if out, status := run(t, "", "restore", "--from", copies, "--to", restored); status != 0 {
		t.Fatalf("restore: %d\n%s", status, out)
	}
	again := prepareNode(t, binary())
	again.Dir = restored
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, again)
	ac := client(t, again)
	if got, err := ac.Get(t.Context(), "floor").Int(); err != nil || got < floor {
		t.Errorf("floor %d, %v; %d was there before", got, err, floor)
	}
	for i := range 50 {
		pair := fmt.Sprint(i)
		v := ac.MGet(t.Context(), "left"+pair, "right"+pair).Val()
		if len(v) != 2 || v[0] == nil || v[0] != v[1] {
			t.Errorf("pair %s was torn: %v", pair, v)
		}
	}
	if size := ac.DBSize(t.Context()).Val(); size != killBallast+101 {
		t.Errorf("%d keys, want %d", size, killBallast+101)
	}
}
