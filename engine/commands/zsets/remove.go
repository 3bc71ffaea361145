package zsets

import (
	"strconv"

	"regent/engine"
	"regent/engine/spec"
)

func removals() []engine.Command {
	return []engine.Command{
		{Do: doZrem, Member: 2, Command: spec.Command{
			Name: "zrem", Arity: -3, Flags: spec.Write | spec.Fast, Since: "1.2.0",
			Complex: "O(log(N)) for each member",
			Summary: "Removes members from a sorted set, and the key with the last of them.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("member").Many()},
		}},
		{Do: doZremrangebyrank, Command: spec.Command{
			Name: "zremrangebyrank", Arity: 4, Flags: spec.Write, Since: "2.0.0",
			Complex: "O(log(N)) for each member that is removed",
			Summary: "Removes the members of a sorted set in a range of ranks.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("start"), spec.Integer("stop")},
		}},
		{Do: doZremrangebyscore, Command: spec.Command{
			Name: "zremrangebyscore", Arity: 4, Flags: spec.Write, Since: "1.2.0",
			Complex: "O(log(N)) for each member that is removed",
			Summary: "Removes the members of a sorted set whose scores are in a range.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0), spec.Double("min"), spec.Double("max")},
		}},
		{Do: doZremrangebylex, Command: spec.Command{
			Name: "zremrangebylex", Arity: 4, Flags: spec.Write, Since: "2.8.9",
			Complex: "O(log(N)) for each member that is removed",
			Summary: "Removes the members of a sorted set in a range of bytes, where all have one score.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("min"), spec.String("max")},
		}},
	}
}

func doZrem(c *engine.Ctx) {
	key := c.Args[1]
	en, z, ok := engine.WriteObject[*zsetObject](c, key)
	if !ok {
		return
	}
	n := int64(0)
	if z != nil {
		c.Changing(en)
		for _, b := range c.Args[2:] {
			if z.Remove(b) {
				n++
			}
		}
	}
	if n > 0 {
		gone := c.Changed(key, en, z)
		c.PropagateSelfN(n)
		c.Notify(engine.EventZset, "zrem", key)
		c.NotifyGone(key, gone)
	}
	c.W.Int(n)
}

func doZremrangebyrank(c *engine.Ctx)  { removeRange(c, byRank) }
func doZremrangebyscore(c *engine.Ctx) { removeRange(c, byScore) }
func doZremrangebylex(c *engine.Ctx)   { removeRange(c, byLex) }

// oneScore reports whether all members have one score. Elsewhere a range of members is not
// defined, and what is in it depends on how the set is held, which another machine may do
// in another way: it is told the ranks.
func oneScore(z *zsetObject) bool {
	var first, last float64
	z.Walk(0, 1, false, func(_ []byte, score float64) bool { first = score; return true })
	z.Walk(z.Len()-1, 1, true, func(_ []byte, score float64) bool { last = score; return true })
	return first == last
}

// number is a rank as an argument.
func number(n int) []byte { return strconv.AppendInt(nil, int64(n), 10) }

func removeRange(c *engine.Ctx, by order) {
	s := selection{by: by, limit: -1}
	if !s.parse(c, c.Args[2], c.Args[3]) {
		return
	}
	key := c.Args[1]
	en, z, ok := engine.WriteObject[*zsetObject](c, key)
	if !ok {
		return
	}
	n := 0
	if z != nil {
		var from int
		if from, n = s.in(z); n > 0 {
			vague := by == byLex && !oneScore(z)
			gone := takeOut(c, key, en, z, from, n)
			if vague {
				c.PropagateN(int64(n), []byte("ZREMRANGEBYRANK"), key, number(from), number(from+n-1))
			} else {
				c.PropagateSelfN(int64(n))
			}
			c.Notify(engine.EventZset, c.Cmd.Name, key)
			c.NotifyGone(key, gone)
		}
	}
	c.W.Int(int64(n))
}

// takeOut removes n members of z, which is at en, from a rank on.
func takeOut(c *engine.Ctx, key []byte, en engine.Entry, z *zsetObject, from, n int) (gone bool) {
	c.Heavy(n * bytesPerMember)
	c.Changing(en)
	z.RemoveRange(from, n)
	return c.Changed(key, en, z)
}

// bytesPerMember is what a member is taken to weigh in Ctx.Heavy.
const bytesPerMember = 64
