package engine

import (
	"math"

	"regent/resp"
)

func listBlocks() []Command {
	const flags = Write | NoScript | Blocking
	popArgs := []Arg{argKey("key", 0).many(), arg("timeout", "double")}
	return []Command{
		{
			Name: "blpop", Arity: -3, Flags: flags, Cats: CatList, Group: GroupList, Since: "2.0.0", Complex: "O(N) in the number of keys",
			Summary: "Takes an element from the head of a list, and waits until there is one.",
			Keys:    []KeySpec{Span(1, -2, 1, KeyRW|KeyAccess|KeyDelete)},
			Args:    popArgs,
			Do:      func(c *Ctx) { c.blockingPop(left) },
		},
		{
			Name: "brpop", Arity: -3, Flags: flags, Cats: CatList, Group: GroupList, Since: "2.0.0", Complex: "O(N) in the number of keys",
			Summary: "Takes an element from the tail of a list, and waits until there is one.",
			Keys:    []KeySpec{Span(1, -2, 1, KeyRW|KeyAccess|KeyDelete)},
			Args:    popArgs,
			Do:      func(c *Ctx) { c.blockingPop(right) },
		},
		{
			Name: "blmpop", Arity: -5, Flags: Write | Blocking, Cats: CatList, Group: GroupList, Since: "7.0.0",
			Complex: "O(N+M) in the number of keys and of the elements returned",
			Summary: "Takes elements from an end of the first of several lists that is there, and waits until there is one.",
			Keys:    []KeySpec{numKeys(2, KeyRW|KeyAccess|KeyDelete)},
			Args:    append([]Arg{arg("timeout", "double")}, multiPopArgs()...),
			Do:      doBlmpop,
		},
		{
			Name: "blmove", Arity: 6, Flags: flags | DenyOOM, Cats: CatList, Group: GroupList, Since: "6.2.0", Complex: "O(1)",
			Summary: "Moves an element from an end of one list to an end of another and returns it, and waits until there is one.",
			Keys:    []KeySpec{One(1, KeyRW|KeyAccess|KeyDelete), One(2, KeyRW|KeyInsert)},
			Args:    append(moveArgs(), arg("timeout", "double")),
			Do:      doBlmove,
		},
		{
			Name: "brpoplpush", Arity: 4, Flags: flags | DenyOOM, Cats: CatList, Group: GroupList, Since: "2.2.0", Complex: "O(1)",
			Summary:         "Moves an element from the tail of one list to the head of another and returns it, and waits until there is one.",
			DeprecatedSince: "6.2.0", ReplacedBy: "`BLMOVE` with the `RIGHT` and `LEFT` arguments",
			Keys: []KeySpec{One(1, KeyRW|KeyAccess|KeyDelete), One(2, KeyRW|KeyInsert)},
			Args: []Arg{argKey("source", 0), argKey("destination", 1), arg("timeout", "double")},
			Do:   doBrpoplpush,
		},
	}
}

func isList(o Object) bool {
	_, ok := o.(*listObject)
	return ok
}

// blockDeadline turns a timeout in seconds into wall ms, 0: none; false: the
// error was written. What does not fit comes out negative in Redis.
func (c *Ctx) blockDeadline(raw []byte) (at int64, ok bool) {
	f, ok := parseFloat(raw)
	if !ok {
		c.Err(resp.ErrTimeoutFloat)
		return 0, false
	}
	seconds, _ := f.Float64()
	ms := math.Ceil(seconds * 1000)
	switch {
	case ms < 0, ms >= math.MaxInt64:
		c.Err(resp.ErrTimeoutNeg)
		return 0, false
	case ms == 0, ms > longestWait:
		return 0, true
	}
	return c.Now + int64(ms), true
}

// blockingPop is BLPOP and BRPOP.
func (c *Ctx) blockingPop(s side) {
	last := len(c.Args) - 1
	if deadline, ok := c.blockDeadline(c.Args[last]); ok {
		pop{side: s}.orBlock(c, c.Args[1:last], deadline)
	}
}

func doBlmpop(c *Ctx) {
	keys, p, ok := c.multiPop(2)
	if !ok {
		return
	}
	if deadline, ok := c.blockDeadline(c.Args[1]); ok {
		p.orBlock(c, keys, deadline)
	}
}

// orBlock takes from the first of the keys that is there, or waits.
func (p pop) orBlock(c *Ctx, keys [][]byte, deadline int64) {
	if p.first(c, keys) {
		return
	}
	c.block(&waiter{
		keys:  keys,
		wants: isList,
		take:  func(c *Ctx, key []byte) { p.first(c, [][]byte{key}) },
	}, deadline)
}

func doBlmove(c *Ctx) {
	m, ok := c.moveArg()
	if !ok {
		return
	}
	if deadline, ok := c.blockDeadline(c.Args[5]); ok {
		m.orBlock(c, deadline)
	}
}

func doBrpoplpush(c *Ctx) {
	if deadline, ok := c.blockDeadline(c.Args[3]); ok {
		listMove{src: c.Args[1], dst: c.Args[2], from: right, to: left, old: true}.orBlock(c, deadline)
	}
}

// orBlock moves an element, or waits for one.
func (m listMove) orBlock(c *Ctx, deadline int64) {
	if m.try(c) {
		return
	}
	kept := cloneArgs([][]byte{m.src, m.dst})
	m.src, m.dst, m.words = kept[0], kept[1], nil
	c.block(&waiter{
		keys:  [][]byte{m.src},
		also:  m.dst,
		wants: isList,
		take:  func(c *Ctx, _ []byte) { m.try(c) },
	}, deadline)
}
