package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
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
	return fillWith(ctx, n, "SET {key} {}", keys, size)
}

// fillWith carries out a family's command for each of so many keys.
func fillWith(ctx context.Context, n *harness.Node, command string, keys, size int) error {
	words := fillIn(command, "{key}", "{n}", strings.Repeat("x", size))
	args := slices.Clone(words)
	return pipelined(ctx, n, keys, func(dst []byte, i int) []byte {
		n := fmt.Sprintf("%012d", i)
		into := strings.NewReplacer("{key}", "key:"+n, "{n}", n)
		for j, w := range words {
			args[j] = into.Replace(w)
		}
		return resp.AppendCommand(dst, args...)
	})
}

// prefill makes the keys that a cell's family wants, unless they are there.
func prefill(ctx context.Context, n *harness.Node, c cell, have filled) error {
	want := c.family.holds(c.size)
	if have[n.Port] == want {
		return nil
	}
	have[n.Port] = want
	if want == "" {
		return nil
	}
	client := n.Client()
	defer client.Close()
	// A key of another cell may be of another type.
	if err := client.FlushAll(ctx).Err(); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	if c.family.before == "" {
		return nil
	}
	return fillWith(ctx, n, c.family.before, c.keys(), c.size)
}

// holds says what a server must hold before a family's first round, "": anything, as for a
// command that replaces what is at its keys, of whatever type. What writes begins with no
// keys: redis-benchmark ends at the first error.
func (f family) holds(size int) string {
	switch word, _, _ := strings.Cut(f.command, " "); {
	case f.before != "":
		return fmt.Sprint(f.before, size)
	case word == "SET", word == "MSET":
		return ""
	}
	return "what " + f.name + " makes"
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
			if err == nil && line[0] == '$' { // of XADD: the reply is the next line
				line, err = in.ReadString('\n')
			}
			if err != nil || line[0] == '-' {
				return fmt.Errorf("fill: reply %q, %w", line, err)
			}
		}
	}
	return ctx.Err()
}

// scratchDir makes a directory for a section; remove deletes it.
func scratchDir() (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", "regent-bench-")
	if err != nil {
		return "", func() {}, fmt.Errorf("make a directory: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil // it is the system's to tidy what cannot be deleted
}

// pairOf starts one Regent and one redis-server without a log, in a directory of their own.
// end, which is never nil, stops and deletes what there is.
func pairOf(ctx context.Context, o options) (pair [2]*harness.Node, end func(), err error) {
	dir, remove, err := scratchDir()
	if err == nil {
		pair, err = pairIn(ctx, o, dir)
	}
	return pair, func() { stop(pair[:]...); remove() }, err
}

// pairIn is pairOf in a directory.
func pairIn(ctx context.Context, o options, dir string) ([2]*harness.Node, error) {
	ports, err := harness.FreePorts(2)
	if err != nil {
		return [2]*harness.Node{}, err
	}
	pair := [2]*harness.Node{
		regentNode(o, ports[0], dir, persistence("off")...),
		redisNode(o, ports[1], dir, persistence("off")...),
	}
	return pair, start(ctx, pair[:]...)
}

// memory measures the resident bytes per key.
func memory(ctx context.Context, o options, r *report) error {
	pair, end, err := pairOf(ctx, o)
	defer end()
	if err != nil {
		return err
	}
	var per [2]float64
	for i, n := range pair {
		before, err := residentBytes(n.PID())
		if err != nil {
			return err
		}
		if err := fill(ctx, n, o.plan.memoryKeys, valueBytes); err != nil {
			return err
		}
		time.Sleep(settle)
		after, err := residentBytes(n.PID())
		if err != nil {
			return err
		}
		per[i] = float64(after-before) / float64(o.plan.memoryKeys)
	}
	r.begin(fmt.Sprintf("Memory, %d keys of 16 bytes with %d-byte values", o.plan.memoryKeys, valueBytes), []string{"resident", "regent", "redis", "ratio"})
	r.row("bytes per key", fmt.Sprintf("%.0f", per[0]), fmt.Sprintf("%.0f", per[1]), ratioOf(per[0], per[1]))
	return nil
}

// idle measures the resident bytes per connection that says nothing after its
// first PING.
func idle(ctx context.Context, o options, r *report) error {
	pair, end, err := pairOf(ctx, o)
	defer end()
	if err != nil {
		return err
	}
	var per [2]float64
	for i, n := range pair {
		per[i], err = idleBytes(n, o.plan.idle, func() ([]net.Conn, error) { return connectMany(n, o.plan.idle) })
		if err != nil {
			return err
		}
	}
	r.idle("Memory, %d idle connections", o.plan.idle, per)
	return nil
}

// idleBytes is what each of count idle connections to a server takes of its resident memory.
func idleBytes(n *harness.Node, count int, connect func() ([]net.Conn, error)) (float64, error) {
	before, err := residentBytes(n.PID())
	if err != nil {
		return 0, err
	}
	conns, err := connect()
	time.Sleep(settle)
	after, memErr := residentBytes(n.PID())
	for _, c := range conns {
		c.Close()
	}
	return float64(after-before) / float64(count), errors.Join(err, memErr)
}

// idle is the table of what idle connections take.
func (r *report) idle(title string, count int, per [2]float64) {
	r.begin(fmt.Sprintf(title, count), []string{"resident", "regent", "redis", "ratio"})
	r.row("bytes per connection", fmt.Sprintf("%.0f", per[0]), fmt.Sprintf("%.0f", per[1]), ratioOf(per[0], per[1]))
}

func connectMany(n *harness.Node, count int) ([]net.Conn, error) {
	return connectBy(n, count, func(addr string) (net.Conn, error) { return net.Dial("tcp", addr) })
}

func connectBy(n *harness.Node, count int, dial func(addr string) (net.Conn, error)) ([]net.Conn, error) {
	var conns []net.Conn
	for range count {
		c, err := dial(n.Addr())
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
