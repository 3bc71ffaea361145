package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/resp"
)

const benchmarkOutput = `
Latency by percentile distribution:
0.000% <= 0.039 milliseconds (cumulative count 5)
98.438% <= 2.167 milliseconds (cumulative count 19696)
99.219% <= 3.351 milliseconds (cumulative count 19856)
99.902% <= 5.567 milliseconds (cumulative count 19984)
100.000% <= 5.599 milliseconds (cumulative count 20000)

Cumulative distribution of latencies:
0.025% <= 0.103 milliseconds (cumulative count 5)
100.000% <= 6.103 milliseconds (cumulative count 20000)

Summary:
  throughput summary: 210526.31 requests per second
`

func TestParseBenchmark(t *testing.T) {
	s, err := parseBenchmark(benchmarkOutput)
	want := sample{rps: 210526.31, p99: 3.351, p999: 5.567, steps: []step{{0.039, 5}, {2.167, 19691}, {3.351, 160}, {5.567, 128}, {5.599, 16}}}
	if !reflect.DeepEqual(s, want) || err != nil {
		t.Errorf("%+v, %v; want %+v", s, err, want)
	}
	for _, broken := range []string{"", "throughput summary: 5 requests per second"} {
		if _, err := parseBenchmark(broken); err == nil {
			t.Errorf("%q: no error", broken)
		}
	}
}

