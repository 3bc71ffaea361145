package zsets

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

type twin struct{ order, name int }

func compareTwins(a, b twin) int { return cmp.Compare(a.order, b.order) }

// TestSortFirst: those that come first are in order, and nothing is lost.
func TestSortFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		orders := rapid.SliceOfN(rapid.IntRange(0, rapid.SampledFrom([]int{1, 5, 1000}).Draw(t, "most")), 1, 200).Draw(t, "orders")
		all := make([]twin, len(orders))
		for i, o := range orders {
			all[i] = twin{o, i}
		}
		n := rapid.IntRange(1, len(all)).Draw(t, "n")
		levels := rapid.SampledFrom([]int{0, 1, 3, 100}).Draw(t, "levels")
		partialSort(all, n, levels, compareTwins)
		slices.Sort(orders)
		for i := range n {
			if all[i].order != orders[i] {
				t.Fatalf("%d is %d, not %d, of %v", i, all[i].order, orders[i], all)
			}
		}
		names := make([]int, len(all))
		for i := range all {
			names[i] = all[i].name
		}
		slices.Sort(names)
		for i, name := range names {
			if i != name {
				t.Fatalf("%d is lost: %v", i, all)
			}
		}
	})
}

// TestSortFirstIsBounded: with input that is made to be the worst (M. D. McIlroy, "A killer
// adversary for quicksort", 1999) there are still no more comparisons than n log n asks
// for, several times.
func TestSortFirstIsBounded(t *testing.T) {
	const n = 20_000
	const unset = n
	value := make([]int, n)
	all := make([]twin, n)
	for i := range all {
		value[i], all[i] = unset, twin{0, i}
	}
	solid, candidate, compared := 0, 0, 0
	sortFirst(all, n, func(a, b twin) int {
		compared++
		if value[a.name] == unset && value[b.name] == unset {
			frozen := b.name
			if a.name == candidate {
				frozen = a.name
			}
			value[frozen] = solid
			solid++
		}
		if value[a.name] == unset {
			candidate = a.name
		} else if value[b.name] == unset {
			candidate = b.name
		}
		return cmp.Compare(value[a.name], value[b.name])
	})
	if most := 10 * n * 15; compared > most {
		t.Errorf("%d comparisons of %d elements", compared, n)
	}
}
