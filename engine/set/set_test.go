package set

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"regent/engine/listpack"

	"pgregory.net/rapid"
)

// A model is what a Set must be like. When the Set becomes a hashtable follows
// from what was added.
type model struct {
	members map[string]bool
	hashed  bool
}

const limit = 512

func (m *model) add(b string) bool {
	if m.members[b] {
		return false
	}
	m.members[b] = true
	n, err := strconv.ParseInt(b, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != b || len(m.members) > limit {
		m.hashed = true
	}
	return true
}

func (m *model) clone() *model {
	to := &model{map[string]bool{}, m.hashed}
	for b := range m.members {
		to.members[b] = true
	}
	return to
}

func (m *model) sorted() []string {
	out := make([]string, 0, len(m.members))
	for b := range m.members {
		out = append(out, b)
	}
	slices.Sort(out)
	return out
}

func sortedMembers(s *Set) (out []string) {
	s.Each(func(b []byte) bool { out = append(out, string(b)); return true })
	slices.Sort(out)
	return out
}

type fataler interface{ Fatalf(string, ...any) }

// agree compares everything, and what the Set keeps of itself.
func agree(t fataler, s *Set, m *model) {
	if got, want := sortedMembers(s), m.sorted(); !slices.Equal(got, want) {
		t.Fatalf("%d members %.200q, not %d %.200q", len(got), got, len(want), want)
	}
	if s.Len() != len(m.members) || s.Hashed() != m.hashed {
		t.Fatalf("%d members, hashed %v; not %d, %v", s.Len(), s.Hashed(), len(m.members), m.hashed)
	}
	check(t, s)
}

// check looks for what must never be.
func check(t fataler, s *Set) {
	if b, ok := s.Ints(); ok {
		if err := checkInts(b); err != nil {
			t.Fatalf("%v: %x", err, b)
		}
	}
	if b, hashed, ok := s.Packed(); ok && hashed {
		if n, err := listpack.Validate(b); err != nil || n != s.Len() || len(b) > listMax {
			t.Fatalf("%d members in %d bytes: %v", n, len(b), err)
		}
	}
}

func drawMember(t *rapid.T, wide bool) string {
	switch kind := rapid.IntRange(0, 12).Draw(t, "kind"); {
	case kind < 3:
		return strconv.Itoa(rapid.IntRange(-700, 700).Draw(t, "int"))
	case kind == 3:
		return rapid.SampledFrom([]string{"32767", "-32768", "32768", "-2147483648", "2147483648", "9223372036854775807", "-9223372036854775808"}).Draw(t, "edge")
	case !wide:
		return strconv.Itoa(rapid.IntRange(0, 40).Draw(t, "few"))
	case kind == 4:
		return rapid.SampledFrom([]string{"", "-0", "01", "+1", "9223372036854775808", "-9223372036854775809", "18446744073709551617", "\x00", "-"}).Draw(t, "odd")
	case kind == 5:
		return strings.Repeat("x", rapid.IntRange(500, 520).Draw(t, "long")) + strconv.Itoa(rapid.IntRange(0, 9).Draw(t, "which"))
	}
	return "member:" + strconv.Itoa(rapid.IntRange(0, 3000).Draw(t, "which"))
}

// many adds or removes a stretch of members.
func many(s *Set, m *model, from, n int, add bool) {
	for i := from; i < from+n; i++ {
		b := "member:" + strconv.Itoa(i)
		if add {
			s.Add([]byte(b), limit)
			m.add(b)
		} else {
			s.Remove([]byte(b))
			delete(m.members, b)
		}
	}
}

func TestAgainstMap(t *testing.T) {
	seed := maphash.MakeSeed()
	rapid.Check(t, func(t *rapid.T) {
		first := New(seed)
		sets, models := []*Set{&first}, []*model{{members: map[string]bool{}}}
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		wide := rapid.Bool().Draw(t, "wide")
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			at := rapid.IntRange(0, len(sets)-1).Draw(t, "set")
			s, m := sets[at], models[at]
			switch rapid.IntRange(0, 11).Draw(t, "what") {
			case 0, 1, 2, 3:
				b := drawMember(t, wide)
				if got, want := s.Add([]byte(b), limit), m.add(b); got != want {
					t.Fatalf("adding %q: %v", b, got)
				}
			case 4, 5:
				b := drawMember(t, wide)
				if got := s.Remove([]byte(b)); got != m.members[b] {
					t.Fatalf("removing %q: %v", b, got)
				}
				delete(m.members, b)
			case 6:
				b := drawMember(t, wide)
				if got := s.Has([]byte(b)); got != m.members[b] {
					t.Fatalf("has %q: %v", b, got)
				}
			case 7:
				if len(m.members) > 0 {
					b := string(s.PopRandom(nil, rnd.Uint64))
					if !m.members[b] {
						t.Fatalf("%q was popped", b)
					}
					delete(m.members, b)
				}
			case 8:
				if len(m.members) > 0 && !m.members[string(s.AppendRandom([]byte("?"), rnd.Uint64)[1:])] {
					t.Fatalf("a random member is none")
				}
			case 9:
				if wide {
					many(s, m, rapid.IntRange(0, 2000).Draw(t, "from"), rapid.IntRange(1, 1500).Draw(t, "n"), rapid.Bool().Draw(t, "add"))
				}
			case 10, 11:
				if len(sets) < 5 {
					c := s.Clone()
					sets, models = append(sets, &c), append(models, m.clone())
				}
			}
			if rapid.IntRange(0, 5).Draw(t, "view") == 0 {
				viewed(t, s, rapid.IntRange(0, 100).Draw(t, "room"))
			}
			check(t, s)
		}
		for i := range sets {
			agree(t, sets[i], models[i])
		}
	})
}

