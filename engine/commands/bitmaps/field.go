package bitmaps

import (
	"bytes"
	"math"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/dict"
	"regent/engine/spec"
	"regent/resp"
)

// BITFIELD: numbers of 1 to 64 bits at any place of a string. All of its operations are
// read before the first is carried out; the string is made as long as the farthest that
// writes needs it. A call that only reads makes nothing.

func fieldCommands() []engine.Command {
	get := func() spec.Arg {
		return spec.Block("encoding_offset", spec.String("encoding"), spec.Integer("offset")).With("GET")
	}
	return []engine.Command{
		{Do: doBitfield, Command: spec.Command{
			Name: "bitfield", Arity: -2, Flags: spec.Write | spec.DenyOOM, Since: "3.2.0", Complex: "O(1) for each operation",
			Summary: "Reads, sets and counts up numbers of any width in the string at a key.",
			Keys: spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyUpdate|spec.KeyVariable).
				Noted("This command allows both access and modification of the key")},
			Args: spec.Args{spec.Key("key", 0), spec.OneOf("operation", get(), fieldWrites()).Opt().Many()}, KeyUse: fieldKeyUse,
		}},
		{Do: doBitfieldRO, Command: spec.Command{
			Name: "bitfield_ro", Arity: -2, Flags: spec.ReadOnly | spec.Fast, Since: "6.0.0", Complex: "O(1) for each operation",
			Summary: "Reads numbers of any width in the string at a key.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), get().Opt().Many().Repeated()},
		}},
	}
}

func fieldWrites() spec.Arg {
	return spec.Block("write",
		spec.OneOf("wrap_sat_fail", spec.Word("wrap", "WRAP"), spec.Word("sat", "SAT"), spec.Word("fail", "FAIL")).With("OVERFLOW").Opt(),
		spec.OneOf("write_operation",
			spec.Block("encoding_offset_value", spec.String("encoding"), spec.Integer("offset"), spec.Integer("value")).With("SET"),
			spec.Block("encoding_offset_increment", spec.String("encoding"), spec.Integer("offset"), spec.Integer("increment")).With("INCRBY"),
		),
	)
}

// fieldKeyUse is what BITFIELD does with its key: it may do no more than read.
func fieldKeyUse(args [][]byte) spec.KeyFlags {
	for i := 2; i < len(args); {
		switch left := len(args) - i - 1; {
		case spec.EqualFold(args[i], "get") && left >= 2:
			i += 3
		case spec.EqualFold(args[i], "overflow") && left >= 1:
			i += 2
		default:
			return spec.KeyRW | spec.KeyAccess | spec.KeyUpdate
		}
	}
	return spec.KeyRO | spec.KeyAccess
}

// What an operation does.
type fieldVerb uint8

const (
	fieldGet fieldVerb = iota
	fieldSet
	fieldIncr
)

// What becomes of a number that does not fit.
type overflow uint8

const (
	wrap overflow = iota
	saturate
	fail
)

// A fieldOp is one operation of BITFIELD.
type fieldOp struct {
	verb   fieldVerb
	over   overflow
	signed bool
	bits   uint
	at     int64 // of its first bit
	by     int64 // the value, or the increment
}

func doBitfield(c *engine.Ctx)   { bitfield(c, false) }
func doBitfieldRO(c *engine.Ctx) { bitfield(c, true) }

func bitfield(c *engine.Ctx, readOnly bool) {
	var room [8]fieldOp // enough for most
	ops, end, ok := fieldOps(c, room[:0])
	if !ok {
		return
	}
	if end < 0 {
		var buf [decimal.MaxLen]byte
		if text, _, ok := textAt(c, c.Args[1], &buf); ok {
			c.W.Array(len(ops))
			for i := range ops {
				c.W.Int(ops[i].value(text))
			}
		}
		return
	}
	if readOnly {
		c.Err(resp.ErrFieldRO)
		return
	}
	changeFields(c, ops, int(end>>3)+1)
}

// changeFields carries out operations on a string that must be n bytes long at least.
func changeFields(c *engine.Ctx, ops []fieldOp, n int) {
	key := c.Args[1]
	en := c.Write(key)
	var v dict.Value
	had := 0
	if en.OK() {
		var ok bool
		if v, ok = c.PartOf(en); !ok {
			return
		}
		had = engine.TextLen(v)
	}
	grown := n > had
	var b []byte
	if grown {
		b = c.Stretch(key, en, v, n)
	} else {
		b = c.Loosen(key, en, v, had)
	}
	changes := int64(0)
	c.W.Array(len(ops))
	for i := range ops {
		if wrote, changed := ops[i].do(c.W, b); changed || wrote && grown {
			changes++
		}
	}
	switch {
	case changes > 0:
		c.Modified(key)
		c.Notify(engine.EventString, "setbit", key)
		c.PropagateSelfN(changes)
	case grown: // with zeros alone, as nothing fitted
		c.PropagateSelfN(0)
	}
}

