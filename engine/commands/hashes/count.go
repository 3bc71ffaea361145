package hashes

import (
	"math"
	"math/big"
	"strconv"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/listpack"
	"regent/engine/spec"
	"regent/resp"
)

func hashCounters() []engine.Command {
	return []engine.Command{
		{Do: doHincrby, Command: spec.Command{
			Name: "hincrby", Arity: 4, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "2.0.0", Complex: "O(1)",
			Summary: "Adds an integer to that in a field of a hash.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("field"), spec.Integer("increment")},
		}},
		{Do: doHincrbyfloat, Command: spec.Command{
			Name: "hincrbyfloat", Arity: 4, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "2.6.0", Complex: "O(1)",
			Summary: "Adds a decimal number to that in a field of a hash.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("field"), spec.Double("increment")},
		}},
	}
}

// fieldFor looks up what a counter changes; there: the field is there.
func fieldFor(c *engine.Ctx) (en engine.Entry, h *hashObject, v listpack.Value, there, ok bool) {
	en, h, ok = engine.WriteObject[*hashObject](c, c.Args[1])
	if ok && h != nil {
		v, there = h.Get(c.Args[2])
	}
	return en, h, v, there, ok
}

func doHincrby(c *engine.Ctx) {
	by, ok := c.IntArg(c.Args[3])
	if !ok {
		return
	}
	en, h, v, there, ok := fieldFor(c)
	if !ok {
		return
	}
	n := v.Int
	if there && !v.IsInt {
		if n, ok = decimal.Parse(v.Str); !ok {
			c.Err(resp.ErrHashNotInteger)
			return
		}
	}
	if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
		c.Err(resp.ErrOverflow)
		return
	}
	n += by
	var text decimal.Text
	pair := [2][]byte{c.Args[2], text.Of(n)}
	put(c, c.Args[1], en, h, pair[:])
	c.Notify(engine.EventHash, "hincrby", c.Args[1])
	c.PropagateSelf()
	c.W.Int(n)
}

// doHincrbyfloat propagates the result: another machine need not calculate as this
// one does.
func doHincrbyfloat(c *engine.Ctx) {
	by, ok := decimal.ParseFloat(c.Args[3])
	if !ok {
		c.Err(resp.ErrNotFloat)
		return
	}
	if by.IsInf() {
		c.Err(resp.ErrNaNOrInfinityArg)
		return
	}
	en, h, v, there, ok := fieldFor(c)
	if !ok {
		return
	}
	was := decimal.NewFloat()
	if there {
		if was, ok = floatOf(v); !ok {
			c.Err(resp.ErrHashNotFloat)
			return
		}
	}
	sum, ok := decimal.AddFloats(was, by)
	if !ok {
		c.Err(resp.ErrNaNOrInfinity)
		return
	}
	out := decimal.AppendFloat(nil, sum)
	pair := [2][]byte{c.Args[2], out}
	put(c, c.Args[1], en, h, pair[:])
	c.Notify(engine.EventHash, "hincrbyfloat", c.Args[1])
	c.Propagate([]byte("HSET"), c.Args[1], c.Args[2], out)
	c.W.Bulk(out)
}

// floatOf is the number that stands in a field.
func floatOf(v listpack.Value) (*big.Float, bool) {
	if v.IsInt {
		return decimal.ParseFloat(strconv.AppendInt(nil, v.Int, 10))
	}
	return decimal.ParseFloat(v.Str)
}
