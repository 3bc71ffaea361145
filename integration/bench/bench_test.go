package main

import (
	"strings"
	"testing"
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

Summary:
  throughput summary: 210526.31 requests per second
`

func TestParseBenchmark(t *testing.T) {
	s, err := parseBenchmark(benchmarkOutput)
	if want := (sample{rps: 210526.31, p99: 3.351, p999: 5.567}); s != want || err != nil {
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

func TestBarsAreDrawn(t *testing.T) {
	s := drawBars([]bar{{"set <P=1>", 0.5}, {"get", 2}})
	for _, want := range []string{"set &lt;P=1&gt;", ">0.50<", ">2.00<", "</svg>"} {
		if !strings.Contains(s, want) {
			t.Errorf("no %s in\n%s", want, s)
		}
	}
}

// TestMedian: each figure's own middle; the server's time is a mean.
func TestMedian(t *testing.T) {
	m := median([]sample{
		{rps: 1, p99: 9, p999: 5, busy: 1, requests: 1000}, {rps: 3, p99: 7, p999: 5, busy: 2, requests: 1000}, {rps: 2, p99: 8, p999: 6, busy: 3, requests: 4000},
	})
	if m.rps != 2 || m.p99 != 8 || m.p999 != 5 || m.cpu() != 1000 {
		t.Errorf("%+v", m)
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

// TestRequests: a slice is a slice, within bounds.
func TestRequests(t *testing.T) {
	p := plan{slice: time.Second / 2}
	for _, c := range []struct {
		rate  float64
		depth int
		want  int
	}{{100_000, 1, 50_000}, {0, 1, 500}, {10, 64, 5000}, {1e12, 1, 50_000_000}} {
		if got := p.requests(c.rate, c.depth); got != c.want {
			t.Errorf("%v/s, P=%d: %d requests, want %d", c.rate, c.depth, got, c.want)
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
