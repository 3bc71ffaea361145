package strings

import (
	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/spec"
)

func stringReads() []engine.Command {
	return []engine.Command{
		{Do: doGet, Command: spec.Command{
			Name: "get", Arity: 2, Flags: spec.ReadOnly | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Returns the string at a key.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
		{Do: doGetrange, Command: spec.Command{
			Name: "getrange", Arity: 4, Flags: spec.ReadOnly,
			Since: "2.4.0", Complex: "O(N) in the length of what is returned",
			Summary: "Returns a part of the string at a key.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("start"), spec.Integer("end")},
		}},
		{Do: doGetrange, Command: spec.Command{
			Name: "substr", Arity: 4, Flags: spec.ReadOnly, Since: "1.0.0", Complex: "O(N) in the length of what is returned",
			Summary:         "Returns a part of the string at a key.",
			DeprecatedSince: "2.0.0", ReplacedBy: "`GETRANGE`",
			Keys: spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{spec.Key("key", 0), spec.Integer("start"), spec.Integer("end")},
		}},
		{Do: doMget, Command: spec.Command{
			Name: "mget", Arity: -2, Flags: spec.ReadOnly | spec.Fast, Since: "1.0.0", Complex: "O(N) in the number of keys",
			Summary: "Returns the strings at several keys.",
			Tips:    []string{"request_policy:multi_shard"},
			Keys:    spec.Keys{spec.Span(1, -1, 1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0).Many()},
		}},
		{Do: doStrlen, Command: spec.Command{
			Name: "strlen", Arity: 2, Flags: spec.ReadOnly | spec.Fast, Since: "2.2.0", Complex: "O(1)",
			Summary: "Returns the length of the string at a key.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
	}
}

func doGet(c *engine.Ctx) {
	en := c.Read(c.Args[1])
	if !en.OK() {
		c.W.Null()
		return
	}
	c.ReplyLast(en)
}

func doMget(c *engine.Ctx) {
	c.W.Array(len(c.Args) - 1)
	for _, key := range c.Args[1:] {
		en := c.Read(key)
		if !en.OK() || !en.IsString() {
			c.W.Null()
			continue
		}
		c.ReplyString(en)
	}
}

func doStrlen(c *engine.Ctx) {
	en := c.Read(c.Args[1])
	if !en.OK() {
		c.W.Int(0)
		return
	}
	if v, ok := c.PartOf(en); ok {
		c.W.Int(int64(engine.TextLen(v)))
	}
}

func doGetrange(c *engine.Ctx) {
	start, ok := c.IntArg(c.Args[2])
	if !ok {
		return
	}
	end, ok := c.IntArg(c.Args[3])
	if !ok {
		return
	}
	en := c.Read(c.Args[1])
	if !en.OK() {
		c.W.BulkString("")
		return
	}
	v, ok := c.PartOf(en)
	if !ok {
		return
	}
	var buf [decimal.MaxLen]byte
	b := engine.Text(v, &buf)
	from, to := window(start, end, int64(len(b)))
	c.Heavy(int(to - from))
	c.W.Bulk(b[from:to])
}

// window turns GETRANGE's inclusive bounds, negative ones counted from the
// end, into a slice of a string of n bytes.
func window(start, end, n int64) (from, to int64) {
	if start < 0 && end < 0 && start > end {
		return 0, 0
	}
	if start < 0 {
		start = max(start+n, 0)
	}
	if end < 0 {
		end = max(end+n, 0)
	}
	end = min(end, n-1)
	if start > end {
		return 0, 0
	}
	return start, end + 1
}
