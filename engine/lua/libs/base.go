package libs

import (
	"fmt"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func openBase(L *lua.LState) {
	p := &protector{}
	L.SetFuncs(L.G.Global, map[string]lua.LGFunction{
		"assert": baseAssert, "error": baseError, "getmetatable": baseGetMetatable, "gcinfo": baseGCInfo,
		"collectgarbage": baseCollectGarbage, "load": baseLoad, "loadstring": baseLoadString, "next": baseNext,
		"pcall": p.pcall, "rawequal": baseRawEqual, "rawget": baseRawGet, "rawset": baseRawSet, "select": baseSelect,
		"setmetatable": baseSetMetatable, "tonumber": baseToNumber, "tostring": baseToString, "type": baseType,
		"unpack": baseUnpack, "xpcall": p.xpcall,
	})
	L.G.Global.RawSetString("ipairs", L.NewClosure(iterator(lua.LNumber(0)), L.NewFunction(nextIndex)))
	L.G.Global.RawSetString("pairs", L.NewClosure(iterator(lua.LNil), L.NewFunction(baseNext)))
	openRefusals(L)
}

// openRefusals gives the types that have no metatable in PUC's Lua one here, whose methods
// are the errors of what these types cannot do: gopher-lua's own do not name the type.
// No script sees them.
func openRefusals(L *lua.LState) {
	refuse := func(what string, operand func(a, b lua.LValue) lua.LValue) *lua.LFunction {
		return L.NewFunction(func(L *lua.LState) int {
			raise(L, "attempt to %s a %s value", what, operand(L.Get(1), L.Get(2)).Type())
			return 0
		})
	}
	first := func(a, _ lua.LValue) lua.LValue { return a }
	meta := L.NewTable()
	meta.RawSetString("__call", refuse("call", first))
	meta.RawSetString("__index", refuse("index", first))
	meta.RawSetString("__newindex", refuse("index", first))
	meta.RawSetString("__unm", refuse("perform arithmetic on", first))
	meta.RawSetString("__len", refuse("get length of", first))
	meta.RawSetString("__concat", refuse("concatenate", func(a, b lua.LValue) lua.LValue {
		if lua.LVCanConvToString(a) {
			return b
		}
		return a
	}))
	for _, v := range []lua.LValue{lua.LNil, lua.LFalse, lua.LNumber(0), L.NewFunction(baseNext)} {
		L.SetMetatable(v, meta)
	}
}

// iterator is what pairs and ipairs return: the function that is their upvalue, the table,
// and where to begin.
func iterator(from lua.LValue) lua.LGFunction {
	return func(L *lua.LState) int {
		t := checkTable(L, 1)
		L.Push(L.Get(lua.UpvalueIndex(1)))
		L.Push(t)
		L.Push(from)
		return 3
	}
}

func nextIndex(L *lua.LState) int {
	t, i := checkTable(L, 1), checkInt(L, 2)+1
	v := t.RawGetInt(i)
	if v == lua.LNil {
		return 0
	}
	L.Push(lua.LNumber(i))
	L.Push(v)
	return 2
}

func baseAssert(L *lua.LState) int {
	checkAny(L, 1)
	if !L.ToBool(1) {
		raise(L, "%s", optString(L, 2, "assertion failed!"))
	}
	return L.GetTop()
}

func baseError(L *lua.LState) int {
	level := optInt(L, 2, 1)
	v := L.Get(1)
	if s, ok := text(v); ok && level > 0 {
		raiseAt(L, level, s)
	}
	L.Error(v, 0)
	return 0
}

func baseGetMetatable(L *lua.LState) int {
	v := checkAny(L, 1)
	switch v.(type) {
	case *lua.LTable, *lua.LUserData, lua.LString:
		L.Push(L.GetMetatable(v))
	default:
		L.Push(lua.LNil)
	}
	return 1
}

// baseSetMetatable is for tables alone.
func baseSetMetatable(L *lua.LState) int {
	t, v := checkTable(L, 1), L.Get(2)
	if mt, ok := v.(*lua.LTable); !ok && (v != lua.LNil || L.GetTop() < 2) {
		argError(L, 2, "nil or table expected")
	} else if old, ok := t.Metatable.(*lua.LTable); ok && old.RawGetString("__metatable") != lua.LNil {
		raise(L, "cannot change a protected metatable")
	} else if mt == nil {
		t.Metatable = lua.LNil
	} else {
		t.Metatable = mt
	}
	L.SetTop(1)
	return 1
}

// The collector is Go's, for the whole process: scripts have no say in it, and no memory of
// their own that could be told.
func baseGCInfo(L *lua.LState) int {
	L.Push(lua.LNumber(0))
	return 1
}

func baseCollectGarbage(L *lua.LState) int {
	option := optString(L, 1, "collect")
	switch option {
	case "stop", "restart", "collect", "count", "setpause", "setstepmul":
		L.Push(lua.LNumber(0))
	case "step":
		L.Push(lua.LFalse)
	default:
		argError(L, 1, "invalid option '"+option+"'")
	}
	return 1
}

func baseNext(L *lua.LState) int {
	k, v := checkTable(L, 1).Next(L.Get(2))
	L.Push(k)
	if k == lua.LNil {
		return 1
	}
	L.Push(v)
	return 2
}

// ErrorValue is the value that a script gets of an error that L.PCall returned: what it
// raised, with the words of PUC's Lua where gopher-lua raised it.
func ErrorValue(err error) lua.LValue {
	api, ok := err.(*lua.ApiError)
	if !ok {
		return lua.LString(err.Error())
	}
	s, ok := api.Object.(lua.LString)
	if !ok {
		if api.Object == nil {
			return lua.LString(err.Error())
		}
		return api.Object
	}
	return lua.LString(reword(string(s)))
}

// reword brings an error of gopher-lua's virtual machine into PUC's words.
func reword(s string) string {
	at := ""
	for _, mark := range []string{"attempt to ", "cannot perform ", "__unm undefined", "__len undefined", "for statement "} {
		if i := strings.Index(s, mark); i >= 0 && (i == 0 || strings.HasSuffix(s[:i], ": ")) {
			at, s = s[:i], s[i:]
			break
		}
	}
	switch {
	case s == "attempt to call a non-function object": // another has a metatable (openRefusals)
		s = "attempt to call a table value"
	case strings.HasPrefix(s, "attempt to index a non-table object("):
		kind, _, _ := strings.Cut(strings.TrimPrefix(s, "attempt to index a non-table object("), ")")
		s = "attempt to index a " + kind + " value"
	case strings.HasPrefix(s, "cannot perform "):
		s = rewordOperation(s)
	case s == "__unm undefined":
		s = "attempt to perform arithmetic on a table value"
	case s == "__len undefined":
		s = "attempt to get length of a userdata value"
	case strings.HasPrefix(s, "attempt to compare "):
		if a, b, ok := strings.Cut(strings.TrimPrefix(s, "attempt to compare "), " with "); ok && a == b {
			s = "attempt to compare two " + a + " values"
		}
	case strings.HasPrefix(s, "for statement "):
		what := strings.TrimSuffix(strings.TrimPrefix(s, "for statement "), " must be a number")
		if what == "init" {
			what = "initial"
		}
		s = "'for' " + what + " value must be a number"
		if what != "initial" {
			s = "'for' " + what + " must be a number"
		}
	}
	return at + s
}

// rewordOperation is reword of "cannot perform OP operation between A and B".
func rewordOperation(s string) string {
	op, kinds, ok := strings.Cut(strings.TrimPrefix(s, "cannot perform "), " operation between ")
	a, b, both := strings.Cut(kinds, " and ")
	if !ok || !both {
		return s
	}
	if op == "concat" {
		if a == "string" || a == "number" {
			a = b
		}
		return "attempt to concatenate a " + a + " value"
	}
	if a == "number" {
		a = b
	}
	return "attempt to perform arithmetic on a " + a + " value"
}

func baseRawEqual(L *lua.LState) int {
	a := checkAny(L, 1)
	L.Push(lua.LBool(a == checkAny(L, 2)))
	return 1
}

func baseRawGet(L *lua.LState) int {
	t := checkTable(L, 1)
	L.Push(t.RawGet(checkAny(L, 2)))
	return 1
}

func baseRawSet(L *lua.LState) int {
	t, k := checkTable(L, 1), checkAny(L, 2)
	(&unpacker{L: L}).set(t, k, checkAny(L, 3))
	L.SetTop(1)
	return 1
}

func baseSelect(L *lua.LState) int {
	n := L.GetTop()
	if s, ok := L.Get(1).(lua.LString); ok && strings.HasPrefix(string(s), "#") {
		L.Push(lua.LNumber(n - 1))
		return 1
	}
	i := checkInt(L, 1)
	if i < 0 {
		i += n
	} else if i > n {
		i = n
	}
	if i < 1 {
		argError(L, 1, "index out of range")
	}
	return n - i
}

func baseToNumber(L *lua.LState) int {
	const least, most, decimal = 2, 36, 10
	base := optInt(L, 2, decimal)
	if base == decimal {
		if f, ok := number(checkAny(L, 1)); ok {
			L.Push(lua.LNumber(f))
		} else {
			L.Push(lua.LNil)
		}
		return 1
	}
	s := checkString(L, 1)
	if base < least || base > most {
		argError(L, 2, "base out of range")
	}
	if n, ok := parseUnsigned(s, base); ok {
		L.Push(lua.LNumber(n))
	} else {
		L.Push(lua.LNil)
	}
	return 1
}

// parseUnsigned reads an integer as C's strtoul does, blanks around it allowed.
func parseUnsigned(s string, base int) (uint64, bool) {
	const hex = 16
	s, _, _ = strings.Cut(s, "\x00")
	s = strings.Trim(s, blanks)
	neg := strings.HasPrefix(s, "-")
	if neg || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	if base == hex && len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		s = s[2:]
	}
	if s == "" || s[0] == '+' || s[0] == '-' {
		return 0, false
	}
	n, err := strconv.ParseUint(s, base, 64)
	if err != nil && !strings.Contains(err.Error(), "range") {
		return 0, false
	}
	if neg && err == nil {
		n = -n
	}
	return n, true
}

