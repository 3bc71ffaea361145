package zsets

import (
	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/engine/zset"
)

func reads() []engine.Command {
	return []engine.Command{
		{Do: doZscore, Member: 2, Command: spec.Command{
			Name: "zscore", Arity: 3, Flags: spec.ReadOnly | spec.Fast, Since: "1.2.0",
			Complex: "O(1)",
			Summary: "Returns the score of a member of a sorted set.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("member")},
		}},
		{Do: doZmscore, Command: spec.Command{
			Name: "zmscore", Arity: -3, Flags: spec.ReadOnly | spec.Fast, Since: "6.2.0",
			Complex: "O(N) in the number of members asked about",
			Summary: "Returns the scores of several members of a sorted set.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("member").Many()},
		}},
		{Do: doZcard, Command: spec.Command{
			Name: "zcard", Arity: 2, Flags: spec.ReadOnly | spec.Fast, Since: "1.2.0",
			Complex: "O(1)",
			Summary: "Returns the number of members of a sorted set.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
		{Do: doZcount, Command: spec.Command{
			Name: "zcount", Arity: 4, Flags: spec.ReadOnly | spec.Fast, Since: "2.0.0",
			Complex: "O(log(N))",
			Summary: "Counts the members of a sorted set whose scores are in a range.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.Double("min"), spec.Double("max")},
		}},
		{Do: doZlexcount, Command: spec.Command{
			Name: "zlexcount", Arity: 4, Flags: spec.ReadOnly | spec.Fast, Since: "2.8.9",
			Complex: "O(log(N))",
			Summary: "Counts the members of a sorted set in a range of bytes, where all have one score.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("min"), spec.String("max")},
		}},
		{Do: doZrank, Member: 2, Command: spec.Command{
			Name: "zrank", Arity: 3, Flags: spec.ReadOnly | spec.Fast, Since: "2.0.0",
			Complex: "O(log(N))",
			Summary: "Returns how many members of a sorted set come before one of them.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("member")},
		}},
		{Do: doZrevrank, Member: 2, Command: spec.Command{
			Name: "zrevrank", Arity: 3, Flags: spec.ReadOnly | spec.Fast, Since: "2.0.0",
			Complex: "O(log(N))",
			Summary: "Returns how many members of a sorted set come after one of them.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("member")},
		}},
		{Do: doZscan, Command: spec.Command{
			Name: "zscan", Arity: -3, Flags: spec.ReadOnly, Since: "2.8.0",
			Complex: "O(1) a call, O(N) for the whole iteration",
			Summary: "Walks through the members of a sorted set and their scores step by step.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Key("key", 0),
				spec.Integer("cursor"),
				spec.Pattern("pattern").With("MATCH").Opt(),
				spec.Integer("count").With("COUNT").Opt(),
			},
		}},
	}
}

func doZscore(c *engine.Ctx) {
	if z, ok := read(c, c.Args[1]); ok {
		replyScore(c, z, c.Args[2])
	}
}

// replyScore replies with the score of b in z, which may be nil.
func replyScore(c *engine.Ctx, z *zsetObject, b []byte) {
	if z != nil {
		if at := z.Find(b); at.OK {
			c.W.Double(at.Score)
			return
		}
	}
	c.W.Null()
}

func doZmscore(c *engine.Ctx) {
	z, ok := read(c, c.Args[1])
	if !ok {
		return
	}
	c.W.Array(len(c.Args) - 2)
	for _, b := range c.Args[2:] {
		replyScore(c, z, b)
	}
}

func doZcard(c *engine.Ctx) {
	switch z, ok := read(c, c.Args[1]); {
	case !ok:
	case z == nil:
		c.W.Int(0)
	default:
		c.W.Int(int64(z.Len()))
	}
}

func doZcount(c *engine.Ctx)    { count(c, byScore) }
func doZlexcount(c *engine.Ctx) { count(c, byLex) }

func count(c *engine.Ctx, by order) {
	s := selection{by: by, limit: -1}
	if !s.parse(c, c.Args[2], c.Args[3]) {
		return
	}
	z, ok := read(c, c.Args[1])
	if !ok {
		return
	}
	n := 0
	if z != nil {
		_, n = s.in(z)
	}
	c.W.Int(int64(n))
}

func doZrank(c *engine.Ctx)    { rank(c, false) }
func doZrevrank(c *engine.Ctx) { rank(c, true) }

func rank(c *engine.Ctx, reverse bool) {
	z, ok := read(c, c.Args[1])
	if !ok {
		return
	}
	if z != nil {
		if at := z.Find(c.Args[2]); at.OK {
			n := z.Rank(c.Args[2], at.Score)
			if reverse {
				n = z.Len() - 1 - n
			}
			c.W.Int(int64(n))
			return
		}
	}
	c.W.Null()
}

// doZscan is SCAN in a sorted set. As in Redis, options are not looked at where there is
// none, and scores of a listpack are shown as they stand there.
func doZscan(c *engine.Ctx) {
	at, ok := c.CursorArg(c.Args[2])
	if !ok {
		return
	}
	z, ok := read(c, c.Args[1])
	if !ok {
		return
	}
	if z == nil {
		c.ReplyScan(0, 0, nil)
		return
	}
	o, ok := c.ScanArgs(3)
	if !ok {
		return
	}
	var text [decimal.DoubleLen]byte
	show := decimal.AppendDouble
	if z.IsSmall() {
		show = zset.AppendPacked
	}
	c.ScanPairs(&o, at, func(cursor uint64, f func(b, value []byte)) uint64 {
		return z.Scan(cursor, func(b []byte, score float64) { f(b, show(text[:0], score)) })
	})
}
