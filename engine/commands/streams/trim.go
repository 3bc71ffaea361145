package streams

import (
	"regent/engine"
	"regent/engine/spec"
)

func trims() []engine.Command {
	return []engine.Command{
		{Do: doXdel, Command: spec.Command{
			Name: "xdel", Arity: -3, Flags: spec.Write | spec.Fast, Since: "5.0.0",
			Complex: "O(1) for each entry",
			Summary: "Removes entries of a stream.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("id").Many()},
		}},
		{Do: doXtrim, Command: spec.Command{
			Name: "xtrim", Arity: -4, Flags: spec.Write, Since: "5.0.0",
			Complex: "O(N) in the entries that are removed",
			Summary: "Removes entries at the beginning of a stream.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0), trimArg()},
		}},
	}
}

func doXdel(c *engine.Ctx) {
	key := c.Args[1]
	en, s, ok := engine.WriteObject[*streamObject](c, key)
	switch {
	case !ok:
		return
	case s == nil:
		c.W.Int(0)
		return
	}
	ids, ok := strictIDs(c, c.Args[2:])
	if !ok {
		return
	}
	c.Changing(en)
	n := int64(0)
	for _, id := range ids {
		if s.Delete(id) {
			n++
		}
	}
	if n > 0 {
		c.Changed(key, en, s)
		c.Notify(engine.EventStream, "xdel", key)
		c.PropagateSelfN(n)
	}
	c.W.Int(n)
}

func doXtrim(c *engine.Ctx) {
	var t trimming
	if _, ok := t.parse(c, false); !ok {
		return
	}
	key := c.Args[1]
	en, s, ok := engine.WriteObject[*streamObject](c, key)
	switch {
	case !ok:
		return
	case s == nil:
		c.W.Int(0)
		return
	}
	c.Changing(en)
	n := s.Trim(t.Trim)
	if n > 0 {
		c.Notify(engine.EventStream, "xtrim", key)
		c.Changed(key, en, s)
		t.propagate(c, s, n, 0)
	}
	c.W.Int(n)
}