// tostring is what the function tostring says of a value.
func tostring(L *lua.LState, v lua.LValue) lua.LValue {
	if f, ok := L.GetMetaField(v, "__tostring").(*lua.LFunction); ok {
		L.Push(f)
		L.Push(v)
		L.Call(1, 1)
		r := L.Get(-1)
		L.Pop(1)
		return r
	}
	switch v := v.(type) {
	case lua.LString:
		return v
	case lua.LNumber:
		return lua.LString(formatNumber(float64(v)))
	case *lua.LUserData:
		if v.Value == (jsonNull{}) {
			return lua.LString("userdata: (nil)")
		}
	case *lua.LFunction:
		if v.IsG {
			return lua.LString(fmt.Sprintf("builtin: %p", v))
		}
	}
	return lua.LString(v.String())
}

func baseToString(L *lua.LState) int {
	L.Push(tostring(L, checkAny(L, 1)))
	return 1
}

func baseType(L *lua.LState) int {
	L.Push(lua.LString(checkAny(L, 1).Type().String()))
	return 1
}

func baseUnpack(L *lua.LState) int {
	t := checkTable(L, 1)
	from := optInt(L, 2, 1)
	to := optInt(L, 3, t.Len())
	if from > to {
		return 0
	}
	n := to - from + 1
	if n+L.GetTop() > maxSlots {
		raise(L, "too many results to unpack")
	}
	for i := from; i <= to; i++ {
		L.Push(t.RawGet(lua.LNumber(i)))
	}
	return n
}

func baseLoad(L *lua.LState) int {
	name := optString(L, 2, "=(load)")
	reader := checkFunction(L, 1)
	code := &buffer{L: L}
	for {
		L.Push(reader)
		L.Call(0, 1)
		v := L.Get(-1)
		L.Pop(1)
		s, ok := text(v)
		if v == lua.LNil || ok && s == "" {
			break
		}
		if !ok {
			L.Push(lua.LNil)
			L.Push(lua.LString("reader function must return a string"))
			return 2
		}
		code.string(s)
	}
	return load(L, string(code.b), name)
}

func baseLoadString(L *lua.LState) int {
	code := checkString(L, 1)
	return load(L, code, optString(L, 2, code))
}

// load compiles a chunk, which sees the globals.
func load(L *lua.LState, code, name string) int {
	f, err := Compile(code, ChunkName(name))
	if err != nil {
		L.Push(lua.LNil)
		L.Push(lua.LString(err.Error()))
		return 2
	}
	L.Push(L.NewFunctionFromProto(f))
	return 1
}
