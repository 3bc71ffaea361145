package engine_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/enginetest"
)

// TestListenersLeaveNothingBehind: however a session ends, nobody counts it any more.
func TestListenersLeaveNothingBehind(t *testing.T) {
	s := enginetest.NewEngine(t)
	asks := s.Client()
	for _, end := range []string{"UNSUBSCRIBE", "RESET", "hang up"} {
		c := s.Client()
		c.Do("SUBSCRIBE", "a", "b")
		c.Do("PSUBSCRIBE", "p*")
		c.Do("SSUBSCRIBE", "s")
		line := asks.Do("CLIENT", "LIST", "TYPE", "pubsub")
		if !strings.Contains(line, " flags=P db=0 sub=2 psub=1 ssub=1 ") {
			t.Fatalf("listed as %q", line)
		}
		asks.Do("PUBLISH", "a", "x")
		switch end {
		case "hang up":
			s.EndSession(c.Session)
		case "UNSUBSCRIBE":
			c.Do(end)
			c.Do("PUNSUBSCRIBE")
			c.Do("SUNSUBSCRIBE")
		default:
			c.Do(end)
		}
		for _, line := range [][]string{{"PUBLISH", "a", "x"}, {"SPUBLISH", "s", "x"}, {"PUBSUB", "NUMPAT"}} {
			if got := asks.Do(line...); got != ":0\r\n" {
				t.Errorf("after %s: %q: %q", end, line, got)
			}
		}
		if got := asks.Do("INFO", "stats"); !strings.Contains(got, "pubsub_channels:0\r\npubsub_patterns:0\r\npubsubshard_channels:0\r\n") {
			t.Errorf("after %s: %s", end, got)
		}
	}
}

// TestInboxIsBounded: a client that does not take what is published for it loses it, and its
// output overflows, which ends the connection.
func TestInboxIsBounded(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Config.OutputHardPubsub.Set(1000)
	deaf, hears, speaks := s.Client(), s.Client(), s.Client()
	deaf.Do("SUBSCRIBE", "a")
	hears.Do("SUBSCRIBE", "a")
	for range 100 {
		if got := speaks.Do("PUBLISH", "a", strings.Repeat("x", 100)); got != ":2\r\n" {
			t.Fatal(got)
		}
		hears.Hear()
	}
	s.TakePushes(deaf.Session)
	if !deaf.W.Overflowed() || deaf.W.Len() > 1000 {
		t.Errorf("overflow: %v, with %d bytes", deaf.W.Overflowed(), deaf.W.Len())
	}
	if hears.W.Overflowed() {
		t.Error("the one that hears is cut off too")
	}
}

// TestOutboxKeepsTheOrder: what a loop's sessions publish in one turn comes as if it had come at
// once: in order with other channels, with events and what trackers are told, and to those that
// listened when it was published, in the protocol that they spoke then.
func TestOutboxKeepsTheOrder(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Config.KeyspaceEvents.Set(1<<14 - 1)
	l, speaks := s.Client(), s.Client()
	var desk engine.Desk
	turn := func(c *enginetest.Client, lines ...string) (replies string) {
		s.BeginBatch(c.Session, len(lines), &desk)
		for _, line := range lines {
			replies += c.Do(strings.Fields(line)...)
		}
		s.EndBatch(c.Session, &desk)
		return replies
	}
	turn(l, "HELLO 3", "SUBSCRIBE a b", "PSUBSCRIBE __keyevent@0__:set ?", "CLIENT TRACKING ON", "GET k")
	for _, c := range []struct {
		by           *enginetest.Client
		lines        []string
		reply, heard string // words of what is heard, in that order
	}{
		{speaks, []string{"PUBLISH a 1", "PUBLISH a 2", "PUBLISH b 3", "PUBLISH a 4"}, ":2\r\n:2\r\n:2\r\n:2\r\n",
			"message a 1 a 2 pmessage ? a 1 ? a 2 message b 3 pmessage b 3 message a 4 pmessage a 4"},
		{speaks, []string{"PUBLISH a 5", "SET k 6", "PUBLISH a 7"}, "", "message 5 pmessage 5 __keyevent@0__:set k invalidate k message 7"},
		{l, []string{"PUBLISH a 8"}, "message 8 pmessage 8 :2", ""},
		{speaks, []string{"MULTI", "PUBLISH a 9", "SET k 10", "EXEC"}, "", "message 9 __keyevent@0__:set k"},
		{speaks, []string{"PUBLISH c 11", "PUBLISH none.such 12"}, ":1\r\n:0\r\n", "pmessage ? c 11"},
	} {
		got := turn(c.by, c.lines...)
		words(t, c.lines, got, c.reply)
		s.TellPublished(&desk)
		words(t, c.lines, l.Hear(), c.heard)
	}
	s.Config.KeyspaceEvents.Set(0)
	turn(l, "GET k")
	turn(speaks, "PUBLISH a 13", "SET k 14")
	words(t, nil, l.Hear(), "message 13 invalidate k")
	turn(speaks, "PUBLISH a "+strings.Repeat("x", 100<<10))
	if got := l.Hear(); len(got) < 200<<10 {
		t.Errorf("%d bytes of a large message", len(got))
	}
	for _, line := range []string{"HELLO 2", "UNSUBSCRIBE a", "RESET"} {
		turn(speaks, "PUBLISH a last")
		got := turn(l, line)
		if heard := l.Hear(); !strings.Contains(heard, "$1\r\na\r\n$4\r\nlast") || strings.Contains(heard, ">4") != (line == "HELLO 2") {
			t.Errorf("%s: %q, %q is heard", line, got, heard)
		}
	}
	turn(speaks, "PUBLISH a nobody")
	s.TellPublished(&desk)
	if got := l.Hear(); got != "" {
		t.Errorf("%q is heard", got)
	}
}

