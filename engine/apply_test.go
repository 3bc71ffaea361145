package engine_test

import (
	"testing"

	"regent/engine"
	"regent/engine/enginetest"
	"regent/engine/spec"
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

// TestARecordIsAppliedUnderItsLock: while the handler of a record with one key is at work nobody
// else gets at that key, however the record is applied.
func TestARecordIsAppliedUnderItsLock(t *testing.T) {
	var other *engine.Applier
	looks := 0
	look := func(c *engine.Ctx) {
		looks++
		if done, err := other.ApplyNow(enginetest.Raw("APPEND", string(c.Args[1]), "between")); done || err != nil {
			t.Errorf("the key was to be had (%v)", err)
		}
		c.W.OK()
	}
	room := engine.Room{Group: spec.GroupString, Cats: spec.CatString, Commands: []engine.Command{{Do: look, Command: spec.Command{
		Name: "x-look", Arity: 2, Flags: spec.Write, Keys: spec.Keys{spec.One(1, spec.KeyRW|spec.KeyUpdate)},
	}}}}
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Rooms = append(o.Rooms, room) })
	other = s.NewApplier()
	a, record := s.NewApplier(), enginetest.Raw("X-LOOK", "k")
	if err := a.Apply(record); err != nil {
		t.Fatal(err)
	}
	if done, err := a.ApplyNow(record); !done || err != nil {
		t.Fatal(done, err)
	}
	if looks != 2 {
		t.Errorf("%d looks", looks)
	}
	if done, err := other.ApplyNow(enginetest.Raw("SET", "k", "v")); !done || err != nil {
		t.Errorf("it is still locked (%v)", err)
	}
}
