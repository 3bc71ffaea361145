package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
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
)

func main() {
	binary := flag.String("regent", "bin/regent", "the binary")
	write := flag.String("write", "", "the page whose table is written anew; none: it goes to the output")
	only := flag.String("only", "", "programs whose names contain this")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *binary, *write, *only); err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
}

// quiet drops what go-redis logs: programs tell of their errors.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func run(ctx context.Context, binary, write, only string) error {
	redis.SetLogger(quiet{})
	dir, err := os.MkdirTemp("", "clients")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if binary, err = filepath.Abs(binary); err != nil {
		return err
	}
	if err := unpack(dir); err != nil {
		return err
	}
	programs := goClients()
	var missing []string
	for _, l := range languages() {
		found, err := l.prepare(ctx, dir)
		if err != nil {
			missing = append(missing, fmt.Sprintf("%s (%v)", l.name, err))
			fmt.Fprintln(os.Stderr, "left out:", missing[len(missing)-1])
		}
		programs = append(programs, found...)
	}
	p, err := newPlace(ctx, binary, dir)
	if err != nil {
		return err
	}
	defer p.Kill()
	var results []result
	for _, pr := range programs {
		if !strings.Contains(pr.name+" "+pr.face, only) {
			continue
		}
		for _, f := range faults() {
			r := p.try(ctx, pr, f, failsAfter, countsFor)
			results = append(results, r)
			fmt.Fprintln(os.Stderr, row(r))
		}
	}
	if write == "" {
		fmt.Print(page(results, missing))
		return nil
	}
	return os.WriteFile(write, []byte(page(results, missing)), 0o644)
}
