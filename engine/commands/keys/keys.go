package keys

import (
	"bytes"
	"slices"

	"regent/engine"
	"regent/engine/dict"
	"regent/engine/spec"
	"regent/resp"
)

// The commands on keys whatever they hold. This file: being there, copying
// and renaming; expire.go: time to live; scan.go: looking for
// keys; object.go: OBJECT; dump.go: DUMP and RESTORE; migrate.go: MIGRATE.

// Room is what this package brings to an engine.
func Room() engine.Room {
	return engine.Room{
		Group: spec.GroupGeneric, Cats: spec.CatKeyspace,
		Commands: commands(),
	}
}

func commands() []engine.Command {
	return slices.Concat(keyCommands(), walkCommands(), dumpCommands(), migrateCommands(), objectCommands(), expireSetters(), expireReaders())
}

func keyCommands() []engine.Command {
	return []engine.Command{
		{Do: doDel, Sized: true, Command: spec.Command{
			Name: "del", Arity: -2, Flags: spec.Write,
			Since: "1.0.0", Complex: "O(N) in the number of keys, and in the elements of types other than string",
			Summary: "Deletes keys.",
			Tips:    []string{"request_policy:multi_shard", "response_policy:agg_sum"},
			Keys:    spec.Keys{spec.Span(1, -1, 1, spec.KeyRM|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0).Many()},
		}},
		{Do: doUnlink, Command: spec.Command{
			Name: "unlink", Arity: -2, Flags: spec.Write | spec.Fast, Since: "4.0.0", Complex: "O(N) in the number of keys",
			Summary: "Deletes keys and frees their memory later.",
			Tips:    []string{"request_policy:multi_shard", "response_policy:agg_sum"},
			Keys:    spec.Keys{spec.Span(1, -1, 1, spec.KeyRM|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0).Many()},
		}},
		{Do: doExists, Command: spec.Command{
			Name: "exists", Arity: -2, Flags: spec.ReadOnly | spec.Fast, Since: "1.0.0", Complex: "O(N) in the number of keys",
			Summary: "Counts which of the keys exist.",
			Tips:    []string{"request_policy:multi_shard", "response_policy:agg_sum"},
			Keys:    spec.Keys{spec.Span(1, -1, 1, spec.KeyRO)},
			Args:    spec.Args{spec.Key("key", 0).Many()},
		}},
		{Do: doTouch, Command: spec.Command{
			Name: "touch", Arity: -2, Flags: spec.ReadOnly | spec.Fast, Since: "3.2.1", Complex: "O(N) in the number of keys",
			Summary: "Marks keys as just used and counts those that exist.",
			Tips:    []string{"request_policy:multi_shard", "response_policy:agg_sum"},
			Keys:    spec.Keys{spec.Span(1, -1, 1, spec.KeyRO)},
			Args:    spec.Args{spec.Key("key", 0).Many()},
		}},
		{Do: doType, Command: spec.Command{
			Name: "type", Arity: 2, Flags: spec.ReadOnly | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Returns the type of the value at a key.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
		{Do: doCopy, Command: spec.Command{
			Name: "copy", Arity: -3, Flags: spec.Write | spec.DenyOOM,
			Since: "6.2.0", Complex: "O(1) for strings, O(N) in the elements of other types",
			Summary: "Copies the value at a key to another key.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess), spec.One(2, spec.KeyOW|spec.KeyUpdate)},
			Args: spec.Args{
				spec.Key("source", 0), spec.Key("destination", 1),
				spec.Integer("destination-db").With("DB").Opt(), spec.Word("replace", "REPLACE").Opt(),
			},
		}},
		{Do: doMove, Command: spec.Command{
			Name: "move", Arity: 3, Flags: spec.Write | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Moves a key to another database.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("db")},
		}},
		{Do: doRename, Command: spec.Command{
			Name: "rename", Arity: 3, Flags: spec.Write, Since: "1.0.0", Complex: "O(1)",
			Summary: "Renames a key, over what the new name held.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete), spec.One(2, spec.KeyOW|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.Key("newkey", 1)},
		}},
		{Do: doRenamenx, Command: spec.Command{
			Name: "renamenx", Arity: 3, Flags: spec.Write | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Renames a key when the new name is free.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete), spec.One(2, spec.KeyOW|spec.KeyInsert)},
			Args:    spec.Args{spec.Key("key", 0), spec.Key("newkey", 1)},
		}},
	}
}

func doDel(c *engine.Ctx) {
	if n := removeAll(c); n > 0 {
		c.PropagateSelfN(n)
		c.W.Int(n)
		return
	}
	c.W.Int(0)
}

