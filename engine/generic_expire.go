package engine

import (
	"fmt"

	"regent/resp"
)

// Times to live. In the log every way of setting one is PEXPIREAT, in wall
// milliseconds; one that is already over is DEL.

func expireSetters() []Command {
	return []Command{
		{
			Name: "expire", Arity: -3, Flags: Write | Fast, Cats: CatKeyspace, Group: GroupGeneric, Since: "1.0.0", Complex: "O(1)",
			Summary: "Sets the life of a key in seconds.",
			Keys:    []KeySpec{One(1, KeyRW|KeyUpdate)},
			Args:    []Arg{argKey("key", 0), arg("seconds", "integer"), expireCondition()},
			Do:      doExpire,
		},
		{
			Name: "pexpire", Arity: -3, Flags: Write | Fast, Cats: CatKeyspace, Group: GroupGeneric, Since: "2.6.0", Complex: "O(1)",
			Summary: "Sets the life of a key in milliseconds.",
			Keys:    []KeySpec{One(1, KeyRW|KeyUpdate)},
			Args:    []Arg{argKey("key", 0), arg("milliseconds", "integer"), expireCondition()},
			Do:      doPexpire,
		},
		{
			Name: "expireat", Arity: -3, Flags: Write | Fast, Cats: CatKeyspace, Group: GroupGeneric, Since: "1.2.0", Complex: "O(1)",
			Summary: "Sets the Unix time in seconds at which a key expires.",
			Keys:    []KeySpec{One(1, KeyRW|KeyUpdate)},
			Args:    []Arg{argKey("key", 0), arg("unix-time-seconds", "unix-time"), expireCondition()},
			Do:      doExpireat,
		},
		{
			Name: "pexpireat", Arity: -3, Flags: Write | Fast, Cats: CatKeyspace, Group: GroupGeneric, Since: "2.6.0", Complex: "O(1)",
			Summary: "Sets the Unix time in milliseconds at which a key expires.",
			Keys:    []KeySpec{One(1, KeyRW|KeyUpdate)},
			Args:    []Arg{argKey("key", 0), arg("unix-time-milliseconds", "unix-time"), expireCondition()},
			Do:      doPexpireat,
		},
		{
			Name: "persist", Arity: 2, Flags: Write | Fast, Cats: CatKeyspace, Group: GroupGeneric, Since: "2.2.0", Complex: "O(1)",
			Summary: "Makes a key live for ever.",
			Keys:    []KeySpec{One(1, KeyRW|KeyUpdate)},
			Args:    []Arg{argKey("key", 0)},
			Do:      doPersist,
		},
	}
}

func expireReaders() []Command {
	return []Command{
		{
			Name: "ttl", Arity: 2, Flags: ReadOnly | Fast, Cats: CatKeyspace, Group: GroupGeneric, Since: "1.0.0", Complex: "O(1)",
			Summary: "Returns the rest of the life of a key in seconds.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    []KeySpec{One(1, KeyRO|KeyAccess)},
			Args:    []Arg{argKey("key", 0)},
			Do:      doTTL,
		},
		{
			Name: "pttl", Arity: 2, Flags: ReadOnly | Fast, Cats: CatKeyspace, Group: GroupGeneric, Since: "2.6.0", Complex: "O(1)",
			Summary: "Returns the rest of the life of a key in milliseconds.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    []KeySpec{One(1, KeyRO|KeyAccess)},
			Args:    []Arg{argKey("key", 0)},
			Do:      doPTTL,
		},
		{
			Name: "expiretime", Arity: 2, Flags: ReadOnly | Fast, Cats: CatKeyspace, Group: GroupGeneric, Since: "7.0.0", Complex: "O(1)",
			Summary: "Returns the Unix time in seconds at which a key expires.",
			Keys:    []KeySpec{One(1, KeyRO|KeyAccess)},
			Args:    []Arg{argKey("key", 0)},
			Do:      doExpiretime,
		},
		{
			Name: "pexpiretime", Arity: 2, Flags: ReadOnly | Fast, Cats: CatKeyspace, Group: GroupGeneric, Since: "7.0.0", Complex: "O(1)",
			Summary: "Returns the Unix time in milliseconds at which a key expires.",
			Keys:    []KeySpec{One(1, KeyRO|KeyAccess)},
			Args:    []Arg{argKey("key", 0)},
			Do:      doPexpiretime,
		},
	}
}

func doExpire(c *Ctx)    { c.expireBy(timeUnit{seconds: true}) }
func doPexpire(c *Ctx)   { c.expireBy(timeUnit{}) }
func doExpireat(c *Ctx)  { c.expireBy(timeUnit{seconds: true, absolute: true}) }
func doPexpireat(c *Ctx) { c.expireBy(timeUnit{absolute: true}) }

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
func (c *Ctx) expireBy(u timeUnit) {
	rule, ok := c.expireRule()
	if !ok {
		return
	}
	n, ok := c.intArg(c.Args[2])
	if !ok {
		return
	}
	at, ok := c.timeOf(n, u)
	if !ok {
		return
	}
	key := c.Args[1]
	en := c.Write(key)
	if !en.OK() || !rule.allows(en.ExpireAt(), at) {
		c.W.Int(0)
		return
	}
	c.expireAt(key, en, at)
	c.W.Int(1)
}

func (c *Ctx) expireRule() (r expireRule, ok bool) {
	for _, word := range c.Args[3:] {
		switch {
		case equalFold(word, "nx"):
			r.nx = true
		case equalFold(word, "xx"):
			r.xx = true
		case equalFold(word, "gt"):
			r.gt = true
		case equalFold(word, "lt"):
			r.lt = true
		default:
			c.Err(fmt.Sprintf(resp.ErrOption, word))
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

// expireAt makes en, the entry of key, expire at the wall ms at, and
// propagates it. What is already over is deleted, except when a log is
// carried out: there the deletion is a record of its own.
func (c *Ctx) expireAt(key []byte, en Entry, at int64) {
	if at <= c.Now && !c.applying {
		c.Remove(key)
		c.Propagate([]byte("DEL"), key)
		return
	}
	c.SetExpire(en, max(at, 1)) // 0 stands for never
	var ms [maxIntDigits]byte
	c.Propagate([]byte("PEXPIREAT"), key, appendInt(ms[:0], at))
}

// persist makes en live for ever and reports whether it did not before.
func (c *Ctx) persist(key []byte, en Entry) bool {
	if en.ExpireAt() == 0 {
		return false
	}
	c.SetExpire(en, 0)
	c.Propagate([]byte("PERSIST"), key)
	return true
}

func doPersist(c *Ctx) {
	key := c.Args[1]
	if en := c.Write(key); en.OK() && c.persist(key, en) {
		c.W.Int(1)
		return
	}
	c.W.Int(0)
}

func doTTL(c *Ctx)         { c.replyLife(true, false) }
func doPTTL(c *Ctx)        { c.replyLife(false, false) }
func doExpiretime(c *Ctx)  { c.replyLife(true, true) }
func doPexpiretime(c *Ctx) { c.replyLife(false, true) }

// replyLife replies with when the key expires: -2 without the key, -1 for
// never. Seconds are rounded to the nearest.
func (c *Ctx) replyLife(seconds, absolute bool) {
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
		n = (n + 500) / 1000
	}
	c.W.Int(n)
}
