package lua

import (
	"errors"
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// The libraries where gopher-lua's are not Redis's, or not safe.

var errBytecode = errors.New("bytecode is not loaded")

// put replaces functions of a library.
func (st *State) put(lib string, fns map[string]lua.LGFunction) *lua.LTable {
	t := st.globals.RawGetString(lib).(*lua.LTable)
	for name, fn := range fns {
		t.RawSetString(name, st.L.NewFunction(fn))
	}
	return t
}

func (st *State) replaceMath() {
	t := st.put(lua.MathLibName, map[string]lua.LGFunction{"random": st.random, "randomseed": st.randomSeed})
	t.RawSetString("huge", lua.LNumber(math.Inf(1)))
}

// replaceCoroutine has coroutines stop where their script must.
func (st *State) replaceCoroutine() {
	t := st.globals.RawGetString(lua.CoroutineLibName).(*lua.LTable)
	create := t.RawGetString("create").(*lua.LFunction).GFunction
	wrap := t.RawGetString("wrap").(*lua.LFunction).GFunction
	st.put(lua.CoroutineLibName, map[string]lua.LGFunction{
		"create": func(L *lua.LState) int {
			n := create(L)
			L.Get(-1).(*lua.LState).SetContext(&st.brake)
			return n
		},
		"wrap": func(L *lua.LState) int {
			n := wrap(L)
			fn := L.Get(-1).(*lua.LFunction)
			fn.Upvalues[0].Value().(*lua.LState).SetContext(&st.brake)
			return n
		},
	})
}

func (st *State) replaceTable() {
	t := st.globals.RawGetString(lua.TabLibName).(*lua.LTable)
	for _, name := range []string{"insert", "remove", "sort"} {
		do := t.RawGetString(name).(*lua.LFunction).GFunction
		t.RawSetString(name, st.L.NewFunction(func(L *lua.LState) int {
			of := L.CheckTable(1)
			st.unlocked(L, of)
			st.brake.charge(16 * of.Len())
			return do(L)
		}))
	}
	st.put(lua.TabLibName, map[string]lua.LGFunction{
		"concat": st.tableConcat, "foreach": st.forEach, "foreachi": forEachIndex,
		"setn": func(L *lua.LState) int { L.RaiseError("'setn' is obsolete"); return 0 },
	})
}

func (st *State) tableConcat(L *lua.LState) int {
	t := L.CheckTable(1)
	sep, from, to := L.OptString(2, ""), L.OptInt(3, 1), L.OptInt(4, t.Len())
	var b strings.Builder
	var tmp [32]byte
	for i := from; i <= to; i++ {
		switch v := t.RawGet(lua.LNumber(i)).(type) {
		case lua.LString:
			b.WriteString(string(v))
		case lua.LNumber:
			b.Write(appendNumber(tmp[:0], float64(v)))
		default:
			L.RaiseError("invalid value (%s) at index %d in table for 'concat'", v.Type().String(), i)
		}
		if i < to {
			b.WriteString(sep)
		}
		if b.Len() > maxString {
			raise(L, "not enough memory")
		}
	}
	st.brake.charge(b.Len())
	L.Push(lua.LString(b.String()))
	return 1
}

func (st *State) forEach(L *lua.LState) int {
	t, fn := st.shown(L.CheckTable(1)), L.CheckFunction(2)
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		L.Push(fn)
		L.Push(k)
		L.Push(v)
		L.Call(2, 1)
		if L.Get(-1) != lua.LNil {
			return 1
		}
		L.Pop(1)
	}
	return 0
}

func forEachIndex(L *lua.LState) int {
	t, fn := L.CheckTable(1), L.CheckFunction(2)
	for i, n := 1, t.Len(); i <= n; i++ {
		L.Push(fn)
		L.Push(lua.LNumber(i))
		L.Push(t.RawGetInt(i))
		L.Call(2, 1)
		if L.Get(-1) != lua.LNil {
			return 1
		}
		L.Pop(1)
	}
	return 0
}

func (st *State) replaceString() {
	t := st.put(lua.StringLibName, map[string]lua.LGFunction{
		"rep": st.rep, "format": st.format,
		"dump": func(L *lua.LState) int {
			L.RaiseError("unable to dump given function")
			return 0
		},
	})
	t.RawSetString("gfind", t.RawGetString("gmatch"))
}

func (st *State) rep(L *lua.LState) int {
	s, n := L.CheckString(1), float64(L.CheckNumber(2))
	if n < 1 || s == "" {
		L.Push(lua.LString(""))
		return 1
	}
	if n*float64(len(s)) > maxString {
		raise(L, "not enough memory")
	}
	st.room(L, int(n)*len(s))
	L.Push(lua.LString(strings.Repeat(s, int(n))))
	return 1
}
