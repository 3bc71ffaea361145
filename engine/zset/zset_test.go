package zset

import (
	"fmt"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"regent/engine/listpack"
)

// A pair is an element of the model, which is a slice in order.
type pair struct {
	member string
	score  float64
}

func comparePairs(a, b pair) int {
	switch {
	case a.score < b.score:
		return -1
	case a.score > b.score:
		return 1
	}
	return strings.Compare(a.member, b.member)
}

// A model is a ZSet and what must be in it.
type model struct {
	z    ZSet
	want []pair
	has  map[string]float64
	lim  Limits
}

func (m *model) put(member string, score float64) {
	b := []byte(member)
	at := m.z.Find(b)
	old, had := m.has[member]
	if at.OK != had || had && at.Score != old {
		panic(fmt.Sprintf("%q is there: %v, %g, not %v, %g", member, at.OK, at.Score, had, old))
	}
	if had && old == score {
		return
	}
	m.z.Put(at, b, score, m.lim)
	if had {
		m.drop(member)
	}
	p := pair{member, score}
	i, _ := slices.BinarySearchFunc(m.want, p, comparePairs)
	m.want = slices.Insert(m.want, i, p)
	m.has[member] = score
}

func (m *model) drop(member string) {
	i, ok := slices.BinarySearchFunc(m.want, pair{member, m.has[member]}, comparePairs)
	if !ok {
		panic("the model is wrong")
	}
	m.want = slices.Delete(m.want, i, i+1)
	delete(m.has, member)
}

func (m *model) remove(member string) {
	_, had := m.has[member]
	if m.z.Remove([]byte(member)) != had {
		panic(fmt.Sprintf("%q was there: %v", member, !had))
	}
	if had {
		m.drop(member)
	}
}

func (m *model) removeRange(r, n int) {
	m.z.RemoveRange(r, n)
	for _, p := range m.want[r : r+n] {
		delete(m.has, p.member)
	}
	m.want = slices.Delete(m.want, r, r+n)
}

func (m *model) clone() *model {
	to := &model{z: m.z.Clone(), want: slices.Clone(m.want), has: map[string]float64{}, lim: m.lim}
	for k, v := range m.has {
		to.has[k] = v
	}
	return to
}

// show makes a small set a view of bytes with some room behind them.
func (m *model) show(r *rand.Rand) {
	if lp, ok := m.z.Packed(); ok {
		b := make([]byte, len(lp), len(lp)+r.IntN(60))
		copy(b, lp)
		m.z.View(b)
	} else if m.z.Len() == 0 && m.z.IsSmall() {
		m.z.View(make([]byte, 0, r.IntN(60)))
	}
}

// fault is how the set differs from the model, nil: it does not.
func (m *model) fault(r *rand.Rand) error {
	if err := m.z.check(); err != nil {
		return err
	}
	var got []pair
	m.z.Each(func(b []byte, s float64) bool { got = append(got, pair{string(b), s}); return true })
	if !slices.Equal(got, m.want) || m.z.Len() != len(got) {
		return fmt.Errorf("got %d %v\nwant %d %v", len(got), got, len(m.want), m.want)
	}
	seen := map[string]float64{}
	for cursor := uint64(0); ; {
		if cursor = m.z.Scan(cursor, func(b []byte, s float64) { seen[string(b)] = s }); cursor == 0 {
			break
		}
	}
	if len(seen) != len(m.has) {
		return fmt.Errorf("a scan shows %d, not %d", len(seen), len(m.has))
	}
	for range min(len(m.want), 5) {
		if err := m.look(r); err != nil {
			return err
		}
	}
	return nil
}

