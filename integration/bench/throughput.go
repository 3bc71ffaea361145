package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"regent/integration/harness"
)

// A sample is one round of redis-benchmark against one server.
type sample struct {
	rps      float64 // requests per second
	p99      float64 // milliseconds
	p999     float64 // milliseconds
	busy     float64 // the server's own seconds
	switches int64   // changes of its threads; nodes alone count them
	requests int
}

const (
	// mostKeys is how many different keys there are, and mostBytes bounds what
	// they hold in one server.
	mostKeys  = 100_000
	mostBytes = 256 << 20
)

// keys is how many different keys a cell has.
func (c cell) keys() int { return min(mostKeys, mostBytes/max(c.size, 1)) }

// filled says with what each server was filled last, by its port.
type filled map[int]string

// requests is how many requests take about as long as a slice, at a rate per
// second that was seen before.
func (p plan) requests(rate float64, depth int) int {
	const least, most = 500, 50_000_000
	n := int(rate * p.slice.Seconds())
	return min(max(n, least*min(depth, 10)), most)
}

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
	return []string{"command", "bytes", "clients", "P", "regent/s", "redis/s", "ratio", "CPU µs", "redis", "ratio", "p99 ms", "redis", "ratio", "p99.9 ms", "redis", "ratio"}
}

// throughputCell measures one cell on all servers in turn.
func throughputCell(ctx context.Context, o options, servers []*harness.Node, c cell, fsync string, have filled, r *report) error {
	samples, err := interleave(ctx, o.plan, servers, c, have)
	if err != nil {
		return err
	}
	ours, theirs := median(samples[0]), median(samples[1])
	if other := median(samples[2]); other.rps > theirs.rps {
		theirs = other
	}
	r.ratio(fmt.Sprintf("%s %s P=%d", fsync, c.family.name, c.depth), c.size == 64 && c.clients == 50, ours.rps/theirs.rps)
	row := []string{c.family.name, strconv.Itoa(c.size), strconv.Itoa(c.clients), strconv.Itoa(c.depth), fmt.Sprintf("%.0f", ours.rps), fmt.Sprintf("%.0f", theirs.rps), ratioOf(ours.rps, theirs.rps)}
	for _, pair := range [][2]float64{{ours.cpu(), theirs.cpu()}, {ours.p99, theirs.p99}, {ours.p999, theirs.p999}} {
		row = append(row, fmt.Sprintf("%.2f", pair[0]), fmt.Sprintf("%.2f", pair[1]), ratioOf(pair[0], pair[1]))
	}
	r.row(row...)
	return nil
}

func ratioOf(a, b float64) string { return fmt.Sprintf("%.2f", a/b) }

// interleave measures a cell on all servers in turn, round by round.
func interleave(ctx context.Context, p plan, servers []*harness.Node, c cell, have filled) ([][]sample, error) {
	samples, rates := make([][]sample, len(servers)), make([]float64, len(servers))
	for i, n := range servers {
		if err := prefill(ctx, n, c, have); err != nil {
			return nil, err
		}
		// A round before those that count warms up, and shows how much to send.
		const guess = 10_000
		s, err := measure(ctx, n, c, min(p.requests(guess, c.depth)*min(c.depth, 10), guess))
		if err != nil {
			return nil, err
		}
		rates[i] = s.rps
	}
	for round := range p.rounds {
		for i := range servers {
			at := (i + round) % len(servers) // none is always first
			s, err := measure(ctx, servers[at], c, p.requests(rates[at], c.depth))
			if err != nil {
				return nil, err
			}
			samples[at], rates[at] = append(samples[at], s), s.rps
		}
	}
	return samples, nil
}

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

// benchmarkAt is benchmark at another port of the process.
func benchmarkAt(ctx context.Context, n *harness.Node, port, requests int, args []string, stdin io.Reader) (sample, error) {
	before, err := cpuSeconds(n.PID())
	if err != nil {
		return sample{}, err
	}
	cmd := exec.CommandContext(ctx, "redis-benchmark", append([]string{
		"-h", "127.0.0.1", "-p", strconv.Itoa(port), "-n", strconv.Itoa(requests), "--precision", "3",
	}, args...)...)
	cmd.Stdin = stdin
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
	return s, err
}

// parseBenchmark reads redis-benchmark's report: the throughput, and the
// first points of its latency distribution at or above p99 and p99.9.
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
	for _, m := range regexp.MustCompile(`([0-9.]+)% <= ([0-9.]+) milliseconds`).FindAllStringSubmatch(text, -1) {
		percent, err1 := strconv.ParseFloat(m[1], 64)
		ms, err2 := strconv.ParseFloat(m[2], 64)
		if err1 != nil || err2 != nil {
			return s, fmt.Errorf("redis-benchmark's distribution: %q", m[0])
		}
		if percent >= 99 && s.p99 == 0 {
			s.p99 = ms
		}
		if percent >= 99.9 && s.p999 == 0 {
			s.p999 = ms
		}
	}
	if s.p99 == 0 || s.p999 == 0 {
		return s, fmt.Errorf("redis-benchmark shows no tail of the distribution: %.200q", text)
	}
	return s, nil
}

// cpu is the server's own microseconds per request.
func (s sample) cpu() float64 { return s.busy * 1e6 / float64(s.requests) }

// median takes the median of each figure by itself, but for the server's time:
// that is counted in hundredths of a second, and added up.
func median(s []sample) (m sample) {
	mid := func(figure func(sample) float64) float64 {
		var all []float64
		for _, x := range s {
			all = append(all, figure(x))
		}
		return middle(all)
	}
	m.rps = mid(func(x sample) float64 { return x.rps })
	m.p99 = mid(func(x sample) float64 { return x.p99 })
	m.p999 = mid(func(x sample) float64 { return x.p999 })
	for _, x := range s {
		m.busy += x.busy
		m.switches += x.switches
		m.requests += x.requests
	}
	return m
}
