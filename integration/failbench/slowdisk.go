package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"regent"
	"regent/aof/disk"
	"regent/aof/disk/disktest"
	"regent/engine/config"
	"regent/integration/harness"
)

// A watch for what a slow disk does: three nodes with appendfsync always, writers and a
// reader. From some moment on each fsync of one node takes so long, of the leader's first,
// then of a follower's. Nobody should be elected for that, and reads of what nobody
// writes should not wait.
//
// The nodes are Regent's server in this program, started anew, because a real disk can't be
// made slow from outside. They are told to be slow by a signal.

// slowWord is the first argument of this program where it is a node; the length of an fsync follows,
// a word that the harness adds, and a node's flags.
const slowWord = "slow-node"

// readEvery is how long the reader rests between two reads.
const readEvery = 2 * time.Millisecond

// slowNode runs a node whose fsyncs take long once it is sent SIGUSR1, and are as quick as
// the disk again after another.
func slowNode(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("%s: a length, a word and flags are needed", slowWord)
	}
	length, err := time.ParseDuration(args[0])
	if err != nil {
		return fmt.Errorf("%s: %w", slowWord, err)
	}
	cfg := config.New()
	if err := config.ParseFlags(cfg, args[2:], func(string) ([]config.File, error) { return nil, nil }); err != nil {
		return err
	}
	var slow atomic.Bool
	turn := make(chan os.Signal, 1)
	signal.Notify(turn, syscall.SIGUSR1)
	go func() {
		for range turn {
			slow.Store(!slow.Load())
		}
	}()
	fsys := disktest.Slow{FS: disk.OS{}, Sync: func(string) {
		if slow.Load() {
			time.Sleep(length)
		}
	}}
	srv, err := regent.New(regent.Options{Config: cfg, Version: "failbench", Disk: fsys})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return srv.Run(ctx)
}

func slowFsync(ctx context.Context, o options) error {
	if o.length <= 0 || o.period <= 0 || 2*o.period > longest {
		return fmt.Errorf("-for must be at most %s", longest/2)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	dir, err := os.MkdirTemp("", "regent-failbench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	c, err := harness.NewCluster(o.regent, filepath.Join(dir, "slow"), 3, "--takeover", "manual", "--appendfsync", "always")
	if err != nil {
		return err
	}
	for _, n := range c.Nodes {
		n.Prefix = []string{self, slowWord, o.length.String()}
	}
	defer c.Kill()
	if err := c.Start(ctx); err != nil {
		return err
	}
	leader, err := c.Agreed(ctx)
	if err != nil {
		return err
	}
	follower := c.Nodes[0]
	if follower == leader {
		follower = c.Nodes[1]
	}
	elections := 0
	for _, at := range []struct {
		name string
		node *harness.Node
	}{{"no node", nil}, {"the leader", leader}, {"a follower", follower}} {
		n, err := slowAt(ctx, o, c, leader, at.name, at.node)
		if elections += n; err != nil {
			return err
		}
	}
	if elections > 0 {
		return errElected
	}
	return nil
}

// slowAt watches while one node's fsyncs take long; nil: none's, for a tenth of the time.
func slowAt(ctx context.Context, o options, c *harness.Cluster, leader *harness.Node, name string, slow *harness.Node) (elections int, err error) {
	period := o.period
	if slow == nil {
		period = max(period/10, time.Second)
	} else {
		if err := slow.Signal(syscall.SIGUSR1); err != nil {
			return 0, err
		}
		defer func() { _ = slow.Signal(syscall.SIGUSR1) }()
	}
	info, err := leader.Info(ctx, "regent")
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, period)
	defer cancel()
	load := harness.StartLoad(writers, "slow "+name, c.Addrs(), nil)
	defer load.Stop()
	load.Slow(true)
	var reader sync.WaitGroup
	var took []time.Duration
	reader.Go(func() { took = reads(ctx, leader) })
	began := time.Now()
	elections = countElections(ctx, c, epochOf(info))
	reader.Wait()
	load.Stop()
	if len(took) == 0 {
		return elections, fmt.Errorf("%s slow: nothing could be read", name)
	}
	slices.Sort(took)
	gap, _ := load.Gap(began)
	fmt.Printf("fsyncs of %s at %s for %s: %d elections; %d writes acknowledged, longest gap %d ms; %d reads, median %d µs, 99.9 %% within %d µs, longest %d µs\n",
		o.length, name, period, elections, load.Acked(), gap.Milliseconds(), len(took), took[len(took)/2].Microseconds(),
		took[len(took)*999/1000].Microseconds(), took[len(took)-1].Microseconds())
	return elections, nil
}

// reads reads a key that nobody writes at a node, again and again, and returns how long each took. A
// read that fails takes as long as the reader waits for it.
func reads(ctx context.Context, n *harness.Node) (took []time.Duration) {
	db := redis.NewClient(&redis.Options{Addr: n.Addr(), MaxRetries: -1, ReadTimeout: patience})
	defer db.Close()
	for ctx.Err() == nil {
		began := time.Now()
		err := db.Get(ctx, "a key that nobody writes").Err()
		if ctx.Err() != nil {
			break
		}
		d := time.Since(began)
		if err != nil && err != redis.Nil {
			d = patience
		}
		took = append(took, d)
		time.Sleep(readEvery)
	}
	return took
}
