package streams

import (
	"regent/engine"
	"regent/engine/spec"
	"regent/engine/stream"
	"regent/resp"
)

func ranges() []engine.Command {
	return []engine.Command{
		{Do: doXlen, Command: spec.Command{
			Name: "xlen", Arity: 2, Flags: spec.ReadOnly | spec.Fast, Since: "5.0.0",
			Complex: "O(1)",
			Summary: "Returns the number of entries of a stream.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
		{Do: func(c *engine.Ctx) { xrange(c, c.Args[2], c.Args[3], false) }, Weighs: true, Command: spec.Command{
			Name: "xrange", Arity: -4, Flags: spec.ReadOnly, Since: "5.0.0",
			Complex: "O(N) in the entries returned",
			Summary: "Returns the entries of a stream between two IDs.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("start"), spec.String("end"), spec.Integer("count").With("COUNT").Opt()},
		}},
		{Do: func(c *engine.Ctx) { xrange(c, c.Args[3], c.Args[2], true) }, Weighs: true, Command: spec.Command{
			Name: "xrevrange", Arity: -4, Flags: spec.ReadOnly, Since: "5.0.0",
			Complex: "O(N) in the entries returned",
			Summary: "Returns the entries of a stream between two IDs, the last one first.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("end"), spec.String("start"), spec.Integer("count").With("COUNT").Opt()},
		}},
	}
}

func doXlen(c *engine.Ctx) {
	switch s, ok := read(c, c.Args[1]); {
	case !ok:
	case s == nil:
		c.W.Int(0)
	default:
		c.W.Int(int64(s.Stream.Len()))
	}
}

func xrange(c *engine.Ctx, start, end []byte, reverse bool) {
	from, ok := startArg(c, start)
	if !ok {
		return
	}
	to, ok := endArg(c, end)
	if !ok {
		return
	}
	count := int64(-1)
	for i := 4; i < len(c.Args); i += 2 {
		if i+1 == len(c.Args) || !spec.EqualFold(c.Args[i], "count") {
			c.Err(resp.ErrSyntax)
			return
		}
		if count, ok = c.IntArg(c.Args[i+1]); !ok {
			return
		}
		count = max(count, 0)
	}
	s, ok := read(c, c.Args[1])
	switch {
	case !ok:
	case s == nil:
		c.W.Array(0)
	case count == 0:
		c.W.NullArray()
	default:
		replyRange(c, s.Walk(from, to, reverse), max(count, 0))
	}
}

// replyOne replies with the entry id, which is there.
func replyOne(c *engine.Ctx, s *streamObject, id stream.ID) bool {
	w := s.Walk(id, id, false)
	if !w.Next() {
		return false
	}
	replyEntry(c, &w)
	return true
}
