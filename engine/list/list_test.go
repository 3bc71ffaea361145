package list

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regent/engine/listpack"
)

// texts are the elements from the first to the last, and the other way round to
// see that both ways agree.
func texts(t interface{ Fatalf(string, ...any) }, l *List) []string {
	var on, back []string
	for c := l.At(0); c.OK(); c.Next() {
		on = append(on, string(c.Value().AppendText(nil)))
	}
	for c := l.At(l.Len() - 1); c.OK(); c.Prev() {
		back = append(back, string(c.Value().AppendText(nil)))
	}
	slices.Reverse(back)
	if !slices.Equal(on, back) {
		t.Fatalf("forwards %q, backwards %q", on, back)
	}
	return on
}

// check looks at every invariant of the structure.
func check(t interface{ Fatalf(string, ...any) }, l *List) {
	packs, total := 0, 0
	defer func() {
		if packs != l.Nodes() {
			t.Fatalf("%d nodes, the list says %d", packs, l.Nodes())
		}
	}()
	l.Packs(func(lp []byte) bool {
		n, err := listpack.Validate(lp)
		if err != nil || n == 0 {
			t.Fatalf("a node of %d elements: %v", n, err)
		}
		packs, total = packs+1, total+n
		return true
	})
	if total != l.Len() {
		t.Fatalf("%d elements, the list says %d", total, l.Len())
	}
	if l.Len() > 0 {
		first, last := l.At(0), l.At(l.Len()-1)
		if a, b := string(l.First().AppendText(nil)), string(first.Value().AppendText(nil)); a != b {
			t.Fatalf("the first is %q, not %q", a, b)
		}
		if a, b := string(l.Last().AppendText(nil)), string(last.Value().AppendText(nil)); a != b {
			t.Fatalf("the last is %q, not %q", a, b)
		}
	}
	if l.spine == nil {
		if packs > 1 {
			t.Fatalf("%d nodes without a spine", packs)
		}
		return
	}
	bytes := int64(0)
	for _, seg := range l.spine.segments {
		n := 0
		for _, nd := range seg.nodes {
			n += int(nd.n)
			bytes += int64(cap(nd.buf)) + nodeBytes
		}
		if n != seg.n || n == 0 || len(seg.nodes) > segmentNodes {
			t.Fatalf("a segment of %d nodes with %d elements says %d", len(seg.nodes), n, seg.n)
		}
	}
	if bytes != l.spine.bytes {
		t.Fatalf("%d bytes, the list says %d", bytes, l.spine.bytes)
	}
}

func drawElement(rt *rapid.T) string {
	switch rapid.IntRange(0, 9).Draw(rt, "kind") {
	case 0, 1, 2:
		return strconv.FormatInt(rapid.Int64().Draw(rt, "n")>>rapid.IntRange(0, 63).Draw(rt, "shift"), 10)
	case 3:
		return strings.Repeat("x", rapid.IntRange(0, 5000).Draw(rt, "long"))
	case 4:
		return strings.Repeat("y", rapid.SampledFrom([]int{63, 64, 4095, 4096, 8183, 8184, 9000, 70_000}).Draw(rt, "edge"))
	}
	return rapid.StringN(0, 8, -1).Draw(rt, "text")
}