// viewed makes s a view of its own bytes, in other memory with some room, and what it
// was before is overwritten.
func viewed(t fataler, s *Set, room int) {
	b, hashed, ok := s.Packed()
	if !ok || s.shared {
		return
	}
	memory := append(make([]byte, 0, len(b)+room), b...)
	if s.borrowed {
		for i := range b {
			b[i] = 0xDB
		}
	}
	s.View(memory, hashed)
	c := s.Clone()
	if c.borrowed || !s.borrowed {
		t.Fatalf("a clone has what is borrowed")
	}
}

func numbered(i int) []byte { return fmt.Appendf(nil, "member:%09d", i) }

// filled is a set of that many members, and a few large ones.
func filled(n int) Set {
	s := New(maphash.MakeSeed())
	for i := range n {
		s.Add(numbered(i), limit)
	}
	for i := range n / 1000 {
		s.Add(bytes.Repeat(numbered(i), 40), limit)
	}
	return s
}

// TestScanKeepsItsPromise walks while the set grows and shrinks by far: what
// stays is shown.
func TestScanKeepsItsPromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const stay = 3000
		s := filled(stay)
		extra := 0
		seen := map[string]bool{}
		for cursor, calls := uint64(0), 0; ; calls++ {
			if calls > 100_000 {
				t.Fatalf("the walk does not end")
			}
			cursor = s.Scan(cursor, func(b []byte) { seen[string(b)] = true })
			if cursor == 0 {
				break
			}
			n := rapid.IntRange(0, 400).Draw(t, "n")
			if extra > 0 && rapid.Bool().Draw(t, "shrink") || extra > 20_000 {
				for n *= 20; n > 0 && extra > 0; n-- {
					extra--
					s.Remove(numbered(stay + extra))
				}
			}
			for range n {
				s.Add(numbered(stay+extra), limit)
				extra++
			}
		}
		for i := range stay {
			if !seen[string(numbered(i))] {
				t.Fatalf("%s was there throughout and is not shown", numbered(i))
			}
		}
	})
}

// TestScanShowsOnce: without changes nothing comes twice.
func TestScanShowsOnce(t *testing.T) {
	for _, n := range []int{1, 10, 100, 1000, 5000} {
		s := filled(n)
		seen := map[string]bool{}
		for cursor, more := uint64(0), true; more; more = cursor != 0 {
			cursor = s.Scan(cursor, func(b []byte) {
				if seen[string(b)] {
					t.Errorf("%d: %.40s twice", n, b)
				}
				seen[string(b)] = true
			})
		}
		if len(seen) != s.Len() {
			t.Errorf("%d of %d", len(seen), s.Len())
		}
	}
}

// TestRandomReachesAll: no member is drawn much less or more than others.
func TestRandomReachesAll(t *testing.T) {
	grown, shrunk := filled(3000), filled(30_000)
	for i := 3000; i < 30_000; i++ {
		shrunk.Remove(numbered(i))
	}
	few, ints := filled(10), New(maphash.MakeSeed())
	for i := range 300 {
		ints.Add(strconv.AppendInt(nil, int64(i), 10), limit)
	}
	const each = 100 // draws a member, on average: the root of it is 10
	for name, s := range map[string]*Set{"grown": &grown, "shrunk": &shrunk, "small": &few, "integers": &ints} {
		rnd := rand.New(rand.NewPCG(1, 2))
		count := map[string]int{}
		for range each * s.Len() {
			count[string(s.AppendRandom(nil, rnd.Uint64))]++
		}
		s.Each(func(b []byte) bool {
			if n := count[string(b)]; n < each/2 || n > each*3/2 {
				t.Errorf("%s: %.30q is drawn %d times, not about %d", name, b, n, each)
			}
			return true
		})
	}
}

// TestPopTakesAll: every member leaves once, and the memory with them.
func TestPopTakesAll(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	s := filled(20_000)
	popped := map[string]bool{}
	for n := s.Len(); s.Len() > 0; n-- {
		b := string(s.PopRandom(nil, rnd.Uint64))
		if popped[b] || s.Has([]byte(b)) || s.Len() != n-1 {
			t.Fatalf("%q is popped of %d, %d are left", b, n, s.Len())
		}
		popped[b] = true
	}
	check(t, &s)
	const left = 1024 // bytes
	if s.Bytes() > left {
		t.Errorf("an empty set keeps %d bytes", s.Bytes())
	}
}

