// Command failbench measures how long nobody can write after a leader is
// killed, stopped or cut off, or leadership is moved on purpose, how many
// acknowledged writes are missing afterwards, and of how many the outcome is not
// known: Regent beside redis-server with three Sentinels and beside Redis
// Cluster, on one machine over loopback; for partitions each node has a network
// namespace of its own, which needs root and iproute2.
//
//	make failover-bench
//	go run ./integration/failbench -regent ./bin/regent -trials 20
//
// Four writers write key after key, each to whichever node takes it: they
// follow MOVED, and go on to the next node when one refuses or does not answer
// within 250 ms. That is the quickest client there can be, and the same for
// all three; a client library adds its own waits, and one for Sentinel would not
// write to a master that is back and that the Sentinels have not demoted yet.
// The gap is the longest time between two acknowledgements of anyone after the
// fault. At the end every acknowledged write is read back, 100,000 of them at
// least. As many trials without a fault say what the machine alone does to the
// gap.
//
// In a partition clients reach every node, the one that is cut off as well. A
// master that goes on acknowledging there closes the gap with writes that are
// lost afterwards: read the gap together with what is missing.
package main

import (
	"context"
	"errors"
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
	others        int
	systems       []string
	faults        []string
	down          time.Duration
	verbose       bool
	slow          time.Duration
	resync        int
	apart         bool
	watch         time.Duration
	busy          int
	length        time.Duration
	period        time.Duration
}

const (
	// maxTrials bounds the faults of one kind.
	maxTrials = 1000
	// writers is how many write at once.
	writers = 4
	// leastChecked is how many acknowledged writes are read back at least for each
	// system and fault; leastBetween how many there are between a fault and what
	// comes before and after it.
	leastChecked = 100_000
	leastBetween = 1000
	// longest bounds the whole run.
	longest = 40 * time.Minute
	// patience bounds every wait of a trial.
	patience = 90 * time.Second
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == slowWord {
		if err := slowNode(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "failbench:", err)
			os.Exit(1)
		}
		return
	}
	var o options
	var systems, which string
	flag.StringVar(&o.regent, "regent", "./bin/regent", "Regent's binary")
	flag.StringVar(&o.redis, "redis", "redis-server", "redis-server's binary")
	flag.IntVar(&o.trials, "trials", 20, "faults of each kind")
	flag.IntVar(&o.others, "others", 20, "trials at most on systems other than Regent, which take up to a quarter of a minute to be well again after each")
	flag.StringVar(&systems, "systems", "regent,sentinel,cluster", "what to measure")
	flag.StringVar(&which, "faults", "kill,stop,partition,planned,none", "which faults to make")
	flag.DurationVar(&o.down, "down-after", 500*time.Millisecond, "Sentinel's down-after-milliseconds; Redis Cluster's node timeout is twice that")
	flag.BoolVar(&o.verbose, "v", false, "say why the outcome of writes is not known")
	flag.DurationVar(&o.slow, "slow", 0, "show the nodes' logs of trials whose gap is longer (0: of none)")
	flag.IntVar(&o.resync, "resync", 0, "instead: how a follower comes back that has missed so many writes")
	flag.BoolVar(&o.apart, "apart", false, "each node on a host of its own for every fault, not for partitions alone")
	flag.DurationVar(&o.watch, "watch", 0, "instead: count the elections of three quiet nodes for so long")
	flag.IntVar(&o.busy, "busy", 4, "of -watch: processes beside them that do nothing but work")
	flag.DurationVar(&o.length, "slow-fsync", 0, "instead: count elections and time reads while each fsync of one node takes so long")
	flag.DurationVar(&o.period, "for", 10*time.Minute, "of -slow-fsync: how long the leader's disk is slow, and then a follower's")
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
	if min(o.trials, o.others) < 1 || max(o.trials, o.others) > maxTrials {
		return fmt.Errorf("-trials and -others must be within 1 and %d", maxTrials)
	}
	if o.resync > 0 {
		return resync(ctx, o)
	}
	if o.watch > 0 {
		return watch(ctx, o)
	}
	if o.length > 0 {
		return slowFsync(ctx, o)
	}
	path, err := exec.LookPath(o.redis)
	if err != nil {
		return fmt.Errorf("%s is needed: `make tools` installs it: %w", o.redis, err)
	}
	o.redis = path
	began := time.Now()
	fmt.Printf("%d writers; time without an acknowledged write, and acknowledged writes missing\n", writers)
	var failed error
	for _, name := range o.systems {
		start, ok := systems()[name]
		if !ok {
			return fmt.Errorf("-systems: %q is none", name)
		}
		for _, fault := range faults() {
			if !slices.Contains(o.faults, fault.flag) {
				continue
			}
			err := measure(ctx, o, name, fault, start)
			if err != nil {
				err = fmt.Errorf("%s, %s: %w", name, fault.name, err)
			}
			if ctx.Err() != nil {
				return errors.Join(failed, err)
			}
			if err != nil { // the others can be measured all the same
				fmt.Println("NOT MEASURED:", err)
				failed = errors.Join(failed, err)
			}
		}
	}
	fmt.Printf("it took %s\n", time.Since(began).Round(time.Second))
	return failed
}

