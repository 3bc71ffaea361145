package stream

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A model is what a stream is, without nodes.
type model struct {
	entries []modelEntry
	last    ID
	deleted ID
	added   uint64
}

type modelEntry struct {
	id    ID
	pairs []string
}

// game is a stream beside its model, and clones that were taken on the way.
type game struct {
	*rapid.T
	s      *Stream
	m      model
	clones []clone
}

type clone struct {
	s *Stream
	m model
}

func entriesOf(s *Stream, reverse bool) (out []modelEntry) {
	for w := s.Walk(ID{}, MaxID(), reverse); w.Next(); {
		e := modelEntry{id: w.ID}
		for range w.Fields {
			field, value := w.Pair()
			e.pairs = append(e.pairs, string(field.AppendText(nil)), string(value.AppendText(nil)))
		}
		out = append(out, e)
	}
	return out
}

func check(t *rapid.T, s *Stream, m *model) {
	if got, want := fmt.Sprint(entriesOf(s, false)), fmt.Sprint(m.entries); got != want {
		t.Fatalf("entries\n%s\nnot\n%s", got, want)
	}
	back := entriesOf(s, true)
	slices.Reverse(back)
	if got, want := fmt.Sprint(back), fmt.Sprint(m.entries); got != want {
		t.Fatalf("in reverse\n%s\nnot\n%s", got, want)
	}
	for _, id := range []ID{{}, s.First, s.Last, MaxID()} {
		if got, want := s.Beyond(id), len(m.entries) > 0 && id.Less(m.entries[len(m.entries)-1].id); got != want {
			t.Fatalf("entries above %v: %v, not %v", id, got, want)
		}
	}
	for _, e := range m.entries {
		if got, want := s.Beyond(e.id), e.id != m.entries[len(m.entries)-1].id; got != want {
			t.Fatalf("entries above the one of %v: %v, not %v", e.id, got, want)
		}
	}
	for stage := 0; s.Fetch(stage); stage++ {
		if stage == 4 {
			t.Fatal("it has no end of parts")
		}
	}
	first := ID{}
	if len(m.entries) > 0 {
		first = m.entries[0].id
	}
	if s.Len() != len(m.entries) || s.First != first || s.Last != m.last || s.MaxDeleted != m.deleted || s.Added != m.added {
		t.Fatalf("%d entries, first %v, last %v, deleted %v, added %d, not %+v", s.Len(), s.First, s.Last, s.MaxDeleted, s.Added, *m)
	}
	bytes, live := int64(0), int64(0)
	s.Packs(func(at ID, lp []byte) bool {
		l, d, ok := audit(lp)
		if hl, hd, _ := counts(lp); !ok || hl != l || hd != d {
			t.Fatalf("node %v counts %d and %d, has %d and %d, %v", at, hl, hd, l, d, ok)
		}
		live += l
		return true
	})
	var c cursor[node]
	for s.nodes.first(&c); c.ok(); c.next() {
		n := c.val()
		bytes += int64(cap(n.lp))
		lp := s.listpack(n)
		if l, _, _ := counts(lp); l != liveOf(n) || n.packed && n.begins != begins(lp) {
			t.Fatalf("node %v has %d entries, and says %d; it says that it begins with one: %v", c.id(), l, liveOf(n), n.begins)
		}
	}
	if bytes != s.bytes || live != int64(s.Len()) || checkTree(t, &s.nodes) != s.nodes.mem {
		t.Fatalf("%d bytes and %d entries in nodes, not %d and %d", bytes, live, s.bytes, s.Len())
	}
}

