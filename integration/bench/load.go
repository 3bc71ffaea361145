package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"regent/integration/harness"
	"regent/resp"
)

// A loadLog is a log that both servers load.
type loadLog struct {
	name  string
	redis bool // redis-server writes it, not Regent
	base  bool // it is rewritten: an RDB base, and nothing behind it
	small bool // of small hashes and sorted sets in turn, half as many keys, instead of SETs
}

// keys is how many keys the log has.
func (l loadLog) keys(o options) int {
	if l.small {
		return o.plan.loadKeys / 2
	}
	return o.plan.loadKeys
}

// fill writes them.
func (l loadLog) fill(ctx context.Context, n *harness.Node, keys int) error {
	if !l.small {
		return fill(ctx, n, keys, valueBytes)
	}
	return pipelined(ctx, n, keys, func(dst []byte, i int) []byte {
		key := fmt.Sprintf("key:%012d", i)
		if i%2 == 0 {
			return resp.AppendCommand(dst, "HSET", key, "name", fmt.Sprintf("%08x", uint32(i)*2654435761), "city", "somewhere", "visits", fmt.Sprint(i))
		}
		return resp.AppendCommand(dst, "ZADD", key, fmt.Sprint(i), "member:a", "1.5", "member:b", "2", fmt.Sprint("member:", i), "3", "d", "4", "e")
	})
}

var loadLogs = []loadLog{
	{name: "commands, by Regent"},
	{name: "commands, by Redis", redis: true},
	{name: "RDB base, by Regent", base: true},
	{name: "RDB base, by Redis", redis: true, base: true},
	{name: "small hashes and zsets, by Regent", base: true, small: true},
	{name: "small hashes and zsets, by Redis", redis: true, base: true, small: true},
}

// load measures how long a server takes to start on a log, of SETs mostly, and how much
// CPU it needs for that: each log on both servers, in turn, each time on a fresh
// copy.
func load(ctx context.Context, o options, r *report) error {
	r.begin(fmt.Sprintf("Load of a log of %d SETs, or half as many small values", o.plan.loadKeys),
		[]string{"from start to ready", "regent s", "redis s", "redis/regent", "regent CPU s", "redis CPU s"})
	for _, l := range loadLogs {
		if o.cases != nil && !slices.ContainsFunc(o.cases, func(name string) bool { return strings.HasPrefix(l.name, name) }) {
			continue
		}
		if err := loadOne(ctx, o, r, l); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	return nil
}

func loadOne(ctx context.Context, o options, r *report, l loadLog) error {
	dir, remove, err := scratchDir()
	defer remove()
	if err != nil {
		return err
	}
	ports, err := harness.FreePorts(3)
	if err != nil {
		return err
	}
	writer := regentNode(o, ports[0], filepath.Join(dir, "writer"), persistence("no")...)
	if l.redis {
		writer = redisNode(o, ports[0], filepath.Join(dir, "writer"), persistence("no")...)
	}
	defer stop(writer)
	if err := l.write(ctx, writer, l.keys(o)); err != nil {
		return err
	}
	pair := [2]*harness.Node{
		regentNode(o, ports[1], dir, persistence("no")...),
		redisNode(o, ports[2], dir, persistence("no")...),
	}
	defer stop(pair[:]...)
	var took, busy [2][]float64
	for round := range min(o.plan.rounds, 3) {
		for i := range pair {
			at := (i + round) % 2
			wall, cpu, err := loadOnce(ctx, pair[at], writer.Dir, l.keys(o))
			if err != nil {
				return err
			}
			took[at], busy[at] = append(took[at], wall), append(busy[at], cpu)
		}
	}
	two := func(v float64) string { return fmt.Sprintf("%.2f", v) }
	a, b := middle(took[0]), middle(took[1])
	r.row(l.name, two(a), two(b), ratioOf(b, a), two(middle(busy[0])), two(middle(busy[1])))
	return nil
}

// write makes a server write its log, and ends it.
func (l loadLog) write(ctx context.Context, n *harness.Node, keys int) error {
	if err := start(ctx, n); err != nil {
		return err
	}
	if err := l.fill(ctx, n, keys); err != nil {
		return err
	}
	if l.base {
		if err := rewritten(ctx, n); err != nil {
			return err
		}
	}
	return n.Stop()
}

// rewritten rewrites a server's log and waits for the end of it.
func rewritten(ctx context.Context, n *harness.Node) error {
	c := n.Client()
	defer c.Close()
	if err := c.BgRewriteAOF(ctx).Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*fillTimeout)
	defer cancel()
	return harness.Until(ctx, func() error {
		info, err := c.Info(ctx, "persistence").Result()
		if err == nil && !strings.Contains(info, "aof_rewrite_in_progress:0") {
			err = fmt.Errorf("the rewrite does not end")
		}
		return err
	})
}

// loadOnce starts a server on a copy of a log.
func loadOnce(ctx context.Context, n *harness.Node, from string, keys int) (wall, cpu float64, err error) {
	if err := os.CopyFS(filepath.Join(n.Dir, "appendonlydir"), os.DirFS(filepath.Join(from, "appendonlydir"))); err != nil {
		return 0, 0, fmt.Errorf("copy the log: %w", err)
	}
	defer os.RemoveAll(n.Dir)
	began := time.Now()
	if err := startLoaded(ctx, n, keys); err != nil {
		return 0, 0, err
	}
	wall = time.Since(began).Seconds()
	if cpu, err = cpuSeconds(n.PID()); err != nil {
		return 0, 0, err
	}
	return wall, cpu, n.Kill()
}

func startLoaded(ctx context.Context, n *harness.Node, keys int) error {
	if err := n.Start(); err != nil {
		return err
	}
	c := n.Client()
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*fillTimeout)
	defer cancel()
	return harness.Until(ctx, func() error {
		got, err := c.DBSize(ctx).Result()
		if err == nil && got != int64(keys) {
			err = fmt.Errorf("%d of %d keys", got, keys)
		}
		return err
	})
}
