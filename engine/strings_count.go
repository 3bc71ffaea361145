package engine

import (
	"math"

	"regent/engine/dict"
	"regent/resp"
)

func counters() []Command {
	return []Command{
		{
			Name: "incr", Arity: 2, Flags: Write | DenyOOM | Fast, Cats: CatString, Group: GroupString, Since: "1.0.0", Complex: "O(1)",
			Summary: "Adds one to the integer at a key.",
			Keys:    []KeySpec{One(1, KeyRW|KeyAccess|KeyUpdate)},
			Args:    []Arg{argKey("key", 0)},
			Do:      doIncr,
		},
		{
			Name: "incrby", Arity: 3, Flags: Write | DenyOOM | Fast, Cats: CatString, Group: GroupString, Since: "1.0.0", Complex: "O(1)",
			Summary: "Adds an integer to the integer at a key.",
			Keys:    []KeySpec{One(1, KeyRW|KeyAccess|KeyUpdate)},
			Args:    []Arg{argKey("key", 0), arg("increment", "integer")},
			Do:      doIncrby,
		},
		{
			Name: "decr", Arity: 2, Flags: Write | DenyOOM | Fast, Cats: CatString, Group: GroupString, Since: "1.0.0", Complex: "O(1)",
			Summary: "Subtracts one from the integer at a key.",
			Keys:    []KeySpec{One(1, KeyRW|KeyAccess|KeyUpdate)},
			Args:    []Arg{argKey("key", 0)},
			Do:      doDecr,
		},
		{
			Name: "decrby", Arity: 3, Flags: Write | DenyOOM | Fast, Cats: CatString, Group: GroupString, Since: "1.0.0", Complex: "O(1)",
			Summary: "Subtracts an integer from the integer at a key.",
			Keys:    []KeySpec{One(1, KeyRW|KeyAccess|KeyUpdate)},
			Args:    []Arg{argKey("key", 0), arg("decrement", "integer")},
			Do:      doDecrby,
		},
		{
			Name: "incrbyfloat", Arity: 3, Flags: Write | DenyOOM | Fast, Cats: CatString, Group: GroupString, Since: "2.6.0", Complex: "O(1)",
			Summary: "Adds a decimal number to the number at a key.",
			Keys:    []KeySpec{One(1, KeyRW|KeyAccess|KeyUpdate)},
			Args:    []Arg{argKey("key", 0), arg("increment", "double")},
			Do:      doIncrbyfloat,
		},
	}
}

func doIncr(c *Ctx) { c.addInt(1) }
func doDecr(c *Ctx) { c.addInt(-1) }

func doIncrby(c *Ctx) {
	if by, ok := c.intArg(c.Args[2]); ok {
		c.addInt(by)
	}
}

func doDecrby(c *Ctx) {
	by, ok := c.intArg(c.Args[2])
	if !ok {
		return
	}
	if by == math.MinInt64 { // its negative is out of range
		c.Err(resp.ErrDecrOverflow)
		return
	}
	c.addInt(-by)
}

// addInt adds by to the integer at the key, 0 when there is none.
func (c *Ctx) addInt(by int64) {
	key := c.Args[1]
	en := c.Write(key)
	var n, at int64
	inPlace := false
	if en.OK() {
		v, ok := c.stringOf(en)
		if !ok {
			return
		}
		n = v.Int
		if inPlace = v.Kind == dict.Int; !inPlace {
			if n, ok = c.intArg(v.Bytes); !ok {
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
	c.PropagateSelf()
	c.W.Int(n)
}

// doIncrbyfloat propagates the result: another machine need not calculate as
// this one does.
func doIncrbyfloat(c *Ctx) {
	key := c.Args[1]
	en := c.Write(key)
	sum, at := newFloat(), int64(0)
	if en.OK() {
		v, ok := c.stringOf(en)
		if !ok {
			return
		}
		var buf [maxIntDigits]byte
		if sum, ok = parseFloat(text(v, &buf)); !ok {
			c.Err(resp.ErrNotFloat)
			return
		}
		at = en.ExpireAt()
	}
	by, ok := parseFloat(c.Args[2])
	if !ok {
		c.Err(resp.ErrNotFloat)
		return
	}
	if sum, ok = addFloats(sum, by); !ok {
		c.Err(resp.ErrNaNOrInfinity)
		return
	}
	out := appendFloat(nil, sum)
	v := dict.Value{Kind: dict.Embstr, Bytes: out}
	if len(out) > embstrMax {
		v.Kind = dict.Raw
	}
	c.Put(key, v, at)
	c.Propagate([]byte("SET"), key, out, []byte("KEEPTTL"))
	c.W.Bulk(out)
}
