package bitmaps

import (
	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/dict"
	"regent/engine/spec"
	"regent/resp"
)

func bitCommands() []engine.Command {
	return []engine.Command{
		{Do: doSetbit, Command: spec.Command{
			Name: "setbit", Arity: 4, Flags: spec.Write | spec.DenyOOM, Since: "2.2.0", Complex: "O(1)",
			Summary: "Sets a bit of the string at a key, which grows as needed, and returns the bit before.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("offset"), spec.Integer("value")},
		}},
		{Do: doGetbit, Command: spec.Command{
			Name: "getbit", Arity: 3, Flags: spec.ReadOnly | spec.Fast, Since: "2.2.0", Complex: "O(1)",
			Summary: "Returns a bit of the string at a key.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("offset")},
		}},
	}
}

func rangeCommands() []engine.Command {
	unit := func() spec.Arg {
		return spec.OneOf("index_unit", spec.Word("byte", "BYTE"), spec.Word("bit", "BIT")).Added("7.0.0").Opt()
	}
	return []engine.Command{
		{Do: doBitcount, Command: spec.Command{
			Name: "bitcount", Arity: -2, Flags: spec.ReadOnly, Since: "2.6.0", Complex: "O(N) in the length of the range",
			Summary: "Counts the bits that are set in the string at a key, or in a range of it.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.Block("index", spec.Integer("start"), spec.Integer("end"), unit()).Opt()},
		}},
		{Do: doBitpos, Command: spec.Command{
			Name: "bitpos", Arity: -3, Flags: spec.ReadOnly, Since: "2.8.7", Complex: "O(N) in the length of the range",
			Summary: "Finds the first bit that is set, or not set, in the string at a key or in a range of it.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Key("key", 0), spec.Integer("bit"),
				spec.Block("index", spec.Integer("start"), spec.Block("end_index", spec.Integer("end"), unit()).Opt()).Opt(),
			},
		}},
	}
}

// offsetArg reads the offset of a bit; false: an error was written. times is what an
// offset written as #n is multiplied by, 0: that form is not allowed.
func offsetArg(c *engine.Ctx, raw []byte, times int64) (int64, bool) {
	by := int64(1)
	if times != 0 && len(raw) > 0 && raw[0] == '#' {
		raw, by = raw[1:], times
	}
	n, ok := decimal.Parse(raw)
	n *= by // what leaves the range of 64 bits comes back as anything, as in Redis
	if !ok || n < 0 || n>>3 >= c.MaxString() {
		c.Err(resp.ErrBitOffset)
		return 0, false
	}
	return n, true
}

// textAt looks key up for a read; false: an error was written. A key that does not
// exist has no text, and there is false.
func textAt(c *engine.Ctx, key []byte, buf *[decimal.MaxLen]byte) (text []byte, there, ok bool) {
	en := c.Read(key)
	if !en.OK() {
		return nil, false, true
	}
	v, ok := c.PartOf(en)
	if !ok {
		return nil, true, false
	}
	return engine.Text(v, buf), true, true
}

func doSetbit(c *engine.Ctx) {
	key := c.Args[1]
	at, ok := offsetArg(c, c.Args[2], 0)
	if !ok {
		return
	}
	on, ok := decimal.Parse(c.Args[3])
	if !ok || on&^1 != 0 {
		c.Err(resp.ErrBit)
		return
	}
	en := c.Write(key)
	var v dict.Value
	if en.OK() {
		if v, ok = c.PartOf(en); !ok {
			return
		}
	}
	var buf [decimal.MaxLen]byte
	text := engine.Text(v, &buf)
	if !en.OK() {
		text = nil
	}
	n, was := max(len(text), int(at>>3)+1), bitAt(text, at)
	switch {
	case n > len(text) || was != on:
		b := c.Stretch(key, en, v, n)
		b[at>>3] = b[at>>3]&^(0x80>>(at&7)) | byte(on)<<(7-at&7)
		c.Notify(engine.EventString, "setbit", key)
		c.PropagateSelf()
	case v.Kind != dict.Raw:
		c.Loosen(key, en, v, n)
	}
	c.W.Int(was)
}

