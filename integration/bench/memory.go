package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"regent/integration/harness"
	"regent/resp"
)

const (
	// fillBatch is how many SETs are on their way at once.
	fillBatch = 1000
	// fillTimeout bounds one such batch.
	fillTimeout = 30 * time.Second
	// valueBytes is the size of the memory section's values; its keys have 16.
	valueBytes = 64
	// settle lets a server finish what the load has left behind.
	settle = 2 * time.Second
)

// fill writes n keys of 16 bytes, each once.
func fill(ctx context.Context, n *harness.Node, keys, size int) error {
	value := strings.Repeat("x", size)
	return pipelined(ctx, n, keys, func(dst []byte, i int) []byte {
		return resp.AppendCommand(dst, "SET", fmt.Sprintf("key:%012d", i), value)
	})
}

// prefill makes the keys that redis-benchmark reads, unless they are there.
func prefill(ctx context.Context, n *harness.Node, keys, size int) error {
	c := n.Client()
	defer c.Close()
	have, err := c.StrLen(ctx, fmt.Sprintf("key:%012d", keys-1)).Result()
	if err == nil && have == int64(size) {
		return nil
	}
	return fill(ctx, n, keys, size)
}

// pipelined sends n commands in batches over one connection and reads their
// replies, which must not be errors.
func pipelined(ctx context.Context, n *harness.Node, count int, command func(dst []byte, i int) []byte) error {
	conn, err := net.Dial("tcp", n.Addr())
	if err != nil {
		return fmt.Errorf("connect to fill: %w", err)
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 1<<16)
	var out []byte
	for i := 0; i < count && ctx.Err() == nil; {
		out = out[:0]
		from := i
		for ; i < count && i-from < fillBatch; i++ {
			out = command(out, i)
		}
		if err := conn.SetDeadline(time.Now().Add(fillTimeout)); err != nil {
			return fmt.Errorf("fill: %w", err)
		}
		if _, err := conn.Write(out); err != nil {
			return fmt.Errorf("fill: %w", err)
		}
		for range i - from {
			line, err := in.ReadString('\n')
			if err != nil || line[0] == '-' {
				return fmt.Errorf("fill: reply %q, %w", line, err)
			}
		}
	}
	return ctx.Err()
}

// pairOf starts one Regent and one redis-server with the same log.
func pairOf(ctx context.Context, o options, fsync, dir string) ([2]*harness.Node, error) {
	ports, err := harness.FreePorts(2)
	if err != nil {
		return [2]*harness.Node{}, err
	}
	pair := [2]*harness.Node{
		regentNode(o, ports[0], dir, persistence(fsync)...),
		redisNode(o, ports[1], dir, persistence(fsync)...),
	}
	return pair, start(ctx, pair[:]...)
}

// memory measures the resident bytes per key.
func memory(ctx context.Context, o options, r *report) error {
	dir, err := os.MkdirTemp("", "regent-bench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	pair, err := pairOf(ctx, o, "off", dir)
	defer stop(pair[:]...)
	if err != nil {
		return err
	}
	var per [2]float64
	for i, n := range pair {
		before, err := residentBytes(n.PID())
		if err != nil {
			return err
		}
		if err := fill(ctx, n, o.memKeys, valueBytes); err != nil {
			return err
		}
		time.Sleep(settle)
		after, err := residentBytes(n.PID())
		if err != nil {
			return err
		}
		per[i] = float64(after-before) / float64(o.memKeys)
	}
	r.begin(fmt.Sprintf("Memory, %d keys of 16 bytes with %d-byte values", o.memKeys, valueBytes), []string{"resident", "regent", "redis", "ratio"})
	r.row("bytes per key", fmt.Sprintf("%.0f", per[0]), fmt.Sprintf("%.0f", per[1]), ratioOf(per[0], per[1]))
	return nil
}

// idle measures the resident bytes per connection that says nothing after its
// first PING.
func idle(ctx context.Context, o options, r *report) error {
	dir, err := os.MkdirTemp("", "regent-bench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	pair, err := pairOf(ctx, o, "off", dir)
	defer stop(pair[:]...)
	if err != nil {
		return err
	}
	var per [2]float64
	for i, n := range pair {
		before, err := residentBytes(n.PID())
		if err != nil {
			return err
		}
		conns, err := connectMany(n, o.idle)
		time.Sleep(settle)
		after, memErr := residentBytes(n.PID())
		for _, c := range conns {
			c.Close()
		}
		if err != nil {
			return err
		}
		if memErr != nil {
			return memErr
		}
		per[i] = float64(after-before) / float64(o.idle)
	}
	r.begin(fmt.Sprintf("Memory, %d idle connections", o.idle), []string{"resident", "regent", "redis", "ratio"})
	r.row("bytes per connection", fmt.Sprintf("%.0f", per[0]), fmt.Sprintf("%.0f", per[1]), ratioOf(per[0], per[1]))
	return nil
}

func connectMany(n *harness.Node, count int) ([]net.Conn, error) {
	var conns []net.Conn
	for range count {
		c, err := net.Dial("tcp", n.Addr())
		if err != nil {
			return conns, fmt.Errorf("connection %d: %w", len(conns), err)
		}
		conns = append(conns, c)
		_ = c.SetDeadline(time.Now().Add(fillTimeout))
		var pong [7]byte
		if _, err := c.Write([]byte("PING\r\n")); err != nil {
			return conns, fmt.Errorf("connection %d: %w", len(conns), err)
		}
		if _, err := c.Read(pong[:]); err != nil {
			return conns, fmt.Errorf("connection %d: %w", len(conns), err)
		}
	}
	return conns, nil
}

// load measures how long a server takes to start on a log of SETs. The log is
// written by Regent, and redis-server starts on a copy of it.
func load(ctx context.Context, o options, r *report) error {
	dir, err := os.MkdirTemp("", "regent-bench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	ports, err := harness.FreePorts(2)
	if err != nil {
		return err
	}
	ours := regentNode(o, ports[0], dir, persistence("no")...)
	theirs := redisNode(o, ports[1], dir, persistence("no")...)
	defer stop(ours, theirs)
	if err := start(ctx, ours); err != nil {
		return err
	}
	if err := fill(ctx, ours, o.memKeys, valueBytes); err != nil {
		return err
	}
	if err := ours.Stop(); err != nil {
		return err
	}
	if err := os.CopyFS(theirs.Dir, os.DirFS(ours.Dir)); err != nil {
		return fmt.Errorf("copy the log: %w", err)
	}
	var took [2][]float64
	for round := range min(o.rounds, 3) {
		for i := range 2 {
			at := (i + round) % 2
			n := []*harness.Node{ours, theirs}[at]
			began := time.Now()
			if err := startLoaded(ctx, n, o.memKeys); err != nil {
				return err
			}
			took[at] = append(took[at], time.Since(began).Seconds())
			if err := n.Stop(); err != nil {
				return err
			}
		}
	}
	a, b := middle(took[0]), middle(took[1])
	r.begin(fmt.Sprintf("Load of a log of %d SETs", o.memKeys), []string{"from start to ready", "regent s", "redis s", "redis/regent"})
	r.row("incr file", fmt.Sprintf("%.2f", a), fmt.Sprintf("%.2f", b), ratioOf(b, a))
	return nil
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
