package sets

import (
	"regent/engine"
	"regent/engine/set"
	"regent/engine/spec"
)

func setReads() []engine.Command {
	return []engine.Command{
		{Do: doSismember, Command: spec.Command{
			Name: "sismember", Arity: 3, Flags: spec.ReadOnly | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Tells whether something is a member of a set.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("member")},
		}},
		{Do: doSmismember, Command: spec.Command{
			Name: "smismember", Arity: -3, Flags: spec.ReadOnly | spec.Fast,
			Since: "6.2.0", Complex: "O(N) in the number of members asked about",
			Summary: "Tells of several things whether they are members of a set.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("member").Many()},
		}},
		{Do: doScard, Command: spec.Command{
			Name: "scard", Arity: 2, Flags: spec.ReadOnly | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Returns the number of members of a set.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
		{Do: doSmembers, Command: spec.Command{
			Name: "smembers", Arity: 2, Flags: spec.ReadOnly, Since: "1.0.0", Complex: "O(N) in the size of the set",
			Summary: "Returns all members of a set.",
			Tips:    []string{"nondeterministic_output_order"},
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
		{Do: doSscan, Command: spec.Command{
			Name: "sscan", Arity: -3, Flags: spec.ReadOnly,
			Since: "2.8.0", Complex: "O(1) a call, O(N) for the whole iteration",
			Summary: "Walks through the members of a set step by step.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Key("key", 0), spec.Integer("cursor"),
				spec.Pattern("pattern").With("MATCH").Opt(),
				spec.Integer("count").With("COUNT").Opt(),
			},
		}},
	}
}

func doSismember(c *engine.Ctx) {
	if s, ok := readSet(c, c.Args[1]); ok {
		replyHas(c, s, c.Args[2])
	}
}

// replyHas replies with 1 if s, which may be nil, has the member, and 0 if not.
func replyHas(c *engine.Ctx, s *setObject, member []byte) {
	if s != nil && s.Has(member) {
		c.W.Int(1)
		return
	}
	c.W.Int(0)
}

func doSmismember(c *engine.Ctx) {
	s, ok := readSet(c, c.Args[1])
	if !ok {
		return
	}
	c.W.Array(len(c.Args) - 2)
	for _, m := range c.Args[2:] {
		replyHas(c, s, m)
	}
}

func doScard(c *engine.Ctx) {
	switch s, ok := readSet(c, c.Args[1]); {
	case !ok:
	case s == nil:
		c.W.Int(0)
	default:
		c.W.Int(int64(s.Len()))
	}
}

func doSmembers(c *engine.Ctx) {
	if s, ok := readSet(c, c.Args[1]); ok {
		replyMembers(c.W, s)
	}
}

// doSscan is SCAN in a set. As in Redis, options are not looked at where there
// is no set.
func doSscan(c *engine.Ctx) {
	at, ok := c.CursorArg(c.Args[2])
	if !ok {
		return
	}
	s, ok := readSet(c, c.Args[1])
	if !ok {
		return
	}
	if s == nil {
		c.ReplyScan(0, 0, nil)
		return
	}
	o, ok := c.ScanArgs(3)
	if !ok {
		return
	}
	if ints, ok := s.Ints(); ok {
		c.ScanInts(&o, func(f func(n int64)) { set.EachInt(ints, f) })
		return
	}
	c.ScanObject(&o, at, s.Scan)
}
