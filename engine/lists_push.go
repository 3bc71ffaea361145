package engine

import "regent/engine/listpack"

func listPushes() []Command {
	const complexity = "O(1) for each element"
	args := []Arg{argKey("key", 0), arg("element", "string").many()}
	return []Command{
		{
			Name: "lpush", Arity: -3, Flags: Write | DenyOOM | Fast, Cats: CatList, Group: GroupList, Since: "1.0.0", Complex: complexity,
			Summary: "Puts elements in at the head of a list, which comes to be if need be.",
			Keys:    []KeySpec{One(1, KeyRW|KeyInsert)},
			Args:    args,
			Do:      func(c *Ctx) { c.pushAll(left, false) },
		},
		{
			Name: "rpush", Arity: -3, Flags: Write | DenyOOM | Fast, Cats: CatList, Group: GroupList, Since: "1.0.0", Complex: complexity,
			Summary: "Puts elements in at the tail of a list, which comes to be if need be.",
			Keys:    []KeySpec{One(1, KeyRW|KeyInsert)},
			Args:    args,
			Do:      func(c *Ctx) { c.pushAll(right, false) },
		},
		{
			Name: "lpushx", Arity: -3, Flags: Write | DenyOOM | Fast, Cats: CatList, Group: GroupList, Since: "2.2.0", Complex: complexity,
			Summary: "Puts elements in at the head of a list, if there is one.",
			Keys:    []KeySpec{One(1, KeyRW|KeyInsert)},
			Args:    args,
			Do:      func(c *Ctx) { c.pushAll(left, true) },
		},
		{
			Name: "rpushx", Arity: -3, Flags: Write | DenyOOM | Fast, Cats: CatList, Group: GroupList, Since: "2.2.0", Complex: complexity,
			Summary: "Puts elements in at the tail of a list, if there is one.",
			Keys:    []KeySpec{One(1, KeyRW|KeyInsert)},
			Args:    args,
			Do:      func(c *Ctx) { c.pushAll(right, true) },
		},
	}
}

// pushAll is the pushes; with onlyThere a list does not come to be.
func (c *Ctx) pushAll(s side, onlyThere bool) {
	key, elements := c.Args[1], c.Args[2:]
	en, l, ok := writeObject[*listObject](c, key)
	if !ok {
		return
	}
	if l == nil && onlyThere {
		c.W.Int(0)
		return
	}
	n := c.pushTo(key, en, l, s, elements...)
	c.PropagateSelf()
	c.W.Int(int64(n))
}

// pushTo puts elements into the list l at key, or into a new one if l is nil, and
// returns how many there are then.
func (c *Ctx) pushTo(key []byte, en Entry, l *listObject, s side, elements ...[]byte) (n int) {
	fill, size := c.fill(), 0
	fresh := l == nil
	if fresh {
		l = &listObject{}
	} else {
		c.Changing(en)
	}
	for _, text := range elements {
		e := listpack.ElementOf(text)
		l.push(s, &e, fill)
		size += len(text)
	}
	c.heavy(size)
	if fresh {
		c.PutObject(key, l)
	} else {
		c.Changed(key, en, l)
	}
	return l.Len()
}
