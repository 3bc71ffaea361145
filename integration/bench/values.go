package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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
	lone    bool // a command takes one element
}

// valueBatch is how many elements one command takes.
const valueBatch = 50

func valueCases() []valueCase {
	text := func(words []string, i int) []string { return append(words, fmt.Sprintf("%08x", uint32(i)*2654435761)) }
	long := func(words []string, i int) []string { // with nothing in common, as little as hashes have
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
		return append(words, hex.EncodeToString(sum[:]))
	}
	number := func(words []string, i int) []string { return append(words, strconv.Itoa(i*7)) }
	field := func(words []string, i int) []string { return text(append(words, fmt.Sprint("field:", i)), i) }
	scored := func(words []string, i int) []string { return text(append(words, strconv.Itoa(i)), i) }
	entry := func(words []string, i int) []string {
		words = append(words, "*")
		for j := range 5 {
			words = text(append(words, fmt.Sprint("field:", j)), 5*i+j)
		}
		return words
	}
	cases := []valueCase{
		{name: "hash of 5 × 8 bytes", command: "HSET", per: 5, element: field}, {name: "hash of 100 × 8 bytes", command: "HSET", per: 100, element: field}, {name: "hash of 1,000 × 8 bytes", command: "HSET", per: 1000, element: field},
		{name: "list of 10 × 64 bytes", command: "RPUSH", per: 10, element: long}, {name: "list of 1,000 × 8 bytes", command: "RPUSH", per: 1000, element: text},
		{name: "list of 10,000 × 8 bytes", command: "RPUSH", per: 10_000, element: text}, {name: "list of 10,000 × 64 bytes", command: "RPUSH", per: 10_000, element: long},
		{name: "intset of 10", command: "SADD", per: 10, element: number}, {name: "set of 10 × 8 bytes", command: "SADD", per: 10, element: text}, {name: "set of 1,000 × 8 bytes", command: "SADD", per: 1000, element: text},
		{name: "zset of 10 × 8 bytes", command: "ZADD", per: 10, element: scored}, {name: "zset of 128 × 8 bytes", command: "ZADD", per: 128, element: scored}, {name: "zset of 100,000 × 8 bytes", command: "ZADD", per: 100_000, element: scored},
	}
	word := func(value ...string) func([]string, int) []string {
		return func(words []string, _ int) []string { return append(words, value...) }
	}
	return append(cases,
		valueCase{name: "stream of 1,000 × 5 fields", command: "XADD", per: 1000, element: entry, lone: true},
		valueCase{name: "small integer", command: "SET", per: 1, element: word("7")},
		valueCase{name: "8 bytes that expire", command: "SET", per: 1, element: word("abcdefgh", "EX", "1000000")},
	)
}

const (
	// valueRest is how long after the load the memory is looked at: what a server gives back
	// when it is at rest is no part of what it needs.
	valueRest = 30 * time.Second
	// valueLoads: there are so many times as many elements as the section of strings has
	// keys. What a server takes for itself should be little beside them.
	valueLoads = 3
	// valueGroup cases rest at the same time.
	valueGroup = 4
)

// wants reports whether -values asks for a line.
func (o *options) wants(name string) bool {
	return o.cases == nil || slices.ContainsFunc(o.cases, func(begin string) bool { return strings.HasPrefix(name, begin) })
}

// values measures the resident bytes per element of small and of large values, each
// case on servers of its own.
func values(ctx context.Context, o options, r *report) error {
	r.begin(fmt.Sprintf("Memory of values, keys of 16 bytes, %s after the load", valueRest), []string{"value", "elements", "regent B/element", "redis", "ratio"})
	wanted := slices.DeleteFunc(valueCases(), func(c valueCase) bool {
		return !o.wants(c.name)
	})
	for group := range slices.Chunk(wanted, valueGroup) {
		if err := measureValues(ctx, o, group, r); err != nil {
			return err
		}
	}
	return nil
}

// A loaded is a case whose servers are loaded.
type loaded struct {
	valueCase
	pair   [2]*harness.Node
	before [2]int64 // resident bytes
	keys   int
}

// measureValues loads the cases one after the other, and lets them rest together.
func measureValues(ctx context.Context, o options, group []valueCase, r *report) error {
	dir, remove, err := scratchDir()
	defer remove()
	if err != nil {
		return err
	}
	var all []loaded
	defer func() {
		for _, l := range all {
			stop(l.pair[:]...)
		}
	}()
	for i, c := range group {
		l := loaded{valueCase: c, keys: max(valueLoads*o.plan.memoryKeys/c.per, 1)}
		l.pair, err = pairIn(ctx, o, filepath.Join(dir, strconv.Itoa(i)))
		all = append(all, l)
		if err == nil {
			err = all[i].load(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	select {
	case <-time.After(valueRest):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for _, l := range all {
		var per [2]float64
		for i, n := range l.pair {
			after, err := residentBytes(n.PID())
			if err != nil {
				return err
			}
			per[i] = float64(after-l.before[i]) / float64(l.keys*l.per)
		}
		r.row(l.name, strconv.Itoa(l.keys*l.per), fmt.Sprintf("%.1f", per[0]), fmt.Sprintf("%.1f", per[1]), ratioOf(per[0], per[1]))
	}
	return nil
}

// load fills both servers.
func (l *loaded) load(ctx context.Context) (err error) {
	for i, n := range l.pair {
		if l.before[i], err = residentBytes(n.PID()); err != nil {
			return err
		}
		if err := l.fill(ctx, n, l.keys); err != nil {
			return err
		}
	}
	return nil
}

// fill makes the keys of a case, each by as many commands as it takes.
func (c valueCase) fill(ctx context.Context, n *harness.Node, keys int) error {
	batch := valueBatch
	if c.lone {
		batch = 1
	}
	each := (c.per + batch - 1) / batch
	return pipelined(ctx, n, keys*each, func(dst []byte, i int) []byte {
		words := []string{c.command, fmt.Sprintf("key:%012d", i/each)}
		for j := i % each * batch; j < min(c.per, (i%each+1)*batch); j++ {
			words = c.element(words, j)
		}
		return resp.AppendCommand(dst, words...)
	})
}
