package engine_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/engine/enginetest"
)

// TestAuthAgainstRedis compares what clients see of a password.
func TestAuthAgainstRedis(t *testing.T) {
	redis := enginetest.StartRedis(t, "--requirepass", "secret")
	s := enginetest.NewEngine(t)
	s.Client().Do("CONFIG", "SET", "requirepass", "secret")
	ours, theirs := s.Client(), redis.Client(t)
	id := regexp.MustCompile(`id\r\n:\d+`)
	for _, line := range []string{
		"PING", "GET k", "FOO", "GET", "HELLO", "HELLO 3", "HELLO 3 SETNAME me", "CLIENT ID", "COMMAND",
		"AUTH wrong", "AUTH default wrong", "AUTH nobody secret", "AUTH a b c", "AUTH DEFAULT secret",
		"HELLO 3 AUTH default wrong", "HELLO 3 AUTH nobody secret", "HELLO 4 AUTH default secret", "PING",
		"HELLO 3 AUTH default secret SETNAME me", "CLIENT GETNAME", "AUTH wrong", "PING", "RESET", "PING",
		"HELLO 2", "AUTH secret", "PING", "CLIENT GETNAME", "HELLO 3", "RESET", "AUTH default secret", "GET k", "HELLO 3 AUTH default wrong", "GET k",
		"RESET", "RESET", "QUIT",
	} {
		words := strings.Fields(line)
		want, got := id.ReplaceAllString(theirs.Do(words...), "id"), id.ReplaceAllString(ours.Do(words...), "id")
		if got != want {
			t.Errorf("%s:\n got  %q\n want %q", line, got, want)
		}
	}
	if !ours.CloseAfterReply {
		t.Error("QUIT leaves the connection open")
	}
}

// TestPasswordsComeAndGo: a new password does not lock out clients that are in, and one
// that was taken away is not asked for.
func TestPasswordsComeAndGo(t *testing.T) {
	s := enginetest.NewEngine(t)
	in := s.Client()
	in.Do("CONFIG", "SET", "requirepass", "secret")
	out := s.Client()
	if got := in.Do("PING"); got != "+PONG\r\n" {
		t.Error(got)
	}
	if got := out.Do("PING"); !strings.HasPrefix(got, "-NOAUTH") {
		t.Error(got)
	}
	in.Do("CONFIG", "SET", "requirepass", "")
	if got := out.Do("PING"); got != "+PONG\r\n" {
		t.Error(got)
	}
}

// TestClientListFieldsLikeRedis: the same fields in the same order, and the
// same values where both servers must agree.
func TestClientListFieldsLikeRedis(t *testing.T) {
	redis := enginetest.StartRedis(t)
	s := enginetest.NewEngine(t)
	ours, theirs := s.Client(), redis.Client(t)
	for _, line := range []string{"CLIENT SETNAME me", "SELECT 3", "CLIENT NO-EVICT ON"} {
		words := strings.Fields(line)
		ours.Do(words...)
		theirs.Do(words...)
	}
	for _, cmd := range []string{"INFO", "LIST"} {
		got, want := fields(t, ours.Do("CLIENT", cmd)), fields(t, theirs.Do("CLIENT", cmd))
		names := func(list [][2]string) (out []string) {
			for _, f := range list {
				out = append(out, f[0])
			}
			return out
		}
		if g, w := strings.Join(names(got), " "), strings.Join(names(want), " ")+" lib-name lib-ver"; g != w {
			t.Fatalf("fields of %s:\n got  %s\n want %s", cmd, g, w)
		}
		for i, f := range want {
			switch f[0] {
			case "name", "flags", "db", "sub", "psub", "ssub", "multi", "argv-mem", "multi-mem", "obl", "oll", "omem", "events", "cmd", "user", "redir", "resp":
				if got[i][1] != f[1] {
					t.Errorf("%s of %s: %q, want %q", f[0], cmd, got[i][1], f[1])
				}
			}
		}
	}
}

// fields takes a one-line CLIENT LIST apart.
func fields(t *testing.T, reply string) (out [][2]string) {
	t.Helper()
	n, _, err := enginetest.Parse([]byte(reply))
	if err != nil || strings.Count(n.Text, "\n") != 1 {
		t.Fatalf("%q: %v", reply, err)
	}
	for _, word := range strings.Fields(n.Text) {
		name, value, _ := strings.Cut(word, "=")
		out = append(out, [2]string{name, value})
	}
	return out
}

func TestClientSetinfo(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	for _, step := range []struct{ attr, value, want string }{
		{"LIB-NAME", "go-redis", "+OK\r\n"},
		{"lib-ver", "9.23.0", "+OK\r\n"},
		{"LIB-NAME", "two words", "-ERR lib-name cannot contain spaces, newlines or special characters.\r\n"},
		{"lib-color", "red", "-ERR Unrecognized option 'lib-color'\r\n"},
	} {
		if got := c.Do("CLIENT", "SETINFO", step.attr, step.value); got != step.want {
			t.Errorf("%s %q: %q", step.attr, step.value, got)
		}
	}
	c.Do("RESET")
	if got := c.Do("CLIENT", "INFO"); !strings.Contains(got, " lib-name=go-redis lib-ver=9.23.0\n") {
		t.Error(got)
	}
}

