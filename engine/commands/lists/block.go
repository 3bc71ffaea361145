package lists

import (
	"regent/engine"
	"regent/engine/spec"
)

func listBlocks() []engine.Command {
	const flags = spec.Write | spec.NoScript | spec.Blocking
	popArgs := spec.Args{spec.Key("key", 0).Many(), spec.Double("timeout")}
	return []engine.Command{
		{Do: func(c *engine.Ctx) { blockingPop(c, left) }, Command: spec.Command{
			Name: "blpop", Arity: -3, Flags: flags, Since: "2.0.0", Complex: "O(N) in the number of keys",
			Summary: "Takes an element from the head of a list, and waits until there is one.",
			Keys:    spec.Keys{spec.Span(1, -2, 1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete)},
			Args:    popArgs,
		}},
		{Do: func(c *engine.Ctx) { blockingPop(c, right) }, Command: spec.Command{
			Name: "brpop", Arity: -3, Flags: flags, Since: "2.0.0", Complex: "O(N) in the number of keys",
			Summary: "Takes an element from the tail of a list, and waits until there is one.",
			Keys:    spec.Keys{spec.Span(1, -2, 1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete)},
			Args:    popArgs,
		}},
		{Do: doBlmpop, Command: spec.Command{
			Name: "blmpop", Arity: -5, Flags: spec.Write | spec.Blocking, Since: "7.0.0",
			Complex: "O(N+M) in the number of keys and of the elements returned",
			Summary: "Takes elements from an end of the first of several lists that is there, and waits until there is one.",
			Keys:    spec.Keys{spec.NumKeys(2, spec.KeyRW|spec.KeyAccess|spec.KeyDelete)},
			Args:    append(spec.Args{spec.Double("timeout")}, multiPopArgs()...),
		}},
		{Do: doBlmove, Command: spec.Command{
			Name: "blmove", Arity: 6, Flags: flags | spec.DenyOOM, Since: "6.2.0", Complex: "O(1)",
			Summary: "Moves an element from an end of one list to an end of another and returns it, and waits until there is one.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete), spec.One(2, spec.KeyRW|spec.KeyInsert)},
			Args:    append(moveArgs(), spec.Double("timeout")),
		}},
		{Do: doBrpoplpush, Command: spec.Command{
			Name: "brpoplpush", Arity: 4, Flags: flags | spec.DenyOOM, Since: "2.2.0", Complex: "O(1)",
			Summary:         "Moves an element from the tail of one list to the head of another and returns it, and waits until there is one.",
			DeprecatedSince: "6.2.0", ReplacedBy: "`BLMOVE` with the `RIGHT` and `LEFT` arguments",
			Keys: spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete), spec.One(2, spec.KeyRW|spec.KeyInsert)},
			Args: spec.Args{spec.Key("source", 0), spec.Key("destination", 1), spec.Double("timeout")},
		}},
	}
}

// blockingPop is BLPOP and BRPOP.
func blockingPop(c *engine.Ctx, s side) {
	last := len(c.Args) - 1
	if deadline, ok := c.TimeoutArg(c.Args[last]); ok {
		pop{side: s}.orBlock(c, c.Args[1:last], deadline)
	}
}

func doBlmpop(c *engine.Ctx) {
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
		Wants:  engine.IsA[*listObject],
		Take:   func(c *engine.Ctx, key []byte) { p.first(c, [][]byte{key}) },
		Counts: p.count > 0,
	}, deadline)
}

func doBlmove(c *engine.Ctx) {
	m, ok := moveArg(c)
	if !ok {
		return
	}
	if deadline, ok := c.TimeoutArg(c.Args[5]); ok {
		m.orBlock(c, deadline)
	}
}

func doBrpoplpush(c *engine.Ctx) {
	if deadline, ok := c.TimeoutArg(c.Args[3]); ok {
		listMove{src: c.Args[1], dst: c.Args[2], from: right, to: left, old: true}.orBlock(c, deadline)
	}
}

// orBlock moves an element, or waits for one.
func (m listMove) orBlock(c *engine.Ctx, deadline int64) {
	if m.try(c) {
		return
	}
	kept := engine.CloneArgs([][]byte{m.src, m.dst})
	m.src, m.dst, m.words = kept[0], kept[1], nil
	c.Block(engine.Waiter{
		Keys:     [][]byte{m.src},
		Also:     m.dst,
		Wants:    engine.IsA[*listObject],
		Take:     func(c *engine.Ctx, _ []byte) { m.try(c) },
		NullBulk: true,
	}, deadline)
}