// checkTree looks at every branch, and weighs them.
func checkTree[V any](t *rapid.T, tr *tree[V]) (mem int64) {
	n := 0
	var walk func(b *branch[V], depth int) int
	walk = func(b *branch[V], depth int) (height int) {
		mem += b.weight()
		if len(b.ids) == 0 || len(b.ids) > fanout || !slices.IsSortedFunc(b.ids, ID.Compare) {
			t.Fatalf("a branch has %d ids, or not in order", len(b.ids))
		}
		if b.kids == nil {
			n += len(b.ids)
			return 1
		}
		for i, kid := range b.kids {
			h := walk(kid, depth+1)
			if height != 0 && h != height {
				t.Fatal("leaves at different depths")
			}
			height = h
			if kid.ids[0].Less(b.ids[i]) {
				t.Fatal("an id below its bound")
			}
		}
		return height + 1
	}
	if tr.root != nil {
		walk(tr.root, 0)
	}
	if n != tr.n {
		t.Fatalf("%d elements, not %d", n, tr.n)
	}
	return mem
}

func (g *game) pairs() (b [][]byte, texts []string) {
	for range rapid.IntRange(1, 3).Draw(g.T, "fields") {
		field := rapid.SampledFrom([]string{"a", "b", "12", ""}).Draw(g.T, "field")
		value := rapid.OneOf(rapid.SampledFrom([]string{"", "0", "-70000", "text"}), rapid.StringN(0, 100, -1)).Draw(g.T, "value")
		texts = append(texts, field, value)
		b = append(b, []byte(field), []byte(value))
	}
	return b, texts
}

func (g *game) add(*rapid.T) {
	id, _ := g.m.last.Next()
	if rapid.Bool().Draw(g.T, "later") {
		id = ID{id.MS + uint64(rapid.IntRange(1, 300).Draw(g.T, "ms")), uint64(rapid.IntRange(0, 3).Draw(g.T, "seq"))}
	}
	lim := Limits{Bytes: int64(rapid.SampledFrom([]int{0, 60, 4096}).Draw(g.T, "bytes")), Entries: int64(rapid.SampledFrom([]int{0, 1, 5}).Draw(g.T, "entries"))}
	b, texts := g.pairs()
	g.s.Append(id, b, lim)
	g.m.entries = append(g.m.entries[:len(g.m.entries):len(g.m.entries)], modelEntry{id, texts})
	g.m.last = id
	g.m.added++
}

func (g *game) remove(*rapid.T) {
	if len(g.m.entries) == 0 {
		return
	}
	i := rapid.IntRange(0, len(g.m.entries)-1).Draw(g.T, "i")
	id := g.m.entries[i].id
	if !g.s.Has(id) || !g.s.Delete(id) || g.s.Has(id) || g.s.Delete(id) {
		g.Fatalf("%v cannot be deleted once", id)
	}
	g.m.entries = slices.Concat(g.m.entries[:i], g.m.entries[i+1:])
	if g.m.deleted.Less(id) {
		g.m.deleted = id
	}
}

func (g *game) trim(*rapid.T) {
	t := Trim{Len: int64(rapid.IntRange(0, len(g.m.entries)+1).Draw(g.T, "len")), Whole: rapid.Bool().Draw(g.T, "whole")}
	if rapid.Bool().Draw(g.T, "by id") {
		t.ByID = true
		t.Min, _ = g.m.last.Prev()
		if len(g.m.entries) > 0 {
			t.Min = g.m.entries[rapid.IntRange(0, len(g.m.entries)-1).Draw(g.T, "at")].id
		}
	}
	want := max(len(g.m.entries)-int(t.Len), 0)
	if t.ByID {
		want = 0
		for want < len(g.m.entries) && g.m.entries[want].id.Less(t.Min) {
			want++
		}
	}
	n := int(g.s.Trim(t))
	if n > want || !t.Whole && n != want {
		g.Fatalf("%+v takes %d of %d", t, n, want)
	}
	g.m.entries = g.m.entries[n:]
}

