package lists

import (
	"regent/engine"
	"regent/engine/listpack"
	"regent/engine/spec"
	"regent/resp"
)

func listEdits() []engine.Command {
	return []engine.Command{
		{Do: doLset, Command: spec.Command{
			Name: "lset", Arity: 4, Flags: spec.Write | spec.DenyOOM, Since: "1.0.0",
			Complex: "O(1) at the ends, a small part of the elements up to the index otherwise",
			Summary: "Sets an element of a list by its index.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("index"), spec.String("element")},
		}},
		{Do: doLinsert, Command: spec.Command{
			Name: "linsert", Arity: 5, Flags: spec.Write | spec.DenyOOM, Since: "2.2.0",
			Complex: "O(N) in the number of elements up to the pivot",
			Summary: "Puts an element in before or after another one.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyInsert)},
			Args: spec.Args{
				spec.Key("key", 0), spec.OneOf("where", spec.Word("before", "BEFORE"), spec.Word("after", "AFTER")),
				spec.String("pivot"), spec.String("element"),
			},
		}},
		{Do: doLrem, Command: spec.Command{
			Name: "lrem", Arity: 4, Flags: spec.Write, Since: "1.0.0", Complex: "O(N) in the number of elements",
			Summary: "Removes elements that equal a given one.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("count"), spec.String("element")},
		}},
		{Do: doLtrim, Command: spec.Command{
			Name: "ltrim", Arity: 4, Flags: spec.Write, Since: "1.0.0", Complex: "O(N) in a small part of the elements removed",
			Summary: "Leaves a range of a list and removes the rest.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("start"), spec.Integer("stop")},
		}},
	}
}

func doLset(c *engine.Ctx) {
	key := c.Args[1]
	en, l, ok := engine.WriteObject[*listObject](c, key)
	if !ok {
		return
	}
	if l == nil {
		c.Err(resp.ErrNoSuchKey)
		return
	}
	i, ok := c.IntArg(c.Args[2])
	if !ok {
		return
	}
	at := l.At(l.index(i))
	if !at.OK() {
		c.Err(resp.ErrIndexRange)
		return
	}
	e := listpack.ElementOf(c.Args[3])
	c.Changing(en)
	at.Set(&e, fill(c))
	c.Changed(key, en, l)
	c.Notify(engine.EventList, "lset", key)
	c.PropagateSelf()
	c.W.OK()
}

func doLinsert(c *engine.Ctx) {
	key, after := c.Args[1], spec.EqualFold(c.Args[2], "after")
	if !after && !spec.EqualFold(c.Args[2], "before") {
		c.Err(resp.ErrSyntax)
		return
	}
	en, l, ok := engine.WriteObject[*listObject](c, key)
	if !ok {
		return
	}
	if l == nil {
		c.W.Int(0)
		return
	}
	pivot := listpack.ElementOf(c.Args[3])
	at := l.At(0)
	for at.OK() && !pivot.Is(at.Value()) {
		at.Next()
	}
	if !at.OK() {
		c.W.Int(-1)
		return
	}
	e := listpack.ElementOf(c.Args[4])
	c.Changing(en)
	at.Insert(&e, after, fill(c))
	c.Changed(key, en, l)
	c.Notify(engine.EventList, "linsert", key)
	c.PropagateSelf()
	c.W.Int(int64(l.Len()))
}

func doLrem(c *engine.Ctx) {
	key := c.Args[1]
	count, ok := c.IntArg(c.Args[2])
	if !ok {
		return
	}
	en, l, ok := engine.WriteObject[*listObject](c, key)
	if !ok {
		return
	}
	if l == nil {
		c.W.Int(0)
		return
	}
	from := left
	if count < 0 {
		from, count = right, -count
	}
	n := removeEqual(c, en, l, from, count, listpack.ElementOf(c.Args[3]))
	if n > 0 {
		gone := c.Changed(key, en, l)
		c.Notify(engine.EventList, "lrem", key)
		c.NotifyGone(key, gone)
		c.PropagateSelfN(n)
	}
	c.W.Int(n)
}

// removeEqual removes up to count elements that equal e, all if count is 0 or
// less, and returns how many there were.
func removeEqual(c *engine.Ctx, en engine.Entry, l *listObject, from side, count int64, e listpack.Element) (n int64) {
	at := l.end(from)
	for at.OK() && (count <= 0 || n < count) {
		if !e.Is(at.Value()) {
			from.step(&at)
			continue
		}
		if n == 0 {
			c.Changing(en)
		}
		at.Delete(from == right)
		n++
	}
	return n
}

func doLtrim(c *engine.Ctx) {
	key := c.Args[1]
	start, stop, ok := rangeArgs(c)
	if !ok {
		return
	}
	en, l, ok := engine.WriteObject[*listObject](c, key)
	if !ok {
		return
	}
	c.W.OK()
	if l == nil {
		return
	}
	n := l.Len()
	from, to := span(start, stop, int64(n))
	if from == 0 && to == n {
		c.Modified(key)
		c.Notify(engine.EventList, "ltrim", key)
		return
	}
	c.Changing(en)
	l.DropRight(n - to)
	l.DropLeft(from)
	gone := c.Changed(key, en, l)
	c.Notify(engine.EventList, "ltrim", key)
	c.NotifyGone(key, gone)
	c.PropagateSelfN(int64(n - (to - from)))
}
