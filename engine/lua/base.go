package lua

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// The basic functions where gopher-lua's are not Redis's, or not safe.

// removed are globals that Redis has not.
func removed() []string {
	return []string{"_GOPHER_LUA_VERSION", "dofile", "loadfile", "print", "_printregs", "module", "require", "newproxy", "setfenv", "getfenv"}
}

func (st *State) replaceBase() {
	for _, name := range removed() {
		st.globals.RawSetString(name, lua.LNil)
	}
	for name, fn := range map[string]lua.LGFunction{
		"collectgarbage": collectGarbage, "gcinfo": func(L *lua.LState) int { L.Push(lua.LNumber(countedKB)); return 1 },
		"load": st.load, "loadstring": st.loadString, "next": st.next, "pcall": st.protectedCall, "xpcall": st.xpcall,
		"rawget": st.rawGet, "rawset": st.rawSet, "setmetatable": st.setMetatable, "tonumber": toNumber, "tostring": st.toString, "unpack": unpack,
		"__redis__err__handler": handleError, "assert": assert, "error": raiseValue,
	} {
		st.globals.RawSetString(name, st.L.NewFunction(fn))
	}
	next := st.globals.RawGetString("next")
	st.globals.RawSetString("pairs", st.L.NewFunction(func(L *lua.LState) int {
		t := L.CheckTable(1)
		L.Push(next)
		L.Push(t)
		L.Push(lua.LNil)
		return 3
	}))
}

// argError is luaL_argerror.
func argError(L *lua.LState, n int, fn, text string) {
	L.RaiseError("bad argument #%d to '%s' (%s)", n, fn, text)
}

// countedKB is what scripts are told that the interpreter uses.
const countedKB = 64

func collectGarbage(L *lua.LState) int {
	if L.OptString(1, "collect") == "count" {
		L.Push(lua.LNumber(countedKB))
	} else {
		L.Push(lua.LNumber(0))
	}
	return 1
}

func assert(L *lua.LState) int {
	L.CheckAny(1)
	if !L.ToBool(1) {
		L.RaiseError("%s", L.OptString(2, "assertion failed!"))
	}
	return L.GetTop()
}

// raiseValue is error.
func raiseValue(L *lua.LState) int {
	v, level := L.Get(1), L.OptInt(2, 1)
	text, is := v.(lua.LString)
	if !is || level <= 0 {
		raiseAsIs(L, v)
	}
	raiseAsIs(L, lua.LString(placeOf(L, level))+text)
	return 0
}

// raiseAsIs raises v without a place.
func raiseAsIs(L *lua.LState, v lua.LValue) {
	L.Error(v, 0)
}

// placeOf says where the function is that is level calls up, "": nowhere.
func placeOf(L *lua.LState, level int) string {
	dbg, ok := L.GetStack(level)
	if !ok {
		return ""
	}
	if _, err := L.GetInfo("Sl", dbg, lua.LNil); err != nil || dbg.Source == "" {
		return ""
	}
	return dbg.Source + ":" + strconv.Itoa(dbg.CurrentLine) + ": "
}