func (g *game) walk(*rapid.T) {
	edge := func(name string) ID {
		return ID{uint64(rapid.IntRange(0, int(g.m.last.MS)+1).Draw(g.T, name)), uint64(rapid.IntRange(0, 4).Draw(g.T, "seq"))}
	}
	from, to := edge("from"), edge("to")
	var got, want []ID
	for w := g.s.Walk(from, to, false); w.Next(); {
		got = append(got, w.ID)
	}
	for _, e := range g.m.entries {
		if !e.id.Less(from) && !to.Less(e.id) {
			want = append(want, e.id)
		}
	}
	var back []ID
	for w := g.s.Walk(from, to, true); w.Next(); {
		back = append(back, w.ID)
	}
	slices.Reverse(back)
	if !slices.Equal(got, want) || !slices.Equal(back, want) {
		g.Fatalf("%v to %v: %v, in reverse %v, not %v", from, to, got, back, want)
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := &game{T: rt, s: New()}
		rt.Repeat(map[string]func(*rapid.T){
			"add": g.add, "add more": g.add, "delete": g.remove, "trim": g.trim, "walk": g.walk,
			"clone": func(*rapid.T) { g.clones = append(g.clones, clone{g.s.Clone(), g.m}) },
			"swap": func(*rapid.T) { // the clone goes on, and the original is left
				if n := len(g.clones); n > 0 {
					c := &g.clones[n-1]
					g.s, c.s = c.s, g.s
					g.m, c.m = c.m, g.m
				}
			},
			"": func(*rapid.T) {
				check(rt, g.s, &g.m)
				for i := range g.clones {
					check(rt, g.clones[i].s, &g.clones[i].m)
				}
			},
		})
	})
}

// TestTree: a tree of many elements does what a map does, and its clones stay.
func TestTree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var tr, kept tree[int]
		own := new(owner)
		m := map[ID]int{}
		var keptN int
		next := uint64(0)
		for range rapid.IntRange(1, 60).Draw(rt, "turns") {
			n := rapid.IntRange(1, 200).Draw(rt, "n")
			switch rapid.IntRange(0, 4).Draw(rt, "what") {
			case 0, 1:
				for range n {
					next += 2
					tr.put(own, ID{next / 8, next % 8}, int(next))
					m[ID{next / 8, next % 8}] = int(next)
				}
			case 2: // some in the middle
				for range n {
					at := rapid.Uint64Range(0, next+1).Draw(rt, "at")
					id := ID{at / 8, at % 8}
					_, there := m[id]
					if tr.put(own, id, 7) == there {
						rt.Fatalf("%v is there, or is not", id)
					}
					m[id] = 7
				}
			case 3: // from the beginning
				var c cursor[int]
				for range n {
					if tr.first(&c); !c.ok() {
						break
					}
					id := c.id()
					delete(m, id)
					tr.remove(own, id)
				}
			case 4:
				kept, keptN, own = tr, tr.n, new(owner)
				for id := range m {
					if len(m) > n && id.Seq%3 == 0 {
						delete(m, id)
						tr.remove(own, id)
					}
				}
			}
			if mem := checkTree(rt, &tr); mem != tr.mem || tr.n != len(m) {
				rt.Fatalf("%d elements in %d bytes, not %d in %d", tr.n, tr.mem, len(m), mem)
			}
			if checkTree(rt, &kept); kept.n != keptN {
				rt.Fatal("a clone has changed")
			}
			for id, v := range m {
				if p := tr.get(id); p == nil || *p != v {
					rt.Fatalf("%v is not found", id)
				}
			}
			compareOrder(rt, &tr, m)
		}
	})
}

func compareOrder(t *rapid.T, tr *tree[int], m map[ID]int) {
	var want, got, back []ID
	for id := range m {
		want = append(want, id)
	}
	slices.SortFunc(want, ID.Compare)
	var c cursor[int]
	for tr.first(&c); c.ok(); c.next() {
		got = append(got, c.id())
	}
	for tr.last(&c); c.ok(); c.prev() {
		back = append(back, c.id())
	}
	slices.Reverse(back)
	if !slices.Equal(got, want) || !slices.Equal(back, want) {
		t.Fatal("not in order")
	}
	for i := 0; i < len(want); i += 1 + len(want)/10 {
		after, _ := want[i].Next()
		if tr.seek(&c, want[i]); c.id() != want[i] {
			t.Fatalf("%v is not sought", want[i])
		}
		if tr.floor(&c, after); c.id() != want[i] && c.id() != after {
			t.Fatalf("%v is not below %v", want[i], after)
		}
	}
}
