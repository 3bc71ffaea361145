package hashes

import (
	"fmt"

	"regent/engine"
	"regent/engine/spec"
	"regent/resp"
)

func hashChanges() []engine.Command {
	pairs := func() spec.Args {
		return spec.Args{spec.Key("key", 0), spec.Block("field_value", spec.String("field"), spec.String("value")).Many()}
	}
	return []engine.Command{
		{Do: doHset, Command: spec.Command{
			Name: "hset", Arity: -4, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "2.0.0",
			Complex: "O(N) in the number of fields given",
			Summary: "Gives fields of a hash values; the hash is made if it is not there.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyUpdate)},
			Args:    pairs(),
		}},
		{Do: doHmset, Command: spec.Command{
			Name: "hmset", Arity: -4, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "2.0.0",
			Complex:         "O(N) in the number of fields given",
			Summary:         "Gives fields of a hash values, and does not count them.",
			DeprecatedSince: "4.0.0", ReplacedBy: "`HSET` with multiple field-value pairs",
			Keys: spec.Keys{spec.One(1, spec.KeyRW|spec.KeyUpdate)},
			Args: pairs(),
		}},
		{Do: doHsetnx, Command: spec.Command{
			Name: "hsetnx", Arity: 4, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "2.0.0", Complex: "O(1)",
			Summary: "Gives a field of a hash a value, unless it has one.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyInsert)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("field"), spec.String("value")},
		}},
		{Do: doHdel, Command: spec.Command{
			Name: "hdel", Arity: -3, Flags: spec.Write | spec.Fast, Since: "2.0.0",
			Complex: "O(N) in the number of fields given",
			Summary: "Removes fields from a hash, and the key with the last of them.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("field").Many()},
		}},
	}
}

func doHset(c *engine.Ctx) {
	if fresh, ok := setPairs(c); ok {
		c.W.Int(fresh)
	}
}

func doHmset(c *engine.Ctx) {
	if _, ok := setPairs(c); ok {
		c.W.OK()
	}
}

// setPairs is HSET without its reply; fresh is the number of new fields. false: an
// error was written.
func setPairs(c *engine.Ctx) (fresh int64, ok bool) {
	key, pairs := c.Args[1], c.Args[2:]
	if len(pairs)%2 != 0 {
		c.Err(fmt.Sprintf(resp.ErrArity, c.Cmd.FullName()))
		return 0, false
	}
	en, h, ok := engine.WriteObject[*hashObject](c, key)
	if !ok {
		return 0, false
	}
	fresh = put(c, key, en, h, pairs)
	c.Notify(engine.EventHash, "hset", key)
	c.PropagateSelfN(int64(len(pairs) / 2))
	return fresh, true
}

// put gives fields of h, which is at en, or of a new hash if it is nil, values: pairs
// are both in turn. It returns how many fields are new.
func put(c *engine.Ctx, key []byte, en engine.Entry, h *hashObject, pairs [][]byte) (fresh int64) {
	size := 0
	for _, b := range pairs {
		size += len(b)
	}
	c.Heavy(size)
	lim, made := limits(c.Config()), h == nil
	if made {
		h = engine.Fresh[*hashObject](c, engine.FormHash)
	} else {
		en = c.Grow(en, h, h.Growth(pairs))
	}
	h.Fit(lim, pairs...)
	for i := 0; i < len(pairs); i += 2 {
		if h.Set(pairs[i], pairs[i+1], lim) {
			fresh++
		}
	}
	if made {
		c.PutObject(key, h)
	} else {
		c.Changed(key, en, h)
	}
	return fresh
}

func doHsetnx(c *engine.Ctx) {
	key := c.Args[1]
	en, h, ok := engine.WriteObject[*hashObject](c, key)
	if !ok {
		return
	}
	if h != nil && h.Has(c.Args[2]) {
		c.W.Int(0)
		return
	}
	put(c, key, en, h, c.Args[2:])
	c.Notify(engine.EventHash, "hset", key)
	c.PropagateSelf()
	c.W.Int(1)
}

func doHdel(c *engine.Ctx) {
	key := c.Args[1]
	en, h, ok := engine.WriteObject[*hashObject](c, key)
	if !ok {
		return
	}
	n := int64(0)
	if h != nil {
		c.Changing(en)
		for _, field := range c.Args[2:] {
			if h.Delete(field) {
				n++
			}
		}
	}
	if n > 0 {
		gone := c.Changed(key, en, h)
		c.Notify(engine.EventHash, "hdel", key)
		c.NotifyGone(key, gone)
		c.PropagateSelfN(n)
	}
	c.W.Int(n)
}
