package keys

import (
	"fmt"

	"regent/engine"
	"regent/engine/spec"
	"regent/resp"
)

// Times to live. In the log every way of setting one is PEXPIREAT, in wall
// milliseconds; one that is already over is DEL.

func expireSetters() []engine.Command {
	return []engine.Command{
		{Do: doExpire, Command: spec.Command{
			Name: "expire", Arity: -3, Flags: spec.Write | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Sets the life of a key in seconds.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("seconds"), expireCondition()},
		}},
		{Do: doPexpire, Command: spec.Command{
			Name: "pexpire", Arity: -3, Flags: spec.Write | spec.Fast, Since: "2.6.0", Complex: "O(1)",
			Summary: "Sets the life of a key in milliseconds.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("milliseconds"), expireCondition()},
		}},
		{Do: doExpireat, Command: spec.Command{
			Name: "expireat", Arity: -3, Flags: spec.Write | spec.Fast, Since: "1.2.0", Complex: "O(1)",
			Summary: "Sets the Unix time in seconds at which a key expires.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.UnixTime("unix-time-seconds"), expireCondition()},
		}},
		{Do: doPexpireat, Command: spec.Command{
			Name: "pexpireat", Arity: -3, Flags: spec.Write | spec.Fast, Since: "2.6.0", Complex: "O(1)",
			Summary: "Sets the Unix time in milliseconds at which a key expires.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.UnixTime("unix-time-milliseconds"), expireCondition()},
		}},
		{Do: doPersist, Command: spec.Command{
			Name: "persist", Arity: 2, Flags: spec.Write | spec.Fast, Since: "2.2.0", Complex: "O(1)",
			Summary: "Makes a key live for ever.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
	}
}

func expireReaders() []engine.Command {
	return []engine.Command{
		{Do: doTTL, Command: spec.Command{
			Name: "ttl", Arity: 2, Flags: spec.ReadOnly | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Returns the rest of the life of a key in seconds.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
		{Do: doPTTL, Command: spec.Command{
			Name: "pttl", Arity: 2, Flags: spec.ReadOnly | spec.Fast, Since: "2.6.0", Complex: "O(1)",
			Summary: "Returns the rest of the life of a key in milliseconds.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
		{Do: doExpiretime, Command: spec.Command{
			Name: "expiretime", Arity: 2, Flags: spec.ReadOnly | spec.Fast, Since: "7.0.0", Complex: "O(1)",
			Summary: "Returns the Unix time in seconds at which a key expires.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
		{Do: doPexpiretime, Command: spec.Command{
			Name: "pexpiretime", Arity: 2, Flags: spec.ReadOnly | spec.Fast, Since: "7.0.0", Complex: "O(1)",
			Summary: "Returns the Unix time in milliseconds at which a key expires.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
	}
}

func doExpire(c *engine.Ctx)    { expireBy(c, engine.TimeUnit{Seconds: true}) }
func doPexpire(c *engine.Ctx)   { expireBy(c, engine.TimeUnit{}) }
func doExpireat(c *engine.Ctx)  { expireBy(c, engine.TimeUnit{Seconds: true, Absolute: true}) }
func doPexpireat(c *engine.Ctx) { expireBy(c, engine.TimeUnit{Absolute: true}) }

// expireRule is under which conditions EXPIRE and its kin change anything.
type expireRule struct{ nx, xx, gt, lt bool }

// allows reports whether an entry that expires at the wall ms old (0: never)
// may from now on expire at at.
func (r expireRule) allows(old, at int64) bool {
	switch {
	case r.nx && old != 0, r.xx && old == 0:
		return false
	case r.gt && (old == 0 || at <= old):
		return false
	case r.lt && old != 0 && at >= old:
		return false
	}
	return true
}

// expireBy carries out EXPIRE and its kin.
func expireBy(c *engine.Ctx, u engine.TimeUnit) {
	rule, ok := ruleArgs(c)
	if !ok {
		return
	}
	n, ok := c.IntArg(c.Args[2])
	if !ok {
		return
	}
	at, ok := c.TimeOf(n, u)
	if !ok {
		return
	}
	key := c.Args[1]
	en := c.Write(key)
	if !en.OK() || !rule.allows(en.ExpireAt(), at) {
		c.W.Int(0)
		return
	}
	c.ExpireAt(key, en, at)
	c.W.Int(1)
}

func ruleArgs(c *engine.Ctx) (r expireRule, ok bool) {
	for _, word := range c.Args[3:] {
		switch {
		case spec.EqualFold(word, "nx"):
			r.nx = true
		case spec.EqualFold(word, "xx"):
			r.xx = true
		case spec.EqualFold(word, "gt"):
			r.gt = true
		case spec.EqualFold(word, "lt"):
			r.lt = true
		default:
			c.Err(fmt.Sprintf(resp.ErrOption, engine.Clip(word, len(word))))
			return r, false
		}
	}
	if r.nx && (r.xx || r.gt || r.lt) {
		c.Err(resp.ErrExpireNX)
		return r, false
	}
	if r.gt && r.lt {
		c.Err(resp.ErrExpireGTLT)
		return r, false
	}
	return r, true
}

func doPersist(c *engine.Ctx) {
	key := c.Args[1]
	if en := c.Write(key); en.OK() && c.Persist(key, en) {
		c.W.Int(1)
		return
	}
	c.W.Int(0)
}

func doTTL(c *engine.Ctx)         { replyLife(c, true, false) }
func doPTTL(c *engine.Ctx)        { replyLife(c, false, false) }
func doExpiretime(c *engine.Ctx)  { replyLife(c, true, true) }
func doPexpiretime(c *engine.Ctx) { replyLife(c, false, true) }

// replyLife replies with when the key expires: -2 without the key, -1 for
// never. Seconds are rounded to the nearest.
func replyLife(c *engine.Ctx, seconds, absolute bool) {
	en := c.Look(c.Args[1])
	if !en.OK() {
		c.W.Int(-2)
		return
	}
	n := en.ExpireAt()
	if n == 0 {
		c.W.Int(-1)
		return
	}
	if !absolute {
		n = max(n-c.Now, 0)
	}
	if seconds {
		n = int64((uint64(n) + 500) / 1000) // unsigned: half a second more than the last time there is still is one
	}
	c.W.Int(n)
}

func expireCondition() spec.Arg {
	return spec.OneOf("condition", spec.Word("nx", "NX"), spec.Word("xx", "XX"),
		spec.Word("gt", "GT"), spec.Word("lt", "LT")).Added("7.0.0").Opt()
}
