package zsets

import (
	"strconv"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/resp"
)

func pops() []engine.Command {
	return []engine.Command{
		{Do: doZpopmin, Command: spec.Command{
			Name: "zpopmin", Arity: -2, Flags: spec.Write | spec.Fast, Since: "5.0.0",
			Complex: "O(log(N)) for each member",
			Summary: "Takes the members with the lowest scores out of a sorted set.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("count").Opt()},
		}},
		{Do: doZpopmax, Command: spec.Command{
			Name: "zpopmax", Arity: -2, Flags: spec.Write | spec.Fast, Since: "5.0.0",
			Complex: "O(log(N)) for each member",
			Summary: "Takes the members with the highest scores out of a sorted set.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("count").Opt()},
		}},
		{Do: doZmpop, Sized: true, Command: spec.Command{
			Name: "zmpop", Arity: -4, Flags: spec.Write, Since: "7.0.0",
			Complex: "O(K+M*log(N)) in the keys, the members taken and the size of the set",
			Summary: "Takes members out of the first of several sorted sets that is there.",
			Keys:    spec.Keys{spec.NumKeys(1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete)},
			Args: spec.Args{
				spec.Integer("numkeys"),
				spec.Key("key", 0).Many(),
				spec.OneOf("where", spec.Word("min", "MIN"), spec.Word("max", "MAX")),
				spec.Integer("count").With("COUNT").Opt(),
			},
		}},
	}
}

// An end is an end of a sorted set.
type end bool

const (
	lowest  end = false
	highest end = true
)

func (e end) popName() []byte {
	if e == lowest {
		return []byte("ZPOPMIN")
	}
	return []byte("ZPOPMAX")
}

func (e end) event() string {
	if e == lowest {
		return "zpopmin"
	}
	return "zpopmax"
}

func doZpopmin(c *engine.Ctx) { popEnd(c, lowest) }
func doZpopmax(c *engine.Ctx) { popEnd(c, highest) }

func popEnd(c *engine.Ctx, e end) {
	count, nested := int64(1), false
	switch {
	case len(c.Args) > 3:
		c.Err(resp.ErrSyntax)
		return
	case len(c.Args) == 3:
		var ok bool
		if count, ok = decimal.Parse(c.Args[2]); !ok || count < 0 {
			c.Err(resp.ErrMustBePositive)
			return
		}
		nested = c.W.Proto() == resp.RESP3
	}
	key := c.Args[1]
	en, z, ok := engine.WriteObject[*zsetObject](c, key)
	if !ok {
		return
	}
	n := 0
	if z != nil {
		n = int(min(count, int64(z.Len())))
	}
	if nested {
		c.W.Array(n)
	} else {
		c.W.Array(2 * n)
	}
	if n > 0 {
		take(c, key, en, z, e, n, nested)
		c.PropagateSelfN(int64(n))
	}
}

// take replies with the n members at an end of z, each an array with its score if they
// are nested, and removes them.
func take(c *engine.Ctx, key []byte, en engine.Entry, z *zsetObject, e end, n int, nested bool) {
	from := 0
	if e == highest {
		from = z.Len() - 1
	}
	z.Walk(from, n, e == highest, func(b []byte, score float64) bool {
		if nested {
			c.W.Array(2)
		}
		c.W.Bulk(b)
		c.W.Double(score)
		return true
	})
	if e == highest {
		from -= n - 1
	}
	gone := takeOut(c, key, en, z, from, n)
	c.Notify(engine.EventZset, e.event(), key)
	c.NotifyGone(key, gone)
}

// A pop is what ZMPOP and the blocking pops take from one of several keys.
type pop struct {
	end   end
	count int64 // at most so many; 0: one, and the reply shows no array of it
}

// from takes from the sorted set z at key, replies with key and members, and propagates
// the plain pop.
func (p pop) from(c *engine.Ctx, key []byte, en engine.Entry, z *zsetObject) {
	if p.count == 0 {
		c.W.Array(3)
		c.W.Bulk(key)
		take(c, key, en, z, p.end, 1, false)
		c.Propagate(p.end.popName(), key)
		return
	}
	n := int(min(p.count, int64(z.Len())))
	c.W.Array(2)
	c.W.Bulk(key)
	c.W.Array(n)
	take(c, key, en, z, p.end, n, true)
	c.PropagateN(int64(n), p.end.popName(), key, strconv.AppendInt(nil, int64(n), 10))
}

// first takes from the first of the keys that is there; false: there is none, and
// nothing was written.
func (p pop) first(c *engine.Ctx, keys [][]byte) bool {
	return engine.FirstOf(c, keys, func(key []byte, en engine.Entry, z *zsetObject) { p.from(c, key, en, z) })
}

func doZmpop(c *engine.Ctx) {
	keys, p, ok := multiPop(c, 1)
	if ok && !p.first(c, keys) {
		c.W.NullArray()
	}
}

// multiPop reads the arguments of ZMPOP and BZMPOP from numkeys on; false: an error was
// written.
func multiPop(c *engine.Ctx, at int) (keys [][]byte, p pop, ok bool) {
	keys, p.count, ok = c.PopArgs(at, func(word []byte) bool {
		switch {
		case spec.EqualFold(word, "min"):
		case spec.EqualFold(word, "max"):
			p.end = highest
		default:
			c.Err(resp.ErrSyntax)
			return false
		}
		return true
	})
	return keys, p, ok
}