// look looks at a place that is drawn.
func (m *model) look(r *rand.Rand) error {
	i := r.IntN(len(m.want))
	p := m.want[i]
	if got := m.z.Rank([]byte(p.member), p.score); got != i {
		return fmt.Errorf("the rank of %v is %d, not %d", p, got, i)
	}
	for _, s := range []float64{p.score, p.score + 0.5} {
		low, high := 0, 0
		for _, q := range m.want {
			if q.score < s {
				low++
			}
			if q.score <= s {
				high++
			}
		}
		if a, b := m.z.Below(s, false), m.z.Below(s, true); a != low || b != high {
			return fmt.Errorf("%d below %g, %d not above, not %d, %d", a, s, b, low, high)
		}
	}
	n := min(r.IntN(200), len(m.want)-i)
	for _, reverse := range []bool{false, true} {
		want := slices.Clone(m.want[i : i+n])
		from := i
		if reverse {
			slices.Reverse(want)
			from = i + n - 1
		}
		var got []pair
		m.z.Walk(from, n, reverse, func(b []byte, s float64) bool { got = append(got, pair{string(b), s}); return true })
		if !slices.Equal(got, want) {
			return fmt.Errorf("%d from %d, reverse %v: %v, not %v", n, from, reverse, got, want)
		}
	}
	return m.lookLex(r)
}

// lookLex looks at ranges of members, if all scores are the same.
func (m *model) lookLex(r *rand.Rand) error {
	if m.want[0].score != m.want[len(m.want)-1].score {
		return nil
	}
	end := func() LexBound {
		b := []byte(m.want[r.IntN(len(m.want))].member)
		if r.IntN(3) == 0 {
			b = append(b, '!')
		}
		return LexBound{Member: b, Open: r.IntN(2) == 0, Inf: []int{-1, 0, 0, 0, 0, 1}[r.IntN(6)]}
	}
	lo, hi := end(), end()
	first, n := 0, 0
	for _, p := range m.want {
		switch b := []byte(p.member); {
		case !lo.from(b):
			first++
		case hi.upTo(b):
			n++
		}
	}
	if got, many := m.z.LexRange(&lo, &hi); many != n || n > 0 && got != first {
		return fmt.Errorf("from %v to %v: %d from %d on, not %d from %d", lo, hi, many, got, n, first)
	}
	return nil
}

// members of many forms: integers, texts with the same beginning, none, large ones.
func aMember(r *rand.Rand, pool int) string {
	n := r.IntN(pool)
	switch n % 7 {
	case 0:
		return strconv.Itoa(n)
	case 1:
		return "member:with a long beginning:" + strconv.Itoa(n)
	case 2:
		return strings.Repeat("x", n%100)
	case 3:
		if n%5 == 0 {
			return strings.Repeat("large", 52+n%10) + strconv.Itoa(n)
		}
	}
	return "m" + strconv.Itoa(n)
}

func TestModel(t *testing.T) {
	seed := maphash.MakeSeed()
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		m := &model{z: New(seed), has: map[string]float64{}, lim: Limits{rapid.Int64Range(0, 20).Draw(t, "entries"), 64}}
		pool := rapid.SampledFrom([]int{20, 500, 20_000}).Draw(t, "pool")
		scores := rapid.SampledFrom([]int{1, 3, 1 << 30}).Draw(t, "scores")
		score := func() float64 { return float64(r.IntN(scores)) / 4 }
		others := []*model{m}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			m := rapid.SampledFrom(others).Draw(t, "which")
			many := rapid.SampledFrom([]int{1, 10, 300}).Draw(t, "many")
			switch rapid.IntRange(0, 8).Draw(t, "what") {
			case 0, 1, 2:
				for range many * 3 {
					m.put(aMember(r, pool), score())
				}
			case 3:
				for i := range many * 4 { // in order, or against it
					m.put(fmt.Sprintf("s%08d", i), float64(i*(1-2*(many&2))))
				}
			case 4:
				for range many * 3 {
					m.remove(aMember(r, pool))
				}
			case 5:
				if n := len(m.want); n > 0 {
					from := r.IntN(n)
					m.removeRange(from, min(r.IntN(n-from)+1, many*5))
				}
			case 6:
				if len(others) < 5 {
					others = append(others, m.clone())
				}
			case 7:
				m.show(r)
			case 8:
				if len(m.want) > 0 {
					m.z.Shrink(Limits{50, 100})
				}
			}
			if m != others[len(others)-1] {
				continue
			}
			if err := m.fault(r); err != nil {
				t.Fatal(err)
			}
		}
		for i, m := range others {
			if err := m.fault(r); err != nil {
				t.Fatalf("clone %d: %v", i, err)
			}
		}
	})
}