// errNoHosts says that there can be no partitions here.
var errNoHosts = errors.New("no hosts of their own")

// measure runs all trials of one fault on one system, started afresh.
func measure(ctx context.Context, o options, name string, fault fault, start starter) error {
	began := time.Now()
	dir, err := os.MkdirTemp("", "regent-failbench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	var at site
	if fault.hosts || o.apart {
		h, err := newHosts(start.nodes)
		if h != nil {
			defer func() {
				if left := h.Remove(); left != nil {
					fmt.Fprintln(os.Stderr, "failbench: network namespaces are left over:", left)
				}
			}()
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errNoHosts, err)
		}
		at.hosts = h
	}
	s, err := start.start(ctx, o, filepath.Join(dir, name), at)
	if s != nil {
		defer s.kill()
	}
	if err != nil {
		return err
	}
	load := harness.StartLoad(writers, "{t}"+name, s.addrs(), at.dialer())
	defer load.Stop()
	var gaps []time.Duration
	trials := fault.trials(o, name)
	for range trials {
		logged := s.logEnds()
		gap, at, err := trial(ctx, s, load, fault, between(trials))
		if err != nil {
			return err
		}
		if o.slow > 0 && gap > o.slow {
			fmt.Printf("a trial of %d ms, from %s on:\n%s", gap.Milliseconds(), at.UTC().Format("15:04:05.000"), s.logsSince(logged))
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
	fmt.Printf("%-22s %-9s median %6d ms  worst %6d ms  missing %d of %d  unknown %d  (%d trials, %.0f s)\n", s.title, fault.name,
		gaps[len(gaps)/2].Milliseconds(), gaps[len(gaps)-1].Milliseconds(), len(missing), load.Acked(), load.Unknown(), trials, time.Since(began).Seconds())
	if o.verbose {
		for text, n := range load.Reasons() {
			fmt.Printf("    %d × %s\n", n, text)
		}
	}
	return nil
}

// between is how many writes are acknowledged before a fault, and after it.
func between(trials int) int {
	const waits = 2 // of a trial, at least
	return max(leastBetween, (leastChecked+waits*trials-1)/(waits*trials))
}

// trial makes one fault, waits for writes to go on, mends the fault, and
// waits until all nodes are well again. The gap is how long nobody could write,
// and began when that was.
func trial(ctx context.Context, s *system, load *harness.Load, fault fault, between int) (gap time.Duration, began time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := load.Wait(ctx, between); err != nil {
		return 0, began, err
	}
	leader, err := s.leader(ctx)
	if err != nil {
		return 0, began, err
	}
	at := time.Now()
	if err := fault.make(ctx, s, leader); err != nil {
		return 0, began, err
	}
	if err := load.Wait(ctx, between); err != nil {
		return 0, began, err
	}
	if fault.settle != nil {
		if err := fault.settle(ctx, s, leader); err != nil {
			return 0, began, err
		}
		if err := load.Wait(ctx, between); err != nil {
			return 0, began, err
		}
	}
	gap, began = load.Gap(at)
	// Data that grows while nodes come back makes that longer each time.
	load.Slow(true)
	defer load.Slow(false)
	if fault.mend != nil {
		if err := fault.mend(ctx, s, leader); err != nil {
			return 0, began, err
		}
	}
	return gap, began, s.well(ctx)
}
