package engine

import "regent/engine/dict"

func stringReads() []Command {
	return []Command{
		{
			Name: "get", Arity: 2, Flags: ReadOnly | Fast, Cats: CatString, Group: GroupString, Since: "1.0.0", Complex: "O(1)",
			Summary: "Returns the string at a key.",
			Keys:    []KeySpec{One(1, KeyRO|KeyAccess)},
			Args:    []Arg{argKey("key", 0)},
			Do:      doGet,
		},
		{
			Name: "getrange", Arity: 4, Flags: ReadOnly, Cats: CatString, Group: GroupString,
			Since: "2.4.0", Complex: "O(N) in the length of what is returned",
			Summary: "Returns a part of the string at a key.",
			Keys:    []KeySpec{One(1, KeyRO|KeyAccess)},
			Args:    []Arg{argKey("key", 0), arg("start", "integer"), arg("end", "integer")},
			Do:      doGetrange,
		},
		{
			Name: "substr", Arity: 4, Flags: ReadOnly, Cats: CatString, Group: GroupString, Since: "1.0.0", Complex: "O(N) in the length of what is returned",
			Summary:         "Returns a part of the string at a key.",
			DeprecatedSince: "2.0.0", ReplacedBy: "`GETRANGE`",
			Keys: []KeySpec{One(1, KeyRO|KeyAccess)},
			Args: []Arg{argKey("key", 0), arg("start", "integer"), arg("end", "integer")},
			Do:   doGetrange,
		},
		{
			Name: "mget", Arity: -2, Flags: ReadOnly | Fast, Cats: CatString, Group: GroupString, Since: "1.0.0", Complex: "O(N) in the number of keys",
			Summary: "Returns the strings at several keys.",
			Tips:    []string{"request_policy:multi_shard"},
			Keys:    []KeySpec{Span(1, -1, 1, KeyRO|KeyAccess)},
			Args:    []Arg{argKey("key", 0).many()},
			Do:      doMget,
		},
		{
			Name: "strlen", Arity: 2, Flags: ReadOnly | Fast, Cats: CatString, Group: GroupString, Since: "2.2.0", Complex: "O(1)",
			Summary: "Returns the length of the string at a key.",
			Keys:    []KeySpec{One(1, KeyRO)},
			Args:    []Arg{argKey("key", 0)},
			Do:      doStrlen,
		},
	}
}

func doGet(c *Ctx) {
	en := c.Read(c.Args[1])
	if !en.OK() {
		c.W.Null()
		return
	}
	if v, ok := c.stringOf(en); ok {
		replyText(c.W, v)
	}
}

func doMget(c *Ctx) {
	c.W.Array(len(c.Args) - 1)
	for _, key := range c.Args[1:] {
		en := c.Read(key)
		if !en.OK() || !en.isString() {
			c.W.Null()
			continue
		}
		replyText(c.W, en.Value())
	}
}

func doStrlen(c *Ctx) {
	en := c.Read(c.Args[1])
	if !en.OK() {
		c.W.Int(0)
		return
	}
	if v, ok := c.stringOf(en); ok {
		c.W.Int(int64(textLen(v)))
	}
}

func doGetrange(c *Ctx) {
	start, ok := c.intArg(c.Args[2])
	if !ok {
		return
	}
	end, ok := c.intArg(c.Args[3])
	if !ok {
		return
	}
	en := c.Read(c.Args[1])
	if !en.OK() {
		c.W.BulkString("")
		return
	}
	v, ok := c.stringOf(en)
	if !ok {
		return
	}
	var buf [maxIntDigits]byte
	b := text(v, &buf)
	from, to := window(start, end, int64(len(b)))
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

func (en Entry) isString() bool { return en.Value().Kind != dict.Object }
