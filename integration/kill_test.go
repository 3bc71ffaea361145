package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// A pair is a writer of two keys at once: both hold the same number, always.
type pair struct {
	prefix      string
	acked, sent int
}

func (p *pair) keys() []string { return []string{p.prefix + "{1}", p.prefix + "{2}"} }

func (p *pair) run(ctx context.Context, c *redis.Client) {
	for keys := p.keys(); ctx.Err() == nil; {
		p.sent++
		if err := c.MSet(ctx, keys[0], p.sent, keys[1], p.sent).Err(); err != nil {
			return
		}
		p.acked = p.sent
	}
}

func (p *pair) verify(t *testing.T, c *redis.Client) {
	t.Helper()
	values, err := c.MGet(t.Context(), p.keys()...).Result()
	if err != nil {
		t.Fatal(err)
	}
	if values[0] != values[1] {
		t.Fatalf("half of a command came back: %v", values)
	}
	got := 0
	if values[0] != nil {
		if got, err = strconv.Atoi(values[0].(string)); err != nil {
			t.Fatal(err)
		}
	}
	if got < p.acked || got > p.sent {
		t.Fatalf("%s is %d: %d was acknowledged last, %d sent last", p.prefix, got, p.acked, p.sent)
	}
	p.acked = got
}

// pipelined writes rounds of many keys in one go; all of a round that was
// acknowledged must be there.
type pipelined struct {
	prefix      string
	acked, sent int
}

const pipelineKeys = 32

func (p *pipelined) run(ctx context.Context, c *redis.Client) {
	for ctx.Err() == nil {
		p.sent++
		pipe := c.Pipeline()
		for i := range pipelineKeys {
			pipe.Set(ctx, fmt.Sprint(p.prefix, i), p.sent, 0)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return
		}
		p.acked = p.sent
	}
}

func (p *pipelined) verify(t *testing.T, c *redis.Client) {
	t.Helper()
	last := p.sent
	for i := range pipelineKeys {
		got, err := c.Get(t.Context(), fmt.Sprint(p.prefix, i)).Int()
		if err != nil && err != redis.Nil {
			t.Fatal(err)
		}
		// One connection's writes come back as a prefix of what it sent.
		if got < p.acked || got > last {
			t.Fatalf("%s%d is %d: %d was acknowledged last, and the key before it holds %d", p.prefix, i, got, p.acked, last)
		}
		last = got
	}
	p.acked = last
}

// A checked writer runs until its server is gone, and checks what is left.
type checkedWriter interface {
	run(ctx context.Context, c *redis.Client)
	verify(t *testing.T, c *redis.Client)
}

// TestKillUnderLoad kills a server again and again under load, and reads
// everything back after each start. With always that must hold for whatever ends
// the machine; with everysec for the end of the process.
func TestKillUnderLoad(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"always", "everysec"} {
		t.Run(policy, func(t *testing.T) {
			n := startNode(t, "--appendfsync", policy)
			writers := []checkedWriter{&pair{prefix: "pair"}, &pipelined{prefix: "pipelined:"}}
			for i := range killWriters {
				writers = append(writers, &tally{prefix: fmt.Sprint("writer", i)})
			}
			rounds := kills()
			if policy == "everysec" {
				rounds /= 2
			}
			for range rounds {
				killWriting(t, n, writers)
				if err := n.Start(); err != nil {
					t.Fatal(err)
				}
				ready(t, n)
				c := n.Client()
				for _, w := range writers {
					w.verify(t, c)
				}
				c.Close()
			}
			sent, cut := 0, strings.Count(n.Log(), "Cutting")
			for _, w := range writers {
				switch w := w.(type) {
				case *tally:
					sent += w.next
				case *pair:
					sent += w.sent
				case *pipelined:
					sent += pipelineKeys * w.sent
				}
			}
			t.Logf("%d kills, %d writes, %d torn ends cut", rounds, sent, cut)
			if sent < 100*rounds {
				t.Errorf("only %d writes in %d rounds: the test does not test", sent, rounds)
			}
		})
	}
}

// killWriting lets writers run for a moment of random length and kills the
// server.
func killWriting(t *testing.T, n *harness.Node, writers []checkedWriter) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for _, w := range writers {
		wg.Go(func() {
			c := n.Client()
			defer c.Close()
			w.run(ctx, c)
		})
	}
	time.Sleep(time.Duration(20+rand.IntN(300)) * time.Millisecond)
	if err := n.Kill(); err != nil {
		t.Fatal(err)
	}
	cancel()
	wg.Wait()
}
