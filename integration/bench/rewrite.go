package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// The rewrite section: what clients notice of BGREWRITEAOF while they write, and
// what it costs in memory. Two windows of the same load, one without a rewrite and
// then one with, tell how much of the longest pause is the machine's own.

const (
	// rewriteClients write random keys of those there are, one command at a time;
	// one more reads.
	rewriteClients = 4
	// quietWindow is how long the load runs without a rewrite.
	quietWindow = 5 * time.Second
	// rewriteTimeout bounds one rewrite.
	rewriteTimeout = 10 * time.Minute
	// watchEvery is how often memory is looked at.
	watchEvery = 20 * time.Millisecond
)

// A window is what was seen of one span of load.
type window struct {
	took    time.Duration
	ops     int64
	longest time.Duration // the longest that a client waited for a reply
	over    int64         // replies that took longer than the bar
	memory  int64         // most bytes resident
}

// pauseBar is from which length on a pause is counted.
const pauseBar = 10 * time.Millisecond

func rewrite(ctx context.Context, o options, r *report) error {
	r.begin(fmt.Sprintf("BGREWRITEAOF under %d writers, %d keys of 16 bytes with %d-byte values", rewriteClients, o.plan.rewriteKeys, valueBytes),
		[]string{"server", "longest pause", "over 10 ms", "without a rewrite", "over 10 ms", "ops/s", "without", "memory +%", "seconds"})
	for _, name := range []string{"regent", "redis"} {
		if err := rewriteOne(ctx, o, r, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func rewriteOne(ctx context.Context, o options, r *report, name string) error {
	dir, err := os.MkdirTemp("", "regent-bench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	ports, err := harness.FreePorts(1)
	if err != nil {
		return err
	}
	n := regentNode(o, ports[0], dir, persistence("everysec")...)
	if name == "redis" {
		n = redisNode(o, ports[0], dir, persistence("everysec")...)
	}
	defer stop(n)
	if err := start(ctx, n); err != nil {
		return err
	}
	if err := fill(ctx, n, o.plan.rewriteKeys, valueBytes); err != nil {
		return err
	}
	time.Sleep(settle)
	before, err := familyBytes(n.PID())
	if err != nil {
		return err
	}
	quiet, err := underLoad(ctx, n, o.plan.rewriteKeys, func(ctx context.Context, _ *redis.Client) error {
		time.Sleep(quietWindow)
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	busy, err := underLoad(ctx, n, o.plan.rewriteKeys, rewriteOnce)
	if err != nil {
		return err
	}
	r.row(name, ms(busy.longest), strconv.FormatInt(busy.over, 10), ms(quiet.longest), strconv.FormatInt(quiet.over, 10),
		perSecond(busy), perSecond(quiet), fmt.Sprintf("%.1f", 100*(float64(busy.memory)/float64(before)-1)), fmt.Sprintf("%.1f", busy.took.Seconds()))
	return nil
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }

func perSecond(w window) string { return fmt.Sprintf("%.0f", float64(w.ops)/w.took.Seconds()) }

// rewriteOnce runs one rewrite to its end.
func rewriteOnce(ctx context.Context, c *redis.Client) error {
	if err := c.BgRewriteAOF(ctx).Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, rewriteTimeout)
	defer cancel()
	for {
		text, err := c.Info(ctx, "persistence").Result()
		if err != nil {
			return err
		}
		if strings.Contains(text, "aof_rewrite_in_progress:0") {
			if !strings.Contains(text, "aof_last_bgrewrite_status:ok") {
				return fmt.Errorf("the rewrite has failed")
			}
			return nil
		}
		time.Sleep(watchEvery)
	}
}

// underLoad runs what while clients write and read.
func underLoad(ctx context.Context, n *harness.Node, keys int, what func(context.Context, *redis.Client) error) (w window, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var ops, longest, over atomic.Int64
	var wg sync.WaitGroup
	value := strings.Repeat("y", valueBytes)
	for i := range rewriteClients + 1 {
		c := n.Client()
		defer c.Close()
		wg.Go(func() {
			for ctx.Err() == nil {
				key := fmt.Sprintf("key:%012d", rand.IntN(keys))
				began := time.Now()
				var err error
				if i == 0 {
					err = c.Get(ctx, key).Err()
				} else {
					err = c.Set(ctx, key, value, 0).Err()
				}
				if err != nil {
					return
				}
				took := int64(time.Since(began))
				ops.Add(1)
				if took > int64(pauseBar) {
					over.Add(1)
				}
				for had := longest.Load(); took > had && !longest.CompareAndSwap(had, took); had = longest.Load() {
				}
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			if now, err := familyBytes(n.PID()); err == nil {
				w.memory = max(w.memory, now)
			}
			time.Sleep(watchEvery)
		}
	})
	c := n.Client()
	defer c.Close()
	began := time.Now()
	err = what(ctx, c)
	w.took = time.Since(began)
	w.ops, w.longest, w.over = ops.Load(), time.Duration(longest.Load()), over.Load()
	cancel()
	wg.Wait()
	return w, err
}

// familyBytes is the memory of a process and its children: what is resident, and
// of a child only what it does not share.
func familyBytes(pid int) (int64, error) {
	total, err := residentBytes(pid)
	if err != nil {
		return 0, err
	}
	children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return 0, err
	}
	for _, name := range children {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		for _, child := range strings.Fields(string(text)) {
			total += privateBytes(child)
		}
	}
	return total, nil
}

// privateBytes is what a process shares with nobody, 0 if it has ended.
func privateBytes(pid string) (n int64) {
	text, err := os.ReadFile("/proc/" + pid + "/smaps_rollup")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && strings.HasPrefix(f[0], "Private_") {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			n += kb << 10
		}
	}
	return n
}
