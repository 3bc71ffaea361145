package lua

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"regent/engine/lua/libs"
)

// Libraries of functions. While the code of one is loaded it sees another world than its
// functions do later: of the globals redis alone, and there register_function and what
// needs no client.
//
//	load ─► env ─► world of a load ─► redis ─► register_function, log, REDIS_VERSION, …
//	call ─► env ─► globals ─────────► redis ─► call, pcall, …
//
// It is the same env, whose metatable shows the one or the other (sandbox.go), since
// functions keep the env in which they were made.

// A Function is one that a library has registered. It belongs to its State.
type Function struct {
	Name string
	Desc *string // nil: it has none
	// Flags are what Load.Flag has made of its flags.
	Flags uint8
	fn    *lua.LFunction
	of    *Chunk

	traced *traced // nil: its source does not tell enough
}

// A Load is how a library is loaded.
type Load struct {
	Host Host // whose Log and Interrupt are called
	// Flag is the flag of a word, false: there is none.
	Flag func(word string) (uint8, bool)
	// Accept is asked about each function before it is registered behind others, and says
	// what is wrong with it.
	Accept func(name string, before []Function) string
}

// Texts of errors.
const (
	errRegisterNow    = "redis.register_function can only be called on FUNCTION LOAD command"
	errRegisterArgs   = "wrong number of arguments to redis.register_function"
	errRegisterTable  = "calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments)."
	errRegisterKey    = "named argument key given to redis.register_function is not a string"
	errRegisterOther  = "unknown argument given to redis.register_function"
	errRegisterName   = "function_name argument given to redis.register_function must be a string"
	errRegisterDesc   = "description argument given to redis.register_function must be a string"
	errRegisterCall   = "callback argument given to redis.register_function must be a function"
	errRegisterFlags  = "flags argument to redis.register_function must be a table representing function flags"
	errRegisterFlag   = "unknown flag given"
	errRegisterNone   = "redis.register_function must get a function name argument"
	errRegisterVoid   = "redis.register_function must get a callback argument"
	errRegisterFirst  = "first argument to redis.register_function must be a string"
	errRegisterSecond = "second argument to redis.register_function must be a function"
)

// loading is a load that is under way.
type loading struct {
	Load
	functions []Function
}

// LoadLibrary runs the code of a library, and returns the functions that it has registered.
// failed is the error that it ended with, "": none.
func (st *State) LoadLibrary(chunk *Chunk, o Load) (functions []Function, failed string) {
	L := st.L
	run := &loading{Load: o}
	meta := st.env.Metatable.(*lua.LTable)
	meta.RawSetString("__index", st.worldOfLoad())
	st.loading, st.host, st.inside = run, o.Host, false
	st.brake.begin(o.Host)
	fn := st.compiled(chunk)
	L.Push(L.NewFunction(libs.Untraced))
	L.Push(fn)
	err := L.PCall(1, 0, nil)
	L.SetTop(0)
	st.loading, st.host = nil, nil
	meta.RawSetString("__index", st.globals)
	if err == nil {
		for i := range run.functions {
			f := &run.functions[i]
			f.of, f.traced = chunk, chunk.library[f.Name]
		}
		return run.functions, ""
	}
	switch v := libs.ErrorValue(err).(type) {
	case *lua.LTable:
		return nil, lua.LVAsString(v.RawGetString("err"))
	default:
		return nil, "ERR " + toString(v)
	}
}

// compiled is chunk as a function that is not kept.
func (st *State) compiled(chunk *Chunk) *lua.LFunction {
	st.L.Push(st.L.NewFunctionFromProto(chunk.proto))
	for _, v := range st.hidden {
		st.L.Push(v)
	}
	st.L.Call(len(st.hidden), 1)
	fn := st.L.Get(-1).(*lua.LFunction)
	st.L.Pop(1)
	return fn
}

// Lua is the function as State.Run takes it.
func (f *Function) Lua() *lua.LFunction { return f.fn }

// Of is the chunk in which the function stands.
func (f *Function) Of() *Chunk { return f.of }

// Calls are those of the function, as Chunk.Calls; all means besides that calls leave nothing
// behind in the library.
func (f *Function) Calls() (calls []Call, all bool) {
	if f.traced == nil {
		return nil, false
	}
	return f.traced.calls, f.traced.all
}

