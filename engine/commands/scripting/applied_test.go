package scripting_test

import (
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/enginetest"
)

// TestScriptsOfALog carries out scripts that stand in a log, as they do in one of Redis before
// 7: no user, leader or memory limit is asked, a slow one harms nothing, and one that ends
// with an error has written all the same.
func TestScriptsOfALog(t *testing.T) {
	s := enginetest.NewEngine(t, func(o *engine.Options) {
		o.Config.SlowlogSlowerThan.Set(0)
		o.Config.BusyReplyThreshold.Set(1)
		o.Host = &hurried{Host: o.Host}
	})
	a := s.NewApplier()
	for _, line := range [][]string{
		{"EVAL", "redis.call('set', KEYS[1], 'y'); for i = 1, 20000 do redis.call('ping') end return 'ok'", "1", "x"},
		{"EVAL", "redis.call('incr', KEYS[1]); redis.call('incr', KEYS[1]); return redis.error_reply('done')", "1", "n"},
		{"EVAL", "redis.call('incr', KEYS[1]); return redis.call('lpop', KEYS[1])", "1", "n"},
	} {
		if err := a.Apply(bytesOf(line)); err != nil {
			t.Errorf("%s: %v", line[1], err)
		}
	}
	c := s.Client()
	for line, want := range map[string]string{"GET x": "$1\r\ny\r\n", "GET n": "$1\r\n3\r\n"} {
		if got := c.Do(strings.Fields(line)...); got != want {
			t.Errorf("%s: %q, not %q", line, got, want)
		}
	}
	if err := a.Apply(bytesOf([]string{"EVALSHA", strings.Repeat("0", 40), "0"})); err == nil {
		t.Error("a script that nobody knows is passed over")
	}
}

// hurried is a machine on which a millisecond passes between two looks at the clock.
type hurried struct {
	engine.Host
	ticks int64
}

func (h *hurried) Ticks() int64 {
	h.ticks += int64(time.Millisecond)
	return h.ticks
}

func bytesOf(words []string) (args [][]byte) {
	for _, w := range words {
		args = append(args, []byte(w))
	}
	return args
}
