package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are the command's flags.
type options struct {
	regent         string
	redis          string
	rounds         int
	requests       int
	keys           int
	sections       []string
	families       []string
	fsyncs         []string
	clients        []int
	depths         []int
	sizes          []int
	memKeys        int
	rewriteKeys    int
	rewriteServers []string
	rewriteRate    int
	idle           int
	write          string
	svg            string
}

// Bounds of the flags.
const (
	maxRounds   = 100
	maxRequests = 100_000_000
	maxKeys     = 50_000_000
	maxIdle     = 50_000
	maxRate     = 1_000_000
)

func main() {
	o, err := parseFlags(os.Args[1:])
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		err = run(ctx, o)
	}
	if err != nil && err != flag.ErrHelp {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (options, error) {
	var o options
	var sections, families, fsyncs, clients, depths, sizes, rewriteServers string
	var full bool
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.StringVar(&o.regent, "regent", "./bin/regent", "Regent's binary")
	fs.StringVar(&o.redis, "redis", "redis-server", "the reference's binary")
	fs.IntVar(&o.rounds, "rounds", 5, "interleaved rounds; the median counts")
	fs.IntVar(&o.requests, "requests", 100_000, "requests of a round at P=1; deeper pipelines send more")
	fs.IntVar(&o.keys, "keys", 100_000, "different keys of the throughput section")
	fs.StringVar(&sections, "sections", "throughput,memory,idle,load,rewrite,nodes", "what to measure")
	fs.StringVar(&families, "families", "get,set", "commands of the throughput section: "+strings.Join(familyNames(), ","))
	fs.StringVar(&fsyncs, "fsync", "off,everysec", "persistence of all servers: off, no, everysec, always")
	fs.StringVar(&clients, "clients", "50", "connections")
	fs.StringVar(&depths, "pipelines", "1,16,64", "pipeline depths")
	fs.StringVar(&sizes, "sizes", "64", "bytes of a value")
	fs.IntVar(&o.memKeys, "memory-keys", 2_000_000, "keys of the memory and load sections")
	fs.IntVar(&o.rewriteKeys, "rewrite-keys", 5_000_000, "keys of the rewrite section")
	fs.StringVar(&rewriteServers, "rewrite-servers", "regent,redis", "servers of the rewrite section")
	fs.IntVar(&o.rewriteRate, "rewrite-rate", 1000, "commands per second of the rewrite section")
	fs.IntVar(&o.idle, "idle", 5000, "connections of the idle section")
	fs.StringVar(&o.write, "write", "", "write the results into this file as Markdown")
	fs.StringVar(&o.svg, "svg", "", "draw the throughput ratios into this file")
	fs.BoolVar(&full, "full", false, "every family, size, number of clients and depth")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if full {
		families, clients, sizes = strings.Join(familyNames(), ","), "1,50,500", "64,1024,16384"
	}
	o.sections, o.families, o.fsyncs = words(sections), words(families), words(fsyncs)
	o.rewriteServers = words(rewriteServers)
	var err error
	for list, into := range map[string]*[]int{clients: &o.clients, depths: &o.depths, sizes: &o.sizes} {
		if *into, err = numbers(list); err != nil {
			return o, err
		}
	}
	return o, o.check()
}

func (o *options) check() error {
	switch {
	case o.rounds < 1 || o.rounds > maxRounds:
		return fmt.Errorf("-rounds must be within 1 and %d", maxRounds)
	case o.requests < 1 || o.requests > maxRequests:
		return fmt.Errorf("-requests must be within 1 and %d", maxRequests)
	case o.memKeys < 1 || o.memKeys > maxKeys:
		return fmt.Errorf("-memory-keys must be within 1 and %d", maxKeys)
	case o.rewriteKeys < 1 || o.rewriteKeys > maxKeys:
		return fmt.Errorf("-rewrite-keys must be within 1 and %d", maxKeys)
	case o.rewriteRate < 1 || o.rewriteRate > maxRate:
		return fmt.Errorf("-rewrite-rate must be within 1 and %d", maxRate)
	case o.idle < 1 || o.idle > maxIdle:
		return fmt.Errorf("-idle must be within 1 and %d", maxIdle)
	}
	for _, f := range o.families {
		if !slices.Contains(familyNames(), f) {
			return fmt.Errorf("-families: %q is not among %v", f, familyNames())
		}
	}
	path, err := exec.LookPath(o.redis)
	if err != nil {
		return fmt.Errorf("%s is needed: `make tools` installs it: %w", o.redis, err)
	}
	o.redis = path
	return nil
}

func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

func numbers(list string) ([]int, error) {
	var out []int
	for _, w := range words(list) {
		n, err := strconv.Atoi(w)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a number above 0", w)
		}
		out = append(out, n)
	}
	return out, nil
}

func run(ctx context.Context, o options) error {
	r := newReport(o)
	began := time.Now()
	for _, s := range []struct {
		name    string
		measure func(context.Context, options, *report) error
	}{
		{"throughput", throughput}, {"memory", memory}, {"idle", idle}, {"load", load}, {"rewrite", rewrite}, {"nodes", nodes},
	} {
		if !slices.Contains(o.sections, s.name) {
			continue
		}
		if err := s.measure(ctx, o, r); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	fmt.Printf("\nmeasured in %s\n", time.Since(began).Round(time.Second))
	return r.save(o)
}
