package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// The quick half of `make clients`: the clients of go-redis, for as long as it takes that
// each works again. What is asserted is what must never be, not how long it takes.
const (
	quickFor  = 2 * time.Second
	quickFail = 300 * time.Millisecond
	// quickWorks is for a machine that has a lot else to do.
	quickWorks = time.Minute
)

func TestClientsOfGoRedis(t *testing.T) {
	redis.SetLogger(quiet{})
	dir := t.TempDir()
	p, err := newPlace(t.Context(), build(t, dir), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	for i, pr := range goClients() {
		if _, ok := frontOf(pr.face); ok {
			continue // haproxy_test.go
		}
		f := faults()[i%2] // a process that ends, and a planned change: what stands still takes longer
		t.Run(fmt.Sprintf("%s, %s", pr.name, f.name), func(t *testing.T) {
			r := p.try(t.Context(), pr, f, quickFail, quickFor)
			if err := r.fair(quickWorks); err != nil {
				t.Error(err)
			}
			t.Log(row(r))
		})
		if t.Failed() {
			for _, n := range p.Nodes {
				t.Logf("node %d:\n%s", n.Port, n.Log())
			}
			return
		}
	}
}

// TestRows: a result that is not as it must be is told in the table.
func TestRows(t *testing.T) {
	good := report{Version: "1", Writes: 10, Errors: 1, Gap: 200, Acked: 10}
	for _, try := range []struct {
		change func(r *result)
		want   string
	}{
		{func(*result) {}, ""},
		{func(r *result) { r.lost = 2 }, "2 values were acknowledged and lost"},
		{func(r *result) { r.Stale = 1 }, "1 reads were older than what had been acknowledged"},
		{func(r *result) { r.Gap, r.Said = 2001, "why" }, "it did not work for 2001 ms: why"},
		{func(r *result) { r.report = report{Said: "why"} }, "it wrote nothing: why"},
		{func(r *result) { r.err = os.ErrNotExist }, "file does not exist"},
	} {
		r := result{program: "c", report: good}
		try.change(&r)
		got := ""
		if err := r.fair(works); err != nil {
			got = err.Error()
		}
		if got != try.want {
			t.Errorf("%q, want %q", got, try.want)
		}
	}
}