// TestModel: a list does what a slice does, whatever the size of its nodes, and
// clones are left alone.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var l List
		var model []string
		fill := Fill(rapid.SampledFrom([]int{-2, -1, -5, -9, 0, 1, 2, 3, 128}).Draw(rt, "fill"))
		type copied struct {
			l    List
			want []string
		}
		var clones []copied
		element := func() (*listpack.Element, string) {
			s := drawElement(rt)
			e := listpack.ElementOf([]byte(s))
			return &e, s
		}
		// someone is an index, or skips.
		someone := func() int {
			if len(model) == 0 {
				rt.Skip()
			}
			return rapid.IntRange(0, len(model)-1).Draw(rt, "i")
		}
		rt.Repeat(map[string]func(*rapid.T){
			"push left":  func(*rapid.T) { e, s := element(); l.PushLeft(e, fill); model = slices.Insert(model, 0, s) },
			"push right": func(*rapid.T) { e, s := element(); l.PushRight(e, fill); model = append(model, s) },
			"push many": func(rt *rapid.T) {
				n, left := rapid.IntRange(0, 400).Draw(rt, "n"), rapid.Bool().Draw(rt, "left")
				for i := range n {
					s := fmt.Sprint("element ", i, strings.Repeat("-", 70))
					e := listpack.ElementOf([]byte(s))
					if left {
						l.PushLeft(&e, fill)
						model = slices.Insert(model, 0, s)
					} else {
						l.PushRight(&e, fill)
						model = append(model, s)
					}
				}
			},
			"push many alike": func(rt *rapid.T) {
				n, left := rapid.IntRange(0, 400).Draw(rt, "n"), rapid.Bool().Draw(rt, "left")
				form := rapid.SampledFrom([]string{"%d", "%04d", "%07d", "job:%060d", "x%0200d", "%d00000000000"}).Draw(rt, "form")
				for i := range n {
					s := fmt.Sprintf(form, 100+i)
					e := listpack.ElementOf([]byte(s))
					if left {
						l.PushLeft(&e, fill)
						model = slices.Insert(model, 0, s)
					} else {
						l.PushRight(&e, fill)
						model = append(model, s)
					}
				}
			},
			"drop left": func(rt *rapid.T) { n := rapid.IntRange(0, len(model)).Draw(rt, "n"); l.DropLeft(n); model = model[n:] },
			"drop right": func(rt *rapid.T) {
				n := rapid.IntRange(0, len(model)).Draw(rt, "n")
				l.DropRight(n)
				model = model[:len(model)-n]
			},
			"drop one": func(*rapid.T) { someone(); l.DropLeft(1); model = model[1:] },
			"set": func(*rapid.T) {
				i := someone()
				e, s := element()
				c := l.At(i)
				c.Set(e, fill)
				model = slices.Clone(model)
				model[i] = s
				if got := string(c.Value().AppendText(nil)); got != s {
					rt.Fatalf("after Set the cursor is at %q", got)
				}
			},
			"insert": func(rt *rapid.T) {
				i, after := someone(), rapid.Bool().Draw(rt, "after")
				e, s := element()
				c := l.At(i)
				c.Insert(e, after, fill)
				if c.OK() {
					rt.Fatal("after Insert the cursor stands somewhere")
				}
				if after {
					i++
				}
				model = slices.Insert(slices.Clone(model), i, s)
			},
			"delete": func(rt *rapid.T) {
				i, back := someone(), rapid.Bool().Draw(rt, "back")
				model = slices.Clone(model)
				c := l.At(i)
				for range rapid.IntRange(1, 20).Draw(rt, "n") {
					if !c.OK() {
						break
					}
					c.Delete(back)
					model = slices.Delete(model, i, i+1)
					if back {
						i--
					}
					if c.OK() != (i >= 0 && i < len(model)) || c.OK() && string(c.Value().AppendText(nil)) != model[i] {
						rt.Fatalf("after Delete the cursor is at the wrong element")
					}
				}
			},
			"at": func(*rapid.T) {
				i := someone()
				c := l.At(i)
				if got := string(c.Value().AppendText(nil)); got != model[i] {
					rt.Fatalf("element %d is %q, not %q", i, got, model[i])
				}
			},
			"clone": func(*rapid.T) {
				if len(clones) < 4 {
					clones = append(clones, copied{l.Clone(), slices.Clone(model)})
				}
			},
			"go on with a clone": func(*rapid.T) {
				if len(clones) > 0 {
					c := &clones[0]
					l, c.l, model, c.want = c.l, l, slices.Clone(c.want), slices.Clone(model)
				}
			},
			"": func(rt *rapid.T) {
				check(rt, &l)
				if got := texts(rt, &l); !slices.Equal(got, model) {
					rt.Fatalf("%d elements, want %d", len(got), len(model))
				}
				for i := range clones {
					check(rt, &clones[i].l)
					if got := texts(rt, &clones[i].l); !slices.Equal(got, clones[i].want) {
						rt.Fatalf("clone %d has changed", i)
					}
				}
			},
		})
	})
}

// TestAlike: elements that are alike take little in full nodes, and what changes such a
// node leaves Redis's listpacks.
func TestAlike(t *testing.T) {
	for form, most := range map[string]float64{"%08x": 4.4, "%064x": 6, "%d": 4.4} {
		var l, plain List
		n := 20_000
		for i := range n {
			e := listpack.ElementOf(fmt.Appendf(nil, form, uint32(i)*2654435761))
			if form == "%d" {
				e = listpack.ElementOf(fmt.Appendf(nil, form, 1_000_000_000+i))
			}
			l.PushRight(&e, -2)
			plain.PushRight(&e, -2)
		}
		if per := float64(l.Bytes()) / float64(n); per > most {
			t.Errorf("%s: %.2f bytes an element", form, per)
		}
		for _, seg := range plain.spine.segments { // as if nothing were even
			for i := range seg.nodes {
				seg.nodes[i].loosen()
			}
		}
		rnd := rand.New(rand.NewPCG(5, 6))
		for i := range 500 {
			at, e := rnd.IntN(l.Len()), listpack.ElementOf(fmt.Appendf(nil, "%x", rnd.IntN(1<<(i%60))))
			a, b := l.At(at), plain.At(at)
			switch rnd.IntN(4) {
			case 0:
				a.Set(&e, -2)
				b.Set(&e, -2)
			case 1:
				a.Insert(&e, i%2 == 0, -2)
				b.Insert(&e, i%2 == 0, -2)
			case 2:
				a.Delete(i%2 == 0)
				b.Delete(i%2 == 0)
			default:
				k := rnd.IntN(40)
				l.DropLeft(k)
				plain.DropLeft(k)
			}
		}
		var ours, theirs []string
		l.Packs(func(lp []byte) bool { ours = append(ours, string(lp)); return true })
		plain.Packs(func(lp []byte) bool { theirs = append(theirs, string(lp)); return true })
		if !slices.Equal(ours, theirs) {
			t.Errorf("%s: other nodes", form)
		}
	}
}

