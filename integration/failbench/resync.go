package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// The return of a follower: one that was killed before many writes were made
// and comes back, and what the leader's clients feel of it.

const (
	// resyncProbes is how many writes one client makes at least, one after the
	// other, for each percentile.
	resyncProbes = 20000
	// resyncBatch is how many writes go into one pipeline.
	resyncBatch = 1000
)

// resync measures the leader's p99 with a quiet follower, and while one takes
// what it lacks.
func resync(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "regent-failbench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	c, err := harness.NewCluster(o.regent, filepath.Join(dir, "resync"), 3)
	if err != nil {
		return err
	}
	defer c.Kill()
	if err := c.Start(ctx); err != nil {
		return err
	}
	leader, err := c.Leader(ctx)
	if err != nil {
		return err
	}
	// The lowest ID: it will not take over when it is back.
	follower := slices.MinFunc(c.Nodes, func(a, b *harness.Node) int { return a.Port - b.Port })
	if follower == leader {
		return errors.New("the lowest ID leads")
	}
	lc := leader.Client()
	defer lc.Close()
	before, err := p99(ctx, lc, func() bool { return false })
	if err != nil {
		return err
	}
	if err := follower.Kill(); err != nil {
		return err
	}
	if err := fill(ctx, lc, o.resync); err != nil {
		return err
	}
	at := time.Now()
	if err := follower.Start(); err != nil {
		return err
	}
	var took time.Duration
	behind := func() bool {
		if took == 0 && caughtUp(ctx, leader, follower) {
			took = time.Since(at)
		}
		return took == 0
	}
	during, err := p99(ctx, lc, behind)
	if err != nil {
		return err
	}
	how := "a partial resync"
	if strings.Contains(follower.Log(), "Receiving a full copy") {
		how = "a FULL COPY"
	}
	fmt.Printf("a follower that missed %d writes is back by %s after %d ms; the leader's p99 meanwhile %d us, without %d us: %.2f times\n",
		o.resync, how, took.Milliseconds(), during.Microseconds(), before.Microseconds(), float64(during)/float64(before))
	return nil
}

// caughtUp reports whether the follower's link is up and its log as long as the
// leader's was a moment before.
func caughtUp(ctx context.Context, leader, follower *harness.Node) bool {
	l, err1 := leader.Info(ctx, "replication")
	f, err2 := follower.Info(ctx, "replication")
	if errors.Join(err1, err2) != nil || f["master_link_status"] != "up" {
		return false
	}
	var want, have int64
	_, err1 = fmt.Sscan(l["master_repl_offset"], &want)
	_, err2 = fmt.Sscan(f["slave_repl_offset"], &have)
	return errors.Join(err1, err2) == nil && have >= want
}

// p99 is of single writes one after the other: as long as more says so, and at
// least resyncProbes of them.
func p99(ctx context.Context, c *redis.Client, more func() bool) (time.Duration, error) {
	value := strings.Repeat("x", 64)
	const look = 500 // writes between two looks
	var took []time.Duration
	for i := 0; ; i++ {
		if i%look == 0 && !more() && i >= resyncProbes {
			break
		}
		at := time.Now()
		if err := c.Set(ctx, fmt.Sprint("probe", i%look), value, 0).Err(); err != nil {
			return 0, fmt.Errorf("a write at the leader: %w", err)
		}
		took = append(took, time.Since(at))
	}
	slices.Sort(took)
	return took[len(took)*99/100], nil
}

func fill(ctx context.Context, c *redis.Client, n int) error {
	value := strings.Repeat("x", 64)
	for from := 0; from < n; from += resyncBatch {
		_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := from; i < min(from+resyncBatch, n); i++ {
				p.Set(ctx, fmt.Sprintf("key:%012d", i), value, 0)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("write %d keys: %w", n, err)
		}
	}
	return nil
}
