package hash

import (
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regent/engine/listpack"
)

type fataler interface{ Fatalf(string, ...any) }

func text(v listpack.Value) string { return string(v.AppendText(nil)) }

func contents(h *Hash) map[string]string {
	out := map[string]string{}
	h.Each(func(f, v listpack.Value) bool { out[text(f)] = text(v); return true })
	return out
}

// A model is what a Hash must be like.
type model struct {
	fields map[string]string
	hashed bool
}

func agree(t fataler, h *Hash, m *model) {
	if got := contents(h); !maps.Equal(got, m.fields) || h.Len() != len(m.fields) {
		t.Fatalf("%d fields %.200q, not %d %.200q", h.Len(), got, len(m.fields), m.fields)
	}
	if h.Hashed() != m.hashed {
		t.Fatalf("hashed: %v", h.Hashed())
	}
	if b, ok := h.Packed(); ok {
		lp := listpack.Bare(b).Append(nil)
		if n, err := listpack.Validate(lp); err != nil || n != 2*len(m.fields) {
			t.Fatalf("%d elements: %v", n, err)
		}
		if again, err := listpack.Strip(nil, lp); err != nil || string(again) != string(b) {
			t.Fatalf("%q, not %q", again, b)
		}
	}
}

func drawText(t *rapid.T, what string) string {
	return rapid.OneOf(
		rapid.Map(rapid.IntRange(-5, 40), strconv.Itoa),
		rapid.SampledFrom([]string{"", "01", "-0", "9223372036854775807", "x", "70000", "-70000", strings.Repeat("l", 64), strings.Repeat("l", 65), strings.Repeat("l", 3000)}),
		rapid.StringN(0, 20, 60),
	).Draw(t, what)
}

// viewed makes h a view of its own bytes, in other memory with some room, and what
// it was before is overwritten.
func viewed(t fataler, h *Hash, room int) {
	lp, ok := h.Packed()
	if !ok || h.shared {
		return
	}
	memory := append(make([]byte, 0, len(lp)+room), lp...)
	if h.borrowed {
		for i := range lp {
			lp[i] = 0xDB
		}
	}
	h.View(memory)
	if c := h.Clone(); c.borrowed || !h.borrowed {
		t.Fatalf("a clone has what is borrowed")
	}
}

// TestAgainstMap: a hash does what a map does, and so do its clones and views.
func TestAgainstMap(t *testing.T) {
	seed := maphash.MakeSeed()
	rapid.Check(t, func(t *rapid.T) {
		lim := Limits{Entries: int64(rapid.SampledFrom([]int{0, 1, 5, 20, 512}).Draw(t, "entries")), Value: int64(rapid.SampledFrom([]int{10, 64, 4000}).Draw(t, "value"))}
		first := New(seed)
		hashes, models := []*Hash{&first}, []*model{{fields: map[string]string{}}}
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		set := func(h *Hash, m *model, f, v string) {
			_, there := m.fields[f]
			if lp, ok := h.Packed(); ok {
				size, most := len(lp), h.Growth([][]byte{[]byte(f), []byte(v)})
				defer func() {
					if lp, ok := h.Packed(); ok && len(lp) > size+most {
						t.Fatalf("%d bytes became %d, at most %d more were said", size, len(lp), most)
					}
				}()
			}
			if h.Set([]byte(f), []byte(v), lim) == there {
				t.Fatalf("setting %.40q: not %v", f, !there)
			}
			m.fields[f] = v
			m.hashed = m.hashed || int64(max(len(f), len(v))) > lim.Value || int64(len(m.fields)) > lim.Entries
		}
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			at := rapid.IntRange(0, len(hashes)-1).Draw(t, "hash")
			h, m := hashes[at], models[at]
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0, 1, 2, 3:
				set(h, m, drawText(t, "field"), drawText(t, "value"))
			case 4:
				for i := range rapid.IntRange(1, 600).Draw(t, "n") {
					set(h, m, fmt.Sprint("f", i), strconv.Itoa(rnd.IntN(1000)))
				}
			case 5, 6:
				f := drawText(t, "field")
				_, there := m.fields[f]
				if h.Delete([]byte(f)) != there {
					t.Fatalf("removing %.40q: not %v", f, there)
				}
				delete(m.fields, f)
			case 7:
				f := drawText(t, "field")
				v, ok := h.Get([]byte(f))
				if want, there := m.fields[f]; ok != there || ok && text(v) != want || h.Has([]byte(f)) != there {
					t.Fatalf("%.40q: %.40q, %v; want %.40q", f, text(v), ok, want)
				}
			case 8:
				viewed(t, h, rapid.IntRange(0, 100).Draw(t, "room"))
			default:
				if len(hashes) < 4 {
					c := h.Clone()
					hashes, models = append(hashes, &c), append(models, &model{maps.Clone(m.fields), m.hashed})
				}
			}
			if len(m.fields) > 0 {
				f, v := h.Random(rnd.Uint64)
				if want, there := m.fields[text(f)]; !there || text(v) != want {
					t.Fatalf("drawn: %.40q %.40q", text(f), text(v))
				}
			}
			agree(t, h, m)
		}
		for i := range hashes {
			agree(t, hashes[i], models[i])
		}
	})
}