// filled has n elements with scores that are drawn.
func filled(n int) *model {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	m := &model{z: New(maphash.MakeSeed()), has: map[string]float64{}}
	for i := range n {
		b, s := []byte("member:"+strconv.Itoa(i)), r.Float64()*1e6
		m.z.Put(m.z.Find(b), b, s, m.lim)
		m.want, m.has[string(b)] = append(m.want, pair{string(b), s}), s
	}
	slices.SortFunc(m.want, comparePairs)
	return m
}

// TestDeep has several levels of inner nodes.
func TestDeep(t *testing.T) {
	const n = 200_000
	m := filled(n)
	r := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		if err := m.fault(r); err != nil {
			t.Fatal(err)
		}
		other := m.clone()
		m.removeRange(n/20, len(m.want)*9/10)
		for range n / 20 {
			m.put("member:"+strconv.Itoa(r.IntN(n)), r.Float64()*1e6)
		}
		if err := other.z.check(); err != nil {
			t.Fatal(err)
		}
		if err := m.fault(r); err != nil {
			t.Fatal(err)
		}
		for len(m.want) > 0 {
			m.removeRange(0, min(len(m.want), 1+r.IntN(5000)))
		}
		if err := m.z.check(); err != nil {
			t.Fatal(err)
		}
		m = other
	}
}

