package libs

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// Protected calls: pcall and xpcall. What is called runs on a coroutine of its own. Where an
// error is raised gopher-lua closes the locals that closures share, of all calls of the
// coroutine that it is raised in, those included that go on behind the pcall: a
// function and its closures would have a copy each of a local from then on. On a
// coroutine of its own only the calls end that the error ends.
//
//	f ─► pcall ─► g ─► error        one coroutine: f's locals are closed too, and f goes on
//	f ─► pcall ═► g ─► error        two: g's alone
//
// Coroutines are kept for the next call. They grow as they need; the state of the script
// counts how deep they are in each other, as PUC's Lua does (LUAI_MAXCCALLS).

// Limits of protected calls.
const (
	// maxProtected is how many may be within each other.
	maxProtected = 190
	// keptProtected is how many coroutines are kept for the next ones.
	keptProtected = 2
	// protectedRegisters is how many values the stack of one has room for at first.
	protectedRegisters = 256
)

// A protector makes the protected calls of one state.
type protector struct {
	depth int
	free  []*lua.LState
}

// take returns a coroutine that is at rest.
func (p *protector) take(L *lua.LState) *lua.LState {
	if p.depth == maxProtected {
		raise(L, "C stack overflow")
	}
	p.depth++
	if last := len(p.free) - 1; last >= 0 {
		co := p.free[last]
		p.free = p.free[:last]
		return co
	}
	was := L.Options
	L.Options.MinimizeStackMemory, L.Options.RegistrySize = true, protectedRegisters
	co, cancel := L.NewThread()
	L.Options, co.Options = was, was
	if ctx := L.Context(); ctx != nil {
		cancel() // of a context that was made for it
		co.SetContext(ctx)
	}
	return co
}

func (p *protector) giveBack(co *lua.LState) {
	p.depth--
	if co.SetTop(0); len(p.free) < keptProtected {
		p.free = append(p.free, co)
	}
}

// call calls what stands at the bottom of L with all behind it, in L's place. What it
// returns, or the error, is behind what was there.
func (p *protector) call(L *lua.LState, nargs int) error {
	co := p.take(L)
	defer p.giveBack(co)
	running := L.G.CurrentThread
	L.G.CurrentThread = co
	defer func() { L.G.CurrentThread = running }()
	co.Push(co.NewFunction(Untraced))
	for i := range nargs + 1 {
		co.Push(L.Get(i + 1))
	}
	if err := co.PCall(nargs+1, lua.MultRet, nil); err != nil {
		return err
	}
	n := co.GetTop()
	if n >= maxSlots {
		return fmt.Errorf("too many results: %d", n)
	}
	for i := range n {
		L.Push(co.Get(i + 1))
	}
	return nil
}

// pcall calls, and returns the error as a value. Of an error of a command, which is a
// table, that is its text; redis-server leaves the field of another table behind it.
func (p *protector) pcall(L *lua.LState) int {
	if L.GetTop() == 0 {
		L.Push(lua.LFalse)
		L.Push(lua.LString("attempt to call a boolean value"))
		return 2
	}
	if !callable(L, L.Get(1)) {
		L.Push(lua.LFalse)
		L.Push(lua.LString("attempt to call a " + L.Get(1).Type().String() + " value"))
		return 2
	}
	nargs := L.GetTop() - 1
	err := p.call(L, nargs)
	if err == nil {
		L.Insert(lua.LTrue, nargs+2)
		return L.GetTop() - nargs - 1
	}
	n := failed(L, err)
	if t, ok := L.Get(-1).(*lua.LTable); ok {
		field := L.GetField(t, "err")
		if s, ok := text(field); ok {
			L.Pop(1)
			field, n = lua.LString(s), n-1
		}
		L.Push(field)
		n++
	}
	return n
}

// xpcall calls without arguments, and gives an error to a handler, of which the first
// result counts.
func (p *protector) xpcall(L *lua.LState) int {
	checkAny(L, 2)
	handler := checkFunction(L, 2)
	L.SetTop(1)
	err := p.call(L, 0)
	if err == nil {
		L.Insert(lua.LTrue, 2)
		return L.GetTop() - 1
	}
	value := ErrorValue(err)
	L.SetTop(0)
	L.Push(handler)
	L.Push(value)
	if err := p.call(L, 1); err != nil {
		L.Push(lua.LFalse)
		L.Push(ErrorValue(err))
		return 2
	}
	if L.GetTop() == 2 {
		L.Push(lua.LNil)
	}
	L.Insert(lua.LFalse, 3)
	L.SetTop(4)
	return 2
}

// Untraced calls its first argument with the others, so that an error has no trace of calls:
// gopher-lua makes one for each error that L.PCall catches, which nothing here shows. It takes
// the square of the depth, and memory for every call that a tail call has replaced, of which
// there may be any number.
func Untraced(L *lua.LState) int {
	L.Panic = func(L *lua.LState) { // until PCall ends, which puts back what was before
		panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: L.Get(-1), StackTrace: "none"})
	}
	L.Call(L.GetTop()-1, lua.MultRet)
	return L.GetTop()
}

func callable(L *lua.LState, v lua.LValue) bool {
	switch v.(type) {
	case *lua.LFunction:
		return true
	case *lua.LTable, *lua.LUserData:
		return L.GetMetaField(v, "__call").Type() == lua.LTFunction
	}
	return false
}

// failed is what a protected call returns of an error.
func failed(L *lua.LState, err error) int {
	L.Push(lua.LFalse)
	L.Push(ErrorValue(err))
	return 2
}
