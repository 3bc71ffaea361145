package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "compat: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	regent := flag.String("regent", "./bin/regent", "the binary to test")
	reference := flag.String("redis", "redis-server", "the reference")
	dir := flag.String("suite", "", "the suite's directory: scripts/compat-suite.sh prints it")
	units := flag.String("units", "", "units to run, separated by commas; the page's by default, \"all\" for every one")
	which := flag.String("mode", "", "the only mode to run: external, own or tls; all of them by default")
	file := flag.String("write", "", "a page to write: what stands there of other units stays")
	flag.Parse()
	if *dir == "" {
		return errors.New("-suite is missing")
	}
	redis.SetLogger(quiet{}) // servers that are not up yet are no news
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s := suite{dir: *dir, tested: *regent, reference: *reference}
	known, err := s.units()
	if err != nil {
		return err
	}
	pages, err := readPages(*file)
	if err != nil {
		return err
	}
	for _, m := range modes {
		if *which != "" && *which != string(m.mode) {
			continue
		}
		names := m.units
		switch {
		case *units == "all":
			names = known
		case *units != "":
			names = strings.Split(*units, ",")
		}
		for _, name := range names {
			if !slices.Contains(known, name) {
				return fmt.Errorf("the suite has no unit %s", name)
			}
		}
		if err := s.compare(ctx, m.mode, names, func(r row) error {
			fmt.Println(m.mode, r)
			pages[m.mode] = put(pages[m.mode], r)
			if *file == "" {
				return nil
			}
			return os.WriteFile(*file, []byte(document(pages)), 0o644)
		}); err != nil {
			return err
		}
	}
	return nil
}

// compare runs units on both sides, and hands each unit's row to done.
func (s suite) compare(ctx context.Context, m mode, units []string, done func(row) error) error {
	theirs := side{binary: s.reference, args: []string{"--save", "", "--enable-debug-command", "yes"}}
	ours := side{binary: s.tested, tested: true, args: []string{
		"--appendonly", "yes", "--save", "", "--enable-debug-command", "yes", "--enable-protected-configs", "yes",
	}}
	if m == encrypted {
		if err := s.certificates(); err != nil {
			return err
		}
	}
	if m != external {
		for _, on := range []*side{&theirs, &ours} {
			dir, err := os.MkdirTemp("", "compat")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			if on.home, err = s.home(dir, *on); err != nil {
				return err
			}
		}
	}
	for _, name := range units {
		a, err := s.run(ctx, m, name, theirs)
		if err != nil {
			return err
		}
		b, err := s.run(ctx, m, name, ours)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := done(compare(name, a, b)); err != nil {
			return err
		}
	}
	return nil
}

// quiet is a logger of the client library that says nothing.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}
