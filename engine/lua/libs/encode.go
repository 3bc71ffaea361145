package libs

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// A jsonEncoder is one call of cjson.encode.
type jsonEncoder struct {
	*jsonSettings
	buffer
}

func (s *jsonSettings) encode(L *lua.LState) int {
	if L.GetTop() != 1 {
		argError(L, 1, "expected 1 argument")
	}
	e := &jsonEncoder{jsonSettings: s, buffer: buffer{L: L}}
	e.value(L.Get(1), 0, 1)
	return e.push()
}

// refuse says that a value cannot be encoded.
func (e *jsonEncoder) refuse(v lua.LValue, reason string) {
	raise(e.L, "Cannot serialise %s: %s", v.Type(), reason)
}

// value appends a value below so many tables. used is how many slots the stack of C
// would have by now.
func (e *jsonEncoder) value(v lua.LValue, depth, used int) {
	switch v := v.(type) {
	case lua.LString:
		e.quote(string(v))
	case lua.LNumber:
		e.number(v)
	case lua.LBool:
		e.string(v.String())
	case *lua.LNilType:
		e.string("null")
	case *lua.LTable:
		depth++
		if depth > e.encodeDepth || used+3 > maxSlots {
			raise(e.L, "Cannot serialise, excessive nesting (%d)", depth)
		}
		if n := e.length(v); n > 0 {
			e.array(v, n, depth, used)
			return
		}
		e.object(v, depth, used)
	case *lua.LUserData:
		if v.Value != (jsonNull{}) {
			e.refuse(v, "type not supported")
		}
		e.string("null")
	default:
		e.refuse(v, "type not supported")
	}
}

// length is how many elements a table has as an array; -1: it is an object.
func (e *jsonEncoder) length(t *lua.LTable) int {
	most, items := 0, 0
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		n, ok := k.(lua.LNumber)
		if f := float64(n); !ok || math.Floor(f) != f || f < 1 {
			return -1
		}
		if float64(n) > float64(most) {
			most = int(toInt32(float64(n)))
		}
		items++
	}
	if e.sparseRatio > 0 && most > items*e.sparseRatio && most > e.sparseSafe {
		if e.sparseConvert == 0 {
			e.refuse(t, "excessively sparse array")
		}
		return -1
	}
	return most
}

func (e *jsonEncoder) array(t *lua.LTable, n, depth, used int) {
	e.byte('[')
	for i := 1; i <= n; i++ {
		if i > 1 {
			e.byte(',')
		}
		e.value(t.RawGet(lua.LNumber(i)), depth, used+1)
	}
	e.byte(']')
}

func (e *jsonEncoder) object(t *lua.LTable, depth, used int) {
	e.byte('{')
	first := true
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		if !first {
			e.byte(',')
		}
		first = false
		switch k := k.(type) {
		case lua.LNumber:
			e.byte('"')
			e.number(k)
			e.string(`":`)
		case lua.LString:
			e.quote(string(k))
			e.byte(':')
		default:
			e.refuse(k, "table key must be a number or string")
		}
		e.value(v, depth, used+2)
	}
	e.byte('}')
}

func (e *jsonEncoder) number(n lua.LNumber) {
	f := float64(n)
	if math.IsInf(f, 0) || math.IsNaN(f) {
		switch {
		case e.encodeInvalid == 0:
			e.refuse(n, "must not be NaN or Inf")
		case e.encodeInvalid == 2:
			e.string("null")
			return
		case math.IsNaN(f):
			e.string("nan")
			return
		}
	}
	const longest = 32
	e.room(longest)
	e.b = appendG(e.b, f, e.precision)
}

// quote appends a string. What is not ASCII is left as it is.
func (e *jsonEncoder) quote(s string) {
	e.byte('"')
	from := 0
	for i := range len(s) {
		if !escaped(s[i]) {
			continue
		}
		e.string(s[from:i])
		if c := jsonEscape(s[i]); c != 0 {
			e.bytes('\\', c)
		} else {
			const digits = "0123456789abcdef"
			e.bytes('\\', 'u', '0', '0', digits[s[i]>>4], digits[s[i]&15])
		}
		from = i + 1
	}
	e.string(s[from:])
	e.byte('"')
}

// escaped reports whether a byte does not stand for itself.
func escaped(c byte) bool {
	const del = 0x7f
	return c < ' ' || c == '"' || c == '\\' || c == '/' || c == del
}

// jsonEscape is the letter of a byte that has one.
func jsonEscape(c byte) byte {
	switch c {
	case '"', '\\', '/':
		return c
	case '\b':
		return 'b'
	case '\t':
		return 't'
	case '\n':
		return 'n'
	case '\f':
		return 'f'
	case '\r':
		return 'r'
	}
	return 0
}
