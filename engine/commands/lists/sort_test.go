package lists_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"regent/engine/enginetest"
)

// TestSortAgainstRedis draws small values of each type that SORT takes, weights for them,
// and options; and what is stored must be what the log makes.
func TestSortAgainstRedis(outer *testing.T) {
	theirs := enginetest.StartRedis(outer).Client(outer)
	rapid.Check(outer, func(t *rapid.T) {
		theirs.Do("FLUSHALL")
		s := enginetest.NewEngine(outer)
		ours, y := s.Client(), enginetest.NewTally(outer, s, theirs)
		both := func(c ...string) {
			if got, want := ours.Do(c...), theirs.Do(c...); got != want {
				t.Fatalf("%q\n  got  %q\n  want %q", c, got, want)
			}
			y.Since(t.Fatalf, c)
		}
		element := rapid.SampledFrom([]string{"1", "2", "3", "10", "-1", "2.5", "x", "yy", ""})
		elements := func(n int) []string { return rapid.SliceOfN(element, n, n).Draw(t, "elements") }
		for i := range rapid.IntRange(0, 4).Draw(t, "weights") {
			both("SET", "w"+elements(1)[0], fmt.Sprint(i%3))
			both("HSET", "h"+elements(1)[0], "f", elements(1)[0])
		}
		n := rapid.OneOf(rapid.IntRange(1, 7), rapid.IntRange(30, 35)).Draw(t, "n")
		set := false
		switch rapid.IntRange(0, 2).Draw(t, "type") {
		case 0:
			both(append([]string{"RPUSH", "k"}, elements(n)...)...)
		case 1:
			set = true
			both(append([]string{"SADD", "k"}, elements(n)...)...)
		case 2:
			for i, e := range elements(n) {
				both("ZADD", "k", fmt.Sprint(i%3), e)
			}
		}
		for range rapid.IntRange(1, 6).Draw(t, "sorts") {
			c := []string{"SORT", "k"}
			// Elements without an order of their own come out as they are held.
			by := rapid.SampledFrom([]string{"", "", "w*", "h*->f"}).Draw(t, "by")
			alpha := rapid.Bool().Draw(t, "alpha") && (by == "" || !set)
			store := rapid.IntRange(0, 2).Draw(t, "store") == 0
			if by != "" && alpha {
				c = append(c, "BY", "nosort")
				if set && !store {
					continue
				}
			} else if by != "" {
				c = append(c, "BY", by)
			}
			if alpha {
				c = append(c, "ALPHA")
			}
			c = append(c, rapid.SampledFrom([][]string{nil, {"DESC"}, {"ASC"}}).Draw(t, "order")...)
			if rapid.Bool().Draw(t, "limit") {
				c = append(c, "LIMIT", fmt.Sprint(rapid.IntRange(-1, 8).Draw(t, "from")), fmt.Sprint(rapid.IntRange(-1, 8).Draw(t, "count")))
			}
			for range rapid.IntRange(0, 2).Draw(t, "gets") {
				c = append(c, "GET", rapid.SampledFrom([]string{"#", "w*", "h*->f", "none", "k*"}).Draw(t, "get"))
			}
			if store {
				c = append(c, "STORE", "d")
			}
			both(c...)
			both("LRANGE", "d", "0", "-1")
		}
		follower := enginetest.NewEngine(outer)
		a := follower.NewApplier()
		for _, rec := range s.Log.Records() {
			if err := a.Apply(rec.Args); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := follower.Dump(), s.Dump(); !slices.Equal(got, want) {
			t.Fatalf("the log makes\n%q, not\n%q", got, want)
		}
	})
}