func (st *State) next(L *lua.LState) int {
	t := st.shown(L.CheckTable(1))
	k, v := t.Next(L.Get(2))
	if k == lua.LNil {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(k)
	L.Push(v)
	return 2
}

func (st *State) rawGet(L *lua.LState) int {
	L.Push(st.shown(L.CheckTable(1)).RawGet(L.CheckAny(2)))
	return 1
}

func (st *State) rawSet(L *lua.LState) int {
	t := L.CheckTable(1)
	st.unlocked(L, t)
	L.RawSet(t, L.CheckAny(2), L.CheckAny(3))
	L.SetTop(1)
	return 1
}

func (st *State) setMetatable(L *lua.LState) int {
	t := L.CheckTable(1)
	meta := L.Get(2)
	if meta != lua.LNil && meta.Type() != lua.LTTable || L.GetTop() < 2 {
		argError(L, 2, "setmetatable", "nil or table expected")
	}
	st.unlocked(L, t)
	if L.GetMetaField(t, "__metatable") != lua.LNil {
		L.RaiseError("cannot change a protected metatable")
	}
	t.Metatable = meta
	L.SetTop(1)
	return 1
}

func (st *State) toString(L *lua.LState) int {
	v := L.CheckAny(1)
	if fn := L.GetMetaField(v, "__tostring"); fn != lua.LNil {
		L.Push(fn)
		L.Push(v)
		L.Call(1, 1)
		return 1
	}
	L.Push(lua.LString(toString(v)))
	return 1
}

// parseNumber reads a number as C's strtod does, for which blanks may stand around it.
func parseNumber(s string) (float64, bool) {
	s = strings.Trim(s, " \t\n\v\f\r")
	sign := 1.0
	digits := s
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		if digits[0] == '-' {
			sign = -1
		}
		digits = digits[1:]
	}
	if digits == "" || strings.Contains(digits, "_") {
		return 0, false
	}
	if len(digits) > 2 && (digits[:2] == "0x" || digits[:2] == "0X") && !strings.ContainsAny(digits, ".pP") {
		if n, err := strconv.ParseUint(digits[2:], 16, 64); err == nil {
			return sign * float64(n), true
		}
		return 0, false
	}
	if c := digits[0]; c != '.' && (c < '0' || c > '9') {
		switch strings.ToLower(digits) {
		case "inf", "infinity":
			return sign * math.Inf(1), true
		case "nan":
			return math.NaN(), true
		}
		return 0, false
	}
	if strings.ContainsAny(digits, "xX") && !strings.ContainsAny(digits, "pP") {
		digits += "p0"
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return sign * f, true
}

func toNumber(L *lua.LState) int {
	base := L.OptInt(2, 10)
	v := L.CheckAny(1)
	if base == 10 {
		if f, ok := numberOf(v); ok {
			L.Push(lua.LNumber(f))
		} else {
			L.Push(lua.LNil)
		}
		return 1
	}
	if base < 2 || base > 36 {
		argError(L, 2, "tonumber", "base out of range")
	}
	s := strings.Trim(L.CheckString(1), " \t\n\v\f\r")
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")
	if base == 16 && len(s) > 2 && (s[:2] == "0x" || s[:2] == "0X") {
		s = s[2:]
	}
	n, err := strconv.ParseUint(s, base, 64)
	if err != nil || strings.Contains(s, "_") {
		L.Push(lua.LNil)
		return 1
	}
	f := float64(n)
	if neg {
		f = float64(-n) // unsigned, as C's strtoul
	}
	L.Push(lua.LNumber(f))
	return 1
}

// maxUnpacked is how many values unpack returns at most, less those of its arguments
// (LUAI_MAXCSTACK).
const maxUnpacked = 8000

func unpack(L *lua.LState) int {
	t := L.CheckTable(1)
	from, to := float64(1), float64(t.Len())
	if L.Get(2) != lua.LNil {
		from = math.Trunc(float64(L.CheckNumber(2)))
	}
	if L.Get(3) != lua.LNil {
		to = math.Trunc(float64(L.CheckNumber(3)))
	}
	if from > to {
		return 0
	}
	if n := to - from + 1; n >= maxUnpacked-float64(L.GetTop()-1) {
		L.RaiseError("too many results to unpack")
	}
	n := int(to-from) + 1
	for i := range n {
		L.Push(t.RawGet(lua.LNumber(from + float64(i))))
	}
	return n
}

// protectedCall is Redis's pcall: of an error that is a table it returns the text.
func (st *State) protectedCall(L *lua.LState) int {
	L.CheckAny(1)
	if err := L.PCall(L.GetTop()-1, lua.MultRet, nil); err != nil {
		L.SetTop(0)
		L.Push(lua.LFalse)
		v := st.raised(err)
		if t, is := v.(*lua.LTable); is {
			if text := t.RawGetString("err"); lua.LVCanConvToString(text) {
				v = text
			}
		}
		L.Push(v)
		return 2
	}
	L.Insert(lua.LTrue, 1)
	return L.GetTop()
}

// raised is the value that was raised, in Lua's words.
func (st *State) raised(err error) lua.LValue {
	if st.inside {
		panic(err) // it is the server's
	}
	api, is := err.(*lua.ApiError)
	if !is || api.Object == nil {
		return lua.LString(err.Error())
	}
	if s, is := api.Object.(lua.LString); is {
		return lua.LString(translate(string(s)))
	}
	return api.Object
}

func (st *State) xpcall(L *lua.LState) int {
	L.CheckAny(2)
	fn, handler := L.Get(1), L.Get(2)
	h, is := handler.(*lua.LFunction)
	L.SetTop(0)
	L.Push(fn)
	if !is {
		h = nil
	}
	if err := L.PCall(0, lua.MultRet, h); err != nil {
		v := st.raised(err)
		L.SetTop(0)
		L.Push(lua.LFalse)
		L.Push(v)
		return 2
	}
	L.Insert(lua.LTrue, 1)
	return L.GetTop()
}

func (st *State) load(L *lua.LState) int {
	fn := L.CheckFunction(1)
	name := L.OptString(2, "=(load)")
	var src bytes.Buffer
	for {
		L.Push(fn)
		L.Call(0, 1)
		v := L.Get(-1)
		L.Pop(1)
		if v == lua.LNil || v == lua.LString("") {
			break
		}
		if !lua.LVCanConvToString(v) {
			L.Push(lua.LNil)
			L.Push(lua.LString("reader function must return a string"))
			return 2
		}
		st.room(L, src.Len()+len(toString(v)))
		src.WriteString(toString(v))
	}
	return st.loaded(L, src.Bytes(), name)
}

func (st *State) loadString(L *lua.LState) int {
	src := L.CheckString(1)
	return st.loaded(L, []byte(src), L.OptString(2, src))
}

// loaded returns the function that source is.
func (st *State) loaded(L *lua.LState, source []byte, name string) int {
	var chunk *Chunk
	err := errBytecode
	if len(source) == 0 || source[0] != 27 {
		chunk, err = Compile(chunkName(name), source)
	}
	if err != nil {
		L.Push(lua.LNil)
		L.Push(lua.LString(err.Error()))
		return 2
	}
	L.Push(L.NewFunctionFromProto(chunk.proto))
	for _, v := range st.hidden {
		L.Push(v)
	}
	L.Call(len(st.hidden), 1)
	return 1
}

// chunkName is how a chunk is called in errors (lobject.c, luaO_chunkid).
func chunkName(name string) string {
	const most = 60
	if name != "" && (name[0] == '=' || name[0] == '@') {
		return name[1:min(len(name), most)]
	}
	line, _, more := strings.Cut(name, "\n")
	room := most - len(`[string "..."]`) - 1
	if len(line) > room {
		line, more = line[:room], true
	}
	if more {
		line += "..."
	}
	return `[string "` + line + `"]`
}
