package libs

import (
	"encoding/binary"
	"math"

	lua "github.com/yuin/gopher-lua"
)

func msgUnpack(L *lua.LState) int { return msgUnpackFull(L, 0, 0) }

func msgUnpackOne(L *lua.LState) int {
	offset := optInteger(L, 2, 0)
	L.SetTop(1)
	return msgUnpackFull(L, 1, offset)
}

func msgUnpackLimit(L *lua.LState) int {
	limit, offset := checkInteger(L, 2), optInteger(L, 3, 0)
	L.SetTop(1)
	return msgUnpackFull(L, limit, offset)
}

// msgUnpackFull unpacks so many values from an offset on, and where the rest begins
// before them, -1 if there is none. Without both it unpacks all.
func msgUnpackFull(L *lua.LState, limit, offset int64) int {
	s := checkString(L, 1)
	all := limit == 0 && offset == 0
	switch {
	case offset < 0 || limit < 0: // the text has the length where it says limit, as redis-server's has
		raise(L, "Invalid request to unpack with offset of %d and limit of %d.", int32(offset), int32(len(s)))
	case offset > int64(len(s)):
		raise(L, "Start offset %d greater than input length %d.", int32(offset), int32(len(s)))
	}
	if all {
		limit = math.MaxInt32
	}
	d := &unpacker{L: L, s: s[offset:]}
	values := []lua.LValue{}
	for n := int64(0); len(d.s) > 0 && n < limit; n++ {
		v := d.value(L.GetTop() + len(values))
		switch {
		case d.short:
			raise(L, "Missing bytes in input.")
		case d.bad:
			raise(L, "Bad data format in input.")
		}
		values = append(values, v)
	}
	if !all {
		next := int64(len(s) - len(d.s))
		if len(d.s) == 0 {
			next = -1
		}
		L.Push(lua.LNumber(next))
	}
	for _, v := range values {
		L.Push(v)
	}
	if all {
		return len(values)
	}
	return len(values) + 1
}

// An unpacker is what is left of the bytes, and whether they were wrong.
type unpacker struct {
	L     *lua.LState
	s     string
	short bool // bytes are missing
	bad   bool // a tag that there is not
	gaps  int  // places of arrays that hold nothing, of all tables
}

// maxGaps bounds the places that keys of a few bytes can make gopher-lua set aside: an
// integer that is a key has a place in an array, and so have all below it. Sixteen bytes each.
const maxGaps = 1 << 24

// take takes n bytes; false: they are not there.
func (d *unpacker) take(n int) (string, bool) {
	if n > len(d.s) {
		d.short = true
		return "", false
	}
	s := d.s[:n]
	d.s = d.s[n:]
	return s, true
}

// uint takes an unsigned integer of so many bytes, after the tag.
func (d *unpacker) uint(size int) (uint64, bool) {
	s, ok := d.take(1 + size)
	if !ok {
		return 0, false
	}
	var b [8]byte
	copy(b[8-size:], s[1:])
	return binary.BigEndian.Uint64(b[:]), true
}

// length takes a length of so many bytes, after the tag.
func (d *unpacker) length(size int) (int, bool) {
	n, ok := d.uint(size)
	return int(n), ok
}

// value takes a value. used is how many slots the stack of C would have by now. What it
// returns after an error counts for nothing.
func (d *unpacker) value(used int) lua.LValue {
	if len(d.s) == 0 {
		d.short = true
		return lua.LNil
	}
	if used+1 > maxSlots {
		raise(d.L, "stack overflow (%s)", "too many return values at once; use unpack_one or unpack_limit instead.")
	}
	switch tag := d.s[0]; tag {
	case tagNil:
		d.s = d.s[1:]
		return lua.LNil
	case tagTrue, tagFalse:
		d.s = d.s[1:]
		return lua.LBool(tag == tagTrue)
	case tagUint8, tagUint16, tagUint32, tagUint64: // the largest come out negative, as in C
		n, _ := d.uint(1 << (tag - tagUint8))
		return lua.LNumber(int64(n))
	case tagInt8, tagInt16, tagInt32, tagInt64:
		size := 1 << (tag - tagInt8)
		n, _ := d.uint(size)
		unused := 64 - 8*size
		return lua.LNumber(int64(n<<unused) >> unused)
	case tagFloat:
		n, _ := d.uint(4)
		return lua.LNumber(math.Float32frombits(uint32(n)))
	case tagDouble:
		n, _ := d.uint(8)
		return lua.LNumber(math.Float64frombits(n))
	case tagStr8, tagStr16, tagStr32:
		return d.text(d.length(1 << (tag - tagStr8)))
	case tagArr16, tagArr32:
		n, ok := d.length(2 << (tag - tagArr16))
		return d.array(n, ok, used)
	case tagMap16, tagMap32:
		n, ok := d.length(2 << (tag - tagMap16))
		return d.table(n, ok, used)
	default:
		return d.fixed(tag, used)
	}
}

// fixed takes a value whose tag holds its length, or itself.
func (d *unpacker) fixed(tag byte, used int) lua.LValue {
	_, _ = d.take(1) // it is there
	switch {
	case tag < tagFixMap:
		return lua.LNumber(tag)
	case tag < tagFixArr:
		return d.table(int(tag&maxFixLen), true, used)
	case tag < tagFixStr:
		return d.array(int(tag&maxFixLen), true, used)
	case tag < tagNil:
		return d.text(int(tag&maxFixStr), true)
	case tag >= tagNegFix:
		return lua.LNumber(int8(tag))
	}
	d.bad = true
	return lua.LNil
}

func (d *unpacker) text(n int, ok bool) lua.LValue {
	if !ok {
		return lua.LNil
	}
	s, _ := d.take(n)
	return lua.LString(s)
}

func (d *unpacker) array(n int, ok bool, used int) lua.LValue {
	t := d.L.NewTable()
	if ok && used+2 > maxSlots {
		raise(d.L, "stack overflow (%s)", "in function mp_decode_to_lua_array")
	}
	for i := 1; ok && i <= n; i++ {
		v := d.value(used + 2)
		if d.short || d.bad {
			return lua.LNil
		}
		if v != lua.LNil {
			t.RawSetInt(i, v)
		}
	}
	return t
}

func (d *unpacker) table(n int, ok bool, used int) lua.LValue {
	t := d.L.NewTable()
	for i := 0; ok && i < n; i++ {
		k := d.value(used + 1)
		if d.short || d.bad {
			return lua.LNil
		}
		v := d.value(used + 2)
		if d.short || d.bad {
			return lua.LNil
		}
		d.set(t, k, v)
	}
	return t
}

// set sets a value of a table, if the key may be one.
func (d *unpacker) set(t *lua.LTable, k, v lua.LValue) {
	n, isNumber := k.(lua.LNumber)
	switch {
	case k == lua.LNil:
		raiseAt(d.L, 0, "table index is nil")
	case isNumber && math.IsNaN(float64(n)):
		raiseAt(d.L, 0, "table index is NaN")
	case v == lua.LNil && t.RawGet(k) == lua.LNil:
		return
	case isNumber && n > 0 && n < lua.LNumber(lua.MaxArrayIndex) && n == lua.LNumber(int(n)):
		if d.gaps += max(0, int(n)-1-t.MaxN()); d.gaps > maxGaps {
			raise(d.L, "not enough memory")
		}
	}
	t.RawSet(k, v)
}
