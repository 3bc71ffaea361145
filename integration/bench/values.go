package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"regent/integration/harness"
	"regent/resp"
)

// A valueCase is keys of one kind of value: so many elements each, of which a command
// takes some. element appends the words of element i.
type valueCase struct {
	name    string
	command string
	per     int // elements of a key
	element func(words []string, i int) []string
}

// valueBatch is how many elements one command takes.
const valueBatch = 50

func valueCases() []valueCase {
	text := func(words []string, i int) []string { return append(words, fmt.Sprintf("%08x", uint32(i)*2654435761)) }
	long := func(words []string, i int) []string { return append(words, fmt.Sprintf("%064x", uint32(i)*2654435761)) }
	number := func(words []string, i int) []string { return append(words, strconv.Itoa(i*7)) }
	field := func(words []string, i int) []string { return text(append(words, fmt.Sprint("field:", i)), i) }
	scored := func(words []string, i int) []string { return text(append(words, strconv.Itoa(i)), i) }
	return []valueCase{
		{"hash of 5 × 8 bytes", "HSET", 5, field}, {"hash of 100 × 8 bytes", "HSET", 100, field}, {"hash of 1,000 × 8 bytes", "HSET", 1000, field},
		{"list of 10 × 64 bytes", "RPUSH", 10, long}, {"list of 1,000 × 8 bytes", "RPUSH", 1000, text},
		{"list of 10,000 × 8 bytes", "RPUSH", 10_000, text}, {"list of 10,000 × 64 bytes", "RPUSH", 10_000, long},
		{"intset of 10", "SADD", 10, number}, {"set of 10 × 8 bytes", "SADD", 10, text}, {"set of 1,000 × 8 bytes", "SADD", 1000, text},
		{"zset of 10 × 8 bytes", "ZADD", 10, scored}, {"zset of 128 × 8 bytes", "ZADD", 128, scored}, {"zset of 100,000 × 8 bytes", "ZADD", 100_000, scored},
	}
}

// values measures the resident bytes per element of small and of large values, each
// case on servers of its own.
func values(ctx context.Context, o options, r *report) error {
	r.begin("Memory of values, keys of 16 bytes", []string{"value", "elements", "regent B/element", "redis", "ratio"})
	for _, c := range valueCases() {
		if err := c.measure(ctx, o, r); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

func (c valueCase) measure(ctx context.Context, o options, r *report) error {
	dir, err := os.MkdirTemp("", "regent-bench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	pair, err := pairOf(ctx, o, "off", dir)
	defer stop(pair[:]...)
	if err != nil {
		return err
	}
	keys := max(o.plan.memoryKeys/c.per, 1) // about as many elements as the section of strings has keys
	var per [2]float64
	for i, n := range pair {
		before, err := residentBytes(n.PID())
		if err != nil {
			return err
		}
		if err := c.fill(ctx, n, keys); err != nil {
			return err
		}
		time.Sleep(settle)
		after, err := residentBytes(n.PID())
		if err != nil {
			return err
		}
		per[i] = float64(after-before) / float64(keys*c.per)
	}
	r.row(c.name, strconv.Itoa(keys*c.per), fmt.Sprintf("%.1f", per[0]), fmt.Sprintf("%.1f", per[1]), ratioOf(per[0], per[1]))
	return nil
}

// fill makes the keys of a case, each by as many commands as it takes.
func (c valueCase) fill(ctx context.Context, n *harness.Node, keys int) error {
	each := (c.per + valueBatch - 1) / valueBatch
	return pipelined(ctx, n, keys*each, func(dst []byte, i int) []byte {
		words := []string{c.command, fmt.Sprintf("key:%012d", i/each)}
		for j := i % each * valueBatch; j < min(c.per, (i%each+1)*valueBatch); j++ {
			words = c.element(words, j)
		}
		return resp.AppendCommand(dst, words...)
	})
}
