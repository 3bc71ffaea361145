// Command failbench measures how long nobody can write after a leader is
// killed or stopped, or leadership is moved on purpose, how many acknowledged
// writes are missing afterwards, and of how many the outcome is not known:
// Regent beside redis-server with three Sentinels and beside Redis Cluster, on
// one machine over loopback.
//
//	make failover-bench
//	go run ./integration/failbench -regent ./bin/regent -trials 20
//
// Four writers write key after key, each to whichever node takes it: they
// follow MOVED, and go on to the next node when one refuses or does not answer
// within 250 ms. That is the quickest client there can be, and the same for
// all three; a client library adds its own waits. The gap is the longest time
// between two acknowledgements of anyone after the fault. At the end every
// acknowledged write is read back.
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
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// options are the command's flags.
type options struct {
	regent, redis string
	trials        int
	systems       []string
	faults        []string
	down          time.Duration
	verbose       bool
	slow          time.Duration
	resync        int
}

const (
	// maxTrials bounds the faults of one kind.
	maxTrials = 1000
	// writers is how many write at once.
	writers = 4
	// writesBetween is how many writes are acknowledged between two faults.
	writesBetween = 2000
	// longest bounds the whole run.
	longest = 20 * time.Minute
	// patience bounds every wait of a trial.
	patience = 90 * time.Second
)

func main() {
	var o options
	var systems, which string
	flag.StringVar(&o.regent, "regent", "./bin/regent", "Regent's binary")
	flag.StringVar(&o.redis, "redis", "redis-server", "redis-server's binary")
	flag.IntVar(&o.trials, "trials", 20, "faults of each kind")
	flag.StringVar(&systems, "systems", "regent,sentinel,cluster", "what to measure")
	flag.StringVar(&which, "faults", "kill,stop,planned", "which faults to make")
	flag.DurationVar(&o.down, "down-after", 500*time.Millisecond, "Sentinel's down-after-milliseconds; Redis Cluster's node timeout is twice that")
	flag.BoolVar(&o.verbose, "v", false, "say why the outcome of writes is not known")
	flag.DurationVar(&o.slow, "slow", 0, "show the nodes' logs of trials whose gap is longer (0: of none)")
	flag.IntVar(&o.resync, "resync", 0, "instead: how a follower comes back that has missed so many writes")
	flag.Parse()
	o.systems, o.faults = strings.Split(systems, ","), strings.Split(which, ",")
	redis.SetLogger(quiet{}) // a refused dial is what is asked for here
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "failbench:", err)
		os.Exit(1)
	}
}

// quiet keeps go-redis's log lines out of the table.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func run(ctx context.Context, o options) error {
	if o.trials < 1 || o.trials > maxTrials {
		return fmt.Errorf("-trials must be within 1 and %d", maxTrials)
	}
	if o.resync > 0 {
		return resync(ctx, o)
	}
	path, err := exec.LookPath(o.redis)
	if err != nil {
		return fmt.Errorf("%s is needed: `make tools` installs it: %w", o.redis, err)
	}
	o.redis = path
	fmt.Printf("%d trials each, %d writers; time without an acknowledged write, and acknowledged writes missing\n", o.trials, writers)
	for _, name := range o.systems {
		start, ok := systems()[name]
		if !ok {
			return fmt.Errorf("-systems: %q is none", name)
		}
		for _, fault := range faults() {
			if !slices.Contains(o.faults, fault.flag) {
				continue
			}
			if err := measure(ctx, o, name, fault, start); err != nil {
				return fmt.Errorf("%s, %s: %w", name, fault.name, err)
			}
		}
	}
	return nil
}

// measure runs all trials of one fault on one system, started afresh.
func measure(ctx context.Context, o options, name string, fault fault, start starter) error {
	dir, err := os.MkdirTemp("", "regent-failbench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	s, err := start(ctx, o, filepath.Join(dir, name))
	if s != nil {
		defer s.kill()
	}
	if err != nil {
		return err
	}
	load := harness.StartLoad(writers, "{t}"+name, s.addrs(), nil)
	defer load.Stop()
	var gaps []time.Duration
	for range o.trials {
		began := s.logEnds()
		gap, err := trial(ctx, s, load, fault)
		if err != nil {
			return err
		}
		if o.slow > 0 && gap > o.slow {
			fmt.Printf("a trial of %d ms:\n%s", gap.Milliseconds(), s.logsSince(began))
		}
		gaps = append(gaps, gap)
	}
	load.Stop()
	leader, err := s.leader(ctx)
	if err != nil {
		return err
	}
	c := leader.Client()
	defer c.Close()
	missing, err := load.Missing(ctx, c)
	if err != nil {
		return err
	}
	slices.Sort(gaps)
	fmt.Printf("%-22s %-8s median %6d ms  worst %6d ms  missing %d of %d  unknown %d\n", s.title, fault.name,
		gaps[len(gaps)/2].Milliseconds(), gaps[len(gaps)-1].Milliseconds(), len(missing), load.Acked(), load.Unknown())
	if o.verbose {
		for text, n := range load.Reasons() {
			fmt.Printf("    %d × %s\n", n, text)
		}
	}
	return nil
}

// trial makes one fault, waits for writes to go on, mends the fault, and
// waits until all nodes are well again.
func trial(ctx context.Context, s *system, load *harness.Load, fault fault) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := load.Wait(ctx, writesBetween); err != nil {
		return 0, err
	}
	leader, err := s.leader(ctx)
	if err != nil {
		return 0, err
	}
	at := time.Now()
	if err := fault.make(ctx, s, leader); err != nil {
		return 0, err
	}
	if err := load.Wait(ctx, writesBetween); err != nil {
		return 0, err
	}
	if fault.settle != nil {
		if err := fault.settle(ctx, s, leader); err != nil {
			return 0, err
		}
		if err := load.Wait(ctx, writesBetween); err != nil {
			return 0, err
		}
	}
	gap := load.Gap(at)
	if fault.mend != nil {
		if err := fault.mend(ctx, leader); err != nil {
			return 0, err
		}
	}
	return gap, s.well(ctx)
}
