package sets

import (
	"bytes"

	"regent/engine"
	"regent/engine/spec"
)

func setChanges() []engine.Command {
	return []engine.Command{
		{Do: doSadd, Command: spec.Command{
			Name: "sadd", Arity: -3, Flags: spec.Write | spec.DenyOOM | spec.Fast,
			Since: "1.0.0", Complex: "O(N) in the number of members given",
			Summary: "Adds members to a set, which is made if it is not there.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyInsert)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("member").Many()},
		}},
		{Do: doSrem, Command: spec.Command{
			Name: "srem", Arity: -3, Flags: spec.Write | spec.Fast,
			Since: "1.0.0", Complex: "O(N) in the number of members given",
			Summary: "Removes members from a set, and the key with the last of them.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("member").Many()},
		}},
		{Do: doSmove, Command: spec.Command{
			Name: "smove", Arity: 4, Flags: spec.Write | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Moves a member from one set to another.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete), spec.One(2, spec.KeyRW|spec.KeyInsert)},
			Args:    spec.Args{spec.Key("source", 0), spec.Key("destination", 1), spec.String("member")},
		}},
	}
}

func doSadd(c *engine.Ctx) {
	if n, ok := addMembers(c, c.Args[1], c.Args[2:]...); ok {
		if n > 0 {
			c.Notify(engine.EventSet, "sadd", c.Args[1])
			c.PropagateSelfN(n)
		}
		c.W.Int(n)
	}
}

// addMembers adds members to the set at key, and counts the new ones; false: the
// error was written.
func addMembers(c *engine.Ctx, key []byte, members ...[]byte) (n int64, ok bool) {
	en, s, ok := engine.WriteObject[*setObject](c, key)
	if !ok {
		return 0, false
	}
	fresh := s == nil
	if fresh {
		s = engine.Fresh[*setObject](c, engine.FormIntset)
	} else {
		more := s.Growth(members)
		if _, _, packed := s.Packed(); packed && more == 0 {
			return 0, true // it has all of them
		}
		en = c.Grow(en, s, more)
	}
	limit := maxInts(c)
	for _, m := range members {
		if s.Add(m, limit) {
			n++
		}
	}
	switch {
	case fresh:
		c.PutObject(key, s)
	case n > 0:
		c.Changed(key, en, s)
	}
	return n, true
}

func doSrem(c *engine.Ctx) {
	key := c.Args[1]
	en, s, ok := engine.WriteObject[*setObject](c, key)
	if !ok {
		return
	}
	n := int64(0)
	if s != nil {
		n = removeMembers(c, key, en, s, c.Args[2:]...)
	}
	if n > 0 {
		c.PropagateSelfN(n)
	}
	c.W.Int(n)
}

// removeMembers removes members of s, which is at en, and counts those that were
// there.
func removeMembers(c *engine.Ctx, key []byte, en engine.Entry, s *setObject, members ...[]byte) (n int64) {
	c.Changing(en)
	for _, m := range members {
		if s.Remove(m) {
			n++
		}
	}
	if n > 0 {
		gone := c.Changed(key, en, s)
		c.Notify(engine.EventSet, "srem", key)
		c.NotifyGone(key, gone)
	}
	return n
}

func doSmove(c *engine.Ctx) {
	src, dst, member := c.Args[1], c.Args[2], c.Args[3]
	c.Write(dst) // removes what has expired: entries do not move from here on
	en, from, ok := engine.WriteObject[*setObject](c, src)
	if !ok {
		return
	}
	if from == nil {
		c.W.Int(0)
		return
	}
	if _, ok := engine.ObjectOf[*setObject](c, c.Peek(dst)); !ok {
		return
	}
	if bytes.Equal(src, dst) {
		replyHas(c, from, member)
		return
	}
	if removeMembers(c, src, en, from, member) == 0 {
		c.W.Int(0)
		return
	}
	added, _ := addMembers(c, dst, member)
	if added > 0 {
		c.Notify(engine.EventSet, "sadd", dst)
	}
	c.PropagateSelfN(1 + added)
	c.W.Int(1)
}
