package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"regent/integration/harness"
)

// A family is one kind of command; a type of value that is added joins by a
// line here. {} stands for a value of the size asked for.
type family struct {
	name    string
	command string
}

func families() []family {
	const key = "key:__rand_int__"
	return []family{
		{"get", "GET " + key},
		{"set", "SET " + key + " {}"},
		{"incr", "INCR counter:__rand_int__"},
		{"mset", "MSET a:__rand_int__ {} b:__rand_int__ {} c:__rand_int__ {} d:__rand_int__ {}"},
		{"mget", "MGET " + key + " " + key + " " + key + " " + key},
		{"setex", "SET " + key + " {} EX 1000"},
		{"expire", "EXPIRE " + key + " 1000"},
		{"getrange", "GETRANGE " + key + " 0 9"},
		{"exists", "EXISTS " + key},
		{"del", "DEL " + key},
	}
}

func familyNames() (names []string) {
	for _, f := range families() {
		names = append(names, f.name)
	}
	return names
}

// args is the command as redis-benchmark takes it.
func (f family) args(size int) []string {
	return strings.Fields(strings.ReplaceAll(f.command, "{}", strings.Repeat("x", size)))
}

func familyNamed(name string) family {
	i := slices.IndexFunc(families(), func(f family) bool { return f.name == name })
	return families()[i]
}

// A sample is one round of redis-benchmark against one server.
type sample struct {
	rps  float64 // requests per second
	cpu  float64 // the server's own microseconds per request
	p99  float64 // milliseconds
	p999 float64 // milliseconds
}

// A cell is what one round is made of.
type cell struct {
	family  family
	size    int // bytes
	clients int
	depth   int
}

// requests lets a deep pipeline last about as long as a plain one.
func (c cell) requests(o options) int {
	n := o.requests * min(c.depth, 10)
	if c.size > 4096 {
		n /= 8
	}
	return max(n, 1000)
}

// throughput measures every cell under every kind of persistence.
func throughput(ctx context.Context, o options, r *report) error {
	for _, fsync := range o.fsyncs {
		if err := throughputMode(ctx, o, fsync, r); err != nil {
			return err
		}
	}
	return nil
}

func throughputMode(ctx context.Context, o options, fsync string, r *report) error {
	dir, err := os.MkdirTemp("", "regent-bench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	ports, err := harness.FreePorts(3)
	if err != nil {
		return err
	}
	args := persistence(fsync)
	servers := []*harness.Node{
		regentNode(o, ports[0], dir, args...),
		redisNode(o, ports[1], dir, append([]string{"--io-threads", "1"}, args...)...),
		redisNode(o, ports[2], dir, append([]string{"--io-threads", "2", "--io-threads-do-reads", "yes"}, args...)...),
	}
	defer stop(servers...)
	if err := start(ctx, servers...); err != nil {
		return err
	}
	r.begin("Throughput, log "+fsync, throughputHead())
	for _, name := range o.families {
		for _, size := range o.sizes {
			for _, clients := range o.clients {
				for _, depth := range o.depths {
					c := cell{familyNamed(name), size, clients, depth}
					if err := throughputCell(ctx, o, servers, c, fsync, r); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

func throughputHead() []string {
	return []string{"command", "bytes", "clients", "P", "regent/s", "redis/s", "ratio", "CPU µs", "redis", "ratio", "p99 ms", "redis", "ratio", "p99.9 ms", "redis", "ratio"}
}

// throughputCell measures one cell on all servers in turn.
func throughputCell(ctx context.Context, o options, servers []*harness.Node, c cell, fsync string, r *report) error {
	samples := make([][]sample, len(servers))
	// A round before those that count fills the keys and warms up.
	for round := -1; round < o.rounds; round++ {
		for i := range servers {
			at := (i + max(round, 0)) % len(servers) // none is always first
			s, err := measure(ctx, o, servers[at], c)
			if err != nil {
				return err
			}
			if round >= 0 {
				samples[at] = append(samples[at], s)
			}
		}
	}
	ours, theirs := median(samples[0]), median(samples[1])
	if other := median(samples[2]); other.rps > theirs.rps {
		theirs = other
	}
	r.ratio(fmt.Sprintf("%s %s P=%d", fsync, c.family.name, c.depth), c.size == 64 && c.clients == 50, ours.rps/theirs.rps)
	row := []string{c.family.name, strconv.Itoa(c.size), strconv.Itoa(c.clients), strconv.Itoa(c.depth), fmt.Sprintf("%.0f", ours.rps), fmt.Sprintf("%.0f", theirs.rps), ratioOf(ours.rps, theirs.rps)}
	for _, pair := range [][2]float64{{ours.cpu, theirs.cpu}, {ours.p99, theirs.p99}, {ours.p999, theirs.p999}} {
		row = append(row, fmt.Sprintf("%.2f", pair[0]), fmt.Sprintf("%.2f", pair[1]), ratioOf(pair[0], pair[1]))
	}
	r.row(row...)
	return nil
}

func ratioOf(a, b float64) string { return fmt.Sprintf("%.2f", a/b) }

func measure(ctx context.Context, o options, n *harness.Node, c cell) (sample, error) {
	if c.family.name == "get" || c.family.name == "getrange" || c.family.name == "mget" {
		// Reads want something to read: most keys exist from the warm-up on.
		if err := prefill(ctx, n, o.keys, c.size); err != nil {
			return sample{}, err
		}
	}
	requests := c.requests(o)
	before, err := cpuSeconds(n.PID())
	if err != nil {
		return sample{}, err
	}
	args := []string{
		"-h", "127.0.0.1", "-p", strconv.Itoa(n.Port), "-c", strconv.Itoa(c.clients), "-n", strconv.Itoa(requests),
		"-P", strconv.Itoa(c.depth), "-r", strconv.Itoa(o.keys), "--precision", "3",
	}
	out, err := exec.CommandContext(ctx, "redis-benchmark", append(args, c.family.args(c.size)...)...).Output()
	if err != nil {
		return sample{}, fmt.Errorf("redis-benchmark against port %d: %w", n.Port, err)
	}
	after, err := cpuSeconds(n.PID())
	if err != nil {
		return sample{}, err
	}
	s, err := parseBenchmark(string(out))
	s.cpu = (after - before) * 1e6 / float64(requests)
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

// median takes the median of each figure by itself.
func median(s []sample) sample {
	mid := func(figure func(sample) float64) float64 {
		var all []float64
		for _, x := range s {
			all = append(all, figure(x))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return sample{
		rps:  mid(func(x sample) float64 { return x.rps }),
		cpu:  mid(func(x sample) float64 { return x.cpu }),
		p99:  mid(func(x sample) float64 { return x.p99 }),
		p999: mid(func(x sample) float64 { return x.p999 }),
	}
}
