package server

import (
	"testing"

	"pgregory.net/rapid"
)

// same is a window in which n loops do the same.
func same(n int, busy, work float64) []load {
	loads := make([]load, n)
	for i := range loads {
		loads[i] = load{busy, work}
	}
	return loads
}

// settled feeds the same kind of load for many windows; at says what n loops
// measure under it.
func settled(g *governor, n, limit int, idle float64, at func(n int) []load) int {
	for range 100 * shrinkAfter {
		n = g.decide(at(n), limit, func() float64 { return idle })
	}
	return n
}

func TestGovernor(t *testing.T) {
	for _, c := range []struct {
		name        string
		begin, end  int
		limit       int
		busy, share float64 // in loops' worth
		idle        float64
	}{
		{"nothing to do", 4, 1, 4, 0.01, 0.5, 3},
		{"a little", 1, 1, 4, 0.6, 0.9, 3},
		{"small commands, cores taken", 1, 1, 2, 1, 0.2, 0},
		{"small commands, cores taken, after a better time", 2, 1, 2, 2, 0.2, 0},
		{"small commands, idle cores", 1, 4, 4, 4, 0.2, 2},
		{"pipelines, cores taken", 1, 2, 2, 2, 0.7, 0},
		{"pipelines that two can carry", 1, 2, 8, 1.5, 0.7, 0},
		{"pipelines that one can carry", 3, 1, 8, 0.65, 0.7, 0},
		{"one loop allowed", 1, 1, 1, 1, 0.9, 5},
	} {
		got := settled(&governor{}, c.begin, c.limit, c.idle, func(n int) []load { return same(n, min(c.busy/float64(n), 1), c.share) })
		if got != c.end {
			t.Errorf("%s: %d loops become %d, want %d", c.name, c.begin, got, c.end)
		}
	}
}

// TestGovernorPatience: one odd window changes nothing.
func TestGovernorPatience(t *testing.T) {
	var g governor
	none := func() float64 { return 0 }
	for range 10 {
		if n := g.decide(same(1, 1, 0.9), 4, none); n != 1 {
			t.Fatal("grows after one window")
		}
		if n := g.decide(same(1, 0.5, 0.9), 4, none); n != 1 {
			t.Fatal("grows without need")
		}
	}
	for range shrinkAfter - 1 {
		if n := g.decide(same(3, 0.1, 0.9), 4, none); n != 3 {
			t.Fatal("shrinks too early")
		}
	}
	if n := g.decide(same(3, 0.1, 0.9), 4, none); n != 2 {
		t.Fatal("does not shrink")
	}
}

// TestGovernorRests: whatever the load is, as long as it stays the same the
// number of loops comes to rest and stays within its bounds.
func TestGovernorRests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 16).Draw(t, "limit")
		busy, share := rapid.Float64Range(0, 20).Draw(t, "busy"), rapid.Float64Range(0, 1).Draw(t, "share")
		idle := rapid.Float64Range(0, 16).Draw(t, "idle")
		var g governor
		at := func(n int) []load { return same(n, min(busy/float64(n), 1), share) }
		n := settled(&g, rapid.IntRange(1, limit).Draw(t, "begin"), limit, idle, at)
		for range 3 * shrinkAfter {
			next := g.decide(at(n), limit, func() float64 { return idle })
			if next != n || n < 1 || n > limit {
				t.Fatalf("%d loops become %d", n, next)
			}
		}
	})
}

// TestEven: what moves makes the difference smaller and never turns it round.
func TestEven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loads := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) load {
			return load{busy: rapid.Float64Range(0, 1).Draw(t, "busy")}
		}), 1, 8).Draw(t, "loads")
		from, to, share, ok := even(loads)
		if !ok {
			return
		}
		moved := loads[from].busy * share
		if from == to || share <= 0 || share > 0.5 || loads[to].busy+moved > loads[from].busy-moved+1e-9 {
			t.Fatalf("%d hands %.2f to %d: %v", from, share, to, loads)
		}
	})
}
