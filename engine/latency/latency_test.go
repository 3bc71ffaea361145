package latency

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestBuckets(t *testing.T) {
	last := -1
	for i := range buckets {
		top := highest(i)
		if got := bucketOf(top); got != i && top <= longest {
			t.Errorf("bucket %d ends at %d ns, which is in bucket %d", i, top, got)
		}
		if top <= int64(last) {
			t.Errorf("bucket %d ends at %d, the one before at %d", i, top, last)
		}
		last = int(top)
	}
	for _, n := range []int64{-5, 0, longest, longest + 1, 1 << 62} {
		if b := bucketOf(n); b < 0 || b >= buckets {
			t.Errorf("%d ns is in bucket %d", n, b)
		}
	}
}

// TestPercentilesAgainstSorted: a percentile is one of the times, or at most a 32nd and
// one unit more.
func TestPercentilesAgainstSorted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(0, longest), 1, 200).Draw(t, "times")
		var h Histogram
		for _, n := range times {
			h.Add(n, 1)
		}
		var c Counts
		c.Take(&h)
		slices.Sort(times)
		p := rapid.Float64Range(0, 100).Draw(t, "p")
		at := min(max(int(p/100*float64(len(times))+0.5), 1), len(times))
		want, got := times[at-1], c.Percentile(p)
		if got < want || got > want+want/subs+1<<unitBits {
			t.Fatalf("p%g of %d times is %d, want about %d", p, len(times), got, want)
		}
		var before Step
		for _, s := range c.Doublings() {
			if s.Micros <= before.Micros && before.Count > 0 || s.Count <= before.Count {
				t.Fatalf("step %v after %v", s, before)
			}
			before = s
		}
		if before.Count != int64(len(times)) {
			t.Fatalf("the last step counts %d of %d", before.Count, len(times))
		}
	})
}

func TestDoublings(t *testing.T) {
	var h Histogram
	h.Add(100, 1)
	h.Add(900, 2)
	h.Add(16_000, 1)
	h.Add(40_000, 1)
	h.Add(5_000_000_000, 1)
	var c Counts
	c.Take(&h)
	want := []Step{{1, 3}, {16, 4}, {66, 5}, {1082130, 6}}
	if got := c.Doublings(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	var none Counts
	none.Take(&Histogram{})
	if none.Total() != 0 || none.Percentile(50) != 0 || none.Doublings() != nil {
		t.Errorf("%v of nothing", none.Doublings())
	}
}

// TestWaits: a time counts at its own bound and at all above it, and beyond the last in the total alone.
func TestWaits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOf(rapid.Int64Range(-1, 2*waitBounds[len(waitBounds)-1])).Draw(t, "times")
		times = append(times, rapid.SampledFrom(waitBounds[:]).Draw(t, "bound"))
		var w Waits
		sum := int64(0)
		for _, n := range times {
			w.Add(n)
			sum += max(n, 0)
		}
		if w.Sum() != sum || w.Total() != int64(len(times)) {
			t.Errorf("%d times, %d ns in all", w.Total(), w.Sum())
		}
		last := int64(-1)
		w.Bounds(func(bound, count int64) {
			want := int64(0)
			for _, n := range times {
				if n <= bound {
					want++
				}
			}
			if count != want || bound <= last {
				t.Errorf("%d times up to %d ns, want %d; the bound before was %d", count, bound, want, last)
			}
			last = bound
		})
	})
}

func TestMonitor(t *testing.T) {
	var m Monitor
	for i := range int64(kept + 10) {
		m.Note("a", i, 10+i%7)
		m.Note("a", i, 5)
	}
	m.Note("b", 3, 1)
	m.Note("b", 4, 900)
	m.Note("b", 5, 2)
	a, all := m.Of("a"), m.Events()
	if len(a.Samples) != kept || a.Samples[0] != (Sample{10, 13}) || a.Longest != 16 {
		t.Errorf("a: %d samples from %v, longest %d", len(a.Samples), a.Samples[0], a.Longest)
	}
	if len(all) != 2 || all[1].Name != "b" || all[1].Longest != 900 || all[1].Samples[2] != (Sample{5, 2}) {
		t.Errorf("%v", all)
	}
	if n := m.Reset("b", "none"); n != 1 || m.Of("b").Samples != nil {
		t.Errorf("Reset of b: %d", n)
	}
	if n := m.Reset(); n != 1 || m.Events() != nil {
		t.Errorf("Reset: %d, left %v", n, m.Events())
	}
}

// TestGraph: the graph is what redis-server draws of the same samples.
func TestGraph(t *testing.T) {
	e := Event{"command", 900, []Sample{{100, 300}, {190, 400}, {195, 500}}}
	want := strings.Join([]string{
		"command - high 500 ms, low 300 ms (all time high 900 ms)",
		strings.Repeat("-", 80),
		"  #", " _|", " ||", "_||", "   ", "111", "m0s", " s ", "",
	}, "\n")
	e.Samples[2].At = 199
	if got := e.Graph(200); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	long := Event{Name: "x"}
	for i := range int64(90) {
		long.Samples = append(long.Samples, Sample{i, 7})
	}
	lines := strings.Split(long.Graph(90), "\n")
	if len(lines[2]) != 80 || len(lines[11]) != 10 {
		t.Errorf("%q", lines)
	}
}
