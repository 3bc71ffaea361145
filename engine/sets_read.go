package engine

func setReads() []Command {
	return []Command{
		{
			Name: "sismember", Arity: 3, Flags: ReadOnly | Fast, Cats: CatSet, Group: GroupSet, Since: "1.0.0", Complex: "O(1)",
			Summary: "Tells whether something is a member of a set.",
			Keys:    []KeySpec{One(1, KeyRO)},
			Args:    []Arg{argKey("key", 0), arg("member", "string")},
			Do:      doSismember,
		},
		{
			Name: "smismember", Arity: -3, Flags: ReadOnly | Fast, Cats: CatSet, Group: GroupSet,
			Since: "6.2.0", Complex: "O(N) in the number of members asked about",
			Summary: "Tells of several things whether they are members of a set.",
			Keys:    []KeySpec{One(1, KeyRO|KeyAccess)},
			Args:    []Arg{argKey("key", 0), arg("member", "string").many()},
			Do:      doSmismember,
		},
		{
			Name: "scard", Arity: 2, Flags: ReadOnly | Fast, Cats: CatSet, Group: GroupSet, Since: "1.0.0", Complex: "O(1)",
			Summary: "Returns the number of members of a set.",
			Keys:    []KeySpec{One(1, KeyRO)},
			Args:    []Arg{argKey("key", 0)},
			Do:      doScard,
		},
		{
			Name: "smembers", Arity: 2, Flags: ReadOnly, Cats: CatSet, Group: GroupSet, Since: "1.0.0", Complex: "O(N) in the size of the set",
			Summary: "Returns all members of a set.",
			Tips:    []string{"nondeterministic_output_order"},
			Keys:    []KeySpec{One(1, KeyRO|KeyAccess)},
			Args:    []Arg{argKey("key", 0)},
			Do:      doSmembers,
		},
		{
			Name: "sscan", Arity: -3, Flags: ReadOnly, Cats: CatSet, Group: GroupSet,
			Since: "2.8.0", Complex: "O(1) a call, O(N) for the whole iteration",
			Summary: "Walks through the members of a set step by step.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    []KeySpec{One(1, KeyRO|KeyAccess)},
			Args: []Arg{
				argKey("key", 0), arg("cursor", "integer"),
				arg("pattern", "pattern").token("MATCH").optional(),
				arg("count", "integer").token("COUNT").optional(),
			},
			Do: doSscan,
		},
	}
}

func doSismember(c *Ctx) {
	if s, ok := c.readSet(c.Args[1]); ok {
		replyHas(c, s, c.Args[2])
	}
}

// replyHas replies with 1 if s, which may be nil, has the member, and 0 if not.
func replyHas(c *Ctx, s *setObject, member []byte) {
	if s != nil && s.Has(member) {
		c.W.Int(1)
		return
	}
	c.W.Int(0)
}

func doSmismember(c *Ctx) {
	s, ok := c.readSet(c.Args[1])
	if !ok {
		return
	}
	c.W.Array(len(c.Args) - 2)
	for _, m := range c.Args[2:] {
		replyHas(c, s, m)
	}
}

func doScard(c *Ctx) {
	switch s, ok := c.readSet(c.Args[1]); {
	case !ok:
	case s == nil:
		c.W.Int(0)
	default:
		c.W.Int(int64(s.Len()))
	}
}

func doSmembers(c *Ctx) {
	if s, ok := c.readSet(c.Args[1]); ok {
		replyMembers(c.W, s)
	}
}

// doSscan is SCAN in a set. As in Redis, options are not looked at where there
// is no set.
func doSscan(c *Ctx) {
	at, ok := c.cursorArg(c.Args[2])
	if !ok {
		return
	}
	s, ok := c.readSet(c.Args[1])
	if !ok {
		return
	}
	if s == nil {
		c.replyScan(0, 0, nil)
		return
	}
	o, ok := c.scanOptions(3)
	if !ok {
		return
	}
	c.scanObject(&o, at, s.Scan)
}