// fieldOps appends the operations to ops; end is the farthest bit that is written, -1: none is.
// False: the error was written.
func fieldOps(c *engine.Ctx, ops []fieldOp) (_ []fieldOp, end int64, ok bool) {
	var over overflow
	end = -1
	for i := 2; i < len(c.Args); {
		word, left := c.Args[i], len(c.Args)-i-1
		op := fieldOp{over: over}
		switch {
		case spec.EqualFold(word, "get") && left >= 2:
			op.verb = fieldGet
		case spec.EqualFold(word, "set") && left >= 3:
			op.verb = fieldSet
		case spec.EqualFold(word, "incrby") && left >= 3:
			op.verb = fieldIncr
		case spec.EqualFold(word, "overflow") && left >= 1:
			if over, ok = overflowArg(c, c.Args[i+1]); !ok {
				return nil, 0, false
			}
			i += 2
			continue
		default:
			c.Err(resp.ErrSyntax)
			return nil, 0, false
		}
		if !op.read(c, c.Args[i+1:]) {
			return nil, 0, false
		}
		i += 3
		if op.verb != fieldGet {
			end = max(end, op.at+int64(op.bits)-1)
			i++
		}
		ops = append(ops, op)
	}
	return ops, end, true
}

func overflowArg(c *engine.Ctx, word []byte) (overflow, bool) {
	for o, name := range []string{"wrap", "sat", "fail"} {
		if spec.EqualFold(word, name) {
			return overflow(o), true
		}
	}
	c.Err(resp.ErrFieldOver)
	return 0, false
}

// read reads what follows the operation's name; false: the error was written.
func (op *fieldOp) read(c *engine.Ctx, args [][]byte) (ok bool) {
	if op.signed, op.bits, ok = fieldType(args[0]); !ok {
		c.Err(resp.ErrFieldType)
		return false
	}
	if op.at, ok = offsetArg(c, args[1], int64(op.bits)); !ok {
		return false
	}
	if op.verb != fieldGet {
		op.by, ok = c.IntArg(args[2])
	}
	return ok
}

// fieldType reads i1 to i64 and u1 to u63. As in Redis the text ends at a zero byte.
func fieldType(raw []byte) (signed bool, bits uint, ok bool) {
	raw, _, _ = bytes.Cut(raw, []byte{0})
	if len(raw) == 0 || raw[0] != 'i' && raw[0] != 'u' {
		return false, 0, false
	}
	n, ok := decimal.Parse(raw[1:])
	signed = raw[0] == 'i'
	return signed, uint(n), ok && n >= 1 && (n <= 63 || signed && n == 64)
}

// value is what the field holds.
func (op *fieldOp) value(b []byte) int64 {
	x := field(b, op.at, op.bits)
	if op.signed {
		return int64(x<<(64-op.bits)) >> (64 - op.bits)
	}
	return int64(x)
}

// next is what the field is to hold; false: it does not fit, and over says fail.
func (op *fieldOp) next(b []byte) (next int64, ok bool) {
	from, by := op.by, int64(0)
	if op.verb == fieldIncr {
		from, by = op.value(b), op.by
	}
	low, high, above, below := op.leaves(from, by)
	switch {
	case !above && !below:
		return from + by, true
	case op.over == fail:
		return 0, false
	case op.over == wrap:
		return op.wrapped(from + by), true
	case above:
		return high, true
	}
	return low, true
}

// leaves reports whether from and an increment of by come to be above or below what fits,
// low to high. As in Redis a SET far below the range of a signed field counts as above:
// its distance to the upper end leaves 64 bits.
func (op *fieldOp) leaves(from, by int64) (low, high int64, above, below bool) {
	if !op.signed {
		high = math.MaxInt64 >> (63 - op.bits)
		above = from < 0 || from > high || by > 0 && by > high-from // a negative one is a large one without a sign
		return 0, high, above, !above && by < 0 && by < -from
	}
	high = math.MaxInt64 >> (64 - op.bits)
	low = -high - 1
	up, down := high-from, low-from
	narrow := op.bits != 64
	above = from > high || (narrow || from >= 0 && by > 0) && by > up
	below = !above && (from < low || (narrow || from < 0 && by < 0) && by < down)
	return low, high, above, below
}

// wrapped is the field's value after its lower bits have been set to x's.
func (op *fieldOp) wrapped(x int64) int64 {
	if op.signed {
		return x << (64 - op.bits) >> (64 - op.bits)
	}
	return x & (1<<op.bits - 1)
}

// do carries the operation out and replies: whether it has written to the field, and
// whether the field is another one for it.
func (op *fieldOp) do(w *resp.Writer, b []byte) (wrote, changed bool) {
	old := op.value(b)
	if op.verb == fieldGet {
		w.Int(old)
		return false, false
	}
	next, ok := op.next(b)
	if !ok {
		w.Null()
		return false, false
	}
	setField(b, op.at, op.bits, uint64(next))
	if op.verb == fieldSet {
		w.Int(old)
	} else {
		w.Int(next)
	}
	return true, next != old
}
