package hashtable

import (
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

type fataler interface{ Fatalf(string, ...any) }

// check looks for what must never be.
func check(t fataler, tb *Table) {
	n, pages, load, mem := 0, 0, 0, int64(0)
	for k, c := range tb.root {
		large, in := 0, 0
		for j, p := range c.pages {
			in += p.len()
			mem += int64(len(p))
			for i := range p.len() {
				tag, b := p.at(i)
				if tag&flagBig != 0 {
					large++
					load += bigLoad
					mem += perBigMember
					if l := c.large[bigID(b)]; l.hash != tb.hash(tb.form.key(l.bytes)) {
						t.Fatalf("a large member's hash is another's")
					}
				} else {
					load += len(b) + slotBytes
				}
				b = c.large.member(tag, b)
				if tag&flagBig != 0 {
					mem += int64(len(b))
				}
				if h := tb.hash(tb.form.key(b)); tb.home(h) != uint64(k*chunkPages+j) || tagOf(h) != tag&tagMask {
					t.Fatalf("%.99q is in page %d of %d, not %d", b, k*chunkPages+j, tb.size, tb.home(h))
				}
			}
			if int(c.counts[j]) != p.len() {
				t.Fatalf("a page is said to have %d, has %d", c.counts[j], p.len())
			}
		}
		if large != len(c.large) || in != c.n || c.n > tb.span {
			t.Fatalf("a chunk has %d large members of %d, and %d members of %d, at most %d", large, len(c.large), in, c.n, tb.span)
		}
		n, pages = n+in, pages+len(c.pages)
	}
	if n != tb.n || pages != int(tb.size) || load != tb.load || mem != tb.mem {
		t.Fatalf("counted %d members, %d pages, load %d, %d bytes; not %d, %d, %d, %d", tb.n, tb.size, tb.load, tb.mem, n, pages, load, mem)
	}
}

// contents are a table's members.
func contents(tb *Table) map[string]string {
	out := map[string]string{}
	tb.Each(func(k, v []byte) bool { out[string(k)] = string(v); return true })
	return out
}

func agree(t fataler, tb *Table, m map[string]string) {
	check(t, tb)
	if got := contents(tb); !maps.Equal(got, m) || tb.Len() != len(m) {
		t.Fatalf("%d members, not %d", tb.Len(), len(m))
	}
}

func drawText(t *rapid.T, what string) string {
	if rapid.IntRange(0, 9).Draw(t, "long "+what) == 0 {
		return strings.Repeat("x", rapid.SampledFrom([]int{0, 126, 127, 128, 129, 500, 511, 512, 513, 9000}).Draw(t, what))
	}
	return fmt.Sprint(what, ":", rapid.IntRange(0, 2000).Draw(t, what))
}

// TestMapsAgainstMaps: a table does what Go's map does, and so do its clones.
func TestMapsAgainstMaps(t *testing.T) {
	seed := maphash.MakeSeed()
	rapid.Check(t, func(t *rapid.T) {
		tables, models := []*Table{NewMap(seed)}, []map[string]string{{}}
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			at := rapid.IntRange(0, len(tables)-1).Draw(t, "table")
			tb, m := tables[at], models[at]
			put := func(k, v string) {
				_, there := m[k]
				if fresh := tb.Put([]byte(k), []byte(v)); fresh == there {
					t.Fatalf("%.50q: fresh %v", k, fresh)
				}
				m[k] = v
			}
			switch rapid.IntRange(0, 7).Draw(t, "what") {
			case 0, 1:
				put(drawText(t, "key"), drawText(t, "value"))
			case 2:
				n := rapid.IntRange(1, 1500).Draw(t, "n")
				for i := range n {
					put(fmt.Sprint("key:", i), fmt.Sprint(rnd.IntN(1000)))
				}
			case 3:
				n := rapid.IntRange(1, 2000).Draw(t, "n")
				for i := range n {
					k := fmt.Sprint("key:", i)
					if _, there := m[k]; tb.Remove([]byte(k)) != there {
						t.Fatalf("removing %s: not %v", k, there)
					}
					delete(m, k)
				}
			case 4:
				k := drawText(t, "key")
				v, ok := tb.Get([]byte(k))
				if want, there := m[k]; ok != there || string(v) != want || tb.Has([]byte(k)) != there {
					t.Fatalf("%.50q: %.50q, %v; want %.50q", k, v, ok, want)
				}
			case 5:
				if len(m) > 0 {
					k, v := tb.Random(rnd.Uint64)
					if want, there := m[string(k)]; !there || string(v) != want {
						t.Fatalf("drawn: %.50q %.50q", k, v)
					}
				}
			default:
				if len(tables) < 5 {
					tables, models = append(tables, tb.Clone()), append(models, maps.Clone(m))
				}
			}
			check(t, tb)
		}
		for i := range tables {
			agree(t, tables[i], models[i])
		}
	})
}

// TestWritingOverLeavesClones: a value that is written over where it stands is not
// seen by clones, and takes no memory.
func TestWritingOverLeavesClones(t *testing.T) {
	tb := NewMap(maphash.MakeSeed())
	for i := range 5000 {
		tb.Put(fmt.Append(nil, "key:", i), []byte("before"))
	}
	was := tb.Clone()
	for i := range 5000 {
		tb.Put(fmt.Append(nil, "key:", i), []byte("after."))
	}
	for k, v := range contents(was) {
		if v != "before" {
			t.Fatalf("%s of the clone is %s", k, v)
		}
	}
	key, value := []byte("key:77"), []byte("again!")
	if n := testing.AllocsPerRun(100, func() { tb.Put(key, value) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	check(t, tb)
}
