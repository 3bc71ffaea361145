package libs

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// raise ends the function with an error. Its text begins with the place of the call
// if a function of Lua has called: luaL_error.
func raise(L *lua.LState, format string, args ...any) {
	raiseAt(L, 1, fmt.Sprintf(format, args...))
}

// raiseAt is raise with the place of the function so many levels up; 0: without.
func raiseAt(L *lua.LState, level int, text string) {
	L.Error(lua.LString(where(L, level)+text), 0)
}

// where is the place at which the function of a level stands, "" for one of Go.
func where(L *lua.LState, level int) string {
	if level <= 0 {
		return ""
	}
	dbg, ok := L.GetStack(level)
	if !ok {
		return ""
	}
	if _, err := L.GetInfo("Sl", dbg, lua.LNil); err != nil || dbg.Source == "" || dbg.CurrentLine <= 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", dbg.Source, dbg.CurrentLine)
}

// argError says that argument n is wrong: luaL_argerror.
func argError(L *lua.LState, n int, text string) {
	name := "?"
	if dbg, ok := L.GetStack(0); ok {
		if _, err := L.GetInfo("n", dbg, lua.LNil); err == nil && dbg.Name != "" && dbg.Name[0] != '(' && dbg.Name[0] != '<' {
			name = dbg.Name
		}
	}
	raise(L, "bad argument #%d to '%s' (%s)", n, name, text)
}

// typeError says that argument n is of another type.
func typeError(L *lua.LState, n int, expected string) {
	argError(L, n, expected+" expected, got "+typeName(L, n))
}

// typeName is the type of argument n.
func typeName(L *lua.LState, n int) string {
	if n > L.GetTop() {
		return "no value"
	}
	return L.Get(n).Type().String()
}

func checkAny(L *lua.LState, n int) lua.LValue {
	if n > L.GetTop() {
		argError(L, n, "value expected")
	}
	return L.Get(n)
}

func checkTable(L *lua.LState, n int) *lua.LTable {
	t, ok := L.Get(n).(*lua.LTable)
	if !ok {
		typeError(L, n, "table")
	}
	return t
}

func checkFunction(L *lua.LState, n int) *lua.LFunction {
	f, ok := L.Get(n).(*lua.LFunction)
	if !ok {
		typeError(L, n, "function")
	}
	return f
}

// text is what a string or a number is as a string: lua_tolstring.
func text(v lua.LValue) (string, bool) {
	switch v := v.(type) {
	case lua.LString:
		return string(v), true
	case lua.LNumber:
		return formatNumber(float64(v)), true
	}
	return "", false
}

func checkString(L *lua.LState, n int) string {
	s, ok := text(L.Get(n))
	if !ok {
		typeError(L, n, "string")
	}
	return s
}

func optString(L *lua.LState, n int, other string) string {
	if L.Get(n) == lua.LNil {
		return other
	}
	return checkString(L, n)
}

// number is what a number or a numeric string is as a number: lua_tonumber.
func number(v lua.LValue) (float64, bool) {
	switch v := v.(type) {
	case lua.LNumber:
		return float64(v), true
	case lua.LString:
		return parseNumber(string(v))
	}
	return 0, false
}

func checkNumber(L *lua.LState, n int) float64 {
	f, ok := number(L.Get(n))
	if !ok {
		typeError(L, n, "number")
	}
	return f
}

// checkInteger is argument n as a lua_Integer.
func checkInteger(L *lua.LState, n int) int64 { return toInt64(checkNumber(L, n)) }

func optInteger(L *lua.LState, n int, other int64) int64 {
	if L.Get(n) == lua.LNil {
		return other
	}
	return checkInteger(L, n)
}

// checkInt is argument n as an int of C.
func checkInt(L *lua.LState, n int) int { return int(int32(checkInteger(L, n))) }

func optInt(L *lua.LState, n, other int) int {
	if L.Get(n) == lua.LNil {
		return other
	}
	return checkInt(L, n)
}

// slots makes sure that n more values find room: luaL_checkstack.
func slots(L *lua.LState, n int, text string) {
	if n > maxSlots || L.GetTop()+n > maxSlots {
		raise(L, "stack overflow (%s)", text)
	}
}

// A buffer is a string while it is built.
type buffer struct {
	L *lua.LState
	b []byte
}

// room makes sure that n more bytes do not make the string too long.
func (b *buffer) room(n int) {
	if n > maxString-len(b.b) {
		raise(b.L, "not enough memory")
	}
}

func (b *buffer) byte(c byte) {
	b.room(1)
	b.b = append(b.b, c)
}

func (b *buffer) string(s string) {
	b.room(len(s))
	b.b = append(b.b, s...)
}

func (b *buffer) bytes(s ...byte) {
	b.room(len(s))
	b.b = append(b.b, s...)
}

// push is the end: the string is the result.
func (b *buffer) push() int {
	b.L.Push(lua.LString(b.b))
	return 1
}
