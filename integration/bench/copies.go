package main

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"regent/integration/harness"
)

// Full copies: a redis-server begins to follow each of the servers, with nothing, while clients
// write as fast as they can. What they notice is the p99 of all their requests from then until
// it has caught up. Nodes of Regent take their copies from the same snapshot; where a node has
// lost its data the leader's log is as a rule enough.

const (
	copyClients = 50
	// copySlice is a slice of the clients at work: so long that little of the time goes for
	// connecting, and short beside a copy.
	copySlice = 300 * time.Millisecond
	// copyTimeout bounds a copy.
	copyTimeout = 2 * time.Minute
	// copyQuiet is how many slices are measured before each copy.
	copyQuiet = 4
)

// A copying is a server, the one that will follow it, and what was seen of that.
type copying struct {
	leader, follower *harness.Node
	rate             float64   // requests per second that the last slice had
	p99, without     []float64 // milliseconds, one of each round
	took, share      []float64 // seconds, and throughput to that without a copy
}

func copies(ctx context.Context, o options, r *report) error {
	if !o.wants("full copy") {
		return nil
	}
	dir, remove, err := scratchDir()
	defer remove()
	if err != nil {
		return err
	}
	ports, err := harness.FreePorts(4)
	if err != nil {
		return err
	}
	log := persistence("everysec")
	leaders := [2]*harness.Node{
		regentNode(o, ports[0], dir, log...),
		redisNode(o, ports[1], dir, append(log, "--repl-diskless-sync-delay", "0")...), // it is no part of a copy
	}
	defer stop(leaders[:]...)
	if err := start(ctx, leaders[:]...); err != nil {
		return err
	}
	var pair [2]*copying
	for i, n := range leaders {
		if err := fill(ctx, n, o.plan.memoryKeys, valueBytes); err != nil {
			return err
		}
		follows := append(persistence("off"), "--replicaof", "127.0.0.1 "+strconv.Itoa(n.Port))
		pair[i] = &copying{leader: n, follower: redisNode(o, ports[2+i], dir, follows...)}
	}
	for round := range min(o.plan.rounds, maxStalls) {
		for i := range pair {
			if err := pair[(i+round)%2].once(ctx, o.plan.memoryKeys); err != nil {
				return err
			}
		}
	}
	r.begin(fmt.Sprintf("A full copy of %d keys to a redis-server, beside %d clients' SET of %d bytes, P=1, log everysec", o.plan.memoryKeys, copyClients, valueBytes),
		[]string{"figure", "regent", "redis", "ratio"})
	for _, f := range []struct {
		name    string
		figures func(*copying) []float64
	}{
		{"p99 ms", func(g *copying) []float64 { return g.p99 }}, {"p99 ms without a copy", func(g *copying) []float64 { return g.without }},
		{"throughput to that without", func(g *copying) []float64 { return g.share }}, {"seconds from start to caught up", func(g *copying) []float64 { return g.took }},
	} {
		a, b := middle(f.figures(pair[0])), middle(f.figures(pair[1]))
		r.row(f.name, fmt.Sprintf("%.2f", a), fmt.Sprintf("%.2f", b), ratioOf(a, b))
	}
	return nil
}

// once measures one copy.
func (g *copying) once(ctx context.Context, keys int) error {
	quiet, err := g.slices(ctx, keys, func(done int) bool { return done < copyQuiet })
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, copyTimeout)
	defer cancel()
	began := time.Now()
	if err := g.follower.Start(); err != nil {
		return err
	}
	defer stop(g.follower)
	var over atomic.Bool
	var took time.Duration
	ended := make(chan error, 1)
	go func() {
		err := harness.Until(ctx, func() error { return caughtUp(ctx, g.leader, g.follower) })
		took = time.Since(began)
		over.Store(true)
		ended <- err
	}()
	busy, err := g.slices(ctx, keys, func(int) bool { return !over.Load() })
	if err != nil {
		return err
	}
	if err := <-ended; err != nil {
		return fmt.Errorf("a full copy: %w", err)
	}
	with, without := summary(busy), summary(quiet)
	g.p99, g.without = append(g.p99, tail(with.steps, 0.99)), append(g.without, tail(without.steps, 0.99))
	g.took, g.share = append(g.took, took.Seconds()), append(g.share, with.rps/without.rps)
	return nil
}

// slices measures slices of the clients' work while more says so.
func (g *copying) slices(ctx context.Context, keys int, more func(done int) bool) (all []sample, err error) {
	f := familyNamed("set")
	f.keys = keys
	how := comparison{slice: copySlice, least: leastRequests(copyClients, 1)}
	for more(len(all)) || len(all) == 0 {
		s, err := measure(ctx, g.leader, cell{f, valueBytes, copyClients, 1}, how.requests(g.rate))
		if err != nil {
			return all, err
		}
		all, g.rate = append(all, s), s.rps
	}
	return all, nil
}

// caughtUp says what a follower lacks.
func caughtUp(ctx context.Context, leader, follower *harness.Node) error {
	l, err := leader.Info(ctx, "replication")
	if err != nil {
		return err
	}
	f, err := follower.Info(ctx, "replication")
	if err != nil {
		return err
	}
	var want, have int64
	if _, err := fmt.Sscan(l["master_repl_offset"], &want); err != nil {
		return fmt.Errorf("the leader's offset: %w", err)
	}
	if _, err := fmt.Sscan(f["slave_repl_offset"], &have); err != nil {
		return fmt.Errorf("the follower's offset: %w", err)
	}
	if f["master_link_status"] != "up" || have < want { // the leader was asked before
		return fmt.Errorf("link %s, at %d of %d", f["master_link_status"], have, want)
	}
	return nil
}
