package scripting_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/enginetest"
)

func TestScripts(t *testing.T) {
	enginetest.RunScripts(t, enginetest.StartRedis(t), "testdata/scripts")
}

func TestEffects(t *testing.T) { enginetest.RunEffects(t, "testdata/effects") }

// TestWhatIsLongLeavesItsLoop: what may not end begins in the loop of its client, where it ends if it is
// quick; else it goes on in the background, and is not carried out a second time if it has written.
func TestWhatIsLongLeavesItsLoop(t *testing.T) {
	const (
		loops  = "local i = 0 while i < tonumber(ARGV[1]) do i = i + 1 end "
		calls  = "local f f = function(n) if n == 0 then return 0 end redis.call('INCR', KEYS[1]) return f(n - 1) end f(1) "
		counts = "for i = 1, tonumber(ARGV[1]) do for j = 1, tonumber(ARGV[1]) do if j == 3 then break end end end "
		incr   = "redis.call('INCR', KEYS[1]) "
		result = " return redis.call('GET', KEYS[1])"
	)
	for _, tt := range []struct {
		source string
		anew   bool // with every shard, once it is known to touch its keys alone: it does what is no write
	}{
		{source: incr + loops + result},
		{source: incr + counts + result},
		{source: calls + loops + result},
		{source: "redis.call('INCR', 'k') " + loops + result},                    // with every shard
		{source: loops + incr + result},                                          // has done nothing yet
		{source: "redis.call('GET', KEYS[1]) " + loops + incr + counts + result}, // as well
		{source: "redis.call('PUBLISH', 'ch', 'x') " + incr + loops + result, anew: true},
		{source: "redis.log(redis.LOG_NOTICE, 'x') " + loops + incr + result, anew: true},
		{source: "redis.call('PING') local ok = pcall(function() " + loops + " end) " + incr + result, anew: true},
	} {
		source := tt.source
		for _, lines := range [][]string{{"EVAL"}, {"MULTI", "EVAL", "EXEC"}} {
			var clock *paced
			s := enginetest.NewEngine(t, func(o *engine.Options) {
				clock = &paced{Host: o.Host}
				o.Host = clock
			})
			c, asks := s.Client(), s.Client()
			for n, turns := range []string{"0", "0", "20000"} { // unknown, known as quick, long
				if n == 2 {
					clock.by = int64(time.Millisecond)
				}
				for _, line := range lines {
					args := []string{line}
					if line == "EVAL" {
						args = append(args, source, "1", "k", turns)
					}
					s.Execute(c.Session, enginetest.Raw(args...))
				}
				if left := c.RunsScript(); left != (n == 2 || n == 1 && tt.anew && len(lines) == 1) {
					t.Errorf("%v of %s, %s turns: in the background: %v", lines, source, turns, left)
				}
				for c.RunsScript() {
					s.Host.Advance(0)
					s.Resume(c.Session)
				}
				if got, want := c.Go(), fmt.Sprintf("$1\r\n%d\r\n", n+1); !strings.HasSuffix(got, want) {
					t.Errorf("%v of %s, %s turns: %q, want %q", lines, source, turns, got, want)
				}
			}
			if got := asks.Do("GET", "k"); got != "$1\r\n3\r\n" {
				t.Errorf("%v of %s: k is %q behind three runs", lines, source, got)
			}
		}
	}
}

// paced is a machine on which as many nanoseconds pass between two looks at the clock.
type paced struct {
	engine.Host
	ticks, by int64
}

func (h *paced) Ticks() int64 {
	h.ticks += h.by
	return h.ticks
}

// TestAClientGoesWhileItsScriptRuns: a session that goes while its script is in the background leaves
// nothing locked.
func TestAClientGoesWhileItsScriptRuns(t *testing.T) {
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Host = &paced{Host: o.Host, by: int64(time.Millisecond)} })
	c, asks := s.Client(), s.Client()
	s.Execute(c.Session, enginetest.Raw("EVAL", "redis.call('INCR', KEYS[1]) local i = 0 while i < 100000 do i = i + 1 end", "1", "k"))
	if !c.RunsScript() {
		t.Fatal("it does not run in the background")
	}
	s.EndSession(c.Session)
	s.Host.Advance(0)
	if got := asks.Do("INCR", "k"); got != ":2\r\n" {
		t.Errorf("INCR behind it: %q", got)
	}
}