// TestClonesInParallel: a clone is read while its original changes.
func TestClonesInParallel(t *testing.T) {
	s := filled(5000)
	for round := range 20 {
		c := s.Clone()
		want := sortedMembers(&s)
		done := make(chan []string)
		go func() { done <- sortedMembers(&c) }()
		for i := range 500 {
			s.Add(numbered(10_000+round*500+i), limit)
			s.Remove(numbered(round*200 + i))
		}
		if got := <-done; !slices.Equal(got, want) {
			t.Fatalf("a clone has changed")
		}
		check(t, &s)
		check(t, &c)
	}
}

// TestLargeMembersInClones: pages that hold nothing but large members split and
// merge, and clones keep theirs.
func TestLargeMembersInClones(t *testing.T) {
	s, m := New(maphash.MakeSeed()), &model{members: map[string]bool{}}
	large := func(i int) string { return string(bytes.Repeat(numbered(i), 40)) }
	type pair struct {
		s *Set
		m *model
	}
	var clones []pair
	step := func(from, to int, add bool) {
		for i := from; i < to; i++ {
			if add {
				s.Add([]byte(large(i)), limit)
				m.add(large(i))
			} else {
				s.Remove([]byte(large(i)))
				delete(m.members, large(i))
			}
			if i%40 == 0 {
				c := s.Clone()
				clones = append(clones, pair{&c, m.clone()})
			}
		}
		check(t, &s)
	}
	step(0, 1500, true)
	step(0, 1400, false)
	step(300, 900, true)
	step(300, 1450, false)
	for _, c := range append(clones, pair{&s, m}) {
		agree(t, c.s, c.m)
	}
}

// TestCloneIsCheap: nothing is copied but the root, and on a change one page's
// way to it.
func TestCloneIsCheap(t *testing.T) {
	s := filled(100_000)
	const few = 8
	if n := testing.AllocsPerRun(10, func() { s.Clone() }); n > few {
		t.Errorf("a clone allocates %v times", n)
	}
	b := numbered(7)
	if n := testing.AllocsPerRun(10, func() { s.Clone(); s.Remove(b); s.Add(b, limit) }); n > 2*few {
		t.Errorf("a clone and a change allocate %v times", n)
	}
}

// TestLooksMakeNoGarbage, nor does a change that needs no memory.
func TestLooksMakeNoGarbage(t *testing.T) {
	s := filled(10_000)
	b, rnd, buf := numbered(77), rand.New(rand.NewPCG(1, 2)), make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(1000, func() {
		s.Has(b)
		s.Add(b, limit)
		buf = s.AppendRandom(buf[:0], rnd.Uint64)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestIntsFromOutside(t *testing.T) {
	seed := maphash.MakeSeed()
	head := func(width, n uint32, rest ...byte) []byte {
		b := binary.LittleEndian.AppendUint32(nil, width)
		return append(binary.LittleEndian.AppendUint32(b, n), rest...)
	}
	for _, b := range [][]byte{
		nil, {2}, head(2, 0)[:7], head(3, 0), head(0, 0), head(2, 1, 1), head(2, 1, 1, 0, 0), head(2, math.MaxUint32, 1, 0),
		head(8, 0x2000_0001, 1, 0, 0, 0, 0, 0, 0, 0), head(2, 2, 1, 0, 1, 0), head(2, 2, 2, 0, 1, 0), head(2, 2, 0, 0, 255, 255),
	} {
		if _, err := FromInts(seed, b); err == nil {
			t.Errorf("%x passes", b)
		}
	}
	s, err := FromInts(seed, head(4, 3, 0, 0, 0, 128, 255, 255, 255, 255, 5, 0, 0, 0))
	if err != nil || !slices.Equal(sortedMembers(&s), []string{"-1", "-2147483648", "5"}) {
		t.Errorf("%v, %q", err, sortedMembers(&s))
	}
}

// FuzzInts: whatever passes can be used.
func FuzzInts(f *testing.F) {
	seed := maphash.MakeSeed()
	for _, members := range [][]string{{}, {"1", "2", "-3"}, {"70000", "1"}, {"9223372036854775807", "0", "-1"}} {
		s := New(seed)
		for _, b := range members {
			s.Add([]byte(b), limit)
		}
		b, _ := s.Ints()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := FromInts(seed, b)
		if err != nil {
			return
		}
		m := &model{members: map[string]bool{}}
		s.Each(func(b []byte) bool { m.members[string(b)] = true; return true })
		if len(m.members) != s.Len() {
			t.Fatalf("%d members of %d differ", len(m.members), s.Len())
		}
		s.Limit(limit)
		m.hashed = len(m.members) > limit
		for _, b := range []string{"0", "-9223372036854775808", "300", "x"} {
			if got := s.Add([]byte(b), limit); got != m.add(b) {
				t.Fatalf("adding %s: %v", b, got)
			}
		}
		agree(t, &s, m)
	})
}
