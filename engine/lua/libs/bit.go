package libs

import (
	"math"
	"math/bits"

	lua "github.com/yuin/gopher-lua"
)

func openBit(L *lua.LState) {
	library(L, "bit", map[string]lua.LGFunction{
		"tobit":   unary(func(b uint32) uint32 { return b }),
		"bnot":    unary(func(b uint32) uint32 { return ^b }),
		"bswap":   unary(bits.ReverseBytes32),
		"band":    fold(func(a, b uint32) uint32 { return a & b }),
		"bor":     fold(func(a, b uint32) uint32 { return a | b }),
		"bxor":    fold(func(a, b uint32) uint32 { return a ^ b }),
		"lshift":  shift(func(b uint32, n int) uint32 { return b << n }),
		"rshift":  shift(func(b uint32, n int) uint32 { return b >> n }),
		"arshift": shift(func(b uint32, n int) uint32 { return uint32(int32(b) >> n) }),
		"rol":     shift(bits.RotateLeft32),
		"ror":     shift(func(b uint32, n int) uint32 { return bits.RotateLeft32(b, -n) }),
		"tohex":   bitHex,
	})
}

// bitArg is argument n modulo 2^32, rounded to the nearest even: adding 2^52+2^51
// brings the integer into the low bits of the double.
func bitArg(L *lua.LState, n int) uint32 {
	f, ok := number(L.Get(n))
	if !ok {
		typeError(L, n, "number")
	}
	const shift = 1<<52 + 1<<51
	return uint32(math.Float64bits(f + shift))
}

func bitResult(L *lua.LState, b uint32) int {
	L.Push(lua.LNumber(int32(b)))
	return 1
}

func unary(op func(uint32) uint32) lua.LGFunction {
	return func(L *lua.LState) int { return bitResult(L, op(bitArg(L, 1))) }
}

func fold(op func(a, b uint32) uint32) lua.LGFunction {
	return func(L *lua.LState) int {
		b := bitArg(L, 1)
		for i := L.GetTop(); i > 1; i-- {
			b = op(b, bitArg(L, i))
		}
		return bitResult(L, b)
	}
}

func shift(op func(b uint32, n int) uint32) lua.LGFunction {
	return func(L *lua.LState) int {
		b := bitArg(L, 1)
		return bitResult(L, op(b, int(bitArg(L, 2)&31)))
	}
}

// bitHex prints so many digits of a number, capitals if the count is negative.
func bitHex(L *lua.LState) int {
	const most = 8
	b, n, digits := bitArg(L, 1), int32(most), "0123456789abcdef"
	if L.GetTop() >= 2 {
		n = int32(bitArg(L, 2))
	}
	if n < 0 {
		n, digits = -n, "0123456789ABCDEF"
	}
	if n < 0 || n > most { // the least of all has no opposite
		n = most
	}
	text := make([]byte, n)
	for i := int(n) - 1; i >= 0; i-- {
		text[i] = digits[b&15]
		b >>= 4
	}
	L.Push(lua.LString(text))
	return 1
}
