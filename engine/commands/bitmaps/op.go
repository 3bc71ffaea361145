package bitmaps

import (
	"strconv"

	"regent/engine"
	"regent/engine/dict"
	"regent/engine/spec"
	"regent/resp"
)

func opCommands() []engine.Command {
	return []engine.Command{
		{Do: doBitop, Command: spec.Command{
			Name: "bitop", Arity: -4, Flags: spec.Write | spec.DenyOOM, Since: "2.6.0", Complex: "O(N) in the length of the longest string",
			Summary: "Combines strings bit by bit, and stores what comes out.",
			Keys:    spec.Keys{spec.One(2, spec.KeyOW|spec.KeyUpdate), spec.Span(3, -1, 1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.String("operation"), spec.Key("destkey", 0), spec.Key("key", 1).Many()},
		}},
	}
}

// operationNamed reads BITOP's operation.
func operationNamed(word []byte) (op operation, ok bool) {
	for op, name := range []string{"and", "or", "xor", "not"} {
		if spec.EqualFold(word, name) {
			return operation(op), true
		}
	}
	return 0, false
}

func doBitop(c *engine.Ctx) {
	op, ok := operationNamed(c.Args[1])
	if !ok {
		c.Err(resp.ErrSyntax)
		return
	}
	dst, sources := c.Args[2], c.Args[3:]
	if op == not && len(sources) != 1 {
		c.Err(resp.ErrBitopNot)
		return
	}
	var room [8][]byte // enough for most
	texts := room[:0]
	longest := 0
	for _, key := range sources {
		var text []byte
		if en := c.Read(key); en.OK() {
			v, ok := c.StringOf(en)
			if !ok {
				return
			}
			if text = v.Bytes; v.Kind == dict.Int {
				text = strconv.AppendInt(nil, v.Int, 10)
			}
		}
		texts = append(texts, text)
		longest = max(longest, len(text))
	}
	if longest == 0 {
		if c.Peek(dst).OK() && c.Remove(dst) {
			c.Notify(engine.EventGeneric, "del", dst)
			c.PropagateSelf()
		}
		c.W.Int(0)
		return
	}
	c.Heavy(longest * len(texts))
	out := make([]byte, longest)
	copy(out, texts[0])
	for i, text := range texts {
		if i > 0 || op == not {
			combine(op, out, text)
		}
	}
	c.Put(dst, dict.Value{Kind: dict.Raw, Bytes: out}, 0)
	c.Notify(engine.EventString, "set", dst)
	c.PropagateSelf()
	c.W.Int(int64(longest))
}
