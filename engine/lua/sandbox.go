package lua

import (
	lua "github.com/yuin/gopher-lua"

	"regent/engine/lua/libs"
)

// What scripts find: the globals of Redis, and nothing that they could change. A
// table that is locked is shown by an empty one, whose metatable looks names up in the
// table itself and raises an error at each assignment:
//
//	script ─► env (empty) ─► globals ─► KEYS, ARGV, string (empty) ─► len, sub, …
//	                            │
//	                            └► no such name: an error
//
// So a State is the same for each script, and what one does is no other's concern.
// Functions that reach round metatables are this package's own (base.go).

// Texts of errors.
const (
	errReadOnly = "Attempt to modify a readonly table"
	errNoGlobal = "Script attempted to access nonexistent global variable '%s'"
)

// lock returns what shows a table to scripts.
func (st *State) lock(t *lua.LTable) *lua.LTable {
	show, meta := st.L.CreateTable(0, 0), st.L.CreateTable(0, 4)
	meta.RawSetString("__index", t)
	meta.RawSetString("__newindex", st.L.NewFunction(refuseAssign))
	show.Metatable = meta
	st.locked[show] = t
	return show
}

// lockMeta has getmetatable show the metatable of what lock returned, locked too.
func (st *State) lockMeta(show *lua.LTable) {
	meta := show.Metatable.(*lua.LTable)
	inner := st.L.CreateTable(0, 1)
	if t := st.locked[show]; t.Metatable != lua.LNil {
		inner.RawSetString("__index", st.L.NewFunction(noGlobal))
	}
	meta.RawSetString("__metatable", st.lock(inner))
}

func refuseAssign(L *lua.LState) int {
	L.RaiseError(errReadOnly)
	return 0
}

func noGlobal(L *lua.LState) int {
	if !lua.LVCanConvToString(L.Get(2)) {
		L.RaiseError("Second argument to luaProtectedTableError must be a string or number")
	}
	L.RaiseError(errNoGlobal, toString(L.Get(2)))
	return 0
}

// shown is the table that t shows: t itself unless it is locked.
func (st *State) shown(t *lua.LTable) *lua.LTable {
	if t.Metatable != lua.LNil {
		if of := st.locked[t]; of != nil {
			return of
		}
	}
	return t
}

// openLibraries fills the globals, and locks all.
func (st *State) openLibraries() {
	L := st.L
	st.globals = L.G.Global
	for _, lib := range []struct {
		name string
		open lua.LGFunction
	}{{"", lua.OpenBase}, {lua.TabLibName, lua.OpenTable}, {lua.StringLibName, lua.OpenString}, {lua.MathLibName, lua.OpenMath}, {lua.CoroutineLibName, lua.OpenCoroutine}} {
		L.Push(L.NewFunction(lib.open))
		L.Push(lua.LString(lib.name))
		L.Call(1, 0)
	}
	libs.Open(L)
	st.globals.RawSetString("redis", st.redisTable())
	st.adapt()
	st.lockAll()
}

// lockAll locks the globals and the tables that they hold.
func (st *State) lockAll() {
	L, g := st.L, st.globals
	var names []string
	var libs []*lua.LTable
	g.ForEach(func(k, v lua.LValue) {
		if t, is := v.(*lua.LTable); is && t != g {
			names, libs = append(names, lua.LVAsString(k)), append(libs, t)
		}
	})
	for i, t := range libs {
		show := st.lock(t)
		st.lockMeta(show)
		g.RawSetString(names[i], show)
	}
	meta := L.CreateTable(0, 2)
	meta.RawSetString("__index", L.NewFunction(noGlobal))
	meta.RawSetString("__newindex", L.NewFunction(refuseAssign))
	g.Metatable = meta
	st.env = st.lock(g)
	st.lockMeta(st.env)
	g.RawSetString("_G", st.env)
	st.hidden[1] = st.env // what is assigned to as a global variable

	// Strings have a metatable, too.
	strings := L.GetMetatable(lua.LString("")).(*lua.LTable)
	index := g.RawGetString(lua.StringLibName)
	strings.RawSetString("__index", index)
	shown := L.CreateTable(0, 1)
	shown.RawSetString("__index", index)
	strings.RawSetString("__metatable", st.lock(shown))
}
