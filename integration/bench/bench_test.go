package main

import (
	"strings"
	"testing"
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

func TestBarsAreDrawn(t *testing.T) {
	s := drawBars([]bar{{"set <P=1>", 0.5}, {"get", 2}})
	for _, want := range []string{"set &lt;P=1&gt;", ">0.50<", ">2.00<", "</svg>"} {
		if !strings.Contains(s, want) {
			t.Errorf("no %s in\n%s", want, s)
		}
	}
}
