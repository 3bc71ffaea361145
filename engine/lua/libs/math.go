package libs

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

func openMath(L *lua.LState) {
	r := &random{randStart}
	t := library(L, "math", map[string]lua.LGFunction{
		"max": extreme(func(a, b float64) bool { return a > b }), "min": extreme(func(a, b float64) bool { return a < b }),
		"random": r.random, "randomseed": r.randomSeed, "ldexp": mathLdexp, "pow": power, "mod": modulo, "fmod": modulo,
		"frexp": mathFrexp, "modf": mathModf, "log10": number1(signed(math.Log10, 1)), "log": number1(signed(math.Log, -1)),
		"sin": number1(signed(math.Sin, -1)), "cos": number1(signed(math.Cos, -1)), "tan": number1(signed(math.Tan, -1)), "atan2": arcTangent,
		"abs": number1(math.Abs), "ceil": number1(math.Ceil), "floor": number1(math.Floor), "sqrt": number1(math.Sqrt),
	})
	t.RawSetString("huge", lua.LNumber(math.Inf(1)))
}

func number1(f func(float64) float64) lua.LGFunction {
	return func(L *lua.LState) int {
		L.Push(lua.LNumber(f(checkNumber(L, 1))))
		return 1
	}
}

// signed is f with C's sign of what is no number, as amd64 computes it: that of an argument that is
// none itself, else sign.
func signed(f func(float64) float64, sign float64) func(float64) float64 {
	return func(x float64) float64 { return signedAs(f(x), sign, x, x) }
}

func signedAs(r, sign, a, b float64) float64 {
	switch {
	case !math.IsNaN(r):
		return r
	case math.IsNaN(a):
		return a
	case math.IsNaN(b):
		return b
	}
	return math.Copysign(r, sign)
}

// extreme is the first of the arguments that no other is better than.
func extreme(better func(a, b float64) bool) lua.LGFunction {
	return func(L *lua.LState) int {
		best := checkNumber(L, 1)
		for i := 2; i <= L.GetTop(); i++ {
			if f := checkNumber(L, i); better(f, best) {
				best = f
			}
		}
		L.Push(lua.LNumber(best))
		return 1
	}
}

// twoNumbers are the first two arguments, the second of which is looked at first, as C's compilers do.
func twoNumbers(L *lua.LState) (a, b float64) {
	b = checkNumber(L, 2)
	return checkNumber(L, 1), b
}

func power(L *lua.LState) int {
	base, exp := twoNumbers(L)
	L.Push(lua.LNumber(signedAs(math.Pow(base, exp), -1, base, exp)))
	return 1
}

func modulo(L *lua.LState) int {
	n, by := twoNumbers(L)
	L.Push(lua.LNumber(signedAs(math.Mod(n, by), -1, n, by)))
	return 1
}

func arcTangent(L *lua.LState) int {
	y, x := twoNumbers(L)
	L.Push(lua.LNumber(signedAs(math.Atan2(y, x), -1, y, x)))
	return 1
}

func mathLdexp(L *lua.LState) int {
	exp := checkInt(L, 2) // first, as twoNumbers
	L.Push(lua.LNumber(math.Ldexp(checkNumber(L, 1), exp)))
	return 1
}

func mathFrexp(L *lua.LState) int {
	f, exp := math.Frexp(checkNumber(L, 1))
	L.Push(lua.LNumber(f))
	L.Push(lua.LNumber(exp))
	return 2
}

// mathModf is the integer and the rest, which is none of an infinity.
func mathModf(L *lua.LState) int {
	f := checkNumber(L, 1)
	whole := math.Trunc(f)
	rest := f - whole
	if math.IsInf(f, 0) {
		rest = 0
	}
	L.Push(lua.LNumber(whole))
	L.Push(lua.LNumber(math.Copysign(rest, f)))
	return 2
}

// A random is redis-server's generator, the one of drand48. It goes on from script to
// script.
type random struct{ x uint64 }

// The generator x' = (a x + c) mod 2^48, and the low bits of a state that has been seeded.
const (
	randFactor = 0x5DEECE66D
	randAdd    = 0xB
	randBits   = 48
	randLow    = 0x330E
	randStart  = 0x1234ABCD330E
	randMax    = math.MaxInt32 // a number has the upper 31 bits
)

func (r *random) seed(n int32) { r.x = uint64(uint32(n))<<16 | randLow }

func (r *random) next() int32 {
	r.x = (r.x*randFactor + randAdd) & (1<<randBits - 1)
	return int32(r.x >> (randBits - 31))
}

func (r *random) randomSeed(L *lua.LState) int {
	r.seed(int32(checkInt(L, 1)))
	return 0
}

func (r *random) random(L *lua.LState) int {
	f := float64(r.next()%randMax) / randMax
	switch L.GetTop() {
	case 0:
		L.Push(lua.LNumber(f))
	case 1:
		most := checkInt(L, 1)
		if most < 1 {
			argError(L, 1, "interval is empty")
		}
		L.Push(lua.LNumber(math.Floor(f*float64(most)) + 1))
	case 2:
		least, most := checkInt(L, 1), checkInt(L, 2)
		if least > most {
			argError(L, 2, "interval is empty")
		}
		L.Push(lua.LNumber(math.Floor(f*float64(int32(most-least+1))) + float64(least)))
	default:
		raise(L, "wrong number of arguments")
	}
	return 1
}