// TestClonesInParallel is for the race detector.
func TestClonesInParallel(t *testing.T) {
	m := filled(20_000)
	var wg sync.WaitGroup
	for i := range 4 {
		c := m.z.Clone()
		wg.Go(func() {
			for j := range 5000 {
				b := []byte("member:" + strconv.Itoa(j*(i+1)))
				c.Put(c.Find(b), b, float64(j), Limits{})
				c.Remove([]byte("member:" + strconv.Itoa(j*3)))
				c.Scan(uint64(j), func([]byte, float64) {})
			}
			if err := c.check(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := m.fault(rand.New(rand.NewPCG(1, 2))); err != nil {
		t.Fatal(err)
	}
}

// TestSmallInReverse: a small set is walked back from any rank, be it larger than those that
// redis-server has by default.
func TestSmallInReverse(t *testing.T) {
	const n = 3*someOffsets + 1
	z := New(maphash.MakeSeed())
	for i := range n {
		b := strconv.AppendInt(nil, int64(i), 10)
		z.Put(z.Find(b), b, float64(i)/4, Limits{n, 64})
	}
	if !z.IsSmall() {
		t.Fatal("it is a large one")
	}
	for _, of := range [][2]int{{0, 1}, {n - 1, 1}, {n - 1, n}, {someOffsets, someOffsets}, {someOffsets, someOffsets + 1}, {n - 1, someOffsets + 1}, {200, 7}} {
		r := of[0]
		z.Walk(of[0], of[1], true, func(b []byte, score float64) bool {
			if string(b) != strconv.Itoa(r) || score != float64(r)/4 {
				t.Errorf("%v: %s with %v, not %d", of, b, score, r)
			}
			r--
			return true
		})
		if r != of[0]-of[1] {
			t.Errorf("%v: it ends at %d", of, r)
		}
	}
}

// TestPackedForm: the limits, and what is no integer.
func TestPackedForm(t *testing.T) {
	lim := Limits{3, 5}
	z := New(maphash.MakeSeed())
	for i, s := range []float64{math.Inf(-1), 2.5, 1e300} {
		b := []byte{byte('a' + i)}
		z.Put(z.Find(b), b, s, lim)
	}
	lp, ok := z.Packed()
	want := "4\x00\x00\x00\x06\x00\x81a\x02\x84-inf\x05\x81b\x02\x832.5\x04\x81c\x02\x971.0000000000000001e+300\x18\xff"
	if packed := listpack.Bare(lp).Append(nil); !ok || string(packed) != want {
		t.Fatalf("packed %q", packed)
	}
	other := New(maphash.MakeSeed())
	room := make([]byte, listpack.StripRoom(len(want)))
	err := other.Load(room, listpack.Bare(lp).Append(nil), lim)
	if err != nil || other.Len() != 3 || &other.lp[0] != &room[0] {
		t.Fatalf("%d elements, a copy: %v, %v", other.Len(), &other.lp[0] != &room[0], err)
	}
	if _ = other.Load(nil, listpack.Bare(lp).Append(nil), Limits{2, 5}); other.tree == nil {
		t.Error("more than the limit, and small")
	}
	clone := z.Clone()
	z.Put(z.Find([]byte("d")), []byte("d"), 1, lim)
	if clone.tree != nil || clone.Len() != 3 || z.tree == nil || z.Len() != 4 {
		t.Errorf("%d and %d elements", clone.Len(), z.Len())
	}
	clone.RemoveRange(0, 1)
	clone.Put(clone.Find([]byte("longer")), []byte("longer"), 1, lim)
	if clone.tree == nil {
		t.Error("a long member is in a listpack")
	}
	clone.Shrink(Limits{10, 6})
	if clone.tree != nil || clone.Len() != 3 {
		t.Error("it was not made small")
	}
}

func FuzzPacked(f *testing.F) {
	z := New(maphash.MakeSeed())
	for i, s := range []float64{1, 2.5, -1e300} {
		b := []byte{byte('a' + i)}
		z.Put(z.Find(b), b, s, Limits{10, 10})
	}
	f.Add(z.lp.bare().Append(nil), int64(10))
	f.Add(z.lp.bare().Append(nil), int64(1))
	f.Fuzz(func(t *testing.T, lp []byte, most int64) {
		z := New(maphash.MakeSeed())
		if z.Load(nil, lp, Limits{most, 64}) != nil {
			return
		}
		n := z.Len()
		z.Each(func(b []byte, s float64) bool { z.Rank(b, s); z.Below(s, true); return true })
		z.LexRange(&LexBound{Inf: -1}, &LexBound{Inf: 1})
		if n > 1 {
			z.RemoveRange(n/2, 1)
		}
		z.Put(z.Find([]byte("m")), []byte("m"), 1, Limits{most, 64})
		z.Remove([]byte("m"))
	})
}

// TestForeseeChangesNothing: whatever is asked for, in sets of every form and size, and in one
// whose clone shares it.
func TestForeseeChangesNothing(t *testing.T) {
	for _, n := range []int{0, 1, 10, 62, 63, 5000} {
		z := New(maphash.MakeSeed())
		for i := range n {
			b := fmt.Appendf(nil, "member:%d", i)
			if i%50 == 7 {
				b = append(b, make([]byte, 300)...) // one that stands by itself
			}
			z.Put(z.Find(b), b, float64(i%700), Limits{Entries: 5})
		}
		other := z.Clone()
		show := func(z *ZSet) (all []string) {
			z.Each(func(b []byte, score float64) bool {
				all = append(all, fmt.Sprint(string(b), score))
				return true
			})
			return all
		}
		before := show(&z)
		var wants []Want
		for i, score := range []float64{0, -1, 350, 1e9, math.Inf(-1), math.Inf(1), math.NaN()} {
			for _, moves := range []bool{false, true} {
				wants = append(wants, Want{fmt.Appendf(nil, "member:%d", i*n/3), score, moves})
			}
		}
		for len(wants) < 3*MaxWants {
			wants = append(wants, Want{nil, 1, true})
		}
		for of := range len(wants) {
			z.Foresee(wants[:of])
			other.Foresee(wants[of:])
		}
		for _, z := range []*ZSet{&z, &other} {
			if err := z.check(); err != nil || !slices.Equal(show(z), before) {
				t.Errorf("%d members: %v, or others", n, err)
			}
		}
	}
}
