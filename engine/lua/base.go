package lua

import (
	"bytes"
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"regent/engine/lua/libs"
)

// Functions of the libraries that are not as package libs has them: those that change
// or show a table know which are locked, what compiles does it as Compile does, and what
// makes long strings is charged for them.

// removed are globals that Redis has not.
func removed() []string {
	return []string{"_GOPHER_LUA_VERSION", "dofile", "loadfile", "print", "_printregs", "module", "require", "newproxy", "setfenv", "getfenv"}
}

// adapt replaces functions of libraries.
func (st *State) adapt() {
	for _, name := range removed() {
		st.globals.RawSetString(name, lua.LNil)
	}
	base := st.globals
	st.wrap(base, st.changing, "rawset", "setmetatable")
	st.wrap(base, st.showing, "rawget", "next")
	st.wrap(base, st.protecting, "pcall", "xpcall")
	next := base.RawGetString("next")
	st.wrap(base, func(do lua.LGFunction) lua.LGFunction {
		return func(L *lua.LState) int {
			n := do(L)
			L.Replace(L.GetTop()-n+1, next)
			return n
		}
	}, "pairs")
	for name, fn := range map[string]lua.LGFunction{
		"load": st.load, "loadstring": st.loadString, "__redis__err__handler": st.handleError, "gcinfo": countMemory, "collectgarbage": st.collect(),
	} {
		base.RawSetString(name, st.L.NewFunction(fn))
	}
	st.wrap(st.library(lua.TabLibName), st.changing, "insert", "remove", "sort")
	st.wrap(st.library(lua.TabLibName), st.showing, "foreach")
	st.wrap(st.library(lua.TabLibName), st.charged, "concat")
	st.wrap(st.library(lua.StringLibName), st.charged, "rep", "format", "gsub", "lower", "upper", "reverse", "sub", "find", "match", "gmatch")
	st.library(lua.StringLibName).RawSetString("dump", st.L.NewFunction(dump))
	st.wrap(st.library(lua.CoroutineLibName), st.braked, "create", "wrap")
}

func (st *State) library(name string) *lua.LTable { return st.globals.RawGetString(name).(*lua.LTable) }

// wrap puts what with makes of them in the place of functions.
func (st *State) wrap(t *lua.LTable, with func(do lua.LGFunction) lua.LGFunction, names ...string) {
	for _, name := range names {
		t.RawSetString(name, st.L.NewFunction(with(t.RawGetString(name).(*lua.LFunction).GFunction)))
	}
}

// changing is for functions that change their first argument.
func (st *State) changing(do lua.LGFunction) lua.LGFunction {
	return func(L *lua.LState) int {
		if t, is := L.Get(1).(*lua.LTable); is {
			if t.Metatable != lua.LNil && st.locked[t] != nil {
				raise(L, errReadOnly)
			}
			st.brake.charge(t.Len())
		}
		return do(L)
	}
}

// showing is for functions that look into their first argument, round its metatable.
func (st *State) showing(do lua.LGFunction) lua.LGFunction {
	return func(L *lua.LState) int {
		if t, is := L.Get(1).(*lua.LTable); is && t.Metatable != lua.LNil {
			if of := st.locked[t]; of != nil {
				L.Replace(1, of)
			}
		}
		return do(L)
	}
}

// protecting is for functions that catch errors: a panic of the server's is none.
func (st *State) protecting(do lua.LGFunction) lua.LGFunction {
	return func(L *lua.LState) int {
		n := do(L)
		if st.inside {
			panic(fmt.Sprintf("lua: a command has panicked: %v", L.Get(-1)))
		}
		return n
	}
}

// charged is for functions whose work is as long as a string.
func (st *State) charged(do lua.LGFunction) lua.LGFunction {
	return func(L *lua.LState) int {
		if s, is := L.Get(1).(lua.LString); is {
			st.brake.charge(len(s))
		}
		n := do(L)
		if n > 0 {
			if s, is := L.Get(-n).(lua.LString); is {
				st.brake.charge(len(s))
			}
		}
		return n
	}
}

// braked is for functions that make a coroutine: it stops where its script must.
func (st *State) braked(do lua.LGFunction) lua.LGFunction {
	return func(L *lua.LState) int {
		st.brake.charge(coroutineBytes)
		n := do(L)
		switch v := L.Get(-1).(type) {
		case *lua.LState:
			v.SetContext(&st.brake)
		case *lua.LFunction:
			v.Upvalues[0].Value().(*lua.LState).SetContext(&st.brake)
		}
		return n
	}
}

// coroutineBytes is about what a coroutine takes.
const coroutineBytes = 96*maxCalls + 16*firstRegisters

// countedKB is what scripts are told that the interpreter uses.
const countedKB = 64

func countMemory(L *lua.LState) int {
	L.Push(lua.LNumber(countedKB))
	return 1
}

// collect is collectgarbage.
func (st *State) collect() lua.LGFunction {
	do := st.globals.RawGetString("collectgarbage").(*lua.LFunction).GFunction
	return func(L *lua.LState) int {
		if L.Get(1) == lua.LString("count") {
			return countMemory(L)
		}
		return do(L)
	}
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
	st.brake.charge(compileFactor * len(source))
	chunk, err := Compile(libs.ChunkName(name), source)
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

// dump is string.dump. What it returns is of no use, as in Redis, where load refuses it.
func dump(L *lua.LState) int {
	if fn := L.CheckFunction(1); fn.IsG {
		L.RaiseError("unable to dump given function")
	}
	L.Push(lua.LString("\x1bLuaQ\x00"))
	return 1
}

// compileFactor is how many bytes compiling a byte of source takes, about.
const compileFactor = 64
