package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// options are the command's flags.
type options struct {
	regent string
	redis  string
	plan   plan
	sections,
	families,
	fsyncs []string
	rounds int
	clients,
	depths,
	sizes []int
	keys  int
	idle  int
	cases []string
	write string
	svg   string
}

// Bounds of the flags.
const (
	maxRounds = 100
	maxKeys   = 50_000_000
	maxIdle   = 50_000
)

// section is one part of the report.
type section struct {
	name    string
	measure func(context.Context, options, *report) error
}

func allSections() []section {
	return []section{
		{"throughput", throughput}, {"limit", limit}, {"cycles", cycleSection}, {"programs", programs}, {"memory", memory}, {"values", values}, {"idle", idle}, {"tls", secureSection}, {"load", load}, {"rewrite", rewrite}, {"nodes", nodes}, {"stalls", stalls}, {"pauses", pauses}, {"steps", steps},
	}
}

func sectionNames() (names []string) {
	for _, s := range allSections() {
		names = append(names, s.name)
	}
	return names
}

func main() {
	if is, err := asEcho(os.Args[1:]); is {
		fmt.Fprintln(os.Stderr, "bench:", err) // it does not end by itself
		os.Exit(1)
	}
	o, err := parseFlags(os.Args[1:])
	if err == nil {
		// Whatever ends this ends the servers that it has started.
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
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
	var sections, families, cases, fsyncs, clients, depths, sizes string
	var quick, full bool
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.StringVar(&o.regent, "regent", "./bin/regent", "Regent's binary")
	fs.StringVar(&o.redis, "redis", "redis-server", "the reference's binary")
	fs.BoolVar(&quick, "quick", false, "less of everything: at most five minutes")
	fs.BoolVar(&full, "full", false, "every family, size, number of clients and depth: at most half an hour")
	fs.IntVar(&o.rounds, "rounds", 0, fmt.Sprintf("rounds: so often is a load repeated, and servers are compared in %d times as many pairs of slices; 0: the plan's", blocksPerRound))
	fs.StringVar(&sections, "sections", strings.Join(sectionNames(), ","), "what to measure")
	fs.StringVar(&families, "families", "", "only these commands: "+strings.Join(familyNames(), ","))
	fs.StringVar(&cases, "values", "", "only values, programs, logs of the load section and lines of the stalls section whose names begin so: stream,hash of 5,MULTI; empty: all")
	fs.StringVar(&fsyncs, "fsync", "", "only with this persistence of all servers: off, everysec, always")
	fs.StringVar(&clients, "clients", "", "only with so many connections")
	fs.StringVar(&depths, "pipelines", "", "only these pipeline depths")
	fs.StringVar(&sizes, "sizes", "", "only values of so many bytes")
	fs.IntVar(&o.keys, "keys", 0, "keys of the memory, values (three times as many elements), load, rewrite, stalls, pauses and steps sections; 0: the plan's")
	fs.IntVar(&o.idle, "idle", 0, "connections of the idle section; 0: the plan's")
	fs.StringVar(&o.write, "write", "", "write the results into this file as Markdown, with a picture beside it in docs/")
	fs.StringVar(&o.svg, "svg", "", "draw the throughput ratios into this file instead")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	name := ""
	switch {
	case quick && full:
		return o, fmt.Errorf("-quick and -full are opposites")
	case quick:
		name = "quick"
	case full:
		name = "full"
	}
	o.plan = plans()[name]
	o.sections, o.families, o.fsyncs = words(sections), words(families), words(fsyncs)
	if cases != "" {
		o.cases = strings.Split(cases, ",")
	}
	if o.write != "" && o.svg == "" {
		o.svg = filepath.Join(filepath.Dir(o.write), "docs", "throughput.svg")
	}
	var err error
	for list, into := range map[string]*[]int{"-clients " + clients: &o.clients, "-pipelines " + depths: &o.depths, "-sizes " + sizes: &o.sizes} {
		if *into, err = numbers(list); err != nil {
			return o, err
		}
	}
	if err := o.check(); err != nil {
		return o, err
	}
	return o, o.plan.limit(&o)
}

func (o *options) check() error {
	switch {
	case o.rounds < 0 || o.rounds > maxRounds:
		return fmt.Errorf("-rounds must be within 1 and %d", maxRounds)
	case o.keys < 0 || o.keys > maxKeys:
		return fmt.Errorf("-keys must be within 1 and %d", maxKeys)
	case o.idle < 0 || o.idle > maxIdle:
		return fmt.Errorf("-idle must be within 1 and %d", maxIdle)
	}
	for _, s := range o.sections {
		if !slices.Contains(sectionNames(), s) {
			return fmt.Errorf("-sections: %q is not among %v", s, sectionNames())
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

// numbers reads a flag's name and its list.
func numbers(flagged string) ([]int, error) {
	name, list, _ := strings.Cut(flagged, " ")
	var out []int
	for _, w := range words(list) {
		n, err := strconv.Atoi(w)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%s: %q is not a number above 0", name, w)
		}
		out = append(out, n)
	}
	return out, nil
}

func run(ctx context.Context, o options) error {
	redis.SetLogger(silence{}) // servers that are not up yet are no news
	ctx, cancel := context.WithTimeoutCause(ctx, o.plan.budget, fmt.Errorf("it did not end within %s", o.plan.budget))
	defer cancel()
	r := newReport(o)
	began := time.Now()
	err := r.measureAll(ctx, o)
	fmt.Printf("\nmeasured in %s\n", time.Since(began).Round(time.Second))
	if err != nil {
		r.unfinished = err.Error()
	}
	if saveErr := r.save(o); err == nil {
		err = saveErr
	}
	return err
}

// measureAll carries out the sections. What was measured before an error is in
// the report.
func (r *report) measureAll(ctx context.Context, o options) error {
	for _, s := range allSections() {
		if !slices.Contains(o.sections, s.name) {
			continue
		}
		if err := s.measure(ctx, o, r); err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// silence is a logger for go-redis.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
