package engine

import (
	"bytes"
	"slices"

	"regent/engine/dict"
	"regent/resp"
)

// The commands on keys whatever they hold. This file: being there, copying
// and renaming; generic_expire.go: time to live; generic_scan.go: looking for
// keys; generic_object.go: OBJECT; wait.go: WAIT.

func genericCommands() []Command {
	return slices.Concat(keyCommands(), walkCommands(), objectCommands(), expireSetters(), expireReaders(), waitCommands())
}

func keyCommands() []Command {
	return []Command{
		{
			Name: "del", Arity: -2, Flags: Write, Cats: CatKeyspace, Group: GroupGeneric,
			Since: "1.0.0", Complex: "O(N) in the number of keys, and in the elements of types other than string",
			Summary: "Deletes keys.",
			Tips:    []string{"request_policy:multi_shard", "response_policy:agg_sum"},
			Keys:    []KeySpec{Span(1, -1, 1, KeyRM|KeyDelete)},
			Args:    []Arg{argKey("key", 0).many()},
			Do:      doDel,
		},
		{
			Name: "unlink", Arity: -2, Flags: Write | Fast, Cats: CatKeyspace, Group: GroupGeneric, Since: "4.0.0", Complex: "O(N) in the number of keys",
			Summary: "Deletes keys and frees their memory later.",
			Tips:    []string{"request_policy:multi_shard", "response_policy:agg_sum"},
			Keys:    []KeySpec{Span(1, -1, 1, KeyRM|KeyDelete)},
			Args:    []Arg{argKey("key", 0).many()},
			Do:      doUnlink,
		},
		{
			Name: "exists", Arity: -2, Flags: ReadOnly | Fast, Cats: CatKeyspace, Group: GroupGeneric, Since: "1.0.0", Complex: "O(N) in the number of keys",
			Summary: "Counts which of the keys exist.",
			Tips:    []string{"request_policy:multi_shard", "response_policy:agg_sum"},
			Keys:    []KeySpec{Span(1, -1, 1, KeyRO)},
			Args:    []Arg{argKey("key", 0).many()},
			Do:      doExists,
		},
		{
			Name: "touch", Arity: -2, Flags: ReadOnly | Fast, Cats: CatKeyspace, Group: GroupGeneric, Since: "3.2.1", Complex: "O(N) in the number of keys",
			Summary: "Marks keys as just used and counts those that exist.",
			Tips:    []string{"request_policy:multi_shard", "response_policy:agg_sum"},
			Keys:    []KeySpec{Span(1, -1, 1, KeyRO)},
			Args:    []Arg{argKey("key", 0).many()},
			Do:      doTouch,
		},
		{
			Name: "type", Arity: 2, Flags: ReadOnly | Fast, Cats: CatKeyspace, Group: GroupGeneric, Since: "1.0.0", Complex: "O(1)",
			Summary: "Returns the type of the value at a key.",
			Keys:    []KeySpec{One(1, KeyRO)},
			Args:    []Arg{argKey("key", 0)},
			Do:      doType,
		},
		{
			Name: "copy", Arity: -3, Flags: Write | DenyOOM, Cats: CatKeyspace, Group: GroupGeneric,
			Since: "6.2.0", Complex: "O(1) for strings, O(N) in the elements of other types",
			Summary: "Copies the value at a key to another key.",
			Keys:    []KeySpec{One(1, KeyRO|KeyAccess), One(2, KeyOW|KeyUpdate)},
			Args: []Arg{
				argKey("source", 0), argKey("destination", 1),
				arg("destination-db", "integer").token("DB").optional(), argWord("replace", "REPLACE").optional(),
			},
			Do: doCopy,
		},
		{
			Name: "move", Arity: 3, Flags: Write | Fast, Cats: CatKeyspace, Group: GroupGeneric, Since: "1.0.0", Complex: "O(1)",
			Summary: "Moves a key to another database.",
			Keys:    []KeySpec{One(1, KeyRW|KeyAccess|KeyUpdate)},
			Args:    []Arg{argKey("key", 0), arg("db", "integer")},
			Do:      doMove,
		},
		{
			Name: "rename", Arity: 3, Flags: Write, Cats: CatKeyspace, Group: GroupGeneric, Since: "1.0.0", Complex: "O(1)",
			Summary: "Renames a key, over what the new name held.",
			Keys:    []KeySpec{One(1, KeyRW|KeyAccess|KeyDelete), One(2, KeyOW|KeyUpdate)},
			Args:    []Arg{argKey("key", 0), argKey("newkey", 1)},
			Do:      doRename,
		},
		{
			Name: "renamenx", Arity: 3, Flags: Write | Fast, Cats: CatKeyspace, Group: GroupGeneric, Since: "1.0.0", Complex: "O(1)",
			Summary: "Renames a key when the new name is free.",
			Keys:    []KeySpec{One(1, KeyRW|KeyAccess|KeyDelete), One(2, KeyOW|KeyInsert)},
			Args:    []Arg{argKey("key", 0), argKey("newkey", 1)},
			Do:      doRenamenx,
		},
	}
}

