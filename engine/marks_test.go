package engine_test

import (
	"fmt"
	"testing"

	"regent/engine"
	"regent/engine/enginetest"
)

// TestReadersDependOnWhatTheyRead: a reader depends on the last write to its key,
// and not on every write to other keys behind the same lock.
func TestReadersDependOnWhatTheyRead(t *testing.T) {
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Shards = 1 })
	w, r := s.Client(), s.Client()
	at := func(args ...string) int64 {
		r.Barrier = 0
		r.Do(args...)
		return r.Barrier
	}
	wrote := func(args ...string) int64 {
		w.Barrier = 0
		w.Do(args...)
		return w.Barrier
	}
	wrote("SET", "k0", "v")
	spared := 0
	for i := range 200 {
		key := fmt.Sprint("k", i)
		if i > 0 && at("GET", key) < wrote("SET", "other", key) {
			spared++
		}
		end := wrote("SET", key, "v")
		if got := at("GET", key); got != end {
			t.Fatalf("a reader of %s depends on offset %d, it was written at %d", key, got, end)
		}
		if got := at("EXISTS", "k0", key); got < end {
			t.Fatalf("a reader of several keys depends on offset %d, one was written at %d", got, end)
		}
	}
	last := wrote("SET", "other", "v")
	free := 0
	for i := range 200 {
		if at("GET", fmt.Sprint("k", i)) < last {
			free++
		}
	}
	if free < 190 {
		t.Errorf("only %d of 200 readers of other keys do not depend on the last write", free)
	}
	// What touches several keys, or all, is seen by everybody.
	for _, args := range [][]string{{"MSET", "x", "1", "y", "2"}, {"FLUSHDB"}} {
		end := wrote(args...)
		if got := at("GET", "k7"); got < end && args[0] == "FLUSHDB" {
			t.Errorf("after %q a reader depends on offset %d, not %d", args, got, end)
		}
		if got := at("GET", "x"); got < end {
			t.Errorf("after %q a reader of x depends on offset %d, not %d", args, got, end)
		}
	}
	w.Do("SET", "mortal", "1", "PX", "5")
	s.Host.Advance(1000000000)
	if got := at("GET", "mortal"); got == 0 {
		t.Error("that a key has expired depends on nothing")
	}
	end := s.Log.End()
	s.Freeze(func() { s.SetFloor(end + 100) })
	if got := at("GET", "k1"); got != end+100 {
		t.Errorf("a reader depends on %d, the floor is %d", got, end+100)
	}
	s.Freeze(func() { s.Reset() })
	if got := at("GET", "k1"); got != 0 {
		t.Errorf("after a reset a reader depends on %d", got)
	}
}
