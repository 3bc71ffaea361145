package regent

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// runScript sends a script and returns a channel with the error that it ends with.
func (ts *testServer) runScript(script string) <-chan error {
	ended := make(chan error, 1)
	c := ts.client()
	c.Options().ReadTimeout = -1
	go func() { ended <- c.Eval(ts.t.Context(), script, nil).Err() }()
	return ended
}

// refused reports whether an error says text; nil does not.
func refused(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }

// untilBusy waits until others are answered -BUSY, and sees that SCRIPT KILL may be said.
func (ts *testServer) untilBusy() {
	c := ts.client()
	ts.until("others are told that a script runs", func() bool { return refused(c.Ping(ts.t.Context()).Err(), "BUSY Redis is busy running a script") })
}

// TestLongScripts: while a script runs without an end others are served, or told so; it is
// killed unless it has written, and what was waiting for it goes on.
func TestLongScripts(t *testing.T) {
	ts := begin(t, t.TempDir(), "busy-reply-threshold 50", "appendonly no")
	ctx, c := t.Context(), ts.client()
	if err := c.ScriptKill(ctx).Err(); !refused(err, "NOTBUSY") {
		t.Errorf("SCRIPT KILL of nothing: %v", err)
	}
	for _, script := range []string{
		"while true do end",
		"while true do pcall(function() while true do end end) end",
		"local s = string.rep('a', 40) while true do string.find(s, '.-.-.-.-.-.-.-b') end",
		"local co = coroutine.wrap(function() while true do end end) co()",
		"while true do redis.call('get', 'k') end",
		"while true do redis.pcall('nosuch') end",
		"redis.log(redis.LOG_DEBUG, 'begins') while true do end",
		"redis.call('publish', 'ch', 'begins') while true do end",
		"table.sort({1,2,3}, function() while true do end end)",
		"return setmetatable({}, {__index = function() while true do end end}).x",
	} {
		ended := ts.runScript(script)
		ts.untilBusy()
		for _, err := range []error{c.Get(ctx, "k").Err(), c.Set(ctx, "k", "v", 0).Err(), c.DBSize(ctx).Err(), c.Eval(ctx, "return 1", nil).Err()} {
			if !refused(err, "BUSY") {
				t.Errorf("beside %s: %v, want -BUSY", script, err)
			}
		}
		if err := c.ScriptKill(ctx).Err(); err != nil {
			t.Fatalf("SCRIPT KILL of %s: %v", script, err)
		}
		if err := <-ended; !refused(err, "Script killed by user") {
			t.Errorf("%s ended with %v", script, err)
		}
		ts.until("it goes on", func() bool { return c.Set(ctx, "k", "v", 0).Err() == nil })
	}
	if n := c.DBSize(ctx).Val(); n != 1 {
		t.Errorf("%d keys, want the one that was set between scripts", n)
	}
}

// TestWhatWaitsForAScript: commands that come while a script runs wait for its end, in the
// loop's other clients' sight, and see what it has done.
func TestWhatWaitsForAScript(t *testing.T) {
	ts := begin(t, t.TempDir(), "busy-reply-threshold 0", "appendonly no")
	ctx := t.Context()
	ended := ts.runScript("redis.call('set', 'n', 0) for i = 1, 300000 do redis.call('incr', 'n') end")
	const clients = 20
	seen := make(chan string, clients)
	for range clients {
		c := ts.client()
		go func() {
			for {
				if v, err := c.Get(ctx, "n").Result(); !errors.Is(err, redis.Nil) {
					seen <- fmt.Sprint(v, err)
					return
				}
			}
		}()
	}
	for range clients {
		if got := <-seen; got != "300000<nil>" {
			t.Errorf("GET beside the script: %s", got)
		}
	}
	if err := <-ended; !errors.Is(err, redis.Nil) {
		t.Errorf("the script: %v", err)
	}
}

// TestAScriptThatHasWritten is not killed; SHUTDOWN NOSAVE ends the server, and nothing
// of the script is in the log.
func TestAScriptThatHasWritten(t *testing.T) {
	dir := t.TempDir()
	ts := begin(t, dir, "busy-reply-threshold 50", "appendonly yes")
	ctx, c := t.Context(), ts.client()
	ts.do("OK", "SET", "before", "v")
	ended := ts.runScript("redis.call('set', 'half', 1) while true do end")
	ts.untilBusy()
	if err := c.ScriptKill(ctx).Err(); !refused(err, "UNKILLABLE") {
		t.Errorf("SCRIPT KILL: %v", err)
	}
	if err := c.Do(ctx, "SHUTDOWN").Err(); !refused(err, "BUSY") {
		t.Errorf("SHUTDOWN: %v", err)
	}
	_ = c.Do(ctx, "SHUTDOWN", "NOSAVE").Err() // which has no reply
	<-ended
	if err := <-ts.done; err != nil {
		t.Errorf("the server ended with %v", err)
	}
	ts.done <- nil // for end
	ts = begin(t, dir, "appendonly yes")
	ts.do("v", "GET", "before")
	ts.do("0", "EXISTS", "half")
}

// TestGreedyScripts fill the memory, or the stack: they end with an error, and the server
// goes on.
func TestGreedyScripts(t *testing.T) {
	ts := begin(t, t.TempDir(), "busy-reply-threshold 0", "appendonly no")
	for script, want := range map[string]string{
		"local s = 'x' while true do s = s..s end":                                           "not enough memory",
		"return string.rep('x', 1e10)":                                                       "not enough memory",
		"return ('x'):rep(1e8):gsub('x', ('y'):rep(1e8))":                                    "not enough memory",
		"local t = {} while true do t = {t, coroutine.create(function() end)} end":           "not enough memory",
		"local function f(n) return 1 + f(n) end return f(1)":                                "stack overflow",
		"return {unpack({}, 1, 1e8)}":                                                        "too many results to unpack",
		"return " + strings.Repeat("not ", 100000) + "true":                                  "too many syntax levels",
		"return " + strings.Repeat("{", 100000) + strings.Repeat("}", 100000):                "too many syntax levels",
		"return " + strings.Repeat("f(", 100000) + strings.Repeat(")", 100000):               "too many syntax levels",
		strings.Repeat("do ", 100000) + strings.Repeat("end ", 100000):                       "too many syntax levels",
		"local t = {} for i = 1, 1e5 do t = {t} end return t":                                "",
		"local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x":              "",
		"local s = ('a'):rep(1e5) return s:find(('a-'):rep(1e4) .. 'b')":                     "",
		"return redis.call('set', 'k', ('x'):rep(6e7)) and redis.call('strlen', 'k')":        "",
		"local a = {} for i = 1, 7999 do a[i] = i end return #redis.call('mget', unpack(a))": "",
	} {
		err := <-ts.runScript(script)
		if want != "" && !refused(err, want) {
			t.Errorf("%.60s: %v, want %q", script, err, want)
		}
		ts.do("PONG", "PING")
	}
}
