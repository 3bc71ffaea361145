package scripting_test

import (
	"testing"

	"regent/engine/enginetest"
)

func TestScripts(t *testing.T) {
	enginetest.RunScripts(t, enginetest.StartRedis(t), "testdata/scripts")
}

func TestEffects(t *testing.T) { enginetest.RunEffects(t, "testdata/effects") }

// TestWhatMayNotEndWritesInTheBackground: in the loop of its client nobody could be told that the
// server is busy, and nobody could end it.
func TestWhatMayNotEndWritesInTheBackground(t *testing.T) {
	s := enginetest.NewEngine(t)
	asks := s.Client()
	for _, tt := range []struct {
		source string
		turns  string
		aside  bool
	}{
		{"if ARGV[1] == 'w' then redis.call('SET', KEYS[1], 'x') end local i = 0 while i < 2 do i = i + 1 end return i", "2", true},
		{"if ARGV[1] == 'w' then redis.call('PUBLISH', 'a', 'x') end for i = 1, tonumber(ARGV[2]) do end return 2", "100000", true},
		{"if ARGV[1] == 'w' then redis.log(redis.LOG_NOTICE, 'x') end for i = 1, tonumber(ARGV[2]) do end return 2", "100000", true},
		{"if ARGV[1] == 'w' then redis.call('SET', KEYS[1], 'x') end for i = 1, tonumber(ARGV[2]) do end return 2", "2", false},
		{"if ARGV[1] == 'w' then redis.call('SET', KEYS[1], 'x') end for i = 1, 2 do end return 2", "2", false},
	} {
		c := s.Client()
		for range 2 {
			c.Do("EVAL", tt.source, "1", "k", "r", tt.turns)
		}
		for range 2 {
			asks.Do("DEL", "k")
			s.Execute(c.Session, [][]byte{[]byte("EVAL"), []byte(tt.source), []byte("1"), []byte("k"), []byte("w"), []byte(tt.turns)})
			if c.RunsScript() != tt.aside {
				t.Fatalf("%s: in the background: %v", tt.source, !tt.aside)
			}
			if !tt.aside {
				c.W.Truncate(0)
				continue
			}
			if got := asks.Do("EXISTS", "k"); got != ":0\r\n" {
				t.Errorf("%s: it has written: %q", tt.source, got)
			}
			s.Host.Advance(0)
			if got := c.Go(); got != ":2\r\n" {
				t.Errorf("%s: %q", tt.source, got)
			}
		}
	}
}
