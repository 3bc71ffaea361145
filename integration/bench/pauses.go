package main

import (
	"context"
	"fmt"
	"hash/maphash"
	"time"

	"regent/engine/dict"
	"regent/integration/harness"
)

// pauses fills a server and looks for how long Go's collector has stopped
// everything at most, with clients at work.
func pauses(ctx context.Context, o options, r *report) error {
	dir, remove, err := scratchDir()
	defer remove()
	if err != nil {
		return err
	}
	ports, err := harness.FreePorts(1)
	if err != nil {
		return err
	}
	n := regentNode(o, ports[0], dir, persistence("off")...)
	defer stop(n)
	if err := start(ctx, n); err != nil {
		return err
	}
	r.begin(fmt.Sprintf("The collector, %d keys of 16 bytes with %d-byte values", o.plan.pauseKeys, valueBytes), []string{"after", "cycles", "longest stop ms"})
	if err := fill(ctx, n, o.plan.pauseKeys, valueBytes); err != nil {
		return err
	}
	if err := collectorRow(ctx, n, r, "filling"); err != nil {
		return err
	}
	for _, name := range []string{"get", "set"} {
		// Many clients at once, which is what makes garbage here.
		const pauseRequests = 500_000
		if _, err := measure(ctx, n, cell{familyNamed(name), valueBytes, 500, 16}, pauseRequests); err != nil {
			return err
		}
	}
	return collectorRow(ctx, n, r, "500 clients, P=16")
}

func collectorRow(ctx context.Context, n *harness.Node, r *report, after string) error {
	info, err := n.Info(ctx, "memory")
	if err != nil {
		return err
	}
	var micros float64
	if _, err := fmt.Sscan(info["gc_longest_pause_usec"], &micros); err != nil {
		return fmt.Errorf("INFO names no collector's pause: %w", err)
	}
	r.row(after, info["gc_cycles"], fmt.Sprintf("%.3f", micros/1000))
	return nil
}

// steps runs one dictionary in this process through a life and shows the
// longest single step of each kind, in the CPU time of its thread: what others
// do on the machine is not its doing.
func steps(ctx context.Context, o options, r *report) error {
	keys := o.plan.pauseKeys
	r.begin(fmt.Sprintf("The longest step of one dictionary of %d keys", keys), []string{"step", "calls", "mean µs", "longest µs", "over 1 ms"})
	d := dict.New(dict.Options{Seed: maphash.MakeSeed()})
	defer d.Clear()
	value := dict.Value{Kind: dict.Raw, Bytes: make([]byte, valueBytes)}
	var key []byte
	keyOf := func(i int) []byte {
		key = fmt.Appendf(key[:0], "key:%012d", i)
		return key
	}
	maintain := func(name string) {
		longest(r, name, -1, func(int) bool { return d.Step(stepBuckets) })
	}
	longest(r, "insert, growing", keys, func(i int) bool { d.Put(keyOf(i), value, 0); return true })
	maintain("upkeep after growing")
	if ctx.Err() != nil {
		return ctx.Err()
	}
	longest(r, "overwrite", keys/10, func(i int) bool { d.Put(keyOf(i), value, 0); return true })
	longest(r, "begin to expire", keys/2, func(i int) bool { d.SetExpire(d.Find(keyOf(i)), 5); return true })
	maintain("upkeep after expiry")
	before := d.Bytes()
	longest(r, "delete nine of ten", keys, func(i int) bool { return i%10 == 0 || d.Delete(keyOf(i)) })
	maintain("upkeep, shrinking and compaction")
	r.row("memory kept", "", "", "", fmt.Sprintf("%.0f%%", 100*float64(d.Bytes())/float64(before)))
	return ctx.Err()
}

// stepBuckets is how much of a dictionary's own work the engine asks for at a
// time.
const stepBuckets = 128

// stepBar is from which length on steps are counted. What is longer by far is as
// a rule the kernel's: an interrupt's work, or a page taken from the host.
const stepBar = time.Millisecond

// longest times calls of f, at most n unless n is negative, until it says that
// there is no more.
func longest(r *report, name string, n int, f func(i int) bool) {
	unlock := lockThread()
	defer unlock()
	var total, most time.Duration
	calls, over := 0, 0
	for i := 0; i != n; i++ {
		began := threadTime()
		more := f(i)
		took := threadTime() - began
		total, most, calls = total+took, max(most, took), calls+1
		if took > stepBar {
			over++
		}
		if !more {
			break
		}
	}
	micros := func(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/1000) }
	r.row(name, fmt.Sprint(calls), micros(total/time.Duration(max(calls, 1))), micros(most), fmt.Sprint(over))
}
