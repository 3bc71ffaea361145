package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// The rewrite section: what clients notice of BGREWRITEAOF while they write, and
// what it costs in memory. The load is a number of commands a second, each due at
// a moment of its own: a reply counts from then, so that one pause is seen by all
// commands that it holds up. In each round a window without a rewrite precedes
// the one with, and tells how much of the longest pause is the machine's own.

const (
	// rewriteClients send commands for random keys of those there are, all but one
	// of them writes.
	rewriteClients = 5
	// rewriteRate is how many commands they send in a second: far from what a
	// server can do, so that a reply waits for a pause and not for its turn.
	rewriteRate = 1000
	// maxRewrites bounds the rounds: one takes as long as a rewrite.
	maxRewrites = 3
	// quietWindow is how long the load runs without a rewrite.
	quietWindow = 3 * time.Second
	// rewriteTimeout bounds one rewrite.
	rewriteTimeout = 10 * time.Minute
	// watchEvery is how often memory is looked at.
	watchEvery = 20 * time.Millisecond
)

// A window is what was seen of one span of load.
type window struct {
	took    time.Duration
	replies []time.Duration // how long each took, sorted
	memory  int64           // most bytes resident
}

// pauseBar is from which length on a pause is counted.
const pauseBar = 10 * time.Millisecond

func (w *window) longest() float64 { return msOf(w.replies[len(w.replies)-1]) }

// part is the length that only that part of the replies exceeded.
func (w *window) part(p float64) float64 {
	return msOf(w.replies[int(float64(len(w.replies)-1)*(1-p))])
}

// over is the part of replies that took longer than the bar, in thousandths.
func (w *window) over() float64 {
	i, _ := slices.BinarySearch(w.replies, pauseBar)
	return 1000 * float64(len(w.replies)-i) / float64(len(w.replies))
}

func msOf(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func rewrite(ctx context.Context, o options, r *report) error {
	r.begin(fmt.Sprintf("BGREWRITEAOF under %d commands/s, %d keys of 16 bytes with %d-byte values; each figure beside that without a rewrite",
		rewriteRate, o.plan.rewriteKeys, valueBytes), []string{"server", "longest ms", "without", "p99.9 ms", "without", "over 10 ms ‰", "without", "memory +%", "seconds"})
	for _, name := range []string{"regent", "redis"} {
		if err := rewriteOne(ctx, o, r, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func rewriteOne(ctx context.Context, o options, r *report, name string) error {
	dir, remove, err := scratchDir()
	defer remove()
	if err != nil {
		return err
	}
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
	var figures [7][]float64
	var took []float64
	for range min(o.plan.rounds, maxRewrites) {
		time.Sleep(settle)
		before, err := familyBytes(n.PID())
		if err != nil {
			return err
		}
		quiet, err := underLoad(ctx, n, o, func(ctx context.Context, _ *redis.Client) error {
			time.Sleep(quietWindow)
			return ctx.Err()
		})
		if err != nil {
			return err
		}
		busy, err := underLoad(ctx, n, o, rewriteOnce)
		if err != nil {
			return err
		}
		for i, v := range []float64{busy.longest(), quiet.longest(), busy.part(0.001), quiet.part(0.001), busy.over(), quiet.over(),
			100 * (float64(busy.memory)/float64(before) - 1)} {
			figures[i] = append(figures[i], v)
		}
		took = append(took, busy.took.Seconds())
	}
	cols := []string{name}
	for _, f := range figures {
		cols = append(cols, fmt.Sprintf("%.1f", middle(f)))
	}
	r.row(append(cols, fmt.Sprintf("%.1f", middle(took)))...)
	return nil
}

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
func underLoad(ctx context.Context, n *harness.Node, o options, what func(context.Context, *redis.Client) error) (w window, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	took := make([][]time.Duration, rewriteClients)
	for i := range rewriteClients {
		wg.Go(func() {
			c := n.Client()
			defer c.Close()
			took[i] = regular(ctx, c, o, i == 0, time.Second*rewriteClients/time.Duration(rewriteRate))
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
	cancel()
	wg.Wait()
	w.replies = slices.Concat(took...)
	slices.Sort(w.replies)
	if len(w.replies) == 0 && err == nil {
		err = errors.New("no command was answered")
	}
	return w, err
}

// regular sends a command every so often and returns how long each took from
// when it was due.
func regular(ctx context.Context, c *redis.Client, o options, reads bool, every time.Duration) (took []time.Duration) {
	value := strings.Repeat("y", valueBytes)
	_ = c.Ping(ctx).Err() // connects
	for due := time.Now(); ; due = due.Add(every) {
		time.Sleep(time.Until(due))
		key := fmt.Sprintf("key:%012d", rand.IntN(o.plan.rewriteKeys))
		var err error
		if reads {
			err = c.Get(ctx, key).Err()
		} else {
			err = c.Set(ctx, key, value, 0).Err()
		}
		if err != nil {
			return took
		}
		took = append(took, time.Since(due))
	}
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