// TestTemplates: what clients of cycles send are the commands' words, with everything filled in.
func TestTemplates(t *testing.T) {
	list := templates([]string{"MULTI", "SET a:{c}:{n} {}", "XACK s g {n}-1 {n}"}, 7, "dumped")
	var got []byte
	for _, tpl := range list {
		got = tpl.appendTo(got, 1234)
	}
	want := resp.AppendCommand(nil, "MULTI")
	want = resp.AppendCommand(want, "SET", "a:7:1234", strings.Repeat("x", valueBytes))
	want = resp.AppendCommand(want, "XACK", "s", "g", "1234-1", "1234")
	if string(got) != string(want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestReplies: they may come in any pieces, and what is an error or too much is told.
func TestReplies(t *testing.T) {
	const all = "+OK\r\n$-1\r\n$4\r\n\r\n-x\r\n*2\r\n:1\r\n*1\r\n$0\r\n\r\n%1\r\n+a\r\n#t\r\n*0\r\n*-1\r\n"
	for size := 1; size <= len(all); size++ {
		owed := replies{count: 7}
		for at := 0; at < len(all); at += size {
			if owed.done() {
				t.Fatalf("pieces of %d: done at %d of %d", size, at, len(all))
			}
			if err := owed.take([]byte(all[at:min(at+size, len(all))])); err != nil {
				t.Fatalf("pieces of %d: %v", size, err)
			}
		}
		if !owed.done() {
			t.Errorf("pieces of %d: not done: %+v", size, owed)
		}
	}
	for _, bad := range []string{"-ERR no\r\n", "+OK\r\n+OK\r\n", "*x\r\n"} {
		owed := replies{count: 1}
		if err := owed.take([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// TestRepliesAgain: replies to as many commands that are the same bytes are passed over at one look,
// and others are looked at.
func TestRepliesAgain(t *testing.T) {
	var owed replies
	for i, in := range []struct {
		count  int
		pieces []string
		fails  bool
	}{
		{2, []string{"+OK\r\n*1\r\n:1\r\n"}, false},
		{2, []string{"+OK\r\n*1\r\n:1\r\n"}, false},
		{2, []string{"+OK\r\n", "+OK\r\n"}, false},
		{2, []string{"+OK\r\n*1\r\n", ":1\r\n"}, false},
		{1, []string{"+OK\r\n*1\r\n:1\r\n"}, true}, // one too many
		{2, []string{"+OK\r\n-1\r\n:1\r\n"}, true},
	} {
		owed.owe(in.count)
		var err error
		for _, piece := range in.pieces {
			if owed.done() {
				t.Fatalf("%d: done before %q", i, piece)
			}
			err = owed.take([]byte(piece))
		}
		if (err != nil) != in.fails || err == nil && !owed.done() {
			t.Errorf("%d: %v, %+v", i, err, owed)
		}
	}
}

// TestRiderCounts: only numbers differ from one write to the next, and they begin again.
func TestRiderCounts(t *testing.T) {
	const keys, depth = 102, 4
	cy := cycle{commands: []string{"PING", "SET a:{c}:{n} {n}-1"}, depth: depth, keys: keys}
	riders, _ := cy.riders("")
	r, n := &riders[3], 0
	for range 2 * keys {
		r.next()
		var want []byte
		for range depth {
			n = (n + 1) % keys
			want = resp.AppendCommand(want, "PING")
			want = resp.AppendCommand(want, "SET", fmt.Sprintf("a:3:%d", n), fmt.Sprintf("%d-1", n))
		}
		if string(r.out) != string(want) {
			t.Fatalf("%q, want %q", r.out, want)
		}
	}
}

// TestRider: a client sends whole cycles, in one write or each command by itself.
func TestRider(t *testing.T) {
	cy := cycle{commands: []string{"INCR {c}", "GET {n}"}, depth: 2}
	riders, _ := cy.riders("")
	r := &riders[1]
	r.next()
	want := ""
	for _, n := range []string{"1", "2"} {
		want += string(resp.AppendCommand(resp.AppendCommand(nil, "INCR", "1"), "GET", n))
	}
	if string(r.out) != want || r.owed.count != 4 || r.sent != 4 {
		t.Errorf("%q, %d owed, %d sent", r.out, r.owed.count, r.sent)
	}
	cy.single, cy.keys = true, 2
	riders, _ = cy.riders("")
	r = &riders[0]
	for i, want := range []string{"INCR 0", "GET 1", "INCR 0", "GET 0", "INCR 0", "GET 1"} {
		r.next()
		if string(r.out) != string(resp.AppendCommand(nil, strings.Fields(want)...)) || r.owed.count != 1 || r.at != (i+1)%2 {
			t.Errorf("%d: %q, %d owed, at %d; want %s", i, r.out, r.owed.count, r.at, want)
		}
	}
}

func TestBarsAreDrawn(t *testing.T) {
	s := drawBars([]bar{{"set <P=1>", 0.5}, {"get", 2}})
	for _, want := range []string{"set &lt;P=1&gt;", ">0.50<", ">2.00<", "</svg>"} {
		if !strings.Contains(s, want) {
			t.Errorf("no %s in\n%s", want, s)
		}
	}
}

// TestSummary: medians of throughput and p99, p99.9 of all requests, the server's time in all.
func TestSummary(t *testing.T) {
	m := summary([]sample{
		{rps: 1, p99: 9, busy: 1, requests: 1000, steps: []step{{1, 990}, {9, 10}}},
		{rps: 3, p99: 7, busy: 2, requests: 1000, steps: []step{{1, 990}, {7, 10}}},
		{rps: 2, p99: 8, busy: 3, requests: 4000, steps: []step{{1, 3997}, {50, 3}}},
	})
	if m.rps != 2 || m.p99 != 8 || m.p999 != 9 || m.cpu() != 1000 {
		t.Errorf("%+v", m)
	}
}

// TestQuantile: between two values it is interpolated; one value is all of them.
func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		at   float64
		want float64
	}{{[]float64{3, 1, 2}, 0.5, 2}, {[]float64{4, 1, 2, 3}, 0.5, 2.5}, {[]float64{1, 2, 3, 4, 5}, 0.25, 2}, {[]float64{7}, 0.75, 7}} {
		if got := quantile(c.v, c.at); got != c.want {
			t.Errorf("quantile %v of %v: %v, want %v", c.at, c.v, got, c.want)
		}
	}
}

// TestAlternate: blocks are in opposite orders, all the same in number; the rate that was seen
// last says how much to send; and what drifts does not change a ratio.
func TestAlternate(t *testing.T) {
	how := comparison{slice: time.Second / 10, blocks: 4, least: 500}
	var order []string
	speed := 1.0 // of the machine, which gets slower all the time
	who := func(name string, rate float64) contestant {
		return func(requests int) (sample, error) {
			order = append(order, name)
			speed *= 0.95
			return sample{rps: rate * speed, requests: requests}, nil
		}
	}
	all, err := how.run(context.Background(), who("a", 11e4), who("b", 10e4))
	if err != nil {
		t.Fatal(err)
	}
	counted := order[len(order)-8:]
	if got := strings.Join(counted, ""); got != "abbaabba" {
		t.Errorf("order %s", got)
	}
	if len(all) != 2 || len(all[0]) != 4 || len(all[1]) != 4 {
		t.Fatalf("%d and %d slices", len(all[0]), len(all[1]))
	}
	if got, want := all[0][2].requests, int(all[0][1].rps/10); got != want {
		t.Errorf("%d requests, want %d", got, want)
	}
	if got := ratios(all[0], all[1], throughputOf); got.mid < 1.09 || got.mid > 1.11 || got.low > got.mid || got.high < got.mid {
		t.Errorf("ratio %v, quartiles %s", got, got.quartiles())
	}
}

// TestSlowSlices: slices that take longer than they are to are fewer, but never too few.
func TestSlowSlices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		how := comparison{slice: time.Second / 10, blocks: 100, least: 500}
		for took, want := range map[time.Duration]int{time.Second / 10: 100, 2 * time.Second: 8, time.Minute: fewestBlocks} {
			one := func(requests int) (sample, error) {
				time.Sleep(took)
				return sample{rps: float64(how.least) / took.Seconds(), requests: requests}, nil
			}
			all, err := how.run(t.Context(), one, one)
			if err != nil || len(all[0]) != want || len(all[1]) != want {
				t.Errorf("slices of %s: %d blocks, %v; want %d", took, len(all[0]), err, want)
			}
		}
	})
}

// TestReference: the quicker of two settings, and the server adjacent to both.
func TestReference(t *testing.T) {
	how := comparison{slice: time.Second / 10, blocks: 2, least: 500}
	var order string
	at := func(name string, rate float64) contestant {
		return func(requests int) (sample, error) {
			order += name
			return sample{rps: rate, requests: requests}, nil
		}
	}
	for want, rates := range map[float64][2]float64{1e5: {1e5, 9e4}, 2e5: {9e4, 2e5}} {
		ours, theirs, err := how.reference(t.Context(), at("r", 3e5), at("1", rates[0]), at("2", rates[1]))
		if err != nil || ours[0].rps != 3e5 || theirs[0].rps != want || len(ours) != 2 || len(theirs) != 2 {
			t.Errorf("%v: %+v, %+v, %v", rates, ours, theirs, err)
		}
		if !strings.HasSuffix(order, "1r22r1") {
			t.Errorf("order %s", order)
		}
	}
}

// TestSlicesEnd: what a contestant fails with ends the comparison, as does its context.
func TestSlicesEnd(t *testing.T) {
	how := comparison{slice: time.Second, blocks: 4, least: 1}
	broken := errors.New("broken")
	if _, err := how.run(t.Context(), func(int) (sample, error) { return sample{}, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	if _, err := how.run(ctx, func(n int) (sample, error) { return sample{rps: 1, requests: n}, nil }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// TestPlans: every plan is made of families that there are, flags leave less of
// it, and each family's command has what it needs.
func TestPlans(t *testing.T) {
	for name, p := range plans() {
		cells := 0
		for _, g := range p.grids {
			cells += len(g.cells())
		}
		if cells == 0 || p.rounds < 1 || p.slice <= 0 || p.budget <= 0 {
			t.Errorf("plan %q: %+v", name, p)
		}
	}
	p := plans()["full"]
	if err := p.limit(&options{families: []string{"get"}, fsyncs: []string{"always"}, depths: []int{7}, keys: 9, rounds: 1}); err != nil {
		t.Fatal(err)
	}
	if len(p.grids) != 1 || len(p.grids[0].cells()) != 1 || p.grids[0].cells()[0].depth != 7 || p.loadKeys != 9 || p.pauseKeys != 9 || p.rounds != 1 {
		t.Errorf("%+v", p)
	}
	if err := p.limit(&options{families: []string{"nonsense"}}); err == nil {
		t.Error("there is no such family")
	}
	for _, f := range families() {
		for _, command := range []string{f.command, f.before} {
			if words := fillIn(command, "k", "1", "v"); strings.ContainsAny(strings.Join(words, " "), "{}") {
				t.Errorf("%s: %q", f.name, words)
			}
		}
	}
}

// TestFamiliesHold: a command that adds to a key does not find another family's keys, which
// may be of another type, and one that replaces it need not begin anew.
func TestFamiliesHold(t *testing.T) {
	seen := map[string]string{}
	for _, f := range families() {
		holds := f.holds(64)
		if f.before != "" {
			continue // families with the same may share it
		}
		if replaces := strings.HasPrefix(f.command, "SET ") || strings.HasPrefix(f.command, "MSET "); replaces != (holds == "") {
			t.Errorf("%s: it begins with %q", f.name, holds)
		}
		if other, ok := seen[holds]; ok && holds != "" {
			t.Errorf("%s begins with what %s has left", f.name, other)
		}
		seen[holds] = f.name
	}
}

// TestRequests: a slice is a slice, within bounds.
func TestRequests(t *testing.T) {
	p := plan{rounds: 1, slice: time.Second / 2}
	for _, c := range []struct {
		rate           float64
		clients, depth int
		want           int
	}{{100_000, 50, 1, 50_000}, {0, 50, 1, 500}, {10, 50, 16, 1600}, {10, 50, 64, 5000}, {1e12, 50, 1, 50_000_000}, {100_000, 1000, 1, 100_000}} {
		if got := p.compare(c.clients, c.depth).requests(c.rate); got != c.want {
			t.Errorf("%v/s, %d clients, P=%d: %d requests, want %d", c.rate, c.clients, c.depth, got, c.want)
		}
	}
}

// TestFlagsOnly: the command that is shown has no paths of this machine.
func TestFlagsOnly(t *testing.T) {
	got := strings.Join(flagsOnly([]string{"-quick", "-regent", "/somewhere/regent", "-write", "BENCHMARKS.md"}), " ")
	if got != "-quick -write BENCHMARKS.md" {
		t.Error(got)
	}
}