// doUnlink is DEL: nothing here takes long to free.
func doUnlink(c *engine.Ctx) {
	n := removeAll(c)
	if n > 0 {
		rec := append([][]byte{[]byte("DEL")}, c.Args[1:]...)
		c.PropagateN(n, rec...)
	}
	c.W.Int(n)
}

// removeAll deletes the keys of all arguments and counts those that were
// there.
func removeAll(c *engine.Ctx) (n int64) {
	for _, key := range c.Args[1:] {
		if en := c.Peek(key); en.OK() {
			c.RemoveAt(key, en)
			c.Notify(engine.EventGeneric, "del", key)
			n++
		}
	}
	return n
}

func doExists(c *engine.Ctx) {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if c.Look(key).OK() {
			n++
		}
	}
	c.W.Int(n)
}

func doTouch(c *engine.Ctx) {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if en := c.Read(key); en.OK() {
			c.MarkUsed(en)
			n++
		}
	}
	c.W.Int(n)
}

func doType(c *engine.Ctx) {
	if en := c.Look(c.Args[1]); en.OK() {
		c.W.Status(engine.TypeName(en.Value()))
		return
	}
	c.W.Status("none")
}

func doCopy(c *engine.Ctx) {
	src, dst := c.Args[1], c.Args[2]
	db, replace := c.DB(), false
	for i := 3; i < len(c.Args); i++ {
		switch {
		case spec.EqualFold(c.Args[i], "replace"):
			replace = true
		case spec.EqualFold(c.Args[i], "db") && i+1 < len(c.Args):
			i++
			var ok bool
			if db, ok = c.DBArg(c.Args[i]); !ok {
				return
			}
		default:
			c.Err(resp.ErrSyntax)
			return
		}
	}
	if db == c.DB() && bytes.Equal(src, dst) {
		c.Err(resp.ErrSameObject)
		return
	}
	en := c.Read(src)
	if !en.OK() {
		c.W.Int(0)
		return
	}
	v, at := engine.Detach(en.Value()), en.ExpireAt()
	if c.PeekIn(db, dst).OK() && !replace {
		c.W.Int(0)
		return
	}
	if v.Kind == dict.Object {
		v = engine.ObjectValue(v.Obj.(engine.Object).Clone())
	}
	c.PutIn(db, dst, v, at)
	c.NotifyIn(db, engine.EventGeneric, "copy_to", dst)
	c.PropagateSelf()
	c.W.Int(1)
}

func doMove(c *engine.Ctx) {
	key := c.Args[1]
	db, ok := c.DBArg(c.Args[2])
	if !ok {
		return
	}
	if db == c.DB() {
		c.Err(resp.ErrSameObject)
		return
	}
	en := c.Write(key)
	if !en.OK() || c.PeekIn(db, key).OK() {
		c.W.Int(0)
		return
	}
	v, at := engine.Detach(en.Value()), en.ExpireAt()
	c.Remove(key)
	c.PutIn(db, key, v, at)
	c.Notify(engine.EventGeneric, "move_from", key)
	c.NotifyIn(db, engine.EventGeneric, "move_to", key)
	c.PropagateSelf()
	c.W.Int(1)
}

func doRename(c *engine.Ctx) {
	if rename(c, true) {
		c.W.OK()
	}
}

func doRenamenx(c *engine.Ctx) {
	if rename(c, false) {
		c.W.Int(1)
	}
}

// rename moves a value and its time to live to the new name; false: a reply
// was written. Without over an existing key is not replaced.
func rename(c *engine.Ctx, over bool) bool {
	src, dst := c.Args[1], c.Args[2]
	en := c.Write(src)
	if !en.OK() {
		c.Err(resp.ErrNoSuchKey)
		return false
	}
	if bytes.Equal(src, dst) {
		if !over {
			c.W.Int(0)
		}
		return over
	}
	v, at := engine.Detach(en.Value()), en.ExpireAt()
	if !over && c.Write(dst).OK() {
		c.W.Int(0)
		return false
	}
	// A client that waits for both is served at dst before it is told that src is gone, as in
	// redis-server. Nobody waits for strings, of which there would be one more for a moment.
	if v.Kind.IsString() {
		c.Remove(src)
		c.Put(dst, v, at)
	} else {
		c.Put(dst, v, at)
		c.Remove(src)
	}
	c.Notify(engine.EventGeneric, "rename_from", src)
	c.Notify(engine.EventGeneric, "rename_to", dst)
	c.PropagateSelf()
	return true
}
