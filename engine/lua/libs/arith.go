package libs

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// openArithmetic gives strings the metamethods that make numbers of them as PUC's Lua
// does: gopher-lua by itself reads "010" as octal and "1_000" as a number. Arithmetic on
// numbers does not come here.
func openArithmetic(L *lua.LState, meta *lua.LTable) {
	for event, op := range map[string]func(a, b float64) float64{
		"__add": func(a, b float64) float64 { return a + b },
		"__sub": func(a, b float64) float64 { return a - b },
		"__mul": func(a, b float64) float64 { return a * b },
		"__div": func(a, b float64) float64 { return a / b },
		"__mod": func(a, b float64) float64 { return a - math.Floor(a/b)*b },
		"__pow": math.Pow,
	} {
		meta.RawSetString(event, L.NewFunction(func(L *lua.LState) int { return arithmetic(L, event, op) }))
	}
	meta.RawSetString("__unm", L.NewFunction(func(L *lua.LState) int {
		return arithmetic(L, "__unm", func(a, _ float64) float64 { return -a })
	}))
}

// arithmetic carries out an operation of which at least one operand is a string. The
// metamethod of another operand comes first where both are no numbers.
func arithmetic(L *lua.LState, event string, op func(a, b float64) float64) int {
	a, b := L.Get(1), L.Get(2)
	if event == "__unm" {
		b = a
	}
	x, isX := number(a)
	y, isY := number(b)
	if isX && isY {
		L.Push(lua.LNumber(op(x, y)))
		return 1
	}
	other := b
	if _, ok := a.(lua.LString); !ok {
		other = a
	}
	if f, ok := L.GetMetaField(other, event).(*lua.LFunction); ok && other.Type() != lua.LTString {
		L.Push(f)
		L.Push(a)
		L.Push(b)
		L.Call(2, 1)
		return 1
	}
	if _, ok := a.(lua.LNumber); ok || isX { // the one that is no number is named
		a = b
	}
	raise(L, "attempt to perform arithmetic on a %s value", a.Type())
	return 0
}
