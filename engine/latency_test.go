package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/enginetest"
)

// TestLatencyEvents: what takes as long as the threshold says is remembered, with its
// second, the last time and the longest.
func TestLatencyEvents(t *testing.T) {
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Config.EnableDebugCommand.Set("yes") })
	c := s.Client()
	sleep := func(ms int) {
		c.Do("DEBUG", "SLEEP", fmt.Sprintf("0.%03d", ms))
		s.Host.Advance(time.Duration(ms) * time.Millisecond)
		if got := c.Go(); got != "+OK\r\n" {
			t.Fatalf("DEBUG SLEEP: %q", got)
		}
	}
	sleep(300) // nobody wants to know
	if got := c.Do("LATENCY", "LATEST"); got != "*0\r\n" {
		t.Errorf("without a threshold: %q", got)
	}
	c.Do("CONFIG", "SET", "latency-monitor-threshold", "200")
	sleep(400)
	s.Host.Advance(2 * time.Second)
	sleep(199)
	sleep(250)
	latest := enginetest.Parsed(t, c.Do("LATENCY", "LATEST")).Elems
	if len(latest) != 1 {
		t.Fatalf("%d events", len(latest))
	}
	if e := latest[0].Elems; e[0].Text != "command" || e[2].Text != "250" || e[3].Text != "400" {
		t.Errorf("%v", latest)
	}
	history := enginetest.Parsed(t, c.Do("LATENCY", "HISTORY", "command")).Elems
	if len(history) != 2 || history[0].Elems[1].Text != "400" || history[1].Elems[1].Text != "250" {
		t.Errorf("%v", history)
	}
	if got := c.Do("LATENCY", "GRAPH", "command"); !strings.Contains(got, "high 400 ms, low 250 ms (all time high 400 ms)") {
		t.Errorf("%q", got)
	}
	if got := c.Do("LATENCY", "DOCTOR"); !strings.Contains(got, "command: 2 latency spikes (average 325ms, mean deviation 75ms") || !strings.Contains(got, "SLOWLOG GET") {
		t.Errorf("%q", got)
	}
	if got := c.Do("LATENCY", "RESET", "command", "nosuch"); got != ":1\r\n" {
		t.Errorf("RESET: %q", got)
	}
}

// TestLatencystats: percentiles of what has run, as many as the directive names.
func TestLatencystats(t *testing.T) {
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Config.EnableDebugCommand.Set("yes") })
	c := s.Client()
	c.Do("CONFIG", "SET", "latency-tracking-info-percentiles", "50 99.9")
	c.Do("GET", "k")
	c.Do("DEBUG", "SLEEP", "0.5")
	s.Host.Advance(500 * time.Millisecond)
	c.Go()
	got := c.Do("INFO", "latencystats")
	for _, want := range []string{"# Latencystats\r\n", "latency_percentiles_usec_get:p50=0.063,p99.9=0.063\r\n", "latency_percentiles_usec_debug:p50=50", "latency_percentiles_usec_config|set:p50="} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	if hist := c.Do("LATENCY", "HISTOGRAM", "debug"); hist != "*2\r\n$5\r\ndebug\r\n*4\r\n$5\r\ncalls\r\n:1\r\n$14\r\nhistogram_usec\r\n*2\r\n:541065\r\n:1\r\n" {
		t.Errorf("%q", hist)
	}
	c.Do("CONFIG", "RESETSTAT")
	if got := c.Do("INFO", "latencystats"); !strings.HasPrefix(got, "$") || strings.Contains(got, "usec_get") || !strings.Contains(got, "config|resetstat") {
		t.Errorf("after RESETSTAT: %q", got)
	}
	c.Do("CONFIG", "SET", "latency-tracking", "no")
	if got := c.Do("INFO", "latencystats"); strings.Contains(got, "usec") {
		t.Errorf("without tracking: %q", got)
	}
}

// TestHistogramOfATransaction is that for commands inside others.
func TestHistogramOfATransaction(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	const calls = 100
	s.BeginBatch(c.Session, 2*calls, nil)
	c.Do("MULTI")
	for range calls {
		c.Do("SETNX", "k", "v")
	}
	c.Do("EXEC")
	s.EndBatch(c.Session, nil)
	want := "*4\r\n$5\r\ncalls\r\n:100\r\n$14\r\nhistogram_usec\r\n*2\r\n:1\r\n:100\r\n"
	if got := c.Do("LATENCY", "HISTOGRAM", "setnx"); !strings.HasSuffix(got, want) {
		t.Errorf("%q", got)
	}
	if got := c.Do("INFO", "commandstats"); !strings.Contains(got, "cmdstat_setnx:calls=100,") {
		t.Errorf("%q", got)
	}
}

// TestHistogramOfABatch: of the quick commands of a batch not all are timed, and all of
// them are counted.
func TestHistogramOfABatch(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	const calls = 100
	s.BeginBatch(c.Session, calls, nil)
	for range calls {
		c.Do("GET", "k")
	}
	s.EndBatch(c.Session, nil)
	want := "*4\r\n$5\r\ncalls\r\n:100\r\n$14\r\nhistogram_usec\r\n*2\r\n:1\r\n:100\r\n"
	if got := c.Do("LATENCY", "HISTOGRAM", "get"); !strings.HasSuffix(got, want) {
		t.Errorf("%q", got)
	}
}
