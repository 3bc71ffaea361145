package keys

import (
	"regent/engine"
	"regent/engine/glob"
	"regent/engine/spec"
)

func walkCommands() []engine.Command {
	return []engine.Command{
		{Do: doKeys, Locks: engine.LockEach, Command: spec.Command{
			Name: "keys", Arity: 2, Flags: spec.ReadOnly, Cats: spec.CatKeyspace | spec.CatDangerous,
			Since: "1.0.0", Complex: "O(N) in the number of keys in the database",
			Summary: "Lists the keys that match a pattern.",
			Tips:    []string{"request_policy:all_shards", "nondeterministic_output_order"},
			Args:    spec.Args{spec.Pattern("pattern")},
		}},
		{Do: doScan, Locks: engine.LockEach, Command: spec.Command{
			Name: "scan", Arity: -2, Flags: spec.ReadOnly,
			Since: "2.8.0", Complex: "O(1) a call, O(N) for the whole iteration",
			Summary: "Walks through the keys of a database step by step.",
			Tips:    []string{"nondeterministic_output", "request_policy:special"},
			Args: spec.Args{
				spec.Integer("cursor"),
				spec.Pattern("pattern").With("MATCH").Opt(),
				spec.Integer("count").With("COUNT").Opt(),
				spec.String("type").With("TYPE").Added("6.0.0").Opt(),
			},
		}},
		{Do: doRandomkey, Locks: engine.LockEach, Command: spec.Command{
			Name: "randomkey", Arity: 1, Flags: spec.ReadOnly, Since: "1.0.0", Complex: "O(1)",
			Summary: "Returns the name of a random key.",
			Tips:    []string{"request_policy:all_shards", "nondeterministic_output"},
		}},
	}
}

func doKeys(c *engine.Ctx) {
	pattern := c.Args[1]
	all := string(pattern) == "*"
	mark, n := c.W.Mark(), 0
	c.EachKey(func(en engine.Entry) bool {
		if (all || glob.Match(pattern, en.Key())) && !c.Expired(en) {
			c.W.Bulk(en.Key())
			n++
		}
		return true
	})
	c.W.ArrayAt(mark, n)
}

func doRandomkey(c *engine.Ctx) {
	if key := c.RandomKey(); key != nil {
		c.W.Bulk(key)
		return
	}
	c.W.Null()
}

func doScan(c *engine.Ctx) {
	cursor, ok := c.CursorArg(c.Args[1])
	if !ok {
		return
	}
	if o, ok := c.ScanArgs(2); ok {
		c.ScanKeys(&o, cursor)
	}
}
