package hashes

import (
	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/listpack"
	"regent/engine/spec"
)

func hashReads() []engine.Command {
	return append(fieldReads(), wholeReads()...)
}

func fieldReads() []engine.Command {
	return []engine.Command{
		{Do: doHget, Command: spec.Command{
			Name: "hget", Arity: 3, Flags: spec.ReadOnly | spec.Fast, Since: "2.0.0", Complex: "O(1)",
			Summary: "Returns the value of a field of a hash.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("field")},
		}},
		{Do: doHmget, Command: spec.Command{
			Name: "hmget", Arity: -3, Flags: spec.ReadOnly | spec.Fast, Since: "2.0.0", Complex: "O(N) in the number of fields given",
			Summary: "Returns the values of several fields of a hash.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("field").Many()},
		}},
		{Do: doHexists, Command: spec.Command{
			Name: "hexists", Arity: 3, Flags: spec.ReadOnly | spec.Fast, Since: "2.0.0", Complex: "O(1)",
			Summary: "Tells whether a field is in a hash.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("field")},
		}},
		{Do: doHlen, Command: spec.Command{
			Name: "hlen", Arity: 2, Flags: spec.ReadOnly | spec.Fast, Since: "2.0.0", Complex: "O(1)",
			Summary: "Returns the number of fields of a hash.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
		{Do: doHstrlen, Command: spec.Command{
			Name: "hstrlen", Arity: 3, Flags: spec.ReadOnly | spec.Fast, Since: "3.2.0", Complex: "O(1)",
			Summary: "Returns the length of the value of a field of a hash.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("field")},
		}},
	}
}

func wholeReads() []engine.Command {
	all := func(name, summary string, do engine.Handler) engine.Command {
		return engine.Command{Do: do, Command: spec.Command{
			Name: name, Arity: 2, Flags: spec.ReadOnly, Since: "2.0.0", Complex: "O(N) in the size of the hash",
			Summary: summary,
			Tips:    []string{"nondeterministic_output_order"},
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0)},
		}}
	}
	return []engine.Command{
		all("hgetall", "Returns all fields of a hash with their values.", doHgetall),
		all("hkeys", "Returns all fields of a hash.", doHkeys),
		all("hvals", "Returns the values of all fields of a hash.", doHvals),
		{Do: doHscan, Command: spec.Command{
			Name: "hscan", Arity: -3, Flags: spec.ReadOnly,
			Since: "2.8.0", Complex: "O(1) a call, O(N) for the whole iteration",
			Summary: "Walks through the fields of a hash and their values step by step.",
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

// readHash looks key up for a read; nil: it is absent. false: the error was
// written.
func readHash(c *engine.Ctx) (*hashObject, bool) {
	return engine.ReadObject[*hashObject](c, c.Args[1])
}

// replyValue replies with the value of a field of h, which may be nil.
func replyValue(c *engine.Ctx, h *hashObject, field []byte) {
	if h != nil {
		if v, ok := h.Get(field); ok {
			replyText(c.W, v)
			return
		}
	}
	c.W.Null()
}

func doHget(c *engine.Ctx) {
	if h, ok := readHash(c); ok {
		replyValue(c, h, c.Args[2])
	}
}

func doHmget(c *engine.Ctx) {
	h, ok := readHash(c)
	if !ok {
		return
	}
	c.W.Array(len(c.Args) - 2)
	for _, field := range c.Args[2:] {
		replyValue(c, h, field)
	}
}

func doHexists(c *engine.Ctx) {
	h, ok := readHash(c)
	switch {
	case !ok:
	case h != nil && h.Has(c.Args[2]):
		c.W.Int(1)
	default:
		c.W.Int(0)
	}
}

func doHlen(c *engine.Ctx) {
	switch h, ok := readHash(c); {
	case !ok:
	case h == nil:
		c.W.Int(0)
	default:
		c.W.Int(int64(h.Len()))
	}
}

func doHstrlen(c *engine.Ctx) {
	h, ok := readHash(c)
	if !ok {
		return
	}
	var v listpack.Value
	if h != nil {
		v, _ = h.Get(c.Args[2])
	}
	n := len(v.Str)
	if v.IsInt {
		var text decimal.Text
		n = len(text.Of(v.Int))
	}
	c.W.Int(int64(n))
}

func doHgetall(c *engine.Ctx) {
	h, ok := readHash(c)
	if !ok {
		return
	}
	if h == nil {
		c.W.Map(0)
		return
	}
	c.W.Map(h.Len())
	h.Each(func(field, value listpack.Value) bool {
		replyText(c.W, field)
		replyText(c.W, value)
		return !c.W.Overflowed()
	})
}

func doHkeys(c *engine.Ctx) {
	replyEach(c, func(field, _ listpack.Value) { replyText(c.W, field) })
}

func doHvals(c *engine.Ctx) {
	replyEach(c, func(_, value listpack.Value) { replyText(c.W, value) })
}

// replyEach replies with what one writes of each field.
func replyEach(c *engine.Ctx, one func(field, value listpack.Value)) {
	h, ok := readHash(c)
	if !ok {
		return
	}
	if h == nil {
		c.W.Array(0)
		return
	}
	c.W.Array(h.Len())
	h.Each(func(field, value listpack.Value) bool {
		one(field, value)
		return !c.W.Overflowed()
	})
}

// doHscan is SCAN in a hash. As in Redis, options are not looked at where there is
// no hash.
func doHscan(c *engine.Ctx) {
	at, ok := c.CursorArg(c.Args[2])
	if !ok {
		return
	}
	h, ok := readHash(c)
	if !ok {
		return
	}
	if h == nil {
		c.ReplyScan(0, 0, nil)
		return
	}
	o, ok := c.ScanArgs(3)
	if !ok {
		return
	}
	var field, value []byte
	c.ScanPairs(&o, at, func(cursor uint64, f func(a, b []byte)) uint64 {
		return h.Scan(cursor, func(k, v listpack.Value) {
			field, value = k.AppendText(field[:0]), v.AppendText(value[:0])
			f(field, value)
		})
	})
}
