package stream

import (
	"encoding/binary"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"regent/engine/listpack"
)

// pend is what is pending by ID, and the consumers there are.
type pend struct {
	of       map[ID]string
	consumer map[string]bool
}

func (p pend) clone() pend { return pend{maps.Clone(p.of), maps.Clone(p.consumer)} }

func checkGroup(t *rapid.T, s *Stream, p pend) {
	g, ok := s.Group([]byte("g"))
	if !ok {
		t.Fatal("the group is gone")
	}
	want := map[string][]ID{}
	for id, consumer := range p.of {
		want[consumer] = append(want[consumer], id)
		if e, ok := g.Pending(id); !ok || e.Consumer.Name() != consumer {
			t.Fatalf("%v is not pending for %s", id, consumer)
		}
	}
	if g.PendingCount() != len(p.of) || g.ConsumerCount() != len(p.consumer) {
		t.Fatalf("%d pending, %d consumers, not %d and %d", g.PendingCount(), g.ConsumerCount(), len(p.of), len(p.consumer))
	}
	mem := groupHead + int64(len("g")) + checkTree(t, &g.g.pending)
	g.Consumers(func(c *Consumer, _ int64, pending int) bool {
		ids := want[c.Name()]
		slices.SortFunc(ids, ID.Compare)
		var got []ID
		for w := g.PendingFrom(ID{}, c); w.Next(); {
			got = append(got, w.ID)
		}
		if !slices.Equal(got, ids) || pending != len(ids) {
			t.Fatalf("%s has %v, not %v", c.Name(), got, ids)
		}
		return true
	})
	for _, c := range g.g.consumers {
		if checkTree(t, &c.pending) != c.pending.mem {
			t.Fatal("a consumer is not weighed right")
		}
		mem += c.weight()
	}
	if mem != s.bytes {
		t.Fatalf("%d bytes, not %d", s.bytes, mem)
	}
}

func TestGroupModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := New()
		s.CreateGroup([]byte("g"), ID{}, 0)
		p := pend{map[ID]string{}, map[string]bool{}}
		type copied struct {
			s *Stream
			p pend
		}
		var clones []copied
		name := func() string { return fmt.Sprint("c", rapid.IntRange(0, 4).Draw(rt, "consumer")) }
		id := func() ID { return ID{uint64(rapid.IntRange(0, 150).Draw(rt, "id")), 0} }
		edit := func() Group { g, _ := s.EditGroup([]byte("g")); return g }
		rt.Repeat(map[string]func(*rapid.T){
			"give": func(*rapid.T) {
				g, consumer := edit(), name()
				c := g.See([]byte(consumer), 5)
				if c == nil {
					c = g.AddConsumer([]byte(consumer), 5)
				}
				p.consumer[consumer] = true
				for range rapid.IntRange(1, 100).Draw(rt, "n") {
					at := id()
					g.Give(at, Pending{1, 1, c})
					p.of[at] = consumer
				}
			},
			"take": func(*rapid.T) {
				g := edit()
				for range rapid.IntRange(1, 50).Draw(rt, "n") {
					at := id()
					if _, there := p.of[at]; g.Take(at) != there {
						rt.Fatalf("%v is taken, or is not", at)
					}
					delete(p.of, at)
				}
			},
			"drop": func(*rapid.T) {
				consumer, n := name(), 0
				maps.DeleteFunc(p.of, func(_ ID, of string) bool {
					if of == consumer {
						n++
					}
					return of == consumer
				})
				if got, ok := edit().DropConsumer([]byte(consumer)); got != n || ok != p.consumer[consumer] {
					rt.Fatalf("%s had %d, not %d", consumer, got, n)
				}
				delete(p.consumer, consumer)
			},
			"clone": func(*rapid.T) { clones = append(clones, copied{s.Clone(), p.clone()}) },
			"swap": func(*rapid.T) {
				if n := len(clones); n > 0 {
					c := &clones[n-1]
					s, c.s, p, c.p = c.s, s, c.p, p
				}
			},
			"": func(*rapid.T) {
				checkGroup(rt, s, p)
				for i := range clones {
					checkGroup(rt, clones[i].s, clones[i].p)
				}
			},
		})
	})
}

// TestGroupsComeAndGo: one, none or several, in a stream and in its clones, each of which keeps its own.
func TestGroupsComeAndGo(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type copied struct {
			s    *Stream
			last map[string]ID // by group
		}
		all := []copied{{New(), map[string]ID{}}}
		one := func() copied { return all[rapid.IntRange(0, len(all)-1).Draw(rt, "stream")] }
		name := func() string { return fmt.Sprint("g", rapid.IntRange(0, 3).Draw(rt, "group")) }
		rt.Repeat(map[string]func(*rapid.T){
			"create": func(*rapid.T) {
				c, name := one(), name()
				_, there := c.last[name]
				if c.s.CreateGroup([]byte(name), ID{}, 0) == there {
					rt.Fatalf("%s is created, or is not", name)
				}
				if !there {
					c.last[name] = ID{}
				}
			},
			"destroy": func(*rapid.T) {
				c, name := one(), name()
				if _, there := c.last[name]; c.s.DestroyGroup([]byte(name)) != there {
					rt.Fatalf("%s is destroyed, or is not", name)
				}
				delete(c.last, name)
			},
			"seek": func(*rapid.T) {
				c, name, to := one(), name(), ID{uint64(rapid.IntRange(1, 9).Draw(rt, "ID")), 0}
				g, ok := c.s.EditGroup([]byte(name))
				if _, there := c.last[name]; ok != there {
					rt.Fatalf("%s is there, or is not", name)
				}
				if ok {
					g.Seek(to, 0)
					c.last[name] = to
				}
			},
			"clone": func(*rapid.T) {
				c := one()
				all = append(all, copied{c.s.Clone(), maps.Clone(c.last)})
			},
			"": func(*rapid.T) {
				for _, c := range all {
					got, bytes := []string(nil), int64(0)
					c.s.Groups(func(g Group) bool {
						got = append(got, fmt.Sprint(g.Name(), g.Last()))
						bytes += groupHead + int64(len(g.Name()))
						return true
					})
					var want []string
					for _, name := range slices.Sorted(maps.Keys(c.last)) {
						want = append(want, fmt.Sprint(name, c.last[name]))
					}
					if !slices.Equal(got, want) || c.s.GroupCount() != len(want) || c.s.bytes != bytes {
						rt.Fatalf("%v in %d bytes, not %v in %d", got, c.s.bytes, want, bytes)
					}
				}
			},
		})
	})
}