// TestManyNodes: the structure above the nodes, which the model hardly reaches.
func TestManyNodes(t *testing.T) {
	var l List
	var model []string
	push := func(i int) {
		s := strconv.Itoa(i)
		e := listpack.ElementOf([]byte(s))
		switch i % 3 {
		case 0:
			l.PushLeft(&e, 1)
			model = slices.Insert(model, 0, s)
		case 1:
			l.PushRight(&e, 1)
			model = append(model, s)
		default:
			at := i * 7919 % len(model)
			c := l.At(at)
			c.Insert(&e, i%2 == 0, 1)
			model = slices.Insert(model, at+1-i%2, s)
		}
	}
	for i := range 2000 {
		push(i)
	}
	clone, want := l.Clone(), slices.Clone(model)
	for i := range 1500 {
		at := i * 7907 % len(model)
		c := l.At(at)
		c.Delete(i%2 == 0)
		model = slices.Delete(model, at, at+1)
		if i%100 == 0 {
			check(t, &l)
		}
	}
	check(t, &l)
	if !slices.Equal(texts(t, &l), model) || !slices.Equal(texts(t, &clone), want) {
		t.Fatal("the lists differ from their models")
	}
	clone.DropLeft(700)
	clone.DropRight(900)
	check(t, &clone)
	if !slices.Equal(texts(t, &clone), want[700:1100]) {
		t.Fatal("after dropping from both ends")
	}
}

// TestQueues: pushing and popping at the ends, in long runs of each pattern, with
// nodes that are clones now and then.
func TestQueues(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 1))
	for _, size := range []int{3, 60, 700} {
		var l, clone List
		var model, want []string
		moves := [4]func(){
			func() {
				s := strings.Repeat(string(rune('a'+rnd.IntN(26))), rnd.IntN(2*size))
				e := listpack.ElementOf([]byte(s))
				l.PushLeft(&e, -2)
				model = append([]string{s}, model...)
			},
			func() {
				s := strings.Repeat(string(rune('a'+rnd.IntN(26))), rnd.IntN(2*size))
				e := listpack.ElementOf([]byte(s))
				l.PushRight(&e, -2)
				model = append(model, s)
			},
			func() {
				if len(model) > 0 {
					l.DropLeft(1)
					model = model[1:]
				}
			},
			func() {
				if len(model) > 0 {
					l.DropRight(1)
					model = model[:len(model)-1]
				}
			},
		}
		for run := range 300 {
			a, b := moves[rnd.IntN(4)], moves[rnd.IntN(4)]
			for range rnd.IntN(80) {
				a()
				b()
			}
			check(t, &l)
			if !slices.Equal(texts(t, &l), model) {
				t.Fatalf("run %d: other elements", run)
			}
			if run%20 == 7 {
				if !slices.Equal(texts(t, &clone), want) {
					t.Fatalf("run %d: the clone has changed", run)
				}
				clone, want = l.Clone(), slices.Clone(model)
			}
		}
	}
}

// TestQueuesDoNotAllocate: but for a node now and then, and some of its sizes.
func TestQueuesDoNotAllocate(t *testing.T) {
	e := listpack.ElementOf([]byte(strings.Repeat("q", 60)))
	for name, step := range map[string]func(l *List){
		"a queue":     func(l *List) { l.PushRight(&e, -2); l.DropLeft(1) },
		"the other":   func(l *List) { l.PushLeft(&e, -2); l.DropRight(1) },
		"a stack":     func(l *List) { l.PushLeft(&e, -2); l.DropLeft(1) },
		"both ends":   func(l *List) { l.PushLeft(&e, -2); l.PushRight(&e, -2); l.DropLeft(1); l.DropRight(1) },
		"in and over": func(l *List) { l.PushLeft(&e, -2); l.DropLeft(1); l.PushRight(&e, -2); l.DropRight(1) },
	} {
		for _, n := range []int{1, 5, 60, 100} {
			var l List
			for range n {
				l.PushRight(&e, -2)
			}
			if got := testing.AllocsPerRun(5000, func() { step(&l) }); got > 0 {
				t.Errorf("%s of %d: %v allocations a step", name, n, got)
			}
		}
	}
}