// Look is Read without marking the key as used: EXISTS, TTL, TYPE and OBJECT
// count as hits and misses but do not keep a key young.
func (c *Ctx) Look(key []byte) Entry {
	en := c.Peek(key)
	if st := c.stripe(key); en.OK() {
		st.hits.Add(1)
	} else {
		st.misses.Add(1)
	}
	return en
}

// typeName is what TYPE answers for v.
func typeName(v dict.Value) string {
	if v.Kind == dict.Object {
		return v.Obj.(Object).TypeName()
	}
	return "string"
}

// detach makes v independent of its entry.
func detach(v dict.Value) dict.Value {
	v.Bytes = bytes.Clone(v.Bytes)
	return v
}

func doDel(c *Ctx) {
	if n := c.removeAll(); n > 0 {
		c.PropagateSelf()
		c.W.Int(n)
		return
	}
	c.W.Int(0)
}

// doUnlink is DEL: nothing here takes long to free.
func doUnlink(c *Ctx) {
	n := c.removeAll()
	if n > 0 {
		rec := append([][]byte{[]byte("DEL")}, c.Args[1:]...)
		c.Propagate(rec...)
	}
	c.W.Int(n)
}

// removeAll deletes the keys of all arguments and counts those that were
// there.
func (c *Ctx) removeAll() (n int64) {
	for _, key := range c.Args[1:] {
		if c.Peek(key).OK() && c.Remove(key) {
			n++
		}
	}
	return n
}

func doExists(c *Ctx) {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if c.Look(key).OK() {
			n++
		}
	}
	c.W.Int(n)
}

func doTouch(c *Ctx) {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if en := c.Read(key); en.OK() {
			c.mark(en)
			n++
		}
	}
	c.W.Int(n)
}

func doType(c *Ctx) {
	if en := c.Look(c.Args[1]); en.OK() {
		c.W.Status(typeName(en.Value()))
		return
	}
	c.W.Status("none")
}

func doCopy(c *Ctx) {
	src, dst := c.Args[1], c.Args[2]
	db, replace := c.S.DB, false
	for i := 3; i < len(c.Args); i++ {
		switch {
		case equalFold(c.Args[i], "replace"):
			replace = true
		case equalFold(c.Args[i], "db") && i+1 < len(c.Args):
			i++
			var ok bool
			if db, ok = c.dbArg(c.Args[i]); !ok {
				return
			}
		default:
			c.Err(resp.ErrSyntax)
			return
		}
	}
	if db == c.S.DB && bytes.Equal(src, dst) {
		c.Err(resp.ErrSameObject)
		return
	}
	en := c.Read(src)
	if !en.OK() {
		c.W.Int(0)
		return
	}
	v, at := detach(en.Value()), en.ExpireAt()
	if c.PeekIn(db, dst).OK() && !replace {
		c.W.Int(0)
		return
	}
	if v.Kind == dict.Object {
		v = objectValue(v.Obj.(Object).Clone())
	}
	c.PutIn(db, dst, v, at)
	c.PropagateSelf()
	c.W.Int(1)
}

func doMove(c *Ctx) {
	key := c.Args[1]
	db, ok := c.dbArg(c.Args[2])
	if !ok {
		return
	}
	if db == c.S.DB {
		c.Err(resp.ErrSameObject)
		return
	}
	en := c.Write(key)
	if !en.OK() || c.PeekIn(db, key).OK() {
		c.W.Int(0)
		return
	}
	v, at := detach(en.Value()), en.ExpireAt()
	c.Remove(key)
	c.PutIn(db, key, v, at)
	c.PropagateSelf()
	c.W.Int(1)
}

func doRename(c *Ctx) {
	if c.rename(true) {
		c.W.OK()
	}
}

func doRenamenx(c *Ctx) {
	if c.rename(false) {
		c.W.Int(1)
	}
}

// rename moves a value and its time to live to the new name; false: a reply
// was written. Without over an existing key is not replaced.
func (c *Ctx) rename(over bool) bool {
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
	v, at := detach(en.Value()), en.ExpireAt()
	if !over && c.Write(dst).OK() {
		c.W.Int(0)
		return false
	}
	c.Remove(src)
	c.Put(dst, v, at)
	c.PropagateSelf()
	return true
}
