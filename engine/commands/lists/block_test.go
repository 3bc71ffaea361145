package lists_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regent/engine/enginetest"
)

// A pair is one client of each side.
type pair struct {
	ours   *enginetest.Client
	theirs *enginetest.RedisClient
}

// A blockingGame is some clients that block, and one that does not, at both sides.
type blockingGame struct {
	t       *rapid.T
	free    pair
	waiters []pair
	changes *enginetest.Tally
}

// blocks lets a client send something that may block.
func (g *blockingGame) blocks(p pair, args []string) {
	if got := p.ours.Do(args...); got != "" {
		if want := p.theirs.Do(args...); got != want {
			g.t.Fatalf("%q\n  got  %q\n  want %q", args, got, want)
		}
		g.settle(args)
		return
	}
	p.theirs.Send(args...)
	g.settle(args)
}

// settle compares which clients have been served since, and what is left.
func (g *blockingGame) settle(after []string) {
	parked := 0
	for i, p := range g.waiters {
		if !p.ours.Parked() {
			continue
		}
		if got := p.ours.Go(); got == "" {
			parked++
		} else if want := p.theirs.Next(); got != want {
			g.t.Fatalf("after %q client %d\n  got  %q\n  want %q", after, i, got, want)
		}
	}
	count := fmt.Sprintf("blocked_clients:%d\r\n", parked)
	for end := time.Now().Add(10 * time.Second); !strings.Contains(g.free.theirs.Do("INFO", "clients"), count); {
		if time.Now().After(end) {
			g.t.Fatalf("after %q %d clients wait, not as many as in redis-server", after, parked)
		}
	}
	if got, want := g.free.ours.Do("DEBUG", "DIGEST"), g.free.theirs.Do("DEBUG", "DIGEST"); got != want {
		g.t.Fatalf("after %q other data than redis-server", after)
	}
	g.changes.Since(g.t.Fatalf, after)
}

// end leaves redis-server as it was before.
func (g *blockingGame) end() {
	for _, p := range g.waiters {
		if !p.ours.Parked() {
			continue
		}
		p.ours.Server.EndSession(p.ours.Session)
		for _, line := range strings.Split(g.free.theirs.Do("CLIENT", "LIST"), "\n") {
			if id, _, ok := strings.Cut(line, " "); ok && strings.Contains(line, " flags=b ") {
				g.free.theirs.Do("CLIENT", "UNBLOCK", strings.TrimPrefix(id, "id="))
			}
		}
		p.theirs.Next()
	}
	g.free.theirs.Do("FLUSHALL")
}

func drawBlocking(t *rapid.T, k func() string) []string {
	side := func() string { return rapid.SampledFrom([]string{"LEFT", "RIGHT"}).Draw(t, "side") }
	return rapid.SampledFrom([]func() []string{
		func() []string { return []string{"BLPOP", k(), "0"} },
		func() []string { return []string{"BRPOP", k(), k(), k(), "0"} },
		func() []string { return []string{"BLMPOP", "0", "2", k(), k(), side()} },
		func() []string { return []string{"BLMPOP", "0", "1", k(), side(), "COUNT", "2"} },
		func() []string { return []string{"BLMOVE", k(), k(), side(), side(), "0"} },
		func() []string { return []string{"BRPOPLPUSH", k(), k(), "0"} },
	}).Draw(t, "blocking")()
}

func drawServing(t *rapid.T, k func() string) []string {
	push := func() []string {
		c := []string{rapid.SampledFrom([]string{"RPUSH", "LPUSH"}).Draw(t, "push"), k()}
		for i := range rapid.IntRange(1, 4).Draw(t, "n") {
			c = append(c, fmt.Sprint("e", i))
		}
		return c
	}
	return rapid.SampledFrom([]func() []string{
		push, push, push, push,
		func() []string { return []string{"LMOVE", k(), k(), "LEFT", "RIGHT"} },
		func() []string { return []string{"RENAME", k(), k()} },
		func() []string { return []string{"COPY", k(), k(), "REPLACE"} },
		func() []string { return []string{"COPY", k(), k(), "DB", "1"} },
		func() []string { return []string{"MOVE", k(), "1"} },
		func() []string { return []string{"SWAPDB", "0", "1"} },
		func() []string { return []string{"SET", k(), "text"} },
		func() []string { return []string{"DEL", k()} },
		func() []string { return []string{"LPOP", k()} },
	}).Draw(t, "serving")()
}

// TestRandomBlockingAgainstRedis: with several clients that block on few keys,
// the same ones are served with the same elements after each command. SWAPDB is left
// out where it makes several keys ready: redis-server's order among them is its hash
// table's.
func TestRandomBlockingAgainstRedis(outer *testing.T) {
	redis := enginetest.StartRedis(outer, "--enable-debug-command", "yes")
	var theirs []*enginetest.RedisClient
	for range 6 {
		theirs = append(theirs, redis.Client(outer))
	}
	rapid.Check(outer, func(t *rapid.T) {
		s := enginetest.NewEngine(outer)
		s.Config.EnableDebugCommand.Set("yes")
		g := &blockingGame{t: t, free: pair{s.Client(), theirs[0]}, changes: enginetest.NewTally(outer, s, theirs[0])}
		for i := range rapid.IntRange(1, 5).Draw(t, "clients") {
			g.waiters = append(g.waiters, pair{s.Client(), theirs[1+i]})
		}
		defer g.end()
		k := func() string { return rapid.SampledFrom([]string{"a", "b", "c", "{a}1"}).Draw(t, "key") }
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			who := g.waiters[rapid.IntRange(0, len(g.waiters)-1).Draw(t, "client")]
			if !who.ours.Parked() && rapid.IntRange(0, 9).Draw(t, "block") < 6 {
				g.blocks(who, drawBlocking(t, k))
				continue
			}
			c := drawServing(t, k)
			if c[0] == "SWAPDB" && strings.Count("\n"+strings.Join(s.Dump(), "\n"), "\n1 ") > 1 {
				continue
			}
			if got, want := g.free.ours.Do(c...), g.free.theirs.Do(c...); got != want {
				t.Fatalf("%q\n  got  %q\n  want %q", c, got, want)
			}
			g.settle(c)
		}
	})
}
