package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/enginetest"
)

// A told is a pile that keeps what it was told of.
type told struct {
	pile
	of []string
}

func (o *told) Clone() engine.Object { return &told{pile: o.pile} }

func (o *told) Foresee(glances []engine.Glance) {
	for _, g := range glances {
		what := string(g.Member)
		if g.Score != nil {
			what += "=" + string(g.Score)
		}
		o.of = append(o.of, what)
	}
}

// TestValuesAreToldWhatIsLookedAt: where all commands that come together are for one key, the
// value there is told of their members, once.
func TestValuesAreToldWhatIsLookedAt(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("SET", "q", "x")
	many := strings.Repeat("ZSCORE p x;", 20)
	for _, test := range []struct{ commands, want string }{
		{"ZADD p 1 a;ZADD p 2 b;ZSCORE p a;ZRANK p b;ZINCRBY p 5 c", "a=1 b=2 a b c"},
		{"ZSCORE p a", ""},                               // it is looked at at once
		{"ZADD p 1 a;ZADD q 2 b;ZADD p 3 c", ""},         // two keys
		{"ZADD q 1 a;ZADD p 2 b;ZADD p 3 c", ""},         // and the other one first
		{"ZADD p 1 a;GET q;ZADD p 2 b", ""},              // and one without a member
		{"ZADD p 1 a;TYPE p;ZADD p 2 b", "a=1 b=2"},      // a command that names none
		{"ZADD p NX 1 a;ZADD p 1 a 2 b", "1 a"},          // nothing but a hint
		{"ZSCORE;ZSCORE p;ZSCORE p a;ZSCORE p b", "a b"}, // too few arguments
		{"ZSCORE none a;ZSCORE none b", ""},              // nothing is there
		{"ZADD p 1 a;COPY q r;ZADD p 2 b", ""},           // and one whose keys stand at two places
		{"ZADD p 1 a;LMPOP 2 q r LEFT;ZADD p 2 b", ""},   // or that says how many it has
		{"ZADD p 1 a;EVAL x 2 q r;ZADD p 2 b", ""},       // as scripts do
		{"LMPOP 9 q;LMPOP;COPY q;PING", ""},              // and has fewer
		{"PING;ZSCORE p a;PING;ZSCORE p b", "a b"},       // no keys between
		{"MULTI;ZSCORE p a;ZSCORE p b;EXEC", ""},         // EXEC does it, see below
		{"MULTI;ZSCORE p a;EXEC;ZSCORE p b;ZSCORE p c", "b c"},
		{"ZSCORE p a;MULTI;ZSCORE p b;DISCARD;ZSCORE p c", "a c"},
		{many, strings.TrimSpace(strings.Repeat("x ", 16))}, // not more than it has room for
	} {
		o := &told{pile: pile{1}}
		s.PutObject("p", o)
		var f engine.Foresight
		for range 2 { // the second time finds nothing of the first
			o.of = nil
			for command := range strings.SplitSeq(strings.TrimSuffix(test.commands, ";"), ";") {
				s.Foresee(&f, c.Session, raw(strings.Fields(command)...))
			}
			s.Fetch(&f, c.Session)
			if got := strings.Join(o.of, " "); got != test.want {
				t.Errorf("%s: told of %q, not of %q", test.commands, got, test.want)
			}
		}
		s.Fetch(&f, c.Session)
		if n := len(o.of); test.want != "" && n != len(strings.Fields(test.want)) {
			t.Errorf("%s: told twice", test.commands)
		}
	}
	c.Do("MULTI")
	o := &told{pile: pile{1}}
	s.PutObject("p", o)
	var f engine.Foresight
	for _, command := range []string{"ZSCORE p a", "ZSCORE p b", "EXEC", "ZSCORE p c", "ZSCORE p d"} { // MULTI was said before
		s.Foresee(&f, c.Session, raw(strings.Fields(command)...))
	}
	if s.Fetch(&f, c.Session); strings.Join(o.of, " ") != "c d" {
		t.Errorf("behind MULTI: told of %q", o.of)
	}
	c.Do("DISCARD")
	if got := fmt.Sprint(s.Dump()); !strings.Contains(got, "pile of 1") {
		t.Errorf("it became %s", got)
	}
}

