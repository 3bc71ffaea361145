package strings

import (
	"math"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/dict"
	"regent/engine/spec"
	"regent/resp"
)

func counters() []engine.Command {
	return []engine.Command{
		{Do: doIncr, Command: spec.Command{
			Name: "incr", Arity: 2, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Adds one to the integer at a key.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
		{Do: doIncrby, Command: spec.Command{
			Name: "incrby", Arity: 3, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Adds an integer to the integer at a key.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("increment")},
		}},
		{Do: doDecr, Command: spec.Command{
			Name: "decr", Arity: 2, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Subtracts one from the integer at a key.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
		{Do: doDecrby, Command: spec.Command{
			Name: "decrby", Arity: 3, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Subtracts an integer from the integer at a key.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("decrement")},
		}},
		{Do: doIncrbyfloat, Command: spec.Command{
			Name: "incrbyfloat", Arity: 3, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "2.6.0", Complex: "O(1)",
			Summary: "Adds a decimal number to the number at a key.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.Double("increment")},
		}},
	}
}

func doIncr(c *engine.Ctx) { addInt(c, 1) }
func doDecr(c *engine.Ctx) { addInt(c, -1) }

func doIncrby(c *engine.Ctx) {
	if by, ok := c.IntArg(c.Args[2]); ok {
		addInt(c, by)
	}
}

func doDecrby(c *engine.Ctx) {
	by, ok := c.IntArg(c.Args[2])
	if !ok {
		return
	}
	if by == math.MinInt64 { // its negative is out of range
		c.Err(resp.ErrDecrOverflow)
		return
	}
	addInt(c, -by)
}

// addInt adds by to the integer at the key, 0 when there is none.
func addInt(c *engine.Ctx, by int64) {
	key := c.Args[1]
	en := c.Write(key)
	var n, at int64
	inPlace := false
	if en.OK() {
		if n, inPlace = en.Int(); !inPlace {
			v, ok := c.StringOf(en)
			if !ok {
				return
			}
			if n, ok = c.IntArg(v.Bytes); !ok {
				return
			}
			at = en.ExpireAt()
		}
	}
	if (by > 0 && n > math.MaxInt64-by) || (by < 0 && n < math.MinInt64-by) {
		c.Err(resp.ErrOverflow)
		return
	}
	if n += by; inPlace {
		c.SetInt(en, n)
	} else {
		c.Put(key, dict.Value{Kind: dict.Int, Int: n}, at)
	}
	c.Notify(engine.EventString, "incrby", key)
	c.PropagateSelf()
	c.W.Int(n)
}

// doIncrbyfloat propagates the result: another machine need not calculate as
// this one does.
func doIncrbyfloat(c *engine.Ctx) {
	key := c.Args[1]
	en := c.Write(key)
	was, at := []byte("0"), int64(0)
	var buf [decimal.MaxLen]byte
	if en.OK() {
		v, ok := c.StringOf(en)
		if !ok {
			return
		}
		was, at = engine.Text(v, &buf), en.ExpireAt()
	}
	out, ok := floatSum(c, was, c.Args[2])
	if !ok {
		return
	}
	v := dict.Value{Kind: dict.Embstr, Bytes: out}
	if len(out) > engine.EmbstrMax {
		v.Kind = dict.Raw
	}
	c.Put(key, v, at)
	c.Notify(engine.EventString, "incrbyfloat", key)
	c.Propagate([]byte("SET"), key, out, []byte("KEEPTTL"))
	c.W.Bulk(out)
}

// floatSum is the sum of two texts as long doubles make it; false: the error was written.
func floatSum(c *engine.Ctx, a, b []byte) (sum []byte, ok bool) {
	if sum, ok = decimal.AppendSum(nil, a, b); ok {
		return sum, true
	}
	x, ok := decimal.ParseFloat(a)
	if !ok {
		c.Err(resp.ErrNotFloat)
		return nil, false
	}
	y, ok := decimal.ParseFloat(b)
	if !ok {
		c.Err(resp.ErrNotFloat)
		return nil, false
	}
	if x, ok = decimal.AddFloats(x, y); !ok {
		c.Err(resp.ErrNaNOrInfinity)
		return nil, false
	}
	return decimal.AppendFloat(nil, x), true
}
