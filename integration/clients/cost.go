package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"regent/integration/harness"
)

// What a tunnel costs: SET through a node that does not lead as a ratio to SET at the leader,
// by redis-benchmark, and the memory of clients that are carried and idle.
const (
	costClients  = 50
	costBytes    = 64     // of a value
	costRequests = 50_000 // of a run without pipelining
	costBatches  = 25_000 // of costDeep of one with it
	costDeep     = 16
	costIdle     = 2000 // clients
)

// A cost is what was measured. A ratio is that of the medians of interleaved runs.
type cost struct {
	single, deep      float64 // without pipelining, and with costDeep commands
	carrier, leader   int64   // bytes of an idle tunnel at either node
	carrierFD, leadFD float64 // descriptors
	err               error
}

// cost measures, in rounds of one run at either node.
func (p *place) cost(ctx context.Context, rounds int) (c cost) {
	leader, err := p.Agreed(ctx)
	if err != nil {
		return cost{err: err}
	}
	i := slices.Index(p.Nodes, leader)
	j := (i + 1) % len(p.Nodes)
	if c.single, c.err = p.ratio(ctx, p.plain[i], p.plain[j], rounds, 1); c.err != nil {
		return c
	}
	if c.deep, c.err = p.ratio(ctx, p.plain[i], p.plain[j], rounds, costDeep); c.err != nil {
		return c
	}
	c.err = c.idle(ctx, leader, p.Nodes[j], at(p.Nodes[j], p.plain[j]))
	return c
}

// ratio is the throughput through a follower by that at the leader.
func (p *place) ratio(ctx context.Context, leader, follower, rounds, deep int) (float64, error) {
	var at, through []float64
	for range rounds {
		a, err := setsPerSecond(ctx, leader, deep)
		if err != nil {
			return 0, err
		}
		b, err := setsPerSecond(ctx, follower, deep)
		if err != nil {
			return 0, err
		}
		at, through = append(at, a), append(through, b)
	}
	slices.Sort(at)
	slices.Sort(through)
	return through[rounds/2] / at[rounds/2], nil
}

// setsPerSecond is one run of redis-benchmark.
func setsPerSecond(ctx context.Context, port, deep int) (float64, error) {
	requests := costRequests
	if deep > 1 {
		requests = costBatches * deep
	}
	out, err := exec.CommandContext(ctx, "redis-benchmark", "--csv", "-p", strconv.Itoa(port), "-t", "set",
		"-c", strconv.Itoa(costClients), "-d", strconv.Itoa(costBytes), "-P", strconv.Itoa(deep), "-n", strconv.Itoa(requests), "-r", "100000").Output()
	if err != nil {
		return 0, fmt.Errorf("redis-benchmark at port %d: %w", port, err)
	}
	lines, err := csv.NewReader(strings.NewReader(string(out))).ReadAll()
	if err != nil || len(lines) != 2 || len(lines[1]) < 2 {
		return 0, fmt.Errorf("redis-benchmark at port %d says %.200q: %w", port, out, errors.Join(err, io.ErrUnexpectedEOF))
	}
	return strconv.ParseFloat(lines[1][1], 64)
}

// idle opens clients that each say one command and then nothing.
func (c *cost) idle(ctx context.Context, leader, follower *harness.Node, addr string) error {
	before, err := usageOf(ctx, leader, follower)
	if err != nil {
		return err
	}
	for range costIdle {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("EXISTS k\r\n")); err != nil {
			return err
		}
		if answer, err := bufio.NewReaderSize(conn, 16).ReadString('\n'); err != nil || answer[0] != ':' {
			return fmt.Errorf("EXISTS through a tunnel: %q, %w", answer, err)
		}
	}
	after, err := usageOf(ctx, leader, follower)
	c.leader, c.leadFD = after[0].per(before[0])
	c.carrier, c.carrierFD = after[1].per(before[1])
	return err
}

// A usage is what a process has: bytes, and descriptors.
type usage struct{ bytes, files int64 }

// per is what an idle client has added.
func (u usage) per(before usage) (bytes int64, files float64) {
	return (u.bytes - before.bytes) / costIdle, float64(u.files-before.files) / costIdle
}

// usageOf is what nodes have when they have given back what they can.
func usageOf(ctx context.Context, nodes ...*harness.Node) (out []usage, err error) {
	for _, n := range nodes {
		c := n.Client()
		err := c.Do(ctx, "MEMORY", "PURGE").Err()
		c.Close()
		if err != nil {
			return nil, err
		}
		dir := filepath.Join("/proc", strconv.Itoa(n.PID()))
		files, err := os.ReadDir(filepath.Join(dir, "fd"))
		if err != nil {
			return nil, err
		}
		text, err := os.ReadFile(filepath.Join(dir, "statm"))
		if err != nil {
			return nil, err
		}
		pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
		if err != nil {
			return nil, err
		}
		out = append(out, usage{pages * int64(os.Getpagesize()), int64(len(files))})
	}
	return out, nil
}

// String is the page's words on it.
func (c cost) String() string {
	if c.err != nil {
		return "**" + c.err.Error() + "**\n"
	}
	const kb = 1 << 10
	return fmt.Sprintf("Everything on one machine, %d clients, values of %d bytes, medians of interleaved runs of redis-benchmark: SET through a\n"+
		"node that does not lead has %.2f times the throughput of SET at the leader with pipelines of %d commands, and %.2f times\n"+
		"without pipelining. An idle tunnel takes %d KB of memory and %.0f file descriptors at the node that carries it, and %d KB and %.0f at the\n"+
		"leader (%d clients that have said one command), and one place of `maxclients` at each.\n",
		costClients, costBytes, c.deep, costDeep, c.single, (c.carrier+kb/2)/kb, c.carrierFD, (c.leader+kb/2)/kb, c.leadFD, costIdle)
}