func doGetbit(c *engine.Ctx) {
	at, ok := offsetArg(c, c.Args[2], 0)
	if !ok {
		return
	}
	var buf [decimal.MaxLen]byte
	if text, _, ok := textAt(c, c.Args[1], &buf); ok {
		c.W.Int(bitAt(text, at))
	}
}

// A span is a range of bits, the last one included; it is empty when last is before
// first.
type span struct{ first, last int64 }

// spanOf turns inclusive bounds into a span of a text of n bytes. Negative bounds count
// from the end; in are 8 when bounds count bytes, 1 when they count bits.
func spanOf(start, end, n, in int64) span {
	total := n * 8 / in
	if start < 0 {
		start = max(start+total, 0)
	}
	if end < 0 {
		end = max(end+total, 0)
	}
	end = min(end, total-1)
	if start > end {
		return span{0, -1}
	}
	return span{start * in, end*in + in - 1}
}

// unitArg reads BYTE or BIT; false: the error was written.
func unitArg(c *engine.Ctx, word []byte) (in int64, ok bool) {
	switch {
	case spec.EqualFold(word, "bit"):
		return 1, true
	case spec.EqualFold(word, "byte"):
		return 8, true
	}
	c.Err(resp.ErrSyntax)
	return 0, false
}

// doBitcount looks for the key before it looks at the range: of a key that is not there
// Redis says 0, whatever the range.
func doBitcount(c *engine.Ctx) {
	var buf [decimal.MaxLen]byte
	text, there, ok := textAt(c, c.Args[1], &buf)
	if !ok {
		return
	}
	if !there {
		c.W.Int(0)
		return
	}
	c.Heavy(len(text))
	if len(c.Args) == 2 {
		c.W.Int(count(text))
		return
	}
	if len(c.Args) != 4 && len(c.Args) != 5 {
		c.Err(resp.ErrSyntax)
		return
	}
	start, ok := c.IntArg(c.Args[2])
	if !ok {
		return
	}
	end, ok := c.IntArg(c.Args[3])
	if !ok {
		return
	}
	if start < 0 && end < 0 && start > end {
		c.W.Int(0)
		return
	}
	in := int64(8)
	if len(c.Args) == 5 {
		if in, ok = unitArg(c, c.Args[4]); !ok {
			return
		}
	}
	c.W.Int(countIn(text, spanOf(start, end, int64(len(text)), in)))
}

func doBitpos(c *engine.Ctx) {
	bit, ok := c.IntArg(c.Args[2])
	if !ok {
		return
	}
	if bit != 0 && bit != 1 {
		c.Err(resp.ErrBitArg)
		return
	}
	var buf [decimal.MaxLen]byte
	text, there, ok := textAt(c, c.Args[1], &buf)
	if !ok {
		return
	}
	if !there { // zeros without an end
		c.W.Int(-bit)
		return
	}
	c.Heavy(len(text))
	within, ended, ok := posRange(c, int64(len(text)))
	if !ok {
		return
	}
	at := find(text, within, bit == 1)
	if at < 0 && bit == 0 && !ended && within.first <= within.last {
		at = within.last + 1 // the first of the zeros behind the text
	}
	c.W.Int(at)
}

// posRange reads BITPOS's range of a text of n bytes; ended: its end was given. False:
// the error was written.
func posRange(c *engine.Ctx, n int64) (within span, ended, ok bool) {
	args, in, end := c.Args[3:], int64(8), int64(-1)
	if len(args) == 0 {
		return spanOf(0, -1, n, in), false, true
	}
	if len(args) > 3 {
		c.Err(resp.ErrSyntax)
		return span{}, false, false
	}
	start, ok := c.IntArg(args[0])
	if !ok {
		return span{}, false, false
	}
	if len(args) == 3 {
		if in, ok = unitArg(c, args[2]); !ok {
			return span{}, false, false
		}
	}
	if len(args) > 1 {
		if end, ok = c.IntArg(args[1]); !ok {
			return span{}, false, false
		}
	}
	return spanOf(start, end, n, in), len(args) > 1, true
}
