package strings

import (
	"fmt"
	"strconv"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/resp"
)

// Commands that write whole values. In the log they all become SET in its
// absolute form, so that a record means the same whenever it is carried out:
//
//	SET k v NX EX 10     SET k v PXAT <ms>
//	SETEX, PSETEX        SET k v PXAT <ms>
//	SETNX, GETSET        SET k v
//	GETEX                PEXPIREAT k <ms>, PERSIST k, DEL k, or nothing
//	GETDEL               DEL k

func stringSets() []engine.Command {
	return []engine.Command{
		{Do: doSet, Command: spec.Command{
			Name: "set", Arity: -3, Flags: spec.Write | spec.DenyOOM, Since: "1.0.0", Complex: "O(1)",
			Summary: "Sets the string at a key, whatever was there.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyUpdate|spec.KeyVariable).Noted("RW and ACCESS due to the optional `GET` argument")},
			Args:    setArgs(), KeyUse: setKeyUse,
		}},
		{Do: doSetex, Command: spec.Command{
			Name: "setex", Arity: 4, Flags: spec.Write | spec.DenyOOM, Since: "2.0.0", Complex: "O(1)",
			Summary: "Sets the string at a key and its life in seconds.",
			Keys:    spec.Keys{spec.One(1, spec.KeyOW|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("seconds"), spec.String("value")},
		}},
		{Do: doPsetex, Command: spec.Command{
			Name: "psetex", Arity: 4, Flags: spec.Write | spec.DenyOOM, Since: "2.6.0", Complex: "O(1)",
			Summary: "Sets the string at a key and its life in milliseconds.",
			Keys:    spec.Keys{spec.One(1, spec.KeyOW|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("milliseconds"), spec.String("value")},
		}},
		{Do: doSetnx, Command: spec.Command{
			Name: "setnx", Arity: 3, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Sets the string at a key that does not exist yet.",
			Keys:    spec.Keys{spec.One(1, spec.KeyOW|spec.KeyInsert)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("value")},
		}},
		{Do: doMset, Command: spec.Command{
			Name: "mset", Arity: -3, Flags: spec.Write | spec.DenyOOM, Since: "1.0.1", Complex: "O(N) in the number of keys",
			Summary: "Sets the strings at several keys in one step.",
			Tips:    []string{"request_policy:multi_shard", "response_policy:all_succeeded"},
			Keys:    spec.Keys{spec.Span(1, -1, 2, spec.KeyOW|spec.KeyUpdate)},
			Args:    spec.Args{spec.Block("key_value", spec.Key("key", 0), spec.String("value")).Many()},
		}},
		{Do: doMsetnx, Command: spec.Command{
			Name: "msetnx", Arity: -3, Flags: spec.Write | spec.DenyOOM, Since: "1.0.1", Complex: "O(N) in the number of keys",
			Summary: "Sets the strings at several keys, all or none: none of them may exist.",
			Tips:    []string{"request_policy:multi_shard", "response_policy:agg_min"},
			Keys:    spec.Keys{spec.Span(1, -1, 2, spec.KeyOW|spec.KeyInsert)},
			Args:    spec.Args{spec.Block("key_value", spec.Key("key", 0), spec.String("value")).Many()},
		}},
	}
}

func stringSwaps() []engine.Command {
	return []engine.Command{
		{Do: doGetset, Command: spec.Command{
			Name: "getset", Arity: 3, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary:         "Sets the string at a key and returns the one before.",
			DeprecatedSince: "6.2.0", ReplacedBy: "`SET` with the `!GET` argument",
			Keys: spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyUpdate)},
			Args: spec.Args{spec.Key("key", 0), spec.String("value")},
		}},
		{Do: doGetdel, Command: spec.Command{
			Name: "getdel", Arity: 2, Flags: spec.Write | spec.Fast, Since: "6.2.0", Complex: "O(1)",
			Summary: "Returns the string at a key and deletes the key.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
		{Do: doGetex, Command: spec.Command{
			Name: "getex", Arity: -2, Flags: spec.Write | spec.Fast, Since: "6.2.0", Complex: "O(1)",
			Summary: "Returns the string at a key and changes when the key expires.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyUpdate).Noted("RW and UPDATE because it changes the TTL")},
			Args:    getexArgs(),
		}},
	}
}

func doSet(c *engine.Ctx) {
	key, value := c.Args[1], c.Args[2]
	if len(c.Args) == 3 {
		c.PutString(key, value)
		c.Notify(engine.EventString, "set", key)
		c.PropagateSelf()
		c.W.OK()
		return
	}
	o, ok := parseStringOptions(c.Args[3:], true)
	if !ok {
		c.Err(resp.ErrSyntax)
		return
	}
	var at int64
	if o.life != nil {
		if at, ok = c.LifeEnd(o.life, o.unit.TimeUnit); !ok {
			return
		}
	}
	setWith(c, key, value, &o, at)
}

// setWith is SET with options, to expire at the wall ms at (0: never).
func setWith(c *engine.Ctx, key, value []byte, o *stringOptions, at int64) {
	var en engine.Entry
	if o.get {
		if en = c.Read(key); !replyOld(c, en) {
			return
		}
	} else {
		en = c.Write(key)
	}
	if (o.nx && en.OK()) || (o.xx && !en.OK()) {
		if !o.get {
			c.W.Null()
		}
		return
	}
	if o.keepTTL && en.OK() {
		at = en.ExpireAt()
	}
	c.Put(key, engine.EncodeString(value), at)
	c.Notify(engine.EventString, "set", key)
	if o.life != nil {
		c.Notify(engine.EventGeneric, "expire", key)
	}
	propagateSet(c, key, value, o, at)
	if !o.get {
		c.W.OK()
	}
}

// replyOld replies with the string that is about to be replaced, or null;
// false: it is of another type, and the error was written.
func replyOld(c *engine.Ctx, en engine.Entry) bool {
	if !en.OK() {
		c.W.Null()
		return true
	}
	v, ok := c.StringOf(en)
	if ok {
		engine.ReplyText(c.W, v)
	}
	return ok
}

func propagateSet(c *engine.Ctx, key, value []byte, o *stringOptions, at int64) {
	switch {
	case o.life != nil:
		var ms [decimal.MaxLen]byte
		c.Propagate([]byte("SET"), key, value, []byte("PXAT"), strconv.AppendInt(ms[:0], at, 10))
	case o.keepTTL:
		c.Propagate([]byte("SET"), key, value, []byte("KEEPTTL"))
	default:
		c.Propagate([]byte("SET"), key, value)
	}
}

func doSetex(c *engine.Ctx)  { setFor(c, engine.TimeUnit{Seconds: true}) }
func doPsetex(c *engine.Ctx) { setFor(c, engine.TimeUnit{}) }

func setFor(c *engine.Ctx, u engine.TimeUnit) {
	o := stringOptions{life: c.Args[2]}
	at, ok := c.LifeEnd(o.life, u)
	if !ok {
		return
	}
	setWith(c, c.Args[1], c.Args[3], &o, at)
}

func doSetnx(c *engine.Ctx) {
	if en := c.Write(c.Args[1]); en.OK() {
		c.W.Int(0)
		return
	}
	c.Put(c.Args[1], engine.EncodeString(c.Args[2]), 0)
	c.Notify(engine.EventString, "set", c.Args[1])
	c.Propagate([]byte("SET"), c.Args[1], c.Args[2])
	c.W.Int(1)
}

func doMset(c *engine.Ctx) {
	if pairsMissing(c) {
		return
	}
	putPairs(c)
	c.W.OK()
}

func doMsetnx(c *engine.Ctx) {
	if pairsMissing(c) {
		return
	}
	for i := 1; i < len(c.Args); i += 2 {
		if c.Write(c.Args[i]).OK() {
			c.W.Int(0)
			return
		}
	}
	putPairs(c)
	c.W.Int(1)
}

// pairsMissing refuses a key without a value.
func pairsMissing(c *engine.Ctx) bool {
	if len(c.Args)%2 == 1 {
		return false
	}
	c.Err(fmt.Sprintf(resp.ErrArity, c.Cmd.FullName()))
	return true
}

func putPairs(c *engine.Ctx) {
	for i := 1; i < len(c.Args); i += 2 {
		c.Put(c.Args[i], engine.EncodeString(c.Args[i+1]), 0)
		c.Notify(engine.EventString, "set", c.Args[i])
	}
	c.PropagateSelfN(int64(len(c.Args) / 2))
}

func doGetset(c *engine.Ctx) {
	key, value := c.Args[1], c.Args[2]
	if !replyOld(c, c.Read(key)) {
		return
	}
	c.Put(key, engine.EncodeString(value), 0)
	c.Notify(engine.EventString, "set", key)
	c.Propagate([]byte("SET"), key, value)
}

func doGetdel(c *engine.Ctx) {
	key := c.Args[1]
	en := c.Read(key)
	if !replyOld(c, en) || !en.OK() {
		return
	}
	c.Remove(key)
	c.Notify(engine.EventGeneric, "del", key)
	c.Propagate([]byte("DEL"), key)
}

func doGetex(c *engine.Ctx) {
	o, ok := parseStringOptions(c.Args[2:], false)
	if !ok {
		c.Err(resp.ErrSyntax)
		return
	}
	key := c.Args[1]
	en := c.Read(key)
	if !en.OK() {
		c.W.Null()
		return
	}
	v, ok := c.StringOf(en)
	if !ok {
		return
	}
	if o.life == nil {
		engine.ReplyText(c.W, v)
		if o.persist {
			c.Persist(key, en)
		}
		return
	}
	at, ok := c.LifeEnd(o.life, o.unit.TimeUnit)
	if !ok {
		return
	}
	engine.ReplyText(c.W, v)
	c.ExpireAt(key, en, at)
}
