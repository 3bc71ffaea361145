package lists

import (
	"regent/engine"
	"regent/engine/listpack"
	"regent/engine/spec"
)

func listPushes() []engine.Command {
	const complexity = "O(1) for each element"
	args := spec.Args{spec.Key("key", 0), spec.String("element").Many()}
	return []engine.Command{
		{Do: func(c *engine.Ctx) { pushAll(c, left, false) }, Command: spec.Command{
			Name: "lpush", Arity: -3, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "1.0.0", Complex: complexity,
			Summary: "Puts elements in at the head of a list, which comes to be if need be.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyInsert)},
			Args:    args,
		}},
		{Do: func(c *engine.Ctx) { pushAll(c, right, false) }, Command: spec.Command{
			Name: "rpush", Arity: -3, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "1.0.0", Complex: complexity,
			Summary: "Puts elements in at the tail of a list, which comes to be if need be.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyInsert)},
			Args:    args,
		}},
		{Do: func(c *engine.Ctx) { pushAll(c, left, true) }, Command: spec.Command{
			Name: "lpushx", Arity: -3, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "2.2.0", Complex: complexity,
			Summary: "Puts elements in at the head of a list, if there is one.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyInsert)},
			Args:    args,
		}},
		{Do: func(c *engine.Ctx) { pushAll(c, right, true) }, Command: spec.Command{
			Name: "rpushx", Arity: -3, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "2.2.0", Complex: complexity,
			Summary: "Puts elements in at the tail of a list, if there is one.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyInsert)},
			Args:    args,
		}},
	}
}

// pushAll is the pushes; with onlyThere a list does not come to be.
func pushAll(c *engine.Ctx, s side, onlyThere bool) {
	key, elements := c.Args[1], c.Args[2:]
	en, l, ok := engine.WriteObject[*listObject](c, key)
	if !ok {
		return
	}
	if l == nil && onlyThere {
		c.W.Int(0)
		return
	}
	n := pushTo(c, key, en, l, s, elements...)
	c.Notify(engine.EventList, s.pushEvent(), key)
	c.PropagateSelfN(int64(len(elements)))
	c.W.Int(int64(n))
}

// pushTo puts elements into the list l at key, or into a new one if l is nil, and
// returns how many there are then.
func pushTo(c *engine.Ctx, key []byte, en engine.Entry, l *listObject, s side, elements ...[]byte) (n int) {
	fill, size := fill(c), 0
	for _, text := range elements {
		size += len(text)
	}
	c.Heavy(size)
	fresh := l == nil
	if fresh {
		l = engine.Fresh[*listObject](c, engine.FormList)
	} else {
		en = c.Grow(en, l, l.packedSize(elements))
	}
	for _, text := range elements {
		e := listpack.ElementOf(text)
		l.push(s, &e, fill)
	}
	if fresh {
		c.PutObject(key, l)
	} else {
		c.Changed(key, en, l)
	}
	return l.Len()
}

// packedSize is how many bytes elements take in a short list; of a long one it does
// not matter.
func (l *listObject) packedSize(elements [][]byte) (n int) {
	if _, _, short := l.Packed(); !short {
		return 0
	}
	for _, text := range elements {
		e := listpack.ElementOf(text)
		n += e.Size()
	}
	return n
}