// TestHeadOfStream: what a reader of a group looks at first is one cache line, where the room for a
// stream begins: it is a size of Go's that is whole lines.
func TestHeadOfStream(t *testing.T) {
	const line, room = 64, 192
	var s Stream
	if end := unsafe.Offsetof(s.nodes) + unsafe.Sizeof(s.nodes.root); end > line {
		t.Errorf("a stream's head ends at %d, behind a line of %d bytes", end, line)
	}
	if n := unsafe.Sizeof(s); n <= room-16 || n > room {
		t.Errorf("a stream takes %d bytes: its room is not %d", n, room)
	}
}

// TestFetchGoesToTheEnd: stage by stage, as long as there is something to fetch, and nothing changes.
func TestFetchGoesToTheEnd(t *testing.T) {
	for _, test := range []struct{ entries, groups, stages int }{
		{0, 0, 2}, {0, 1, 3}, {0, 2, 4}, {1, 0, 4}, {300, 1, 4}, {300, 3, 4},
	} {
		s := filled(test.entries)
		for i := range test.groups {
			s.CreateGroup(fmt.Append(nil, "group", i), ID{}, 0)
		}
		before, stages := *s, 1
		for s.Fetch(stages - 1) {
			stages++
		}
		if stages != test.stages {
			t.Errorf("%d entries, %d groups: %d stages, not %d", test.entries, test.groups, stages, test.stages)
		}
		if !reflect.DeepEqual(before, *s) {
			t.Errorf("%d entries, %d groups: fetching changes the stream", test.entries, test.groups)
		}
	}
}

// FuzzNode: what AddNode takes can be walked over and changed in every way.
func FuzzNode(f *testing.F) {
	s := New()
	for i := range 12 {
		s.Append(ID{uint64(i + 1), 0}, [][]byte{[]byte("a"), fmt.Append(nil, i), []byte("b")[:i%2], []byte("text")}, Limits{})
	}
	s.Delete(ID{3, 0})
	s.Packs(func(_ ID, lp []byte) bool { f.Add(lp, uint64(1)); return true })
	f.Add([]byte("\x0b\x00\x00\x00\x04\x00\x00\x01\x00\x01\x00\x01\x00\x01\xff"), uint64(0))
	f.Fuzz(func(t *testing.T, lp []byte, ms uint64) {
		lp = slices.Clone(lp)
		if len(lp) > 6 { // get past the first look
			binary.LittleEndian.PutUint32(lp, uint32(len(lp)))
			lp[4], lp[5] = 0xFF, 0xFF
		}
		use(t, lp, ms)
	})
}

// use loads a node and, if that is taken, walks over it and changes it in every way.
func use(t *testing.T, lp []byte, ms uint64) (taken bool) {
	s := New()
	if s.AddNode(ID{ms, 0}, lp) != nil {
		return false
	}
	n := s.Len()
	if got := len(entriesOf(s, true)); got > n {
		t.Errorf("%d entries, not %d", got, n)
	}
	entriesOf(s, false)
	s.FindFirst()
	s.Edge()
	if top, ok := s.Top(); ok {
		s.Delete(top)
	}
	s.Append(ID{1 << 63, 1}, [][]byte{[]byte("a"), []byte("b")}, Limits{})
	c := s.Clone()
	c.Trim(Trim{Len: int64(s.Len()) / 2})
	s.Trim(Trim{ByID: true, Min: ID{ms, 1}})
	s.TreeNodes()
	return true
}

// TestDamagedNodes: in listpacks that are whole, one element after the other is another
// number or a text, or is gone.
func TestDamagedNodes(t *testing.T) {
	s := New()
	for i := range 4 {
		pairs := [][]byte{[]byte("a"), fmt.Append(nil, i)}
		if i == 2 {
			pairs = append(pairs, []byte("b"), []byte("text"))
		}
		s.Append(ID{uint64(i + 1), 0}, pairs, Limits{})
	}
	s.Delete(ID{2, 0})
	var whole []byte
	s.Packs(func(_ ID, lp []byte) bool { whole = lp; return true })
	tried, taken := 0, 0
	for p := listpack.First(whole); p < listpack.End(whole); p = listpack.Next(whole, p) {
		try := func(lp []byte) {
			if tried++; use(t, lp, 1) {
				taken++
			}
		}
		for _, n := range []int64{-1 << 63, -1, 0, 1, 2, 3, 4, 5, 7, 100, 1 << 40, 1<<63 - 1} {
			e := listpack.IntOf(n)
			try(listpack.Replace(slices.Clone(whole), p, &e))
		}
		e := listpack.ElementOf([]byte("text"))
		try(listpack.Replace(slices.Clone(whole), p, &e))
		try(listpack.Delete(slices.Clone(whole), p, listpack.Next(whole, p), 1))
	}
	if taken == 0 || taken == tried {
		t.Errorf("%d of %d are taken", taken, tried)
	}
}
