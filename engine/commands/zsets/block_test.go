package zsets_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/engine/enginetest"
)

// A pair is one client of each side.
type pair struct {
	ours   *enginetest.Client
	theirs *enginetest.RedisClient
}

// A game is some clients that block, and one that does not, at both sides.
type game struct {
	t       *testing.T
	dice    dice
	free    pair
	waiters []pair
	changes *enginetest.Tally
}

func (g *game) key() string { return g.dice.one("a", "b", "c", "{a}1") }

// blocks lets a client send something that may block.
func (g *game) blocks(p pair) {
	c := [][]string{
		{"BZPOPMIN", g.key(), "0"}, {"BZPOPMAX", g.key(), g.key(), g.key(), "0"}, {"BZMPOP", "0", "2", g.key(), g.key(), g.dice.one("MIN", "MAX")},
		{"BZMPOP", "0", "1", g.key(), g.dice.one("MIN", "MAX"), "COUNT", "2"},
	}[g.dice.IntN(4)]
	if got := p.ours.Do(c...); got != "" {
		if want := p.theirs.Do(c...); got != want {
			g.t.Fatalf("%q\n  got  %q\n  want %q", c, got, want)
		}
	} else {
		p.theirs.Send(c...)
	}
	g.settle(c)
}

// serves lets the free client do something that may serve others.
func (g *game) serves() {
	score := func() string { return strconv.Itoa(g.dice.IntN(9)) }
	add := []string{"ZADD", g.key()}
	for i := range g.dice.IntN(4) + 1 {
		add = append(add, score(), fmt.Sprint("m", i))
	}
	c := [][]string{
		add, add, add, add, {"ZINCRBY", g.key(), score(), "x"}, {"RPUSH", g.key(), "e"}, {"ZRANGESTORE", g.key(), g.key(), "0", "-1"},
		{"ZUNIONSTORE", g.key(), "2", g.key(), g.key()}, {"RENAME", g.key(), g.key()}, {"COPY", g.key(), g.key(), "REPLACE"},
		{"MOVE", g.key(), "1"}, {"SET", g.key(), "text"}, {"DEL", g.key()}, {"ZPOPMIN", g.key()},
	}[g.dice.IntN(14)]
	if is := g.free.ours.Do("TYPE", c[1]); strings.HasSuffix(c[0], "STORE") && (is == "+list\r\n" || is == "+string\r\n") {
		return
	}
	if got, want := g.free.ours.Do(c...), g.free.theirs.Do(c...); got != want {
		g.t.Fatalf("%q\n  got  %q\n  want %q", c, got, want)
	}
	g.settle(c)
}

// settle compares which clients have been served since, and what is left.
func (g *game) settle(after []string) {
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

// TestRandomBlockingAgainstRedis: with several clients that block on few keys, the same
// ones are served with the same members after each command. None waits for a list: a client that
// waits for another type is moved to the end of the queue by redis-server when it serves
// the others, and here stays where it came. Nor is a value of another type written over:
// redis-server 7.0 does not see then that there is a sorted set.
func TestRandomBlockingAgainstRedis(t *testing.T) {
	redis := enginetest.StartRedis(t, "--enable-debug-command", "yes")
	for run := range 6 {
		t.Run(strconv.Itoa(run), func(t *testing.T) {
			s := enginetest.NewEngine(t)
			s.Config.EnableDebugCommand.Set("yes")
			g := &game{t: t, dice: dice{rand.New(rand.NewPCG(uint64(run), 9))}, free: pair{s.Client(), redis.Client(t)}}
			g.free.theirs.Do("FLUSHALL")
			g.changes = enginetest.NewTally(t, s, g.free.theirs)
			for range 1 + run%5 {
				g.waiters = append(g.waiters, pair{s.Client(), redis.Client(t)})
			}
			for range 150 {
				if who := g.waiters[g.dice.IntN(len(g.waiters))]; !who.ours.Parked() && g.dice.IntN(10) < 6 {
					g.blocks(who)
				} else {
					g.serves()
				}
			}
			for _, line := range strings.Split(g.free.theirs.Do("CLIENT", "LIST"), "\n") {
				if id, _, ok := strings.Cut(line, " "); ok && strings.Contains(line, " flags=b ") {
					g.free.theirs.Do("CLIENT", "UNBLOCK", strings.TrimPrefix(id, "id="))
				}
			}
		})
	}
}
