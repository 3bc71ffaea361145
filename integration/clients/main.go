package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// How long a program counts, and when its leader fails.
const (
	countsFor  = 5 * time.Second
	failsAfter = time.Second
	// works is within what time every program has to work again.
	works = 2 * time.Second
	// costRuns is how often redis-benchmark runs at either node.
	costRuns = 9
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	redis.SetLogger(quiet{})
	var err error
	if len(os.Args) > 1 && os.Args[1] == asWord {
		err = as(ctx, os.Args[2:])
	} else {
		err = measure(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
}

// quiet drops what go-redis logs: programs tell of their errors.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func measure(ctx context.Context) error {
	binary := flag.String("regent", "bin/regent", "the binary")
	write := flag.String("write", "", "the page whose tables are written anew; none: they go to the output")
	only := flag.String("only", "", "programs whose names contain this")
	through := flag.String("fault", "", "faults whose names contain this")
	times := flag.Int("times", 1, "how often each program goes through each fault")
	rounds := flag.Int("rounds", tenRounds, "changes of leader for ten clients behind HAProxy")
	runs := flag.Int("cost", costRuns, "runs of redis-benchmark for what a tunnel costs")
	flag.Parse()
	dir, err := os.MkdirTemp("", "clients")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if *binary, err = filepath.Abs(*binary); err != nil {
		return err
	}
	if err := unpack(dir); err != nil {
		return err
	}
	r := &results{}
	programs := goClients()
	for _, l := range languages() {
		if !slices.ContainsFunc(l.faces, func(face string) bool { return strings.Contains(l.name+" "+face, *only) }) {
			continue
		}
		found, err := l.prepare(ctx, dir)
		if err != nil {
			r.leaveOut(l.name, err)
		}
		programs = append(programs, found...)
	}
	p, err := newPlace(ctx, *binary, filepath.Join(dir, "near"))
	if err != nil {
		return err
	}
	defer p.Kill()
	if p.front.why != nil {
		r.leaveOut("HAProxy", p.front.why)
	}
	far, err := newHostsPlace(ctx, *binary, filepath.Join(dir, "far"))
	if err != nil {
		r.leaveOut("partition", err)
	} else {
		defer far.Kill()
	}
	for range *times {
		r.programs(ctx, p, far, programs, func(pr program, f fault) bool {
			return strings.Contains(pr.name+" "+pr.face, *only) && strings.Contains(f.name, *through)
		})
	}
	if p.front.why == nil {
		for _, f := range tenFaults() {
			if strings.Contains(f.name, *through) && *rounds > 0 {
				r.tens = append(r.tens, p.tens(ctx, f, *rounds))
				fmt.Fprintln(os.Stderr, r.tens[len(r.tens)-1])
			}
		}
	}
	if *runs > 0 {
		c := p.cost(ctx, *runs)
		r.cost = &c
	}
	if *write == "" {
		fmt.Print(r.page())
		return nil
	}
	return os.WriteFile(*write, []byte(r.page()), 0o644)
}

// results are all that is measured.
type results struct {
	rows    []result
	tens    []tenLine
	cost    *cost
	missing []string
}

func (r *results) leaveOut(what string, why error) {
	r.missing = append(r.missing, fmt.Sprintf("%s (%v)", what, why))
	fmt.Fprintln(os.Stderr, "left out:", r.missing[len(r.missing)-1])
}

// programs has all programs go through all faults. far has a host for each node; it is
// nil where there is none.
func (r *results) programs(ctx context.Context, near, far *place, programs []program, wanted func(pr program, f fault) bool) {
	for _, pr := range programs {
		if _, ok := frontOf(pr.face); ok && near.front.why != nil {
			continue
		}
		for _, f := range faults() {
			p := near
			if f.apart {
				p = far
			}
			if p == nil || !wanted(pr, f) {
				continue
			}
			one := p.try(ctx, pr, f, failsAfter, cmp.Or(f.during, countsFor))
			r.rows = append(r.rows, one)
			fmt.Fprintln(os.Stderr, row(one))
		}
	}
}
