package libs

import lua "github.com/yuin/gopher-lua"

// Bounds of what the functions build.
const (
	maxString = 512 << 20 // bytes of a string
	maxSlots  = 8000      // values that a function of C has on its stack in PUC's Lua (LUAI_MAXCSTACK)
)

// Open puts the libraries into a state, over those that gopher-lua has opened in it:
// base, string, table and math. What it puts there replaces functions of the same name.
func Open(L *lua.LState) {
	openBase(L)
	openString(L)
	openTable(L)
	openMath(L)
	openJSON(L)
	openMsgpack(L)
	openStruct(L)
	openBit(L)
}

// library is the global table of a name, new if there is none.
func library(L *lua.LState, name string, funcs map[string]lua.LGFunction) *lua.LTable {
	t, ok := L.GetGlobal(name).(*lua.LTable)
	if !ok {
		t = L.NewTable()
		L.SetGlobal(name, t)
	}
	L.SetFuncs(t, funcs)
	return t
}
