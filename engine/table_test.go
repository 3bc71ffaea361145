package engine_test

import (
	"testing"

	"regent/engine"
	"regent/engine/spec"
)

// TestEveryCommandHasAHandler: a literal without one would panic when called, so
// there is no table with one.
func TestEveryCommandHasAHandler(t *testing.T) {
	do := func(c *engine.Ctx) { c.W.OK() }
	for name, cmd := range map[string]engine.Command{
		"alone":      {Command: spec.Command{Name: "x-none", Arity: 1}},
		"subcommand": {Do: do, Command: spec.Command{Name: "x-none", Arity: 1}, Subs: []engine.Command{{Command: spec.Command{Name: "sub", Arity: 2}}}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("there is a table with a command that has no handler")
				}
			}()
			engine.NewTable(engine.Room{Commands: []engine.Command{cmd}})
		})
	}
}

// TestRoomGivesGroupAndCategories: to what can be carried out and names none.
func TestRoomGivesGroupAndCategories(t *testing.T) {
	do := func(c *engine.Ctx) { c.W.OK() }
	room := engine.Room{Group: spec.GroupStream, Cats: spec.CatStream, Commands: []engine.Command{
		{Do: do, Command: spec.Command{Name: "x-plain", Arity: 1, Flags: spec.Fast}},
		{Do: do, Command: spec.Command{Name: "x-own", Arity: 1, Flags: spec.Fast, Cats: spec.CatHash, Group: spec.GroupHash}},
		{Command: spec.Command{Name: "x-box", Arity: -2}, Subs: []engine.Command{{Do: do, Command: spec.Command{Name: "sub", Arity: 2}}}},
	}}
	for range 2 { // a room is a value: a table changes nothing in it
		table := engine.NewTable(room)
		for name, want := range map[string]struct {
			group spec.Group
			cats  spec.Categories
		}{
			"x-plain":   {spec.GroupStream, spec.CatStream | spec.CatFast},
			"x-own":     {spec.GroupHash, spec.CatHash | spec.CatFast},
			"x-box":     {spec.GroupStream, spec.CatSlow},
			"x-box|sub": {spec.GroupStream, spec.CatStream | spec.CatSlow},
		} {
			cmd := table.Named([]byte(name))
			if cmd == nil || cmd.Group != want.group || cmd.Cats != want.cats {
				t.Errorf("%s: %+v, want group %s and categories %s", name, cmd, want.group, want.cats.Names())
			}
		}
	}
}
