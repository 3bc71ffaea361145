package strings

import (
	"regent/engine"
	"regent/engine/dict"
	"regent/engine/spec"
	"regent/resp"
)

func stringEdits() []engine.Command {
	return []engine.Command{
		{Do: doAppend, Command: spec.Command{
			Name: "append", Arity: 3, Flags: spec.Write | spec.DenyOOM | spec.Fast,
			Since: "2.0.0", Complex: "O(1) amortized over the bytes appended",
			Summary: "Appends to the string at a key.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyInsert)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("value")},
		}},
		{Do: doSetrange, Command: spec.Command{
			Name: "setrange", Arity: 4, Flags: spec.Write | spec.DenyOOM,
			Since: "2.2.0", Complex: "O(M) in the length of the value",
			Summary: "Overwrites a part of the string at a key, from an offset on.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("offset"), spec.String("value")},
		}},
	}
}

func doAppend(c *engine.Ctx) {
	key, add := c.Args[1], c.Args[2]
	en := c.Write(key)
	if !en.OK() {
		c.Put(key, engine.EncodeString(add), 0)
		c.Notify(engine.EventString, "append", key)
		c.PropagateSelf()
		c.W.Int(int64(len(add)))
		return
	}
	v, ok := c.PartOf(en)
	if !ok {
		return
	}
	old := engine.TextLen(v)
	if !c.FitsString(int64(old), int64(len(add))) {
		return
	}
	copy(c.Stretch(key, en, v, old+len(add))[old:], add)
	c.Notify(engine.EventString, "append", key)
	c.PropagateSelf()
	c.W.Int(int64(old + len(add)))
}

func doSetrange(c *engine.Ctx) {
	key, value := c.Args[1], c.Args[3]
	offset, ok := c.IntArg(c.Args[2])
	if !ok {
		return
	}
	if offset < 0 {
		c.Err(resp.ErrOffsetRange)
		return
	}
	en := c.Write(key)
	var v dict.Value
	old := 0
	if en.OK() {
		if v, ok = c.PartOf(en); !ok {
			return
		}
		old = engine.TextLen(v)
	}
	if len(value) == 0 {
		c.W.Int(int64(old))
		return
	}
	if !c.FitsString(offset, int64(len(value))) {
		return
	}
	n := max(old, int(offset)+len(value))
	copy(c.Stretch(key, en, v, n)[offset:], value)
	c.Notify(engine.EventString, "setrange", key)
	c.PropagateSelf()
	c.W.Int(int64(n))
}
