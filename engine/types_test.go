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

func (p *pile) TypeName() string { return "pile" }

func (p *pile) Encoding() string { return "heap" }

func (p *pile) Clone() engine.Object { return &pile{p.n} }

func (p *pile) Bytes() int64 { return 8 * int64(p.n) }

func (p *pile) Len() int { return p.n }

func (p *pile) Digest(d *engine.Digest) { d.MixNumber(p.n) }

func (p *pile) Commands(_ []byte, emit func(args ...[]byte) error) error { return nil }

func (p *pile) String() string { return fmt.Sprintf("pile of %d", p.n) }

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
