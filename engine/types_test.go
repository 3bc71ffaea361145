package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/enginetest"
)

// A pile is a value of a type that has nothing but a weight.
type pile struct{ n int }

func (p *pile) TypeName() string                                         { return "pile" }
func (p *pile) Encoding() string                                         { return "heap" }
func (p *pile) Clone() engine.Object                                     { return &pile{p.n} }
func (p *pile) Bytes() int64                                             { return 8 * int64(p.n) }
func (p *pile) Len() int                                                 { return p.n }
func (p *pile) Digest(d *engine.Digest)                                  { d.MixNumber(p.n) }
func (p *pile) Commands(_ []byte, emit func(args ...[]byte) error) error { return nil }

func (p *pile) String() string { return fmt.Sprintf("pile of %d", p.n) }

func TestOtherTypesAgainstRedis(t *testing.T) {
	theirs := enginetest.StartRedis(t).Client(t)
	for _, line := range []string{
		"GET p", "GETSET p v", "GETDEL p", "GETEX p", "GETEX p EX 0", "GETEX p FOO", "STRLEN p", "APPEND p x", "GETRANGE p 0 1",
		"GETRANGE p x 1", "SETRANGE p 0 x", "SETRANGE p 0 \"\"", "SETRANGE p -1 x", "INCR p", "INCRBY p 1", "INCRBY p x", "DECR p",
		"DECRBY p 1", "INCRBYFLOAT p 1", "INCRBYFLOAT p x", "LCS p s", "LCS s p", "LCS p nokey FOO", "MGET p s", "SETNX p v",
		"MSETNX p v n v", "SET p v GET", "SET p v XX GET EX 0", "SET p v NX GET", "SET p v NX", "SUBSTR p 0 1", "TYPE p",
		"OBJECT ENCODING p", "OBJECT REFCOUNT p", "EXISTS p", "TOUCH p", "EXPIRE p 100", "PERSIST p", "RENAME p q", "TYPE q",
		"OBJECT ENCODING q", "COPY q p", "OBJECT ENCODING p", "COPY q s", "COPY q s REPLACE", "TYPE s", "COPY q q DB 1",
		"RENAMENX q r", "SCAN 0 COUNT 100 TYPE string", "SCAN 0 COUNT 100 TYPE none", "KEYS r", "SCAN 0 COUNT 100 MATCH r TYPE LIST", "MOVE r 2",
		"EXISTS r", "SET p now", "GET p", "SET p v PX 1 GET", "DEL s", "UNLINK s",
	} {
		// Every line begins with the same keys, but those that go on with q or r.
		s := enginetest.NewEngine(t)
		ours := s.Client()
		theirs.Do("FLUSHALL")
		for _, key := range []string{"p", "q", "r"} {
			ours.Do("RPUSH", key, "7", "8")
			theirs.Do("RPUSH", key, "7", "8")
		}
		ours.Do("SET", "s", "x")
		theirs.Do("SET", "s", "x")
		args := words(t, line)
		want, got := theirs.Do(args...), ours.Do(args...)
		if strings.HasPrefix(line, "SCAN") {
			_, want, _ = strings.Cut(want, "*2\r\n$1\r\n0\r\n")
			_, got, _ = strings.Cut(got, "*2\r\n$1\r\n0\r\n")
		}
		if got != want {
			t.Errorf("%s\n  got  %q\n  want %q", line, got, want)
		}
	}
}

// TestCopyIsDeep looks at the value itself.
func TestCopyIsDeep(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	p := &pile{1}
	s.PutObject("p", p)
	c.Do("COPY", "p", "q")
	c.Do("RENAME", "p", "r")
	p.n = 2
	got := strings.Join(s.Dump(), "\n")
	if want := "0 \"q\" pile of 1 0\n0 \"r\" pile of 2 0"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestObjectsAreWeighed: memory follows objects wherever they go.
func TestObjectsAreWeighed(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("SET", "s", "x")
	before := s.UsedMemory()
	const weight = 1 << 20
	s.PutObject("p", &pile{weight / 8})
	c.Do("SET", "{p}", "x") // what a shard uses is noted when a command writes there
	expect := func(step string, objects int64) {
		t.Helper()
		got := s.UsedMemory() - before
		if most := objects*weight + weight/2; got < objects*weight || got > most {
			t.Errorf("%s: %d bytes for %d objects of %d", step, got, objects, weight)
		}
	}
	expect("put", 1)
	c.Do("COPY", "p", "q")
	expect("COPY", 2)
	c.Do("RENAME", "p", "q")
	expect("RENAME over the other", 1)
	c.Do("COPY", "q", "q", "DB", "1")
	c.Do("COPY", "q", "q", "DB", "2")
	expect("COPY to other databases", 3)
	c.Do("MOVE", "q", "3")
	expect("MOVE", 3)
	c.Do("SWAPDB", "0", "1")
	expect("SWAPDB", 3)
	c.Do("SET", "q", "x")
	expect("SET over it", 2)
	if got := c.Do("MEMORY", "USAGE", "q"); len(got) > len(":9999\r\n") {
		t.Errorf("MEMORY USAGE of a string: %q", got)
	}
	c.Do("SELECT", "2")
	if got := c.Do("MEMORY", "USAGE", "q"); len(got) < len(":1048576\r\n") {
		t.Errorf("MEMORY USAGE: %q", got)
	}
	c.Do("FLUSHDB")
	expect("FLUSHDB", 1)
	c.Do("SELECT", "3")
	c.Do("DEL", "q")
	expect("DEL", 0)
}
