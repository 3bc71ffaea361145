package set

import (
	"hash/maphash"
	"maps"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// TestCommon: what all of some sets of integers have, any of them, and the first alone,
// beside a look at each.
func TestCommon(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sets [][]byte
		var members []map[int64]bool
		for range rapid.IntRange(1, 4).Draw(t, "sets") {
			s, has := New(maphash.MakeSeed()), map[int64]bool{}
			wide := rapid.SampledFrom([]int64{5, 60, 1000, 1 << 40}).Draw(t, "wide")
			for range rapid.SampledFrom([]int{0, 1, 3, 40, 300}).Draw(t, "size") {
				n := rapid.Int64Range(-wide, wide).Draw(t, "n")
				s.Add(strconv.AppendInt(nil, n, 10), 1<<20)
				has[n] = true
			}
			b, _ := s.Ints()
			sets, members = append(sets, b), append(members, has)
		}
		var want []int64
		for n := range members[0] {
			if !slices.ContainsFunc(members, func(has map[int64]bool) bool { return !has[n] }) {
				want = append(want, n)
			}
		}
		slices.Sort(want)
		limit := rapid.IntRange(1, 400).Draw(t, "limit")
		var got []int64
		Common(sets, func(n int64) bool { got = append(got, n); return len(got) < limit })
		if want = want[:min(len(want), limit)]; !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
		any, alone := map[int64]bool{}, maps.Clone(members[0])
		for i, has := range members {
			maps.Copy(any, has)
			if i > 0 {
				maps.DeleteFunc(alone, func(n int64, _ bool) bool { return has[n] })
			}
		}
		for name, c := range map[string]struct {
			walk func([][]byte, func(int64))
			want map[int64]bool
		}{"union": {Union, any}, "difference": {Difference, alone}} {
			got = nil
			c.walk(sets, func(n int64) { got = append(got, n) })
			if want := slices.Sorted(maps.Keys(c.want)); !slices.Equal(got, want) {
				t.Fatalf("%s: %v, want %v", name, got, want)
			}
		}
	})
}
