package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"regent/integration/harness"
)

// A sample is one slice of redis-benchmark against one server.
type sample struct {
	rps      float64 // requests per second
	p99      float64 // milliseconds
	p999     float64 // milliseconds
	busy     float64 // the server's own seconds
	switches int64   // changes of its threads; nodes alone count them
	requests int
	steps    []step // the distribution of its latencies
}

const (
	// mostKeys is how many different keys there are where nothing else is said, and
	// mostBytes bounds what they hold in one server.
	mostKeys  = 100_000
	mostBytes = 256 << 20
)

// keys is how many different keys a cell has.
func (c cell) keys() int { return min(c.family.keys, mostBytes/max(c.size, 1)) }

// filled says with what each server was filled last, by its port.
type filled map[int]string

// throughput measures every cell under every kind of persistence.
func throughput(ctx context.Context, o options, r *report) error {
	for _, g := range o.plan.grids {
		if err := throughputGrid(ctx, o, g, r); err != nil {
			return err
		}
	}
	return nil
}

func throughputGrid(ctx context.Context, o options, g grid, r *report) error {
	dir, remove, err := scratchDir()
	defer remove()
	if err != nil {
		return err
	}
	ports, err := harness.FreePorts(3)
	if err != nil {
		return err
	}
	args := persistence(g.fsync)
	servers := []*harness.Node{
		regentNode(o, ports[0], dir, args...),
		redisNode(o, ports[1], dir, append([]string{"--io-threads", "1"}, args...)...),
		redisNode(o, ports[2], dir, append([]string{"--io-threads", "2", "--io-threads-do-reads", "yes"}, args...)...),
	}
	defer stop(servers...)
	if err := start(ctx, servers...); err != nil {
		return err
	}
	r.begin("Throughput, log "+g.fsync, throughputHead())
	have := filled{}
	for _, c := range g.cells() {
		if err := throughputCell(ctx, o, servers, c, g.fsync, have, r); err != nil {
			return err
		}
	}
	return nil
}

func throughputHead() []string {
	head := append([]string{"command", "bytes", "clients", "P"}, comparedHead()...)
	return append(head, "p99 ms", "redis", "ratio", "quartiles", "p99.9 ms", "redis", "ratio")
}

// throughputCell compares Regent in one cell with redis-server, whichever of its settings is better there.
func throughputCell(ctx context.Context, o options, servers []*harness.Node, c cell, fsync string, have filled, r *report) error {
	var at []contestant
	for _, n := range servers {
		if err := prefill(ctx, n, c, have); err != nil {
			return err
		}
		at = append(at, func(requests int) (sample, error) { return measure(ctx, n, c, requests) })
	}
	a, b, err := o.plan.compare(c.clients, c.depth).reference(ctx, at[0], at[1], at[2])
	if err != nil {
		return err
	}
	r.ratio(fmt.Sprintf("%s %s P=%d", fsync, c.family.name, c.depth), c.size == 64 && c.clients == 50, ratios(a, b, throughputOf).mid)
	ours, theirs, p99 := summary(a), summary(b), ratios(a, b, p99Of)
	row := append([]string{c.family.name, strconv.Itoa(c.size), strconv.Itoa(c.clients), strconv.Itoa(c.depth)}, compared(a, b)...)
	row = append(row, fmt.Sprintf("%.2f", ours.p99), fmt.Sprintf("%.2f", theirs.p99), p99.String(), p99.quartiles(),
		fmt.Sprintf("%.2f", ours.p999), fmt.Sprintf("%.2f", theirs.p999), ratioOf(ours.p999, theirs.p999))
	r.row(row...)
	return nil
}

func ratioOf(a, b float64) string { return fmt.Sprintf("%.2f", a/b) }

// maxWord is how long a value may be in bytes to be an argument of redis-benchmark: the
// system has a bound for one. A longer one is its input, as the last word of the command.
const maxWord = 100 << 10

func measure(ctx context.Context, n *harness.Node, c cell, requests int) (sample, error) {
	args := []string{"-c", strconv.Itoa(c.clients), "-P", strconv.Itoa(c.depth), "-r", strconv.Itoa(c.keys())}
	words := fillIn(c.family.command, randomKey, randomNumber, strings.Repeat("x", c.size))
	stdin := io.Reader(nil)
	if last := len(words) - 1; len(words[last]) > maxWord {
		stdin, args, words = strings.NewReader(words[last]), append(args, "-x"), words[:last]
	}
	return benchmark(ctx, n, requests, append(args, words...), stdin)
}

// benchmark runs redis-benchmark with so many requests, whose clients and command args are.
func benchmark(ctx context.Context, n *harness.Node, requests int, args []string, stdin io.Reader) (sample, error) {
	return benchmarkAt(ctx, n, n.Port, requests, args, stdin)
}

// benchmarkAt is benchmark at another port of the process; env is added to redis-benchmark's environment.
func benchmarkAt(ctx context.Context, n *harness.Node, port, requests int, args []string, stdin io.Reader, env ...string) (sample, error) {
	before, err := cpuSeconds(n.PID())
	if err != nil {
		return sample{}, err
	}
	cmd := exec.CommandContext(ctx, "redis-benchmark", append([]string{
		"-h", "127.0.0.1", "-p", strconv.Itoa(port), "-n", strconv.Itoa(requests), "--precision", "3",
	}, args...)...)
	cmd.Stdin, cmd.Env = stdin, append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		return sample{}, fmt.Errorf("redis-benchmark against port %d: %w", port, err)
	}
	after, err := cpuSeconds(n.PID())
	if err != nil {
		return sample{}, err
	}
	s, err := parseBenchmark(string(out))
	s.busy, s.requests = after-before, requests
	if err == nil {
		err = rest(ctx, n.Addr())
	}
	return s, err
}

// parseBenchmark reads redis-benchmark's report: the throughput, and the
// distribution of latencies with its p99 and p99.9.
func parseBenchmark(text string) (sample, error) {
	var s sample
	rps := regexp.MustCompile(`throughput summary: ([0-9.]+) requests per second`).FindStringSubmatch(text)
	if rps == nil {
		return s, fmt.Errorf("redis-benchmark names no throughput: %.200q", text)
	}
	var err error
	if s.rps, err = strconv.ParseFloat(rps[1], 64); err != nil {
		return s, fmt.Errorf("redis-benchmark's throughput: %w", err)
	}
	seen := 0
	for _, m := range regexp.MustCompile(`% <= ([0-9.]+) milliseconds \(cumulative count ([0-9]+)\)`).FindAllStringSubmatch(text, -1) {
		ms, err1 := strconv.ParseFloat(m[1], 64)
		count, err2 := strconv.Atoi(m[2])
		if err1 != nil || err2 != nil {
			return s, fmt.Errorf("redis-benchmark's distribution: %q", m[0])
		}
		if count < seen {
			break // the second of its two distributions, by milliseconds, begins
		}
		if count > seen {
			s.steps = append(s.steps, step{ms, count - seen})
		}
		seen = count
	}
	if len(s.steps) == 0 {
		return s, fmt.Errorf("redis-benchmark shows no distribution: %.200q", text)
	}
	s.p99, s.p999 = tail(s.steps, 0.99), tail(s.steps, 0.999)
	return s, nil
}

// cpu is the server's own microseconds per request.
func (s sample) cpu() float64 { return s.busy * 1e6 / float64(s.requests) }