// TestRandomReachesAll: no field is drawn much less or more than others.
func TestRandomReachesAll(t *testing.T) {
	const each = 100 // draws a field, on average: the root of it is 10
	for _, n := range []int{1, 10, 400, 3000} {
		h := New(maphash.MakeSeed())
		for i := range n {
			h.Set(fmt.Append(nil, "field:", i), []byte("v"), Limits{512, 64})
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		count := map[string]int{}
		for range each * n {
			f, _ := h.Random(rnd.Uint64)
			count[text(f)]++
		}
		h.Each(func(f, _ listpack.Value) bool {
			if got := count[text(f)]; got < each/2 || got > each*3/2 {
				t.Errorf("of %d, %s is drawn %d times, not about %d", n, text(f), got, each)
			}
			return true
		})
	}
}

// TestScanShowsAll while the hash grows and shrinks.
func TestScanShowsAll(t *testing.T) {
	h := New(maphash.MakeSeed())
	lim := Limits{10, 64}
	for i := range 2000 {
		h.Set(fmt.Append(nil, "stay", i), []byte("v"), lim)
	}
	seen := map[string]bool{}
	for cursor, i := uint64(0), 0; ; i++ {
		if cursor = h.Scan(cursor, func(f, _ listpack.Value) { seen[text(f)] = true }); cursor == 0 {
			break
		}
		for j := range 20 {
			h.Set(fmt.Append(nil, "pass", i*20+j), []byte("v"), lim)
		}
		if i%50 == 0 {
			for j := range i * 20 {
				h.Delete(fmt.Append(nil, "pass", j))
			}
		}
	}
	for i := range 2000 {
		if !seen[fmt.Sprint("stay", i)] {
			t.Fatalf("stay%d was not shown", i)
		}
	}
}

// TestLoadTwice: a field that comes twice is found, wherever the two are and however
// long they are, among many and few; without the second all is well.
func TestLoadTwice(t *testing.T) {
	for _, n := range []int{2, 3, 33, 100, 700} {
		for _, length := range []int{0, 1, 2, 3, 4, 7, 8, 9, 16, 17, 40, 63, 64, 100} {
			for _, twice := range [][2]int{{0, 0}, {0, 1}, {0, n - 1}, {n / 2, n - 1}} {
				lp, width := listpack.New(0), max(length, len(strconv.Itoa(n)))
				for i := range n {
					if i == twice[1] {
						i = twice[0]
					}
					for _, s := range []string{fmt.Sprintf("%0*d", width, i) + "x"[:min(length, 1)], "v"} {
						e := listpack.ElementOf([]byte(s))
						lp = listpack.Insert(lp, listpack.End(lp), &e)
					}
				}
				h := New(maphash.MakeSeed())
				if err := h.Load(nil, lp, Limits{512, 64}); (err == nil) != (twice[0] == twice[1]) {
					t.Errorf("%d fields of %d bytes, %v are the same: %v", n, length, twice, err)
				}
			}
		}
	}
}

// FuzzLoad: a listpack from outside is a hash that can be used, or refused.
func FuzzLoad(f *testing.F) {
	for _, fields := range [][]string{{}, {"a", "b"}, {"a", "b", "a", "c"}, {"1", "2", "3"}, {"5", "6", "x", ""}} {
		lp := listpack.New(0)
		for _, s := range fields {
			e := listpack.ElementOf([]byte(s))
			lp = listpack.Insert(lp, listpack.End(lp), &e)
		}
		f.Add(lp)
	}
	seed := maphash.MakeSeed()
	f.Fuzz(func(t *testing.T, lp []byte) {
		h := New(seed)
		if h.Load(nil, lp, Limits{512, 64}) != nil {
			return
		}
		m := contents(&h)
		if len(m) != h.Len() {
			t.Fatalf("%d fields of %d differ", len(m), h.Len())
		}
		for field, value := range m {
			if v, ok := h.Get([]byte(field)); !ok || text(v) != value {
				t.Fatalf("%q is %q, not %q", field, text(v), value)
			}
			h.Set([]byte(field), []byte("new"), Limits{512, 64})
			h.Delete([]byte(field))
		}
		if h.Len() != 0 {
			t.Fatalf("%d are left", h.Len())
		}
	})
}