// MayLoop reports whether the function may run without end, as far as its source tells.
func (f *Function) MayLoop() bool {
	if f.traced == nil {
		return f.of.MayLoop()
	}
	return f.traced.loops
}

// EndsWith is Chunk.EndsWith for the function's second parameter.
func (f *Function) EndsWith(argv [][]byte) bool { return f.traced == nil || f.traced.ends(argv) }

// worldOfLoad is what a library sees while it is loaded.
func (st *State) worldOfLoad() *lua.LTable {
	if st.world != nil {
		return st.world
	}
	L, redis := st.L, st.L.NewTable()
	redis.RawSetString("register_function", L.NewFunction(st.register))
	of := st.shown(st.globals.RawGetString("redis").(*lua.LTable))
	for _, name := range []string{"log", "LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING", "REDIS_VERSION", "REDIS_VERSION_NUM"} {
		redis.RawSetString(name, of.RawGetString(name))
	}
	unknown := L.NewTable()
	unknown.RawSetString("__index", L.NewFunction(noGlobal))
	redis.Metatable = unknown
	st.world = L.NewTable()
	st.world.RawSetString("redis", st.lock(redis))
	st.world.Metatable = unknown
	return st.world
}

// register is redis.register_function.
func (st *State) register(L *lua.LState) int {
	if st.loading == nil {
		return raise(L, errRegisterNow)
	}
	var f Function
	var wrong string
	switch L.GetTop() {
	case 1:
		wrong = st.loading.named(L, &f)
	case 2:
		wrong = byPlace(L, &f)
	default:
		wrong = errRegisterArgs
	}
	if wrong == "" {
		wrong = st.loading.Accept(f.Name, st.loading.functions)
	}
	if wrong != "" {
		return raise(L, wrong)
	}
	st.loading.functions = append(st.loading.functions, f)
	return 0
}

// byPlace reads a name and a function.
func byPlace(L *lua.LState, f *Function) (wrong string) {
	name, isText := textOf(L.Get(1))
	fn, isFunction := L.Get(2).(*lua.LFunction)
	switch {
	case !isText:
		return errRegisterFirst
	case !isFunction:
		return errRegisterSecond
	}
	f.Name, f.fn = name, fn
	return ""
}

// named reads the arguments that a table names.
func (run *loading) named(L *lua.LState, f *Function) (wrong string) {
	t, is := L.Get(1).(*lua.LTable)
	if !is {
		return errRegisterTable
	}
	hasName := false
	for k, v := t.Next(lua.LNil); k != lua.LNil && wrong == ""; k, v = t.Next(k) {
		key, is := textOf(k)
		if !is {
			return errRegisterKey
		}
		switch strings.ToLower(key) {
		case "function_name":
			if f.Name, hasName = textOf(v); !hasName {
				wrong = errRegisterName
			}
		case "description":
			desc, is := textOf(v)
			if f.Desc = &desc; !is {
				wrong = errRegisterDesc
			}
		case "callback":
			if f.fn, is = v.(*lua.LFunction); !is {
				wrong = errRegisterCall
			}
		case "flags":
			f.Flags, wrong = run.flags(v)
		default:
			wrong = errRegisterOther
		}
	}
	switch {
	case wrong != "":
	case !hasName:
		wrong = errRegisterNone
	case f.fn == nil:
		wrong = errRegisterVoid
	}
	return wrong
}

func (run *loading) flags(v lua.LValue) (set uint8, wrong string) {
	t, is := v.(*lua.LTable)
	if !is {
		return 0, errRegisterFlags
	}
	for i := 1; ; i++ {
		v := t.RawGetInt(i)
		if v == lua.LNil {
			return set, ""
		}
		word, is := textOf(v)
		flag, known := run.Flag(strings.ToLower(word))
		if !is || !known {
			return 0, errRegisterFlag
		}
		set |= flag
	}
}

// textOf is a string, or a number as one.
func textOf(v lua.LValue) (string, bool) {
	if !lua.LVCanConvToString(v) {
		return "", false
	}
	return toString(v), true
}
