package engine_test

import (
	"testing"

	"regent/engine"
	"regent/engine/enginetest"
)

// A lookingHost does something whenever the clock is read.
type lookingHost struct {
	*enginetest.Host
	look func()
}

func (h *lookingHost) Now() int64 {
	if look := h.look; look != nil {
		h.look = nil
		look()
		h.look = look
	}
	return h.Host.Now()
}

// TestATransactionIsAppliedAsOne: from its first command on nobody gets at the keys of the
// others, so that a reader sees all of it or nothing. An applier reads the clock when it
// begins with a command.
func TestATransactionIsAppliedAsOne(t *testing.T) {
	var host *lookingHost
	s := enginetest.NewEngine(t, func(o *engine.Options) {
		host = &lookingHost{Host: o.Host.(*enginetest.Host)}
		o.Host = host
	})
	keys := []string{"a", "b", "c"}
	other, looks := s.NewApplier(), 0
	host.look = func() {
		looks++
		for _, key := range keys {
			if done, err := other.ApplyNow(enginetest.Raw("APPEND", key, "between")); done || err != nil {
				t.Errorf("%s was to be had within the transaction (%v)", key, err)
			}
		}
	}
	a := s.NewApplier()
	apply := func(args ...string) {
		t.Helper()
		if err := a.Apply(enginetest.Raw(args...)); err != nil {
			t.Fatal(err)
		}
	}
	apply("MULTI")
	for _, key := range keys {
		apply("SET", key, "v")
	}
	apply("EXEC")
	if looks == 0 {
		t.Fatal("nobody looked")
	}
	host.look = nil
	for _, key := range keys {
		if got := s.Client().Do("GET", key); got != "$1\r\nv\r\n" {
			t.Errorf("%s is %q", key, got)
		}
		if done, err := other.ApplyNow(enginetest.Raw("DEL", key)); !done || err != nil {
			t.Errorf("%s is still locked (%v)", key, err)
		}
	}
}