func TestClientListSelects(t *testing.T) {
	s := enginetest.NewEngine(t)
	a, b := s.Client(), s.Client()
	s.Host.Advance(90 * time.Second)
	ids := func(words ...string) (out []string) {
		n, _, err := enginetest.Parse([]byte(a.Do(append([]string{"CLIENT", "LIST"}, words...)...)))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(n.Text) {
			out = append(out, strings.Fields(line)[0])
		}
		return out
	}
	one, two := fmt.Sprint("id=", a.ID), fmt.Sprint("id=", b.ID)
	if got := ids(); strings.Join(got, " ") != one+" "+two {
		t.Errorf("all: %v", got)
	}
	if got := ids("ID", fmt.Sprint(b.ID), "99", fmt.Sprint(a.ID)); strings.Join(got, " ") != two+" "+one {
		t.Errorf("by ID: %v", got)
	}
	if got := ids("TYPE", "normal"); len(got) != 2 {
		t.Errorf("normal: %v", got)
	}
	if got := a.Do("CLIENT", "LIST", "ID", fmt.Sprint(b.ID)); !strings.Contains(got, " age=90 idle=90 ") || !strings.Contains(got, " cmd=NULL ") {
		t.Errorf("a client that has said nothing: %s", got)
	}
}

func TestClientKill(t *testing.T) {
	s := enginetest.NewEngine(t)
	a, b := s.Client(), s.Client()
	if got := a.Do("CLIENT", "KILL", "ID", fmt.Sprint(b.ID)); got != ":1\r\n" || b.Link.Killed.Load() != 1 {
		t.Errorf("%q, killed %d times", got, b.Link.Killed.Load())
	}
	if got := a.Do("CLIENT", "KILL", "TYPE", "normal"); got != ":0\r\n" || b.Link.Killed.Load() != 1 || a.CloseAfterReply {
		t.Errorf("by default not the own one: %q", got)
	}
	if got := a.Do("CLIENT", "KILL", "ID", fmt.Sprint(a.ID)); got != ":0\r\n" || a.CloseAfterReply {
		t.Errorf("the own one is spared: %q", got)
	}
	b = s.Client()
	if got := a.Do("CLIENT", "KILL", "ADDR", b.Link.RemoteAddr(), "SKIPME", "no"); got != ":2\r\n" || !a.CloseAfterReply || a.Link.Killed.Load() != 0 {
		t.Errorf("the own one too, after the reply: %q, %v", got, a.CloseAfterReply)
	}
	c := s.Client()
	if got := c.Do("CLIENT", "KILL", c.Link.RemoteAddr()); got != "+OK\r\n" || !c.CloseAfterReply {
		t.Errorf("the old form spares nobody: %q", got)
	}
}

// TestNoTouch: only TOUCH itself leaves a trace.
// TestKilledClientIsNoMore: a client that CLIENT KILL has ended hears nothing, gets nothing and is
// found no more by what comes next, though its own last turn is still to come. As redis-server.
func TestKilledClientIsNoMore(t *testing.T) {
	s, redis := enginetest.NewEngine(t), enginetest.StartRedis(t)
	type client interface{ Do(args ...string) string }
	lines := []string{
		"CLIENT KILL TYPE pubsub", "PUBLISH ch m", "PUBSUB NUMSUB ch", "PUBSUB NUMPAT", "PUBSUB CHANNELS", "SPUBLISH sh m", "PUBSUB SHARDCHANNELS",
		"CLIENT KILL TYPE pubsub", "CLIENT KILL ID WAITS", "CLIENT KILL ID WAITS", "CLIENT UNBLOCK WAITS", "CLIENT LIST ID WAITS",
		"LPUSH li x", "LLEN li", "DEL li",
	}
	run := func(say client, waits string, inside bool) (got []string) {
		if inside {
			say.Do("MULTI")
		}
		for _, line := range lines {
			got = append(got, say.Do(strings.Fields(strings.ReplaceAll(line, "WAITS", waits))...))
		}
		if inside {
			return []string{say.Do("EXEC")}
		}
		return got
	}
	id := func(c client) string { return strings.Trim(c.Do("CLIENT", "ID"), ":\r\n") }
	for _, inside := range []bool{false, true} {
		var got [2][]string
		for i, dial := range []func() client{func() client { return s.Client() }, func() client { return redis.Client(t) }} {
			dial().Do("SUBSCRIBE", "ch")
			dial().Do("PSUBSCRIBE", "c*")
			dial().Do("SSUBSCRIBE", "sh")
			waits := dial()
			name := id(waits)
			if r, real := waits.(*enginetest.RedisClient); real {
				r.Send("BLPOP", "li", "0")
			} else {
				waits.Do("BLPOP", "li", "0")
			}
			say := dial()
			for !strings.Contains(say.Do("CLIENT", "LIST"), " cmd=blpop ") {
				time.Sleep(time.Millisecond)
			}
			got[i] = run(say, name, inside)
		}
		if !slices.Equal(got[0], got[1]) {
			t.Errorf("inside a transaction %v:\n got  %q\n want %q", inside, got[0], got[1])
		}
	}
}

func TestNoTouch(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("SET", "k", "v")
	s.Host.Advance(100 * time.Second)
	c.Do("CLIENT", "NO-TOUCH", "ON")
	c.Do("GET", "k")
	if got := c.Do("OBJECT", "IDLETIME", "k"); got != ":100\r\n" {
		t.Errorf("after a read: %q", got)
	}
	c.Do("TOUCH", "k")
	if got := c.Do("OBJECT", "IDLETIME", "k"); got != ":0\r\n" {
		t.Errorf("after TOUCH: %q", got)
	}
	s.Host.Advance(100 * time.Second)
	c.Do("CLIENT", "NO-TOUCH", "OFF")
	c.Do("GET", "k")
	if got := c.Do("OBJECT", "IDLETIME", "k"); got != ":0\r\n" {
		t.Errorf("after NO-TOUCH OFF: %q", got)
	}
}
