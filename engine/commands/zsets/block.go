package zsets

import (
	"regent/engine"
	"regent/engine/spec"
)

func blockingPops() []engine.Command {
	return []engine.Command{
		{Do: doBzpopmin, Command: spec.Command{
			Name: "bzpopmin", Arity: -3, Flags: spec.Write | spec.NoScript | spec.Blocking | spec.Fast, Since: "5.0.0",
			Complex: "O(log(N))",
			Summary: "Takes the member with the lowest score out of one of several sorted sets, and waits until there is one.",
			Keys:    spec.Keys{spec.Span(1, -2, 1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0).Many(), spec.Double("timeout")},
		}},
		{Do: doBzpopmax, Command: spec.Command{
			Name: "bzpopmax", Arity: -3, Flags: spec.Write | spec.NoScript | spec.Blocking | spec.Fast, Since: "5.0.0",
			Complex: "O(log(N))",
			Summary: "Takes the member with the highest score out of one of several sorted sets, and waits until there is one.",
			Keys:    spec.Keys{spec.Span(1, -2, 1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0).Many(), spec.Double("timeout")},
		}},
		{Do: doBzmpop, Command: spec.Command{
			Name: "bzmpop", Arity: -5, Flags: spec.Write | spec.Blocking, Since: "7.0.0",
			Complex: "O(K+M*log(N)) in the keys, the members taken and the size of the set",
			Summary: "Takes members out of the first of several sorted sets that is there, and waits until there is one.",
			Keys:    spec.Keys{spec.NumKeys(2, spec.KeyRW|spec.KeyAccess|spec.KeyDelete)},
			Args: spec.Args{
				spec.Double("timeout"),
				spec.Integer("numkeys"),
				spec.Key("key", 0).Many(),
				spec.OneOf("where", spec.Word("min", "MIN"), spec.Word("max", "MAX")),
				spec.Integer("count").With("COUNT").Opt(),
			},
		}},
	}
}

func doBzpopmin(c *engine.Ctx) { blockingPop(c, lowest) }
func doBzpopmax(c *engine.Ctx) { blockingPop(c, highest) }

func blockingPop(c *engine.Ctx, e end) {
	last := len(c.Args) - 1
	if deadline, ok := c.TimeoutArg(c.Args[last]); ok {
		pop{end: e}.orBlock(c, c.Args[1:last], deadline)
	}
}

func doBzmpop(c *engine.Ctx) {
	keys, p, ok := multiPop(c, 2)
	if !ok {
		return
	}
	if deadline, ok := c.TimeoutArg(c.Args[1]); ok {
		p.orBlock(c, keys, deadline)
	}
}

// orBlock takes from the first of the keys that is there, or waits.
func (p pop) orBlock(c *engine.Ctx, keys [][]byte, deadline int64) {
	if p.first(c, keys) {
		return
	}
	c.Block(engine.Waiter{
		Keys:   keys,
		Wants:  engine.IsA[*zsetObject],
		Take:   func(c *engine.Ctx, key []byte) { p.first(c, [][]byte{key}) },
		Counts: true,
	}, deadline)
}
