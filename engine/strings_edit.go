package engine

import (
	"regent/engine/dict"
	"regent/resp"
)

func stringEdits() []Command {
	return []Command{
		{
			Name: "append", Arity: 3, Flags: Write | DenyOOM | Fast, Cats: CatString, Group: GroupString,
			Since: "2.0.0", Complex: "O(1) amortized over the bytes appended",
			Summary: "Appends to the string at a key.",
			Keys:    []KeySpec{One(1, KeyRW|KeyInsert)},
			Args:    []Arg{argKey("key", 0), arg("value", "string")},
			Do:      doAppend,
		},
		{
			Name: "setrange", Arity: 4, Flags: Write | DenyOOM, Cats: CatString, Group: GroupString,
			Since: "2.2.0", Complex: "O(M) in the length of the value",
			Summary: "Overwrites a part of the string at a key, from an offset on.",
			Keys:    []KeySpec{One(1, KeyRW|KeyUpdate)},
			Args:    []Arg{argKey("key", 0), arg("offset", "integer"), arg("value", "string")},
			Do:      doSetrange,
		},
	}
}

func doAppend(c *Ctx) {
	key, add := c.Args[1], c.Args[2]
	en := c.Write(key)
	if !en.OK() {
		c.Put(key, encode(add), 0)
		c.PropagateSelf()
		c.W.Int(int64(len(add)))
		return
	}
	v, ok := c.stringOf(en)
	if !ok {
		return
	}
	old := textLen(v)
	if !c.fits(int64(old), int64(len(add))) {
		return
	}
	copy(c.rawAt(key, en, v, old+len(add))[old:], add)
	c.PropagateSelf()
	c.W.Int(int64(old + len(add)))
}

func doSetrange(c *Ctx) {
	key, value := c.Args[1], c.Args[3]
	offset, ok := c.intArg(c.Args[2])
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
		if v, ok = c.stringOf(en); !ok {
			return
		}
		old = textLen(v)
	}
	if len(value) == 0 {
		c.W.Int(int64(old))
		return
	}
	if !c.fits(offset, int64(len(value))) {
		return
	}
	n := max(old, int(offset)+len(value))
	copy(c.rawAt(key, en, v, n)[offset:], value)
	c.PropagateSelf()
	c.W.Int(int64(n))
}

// rawAt makes the string v at en n bytes long, at least as long as it was,
// and returns its bytes to be changed. A key that does not exist comes to be.
func (c *Ctx) rawAt(key []byte, en Entry, v dict.Value, n int) []byte {
	if en.OK() && v.Kind == dict.Raw {
		_, b := c.Resize(en, n)
		return b
	}
	whole, at := make([]byte, n), int64(0)
	if en.OK() {
		var buf [maxIntDigits]byte
		copy(whole, text(v, &buf))
		at = en.ExpireAt()
	}
	en = c.Put(key, dict.Value{Kind: dict.Raw, Bytes: whole}, at)
	_, b := c.Resize(en, n)
	return b
}