// TestForeseeSaysWhenItIsFull: there is room for so many keys, and it says no before they are cut off.
func TestForeseeSaysWhenItIsFull(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	for i := range 2000 {
		c.Do("SET", fmt.Sprint("key", i), "x") // so that every shard has a dictionary
	}
	for command, want := range map[string]int{
		"GET #": 32, "GET k": 50, "EXISTS 1 2 3 4 5 6 7 8 9 10": 3, "MSET 1 v 2 v 3 v 4 v": 8, "DEL" + strings.Repeat(" k", 40): 1, "PING": 50, "GET": 50,
	} { // the same key alone is one
		var f engine.Foresight
		n := 1
		for s.Foresee(&f, c.Session, raw(strings.Fields(strings.ReplaceAll(command, "#", fmt.Sprint(n)))...)) && n < 50 {
			n++
		}
		if s.Fetch(&f, c.Session); n != want {
			t.Errorf("%s: %d together, not %d", command, n, want)
		}
	}
}

// A deepPile is a pile of several parts, each of which says where the next is.
type deepPile struct {
	pile
	parts  int
	stages []int
}

func (o *deepPile) Clone() engine.Object { return &deepPile{pile: o.pile, parts: o.parts} }

func (o *deepPile) Fetch(stage int) (more bool) {
	o.stages = append(o.stages, stage)
	return stage+1 < o.parts
}

// TestDeepValuesFetchTheirParts: one behind the other, of commands of a room that is Deep, whatever
// else is foreseen with them.
func TestDeepValuesFetchTheirParts(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("SET", "text", "x")
	for _, test := range []struct{ commands, two, three string }{
		{"XLEN two", "[0 1]", "[]"},
		{"XLEN two;XLEN none;XLEN text;XLEN three", "[0 1]", "[0 1 2]"},
		{"XREAD COUNT 1 STREAMS three 0", "[]", "[0 1 2]"},
		{"XREADGROUP GROUP streams streams STREAMS two >;XREADGROUP GROUP g", "[0 1]", "[]"},
		{"XREAD STREAMS two three 0 0", "[]", "[]"}, // it has several keys
		{"TYPE two;GET three", "[]", "[]"},
	} {
		two, three := &deepPile{pile: pile{1}, parts: 2}, &deepPile{pile: pile{1}, parts: 3}
		s.PutObject("two", two)
		s.PutObject("three", three)
		var f engine.Foresight
		for command := range strings.SplitSeq(test.commands, ";") {
			s.Foresee(&f, c.Session, raw(strings.Fields(command)...))
		}
		for range 2 { // the second time finds nothing of the first
			s.Fetch(&f, c.Session)
		}
		if got := fmt.Sprint(two.stages); got != test.two {
			t.Errorf("%s: of two the parts %s, not %s", test.commands, got, test.two)
		}
		if got := fmt.Sprint(three.stages); got != test.three {
			t.Errorf("%s: of three the parts %s, not %s", test.commands, got, test.three)
		}
	}
}

// TestExecTellsWhatIsLookedAt: EXEC does for its queue what is done for other commands before their
// turn, where the data is large.
func TestExecTellsWhatIsLookedAt(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	for _, large := range []bool{false, true} {
		if large {
			c.Do("SET", "large", strings.Repeat("x", 3<<20))
			s.SampleStats()
		}
		for commands, want := range map[string]string{
			"ZSCORE p a;ZADD p 1 b;TYPE p": "a b=1",
			"ZSCORE p a":                   "", // it is looked at at once
			"ZSCORE p a;ZSCORE q b":        "",
			"ZSCORE p a;PING;ZSCORE p b":   "",
			"ZSCORE p a;MGET p q":          "",
			"SELECT 1;ZSCORE p a":          "",
			"PING;PING":                    "",
		} {
			o := &told{pile: pile{1}}
			s.PutObject("p", o)
			c.Do("MULTI")
			for command := range strings.SplitSeq(commands, ";") {
				c.Do(strings.Fields(command)...)
			}
			if c.Do("EXEC"); !large {
				want = ""
			}
			if got := strings.Join(o.of, " "); got != want {
				t.Errorf("%s, large %v: told of %q, not of %q", commands, large, got, want)
			}
			c.Do("SELECT", "0")
		}
	}
	o := &deepPile{pile: pile{1}, parts: 3}
	s.PutObject("deep", o)
	c.Do("MULTI")
	c.Do("GET", "text")
	c.Do("XLEN", "deep")
	c.Do("XLEN", "none")
	if c.Do("EXEC"); fmt.Sprint(o.stages) != "[0 1 2]" {
		t.Errorf("the parts %v were fetched", o.stages)
	}
}