// words sees that text has the words, in that order.
func words(t *testing.T, said []string, text, want string) {
	t.Helper()
	rest := text
	for _, w := range strings.Fields(want) {
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			t.Fatalf("%q: %q is not in %q, behind what comes before it in %q", said, w, text, want)
		}
		rest = after
	}
}

// TestEventsOfWhatNoCommandDoes: expiry in the background, eviction, and what a
// follower applies.
func TestEventsOfWhatNoCommandDoes(t *testing.T) {
	s := enginetest.NewEngine(t)
	l, c := s.Client(), s.Client()
	c.Do("CONFIG", "SET", "notify-keyspace-events", "EA")
	l.Do("PSUBSCRIBE", "__keyevent@*")
	heard := func(want ...string) {
		t.Helper()
		got := l.Hear()
		for _, w := range want {
			_, rest, ok := strings.Cut(got, w)
			if !ok {
				t.Fatalf("%q is not in %q", w, got)
			}
			got = rest
		}
	}
	c.Do("SET", "a", "1", "PX", "5")
	heard("set", "expire")
	s.Host.Advance(10 * time.Millisecond)
	s.ExpireCycle(10)
	heard("__keyevent@0__:expired", "$1\r\na\r\n")

	c.Do("SET", "b", "1")
	c.Do("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
	c.Do("CONFIG", "SET", "maxmemory", "1")
	s.EvictAsAsked()
	c.Do("CONFIG", "SET", "maxmemory", "0")
	heard("__keyevent@0__:set", "__keyevent@0__:evicted", "$1\r\nb\r\n")

	s.Cluster.SetView(enginetest.ThreeNodes(1, 2))
	l.Barrier = 0 // as its connection does, batch by batch
	a := s.NewApplier()
	a.SetDB(3)
	for _, rec := range [][]string{{"SET", "c", "1"}, {"MULTI"}, {"RPUSH", "d", "1"}, {"DEL", "c"}, {"EXEC"}} {
		if err := a.Apply(enginetest.Raw(rec...)); err != nil {
			t.Fatal(err)
		}
	}
	heard("__keyevent@3__:set", "__keyevent@3__:rpush", "__keyevent@3__:del", "$1\r\nc\r\n")
	if l.Barrier != 0 {
		t.Errorf("what is applied is committed, and yet it waits for %d", l.Barrier)
	}
}

// TestPublishersSideBySide: each publisher's messages come in its order, none twice.
func TestPublishersSideBySide(t *testing.T) {
	const publishers, each = 4, 2000
	s := enginetest.NewEngine(t)
	l := s.Client()
	l.Do("SUBSCRIBE", "a")
	var wg sync.WaitGroup
	for p := range publishers {
		c := s.Client()
		wg.Go(func() {
			for i := range each {
				c.Do("PUBLISH", "a", fmt.Sprintf("%d:%d", p, i))
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	var heard strings.Builder
	for more := true; more; {
		select {
		case <-done:
			more = false
		default:
		}
		heard.WriteString(l.Hear())
	}
	next := [publishers]int{}
	for rest := []byte(heard.String()); len(rest) > 0; {
		var n enginetest.Node
		var err error
		if n, rest, err = enginetest.Parse(rest); err != nil {
			t.Fatal(err)
		}
		var p, i int
		if _, err := fmt.Sscanf(n.Elems[2].Text, "%d:%d", &p, &i); err != nil || i != next[p] {
			t.Fatalf("%s comes where %d:%d is due", n, p, next[p])
		}
		next[p]++
	}
	if next != [publishers]int{each, each, each, each} {
		t.Errorf("heard: %v", next)
	}
}
