package repl_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"regent/cluster/clustertest"
	"regent/cluster/repl"
	"regent/engine"
	"regent/engine/enginetest"
	"regent/resp"
)

// TestQuicklyLeavesWhatMustWait: however the two ways of applying follow each other, and
// whichever goroutine has the keys, each record is carried out once, in order.
func TestQuicklyLeavesWhatMustWait(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := enginetest.NewEngine(t)
		log := clustertest.NewLog()
		a := repl.NewApplier(e.Engine, log.Stream(), 0, 0)
		want := 0
		rt.Repeat(map[string]func(*rapid.T){
			"one":  func(*rapid.T) { want++; incr(log, 1) },
			"many": func(*rapid.T) { want += 2; incr(log, 2) },
			"quickly": func(rt *rapid.T) {
				if a.Quickly(log.End()) && a.Applied() != log.End() {
					rt.Fatalf("applied up to %d of %d, and that is all", a.Applied(), log.End())
				}
			},
			"while all is locked": func(rt *rapid.T) {
				at := a.Applied()
				e.Freeze(func() {
					if a.Quickly(log.End()) && at != log.End() { // SELECT has no key
						rt.Fatalf("applied up to %d of %d while others have the keys", a.Applied(), log.End())
					}
				})
			},
			"at leisure": func(rt *rapid.T) {
				if err := a.To(log.End(), func() bool { return true }); err != nil {
					rt.Fatal(err)
				}
				if a.Applied() != log.End() {
					rt.Fatalf("applied up to %d of %d", a.Applied(), log.End())
				}
				c := e.Client()
				defer e.EndSession(c.Session)
				if got := c.Do("GET", "n"); want > 0 && got != fmt.Sprintf("$%d\r\n%d\r\n", len(fmt.Sprint(want)), want) {
					rt.Fatalf("n is %q after %d", got, want)
				}
			},
		})
	})
}

// TestEveryRecordIsCarriedOut, whatever its command and its number of words.
func TestEveryRecordIsCarriedOut(t *testing.T) {
	e := enginetest.NewEngine(t)
	log := clustertest.NewLog()
	for i, words := range [][]string{{"SET", "a", "1"}, {"INCR", "b"}, {"SET", "c", "1", "PXAT", "99999999999999"}, {"DEL", "b"}} {
		if err := log.Stream().AppendRaw(log.End(), resp.AppendCommand(nil, words...)); err != nil {
			t.Fatal(i, err)
		}
	}
	a := repl.NewApplier(e.Engine, log.Stream(), 0, 0)
	if err := a.To(log.End(), func() bool { return true }); err != nil {
		t.Fatal(err)
	}
	c := e.Client()
	defer e.EndSession(c.Session)
	if got := c.Do("MGET", "a", "b", "c"); got != "*3\r\n$1\r\n1\r\n$-1\r\n$1\r\n1\r\n" {
		t.Errorf("a, b, c are %q", got)
	}
}

// incr appends INCR n, so many times in one unit.
func incr(log *clustertest.Log, times int) {
	e := &engine.Effects{}
	for range times {
		e.Buf = resp.AppendCommand(e.Buf, []byte("INCR"), []byte("n"))
		e.Recs = append(e.Recs, engine.Effect{End: len(e.Buf)})
	}
	log.Append(e)
	_ = log.Seal()
}
