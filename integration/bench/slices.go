package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// A machine that others share changes by tens of percent from one second to the next, and a
// ratio of two medians of long rounds changes with it. So servers are compared in slices that
// are short beside those changes. A block has a slice of each server, the next block has them
// in the opposite order (ABBA), so that what drifts weighs on all alike. Slices of one block
// are adjacent: each block gives a ratio, and the median of these counts, beside which their
// quartiles show how far they differ.

const (
	// blocksPerRound is how many blocks a round of -rounds has.
	blocksPerRound = 6
	// fewestBlocks are measured also where a slice takes longer than it is to.
	fewestBlocks = 4
	// sliceOver is by what factor the slices of a comparison may exceed their time, together,
	// before it ends with fewer blocks.
	sliceOver = 1.3
	// warmUps bounds the slices of a server before those that count. Each shows how much to
	// send in the next.
	warmUps = 4
)

// A comparison is how servers are compared in one cell.
type comparison struct {
	slice  time.Duration // for how long a server is under load at a time
	blocks int           // even; fewer, if slices take longer than that
	least  int           // requests of a slice at least
}

// A contestant is what is measured: one slice with so many requests.
type contestant func(requests int) (sample, error)

// compare is how the plan has a cell compared. Where more clients connect, slices are longer: as
// long as connecting stays little of them.
func (p plan) compare(clients, depth int) comparison {
	const perClient = time.Millisecond
	return comparison{max(p.slice, time.Duration(clients)*perClient), p.rounds * blocksPerRound, leastRequests(clients, depth)}
}

// leastRequests are what redis-benchmark needs to name a throughput, and more than all clients
// have under way at once.
func leastRequests(clients, depth int) int {
	const single = 500
	return max(single, min(single*min(depth, 10), 2*clients*depth))
}

// requests is how many requests take about as long as a slice, at a rate per second.
func (c comparison) requests(rate float64) int {
	const most = 50_000_000
	return min(max(int(rate*c.slice.Seconds()), c.least), most)
}

// run measures blocks; all[i] are the slices of the i-th contestant, one of each block.
func (c comparison) run(ctx context.Context, who ...contestant) (all [][]sample, err error) {
	all, rates := make([][]sample, len(who)), make([]float64, len(who))
	for i, measure := range who {
		if rates[i], err = c.warmUp(measure); err != nil {
			return nil, err
		}
	}
	bound := time.Duration(sliceOver * float64(c.slice) * float64(c.blocks*len(who)))
	for began, block := time.Now(), 0; block < c.blocks; block++ {
		if block >= fewestBlocks && block%2 == 0 && time.Since(began) > bound {
			break
		}
		for i := range who {
			if block%2 == 1 {
				i = len(who) - 1 - i
			}
			s, err := who[i](c.requests(rates[i]))
			if err != nil {
				return nil, err
			}
			all[i], rates[i] = append(all[i], s), s.rps
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return all, nil
}

// warmUp is the rate of a contestant, found with more and more requests.
func (c comparison) warmUp(measure contestant) (rate float64, err error) {
	const growth = 20
	n := c.least
	for range warmUps {
		s, err := measure(n)
		if err != nil {
			return 0, err
		}
		rate = s.rps
		want := c.requests(rate)
		if n >= want/2 {
			break
		}
		n = min(want, growth*n)
	}
	return rate, nil
}

// reference compares a server with two settings of another: theirs are the slices of the one with
// the better throughput. The server is between them, adjacent to both. All blocks choose: in a
// trial of a few, noise chose a setting with half the throughput now and then.
func (c comparison) reference(ctx context.Context, server, one, other contestant) (ours, theirs []sample, err error) {
	all, err := c.run(ctx, one, server, other)
	if err != nil {
		return nil, nil, err
	}
	return all[1], all[2*better(all[0], all[2])], nil
}

// better is which of two has the better throughput: 0 or 1.
func better(a, b []sample) int {
	if ratios(b, a, throughputOf).mid > 1 {
		return 1
	}
	return 0
}

// A spread is the median of the blocks' ratios with its quartiles.
type spread struct{ low, mid, high float64 }

// ratios are those of a figure, block by block.
func ratios(a, b []sample, figure func(sample) float64) spread {
	var all []float64
	for i := range min(len(a), len(b)) {
		all = append(all, figure(a[i])/figure(b[i]))
	}
	return spread{quantile(all, 0.25), quantile(all, 0.5), quantile(all, 0.75)}
}

func (s spread) String() string { return fmt.Sprintf("%.2f", s.mid) }

// quartiles are as a table shows them.
func (s spread) quartiles() string { return fmt.Sprintf("%.2f-%.2f", s.low, s.high) }

func throughputOf(s sample) float64 { return s.rps }
func p99Of(s sample) float64        { return s.p99 }

// compared are the columns in which all comparisons agree: throughput and the server's time per
// request. That is the time of the slices together, since what a server does only now and
// then, as collecting garbage, is in few of them: a median would not show it.
func compared(a, b []sample) []string {
	ours, theirs, rates := summary(a), summary(b), ratios(a, b, throughputOf)
	return []string{
		fmt.Sprintf("%.0f", ours.rps), fmt.Sprintf("%.0f", theirs.rps), rates.String(), rates.quartiles(),
		fmt.Sprintf("%.2f", ours.cpu()), fmt.Sprintf("%.2f", theirs.cpu()), ratioOf(ours.cpu(), theirs.cpu()),
	}
}

// comparedHead are their names.
func comparedHead() []string {
	return []string{"regent/s", "redis/s", "ratio", "quartiles", "CPU µs", "redis", "ratio"}
}

// quantile is the value below which a share of all is; between two values it is interpolated.
func quantile(v []float64, share float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	at := share * float64(len(v)-1)
	below := int(at)
	above := min(below+1, len(v)-1)
	return v[below] + (at-float64(below))*(v[above]-v[below])
}

func middle(v []float64) float64 { return quantile(v, 0.5) }

// summary is what slices say together: the medians of throughput and p99, p99.9 of all their
// requests, since a stall once in a second is in few of them, and the sums of the rest.
func summary(s []sample) (m sample) {
	var rates, p99s []float64
	for _, x := range s {
		rates, p99s = append(rates, x.rps), append(p99s, x.p99)
		m.steps = append(m.steps, x.steps...)
		m.busy += x.busy
		m.switches += x.switches
		m.requests += x.requests
	}
	m.rps, m.p99, m.p999 = middle(rates), middle(p99s), tail(m.steps, 0.999)
	return m
}

// A step is how many requests took so long and no longer, of a distribution.
type step struct {
	ms    float64
	count int
}

// tail is the time within which a share of all requests were answered, in milliseconds.
func tail(steps []step, share float64) float64 {
	steps = slices.Clone(steps)
	slices.SortFunc(steps, func(a, b step) int { return cmp.Compare(a.ms, b.ms) })
	all := 0
	for _, s := range steps {
		all += s.count
	}
	seen := 0
	for _, s := range steps {
		if seen += s.count; float64(seen) >= share*float64(all) {
			return s.ms
		}
	}
	return 0
}
