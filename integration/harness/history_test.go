package harness

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// op is a call from asked to answered; reply "?" is an unknown outcome.
func op(id int, c call, asked, answered int64, reply string) porcupine.Operation {
	o := porcupine.Operation{ClientId: id, Input: c, Call: asked, Output: output{true, reply}, Return: answered}
	if reply == "?" {
		o.Output, o.Return = output{}, never
	}
	return o
}

func TestHistoryIsJudged(t *testing.T) {
	set := func(v string) call { return call{"set", "k", v} }
	get, incr := call{op: "get", key: "k"}, call{op: "incr", key: "n"}
	push, pop, wait, all := call{"rpush", "l", "x"}, call{op: "lpop", key: "l"}, call{op: "blpop", key: "l"}, call{op: "lrange", key: "l"}
	add, rem, members := call{"sadd", "s", "m"}, call{"srem", "s", "m"}, call{op: "smembers", key: "s"}
	for name, c := range map[string]struct {
		calls []porcupine.Operation
		ok    bool
	}{
		"in order":                        {[]porcupine.Operation{op(0, set("a"), 0, 1, "OK"), op(1, get, 2, 3, "a")}, true},
		"a stale read":                    {[]porcupine.Operation{op(0, set("a"), 0, 1, "OK"), op(0, set("b"), 2, 3, "OK"), op(1, get, 4, 5, "a")}, false},
		"a lost write":                    {[]porcupine.Operation{op(0, set("a"), 0, 1, "OK"), op(1, get, 2, 3, "")}, false},
		"an unknown write that happened":  {[]porcupine.Operation{op(0, set("a"), 0, 1, "?"), op(1, get, 2, 3, "a")}, true},
		"an unknown write that did not":   {[]porcupine.Operation{op(0, set("a"), 0, 1, "?"), op(1, get, 2, 3, "")}, true},
		"an unknown write that came back": {[]porcupine.Operation{op(0, set("a"), 0, 1, "?"), op(1, get, 2, 3, "a"), op(1, get, 4, 5, "")}, false},
		"counted twice":                   {[]porcupine.Operation{op(0, incr, 0, 1, "1"), op(1, incr, 2, 3, "3")}, false},
		"popped twice":                    {[]porcupine.Operation{op(0, push, 0, 1, "1"), op(1, pop, 2, 3, "x"), op(1, pop, 4, 5, "x")}, false},
		"waited for and read again":       {[]porcupine.Operation{op(0, wait, 0, 5, "[l x]"), op(1, push, 2, 3, "1"), op(1, all, 6, 7, "[x]")}, false},
		"waited for":                      {[]porcupine.Operation{op(0, wait, 0, 5, "[l x]"), op(1, push, 2, 3, "1"), op(1, all, 6, 7, "[]")}, true},
		"a member that is back":           {[]porcupine.Operation{op(0, add, 0, 1, "1"), op(0, rem, 2, 3, "1"), op(1, members, 4, 5, "[m]")}, false},
		"a member added twice":            {[]porcupine.Operation{op(0, add, 0, 5, "1"), op(1, add, 0, 5, "1")}, false},
		"added or removed":                {[]porcupine.Operation{op(0, add, 0, 1, "1"), op(0, rem, 2, 3, "?"), op(1, members, 4, 5, "[m]"), op(1, members, 6, 7, "[]")}, true},
		"two at once":                     {[]porcupine.Operation{op(0, incr, 0, 5, "2"), op(1, incr, 0, 5, "1")}, true},
	} {
		h := &History{calls: c.calls}
		if err := h.Check(time.Minute); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A node that was dead a moment ago may lead now: a client that was refused
// again and again must try it all the same.
func TestClientsTryANodeAgain(t *testing.T) {
	ports, err := FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	node := &Node{Binary: "redis-server", Port: ports[0], Dir: t.TempDir()}
	f := newFollower([]string{node.Addr()}, 0, nil)
	defer f.close()
	for range 10 {
		_, err := f.do("set", "k", "v")
		if err == nil || !refused(err) {
			t.Fatalf("a write to a node that does not run: %v", err)
		}
		f.settle(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = node.Kill() }()
	if err := node.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.do("set", "k", "v"); err != nil {
		t.Errorf("a write to a node that runs again: %v", err)
	}
}

// TestModelIsRedis asks a Redis the same as the model, one call after the
// other.
func TestModelIsRedis(t *testing.T) {
	ports, err := FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	node := &Node{Binary: "redis-server", Port: ports[0], Dir: t.TempDir()}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = node.Kill() }()
	if err := node.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := newFollower([]string{node.Addr()}, 0, nil)
	defer f.close()
	h := &History{began: time.Now()}
	values := map[string]string{}
	for range 2000 {
		c := h.draw(rand.IntN, 0)
		text, err := f.do(c.args()...)
		if err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		next, want := step(values[c.key], c)
		if got := c.ordered(text); got != want {
			t.Fatalf("%v of %q: %q, and the model says %q", c, values[c.key], got, want)
		}
		values[c.key] = next
	}
}
