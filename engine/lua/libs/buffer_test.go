package libs

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// TestNothingIsBuiltTooLong: a string that cjson, cmsgpack, struct and the others build ends in an error at
// its limit, and lengths near it do not overflow. The memory up to there is never touched.
func TestNothingIsBuiltTooLong(t *testing.T) {
	L := lua.NewState()
	defer L.Close()
	const left = 3
	full := make([]byte, maxString-left, maxString)
	for what, add := range map[string]func(b *buffer, n int){
		"string": func(b *buffer, n int) { b.string(strings.Repeat("x", n)) },
		"bytes":  func(b *buffer, n int) { b.bytes(make([]byte, n)...) },
		"byte": func(b *buffer, n int) {
			for range n {
				b.byte('x')
			}
		},
		"room": func(b *buffer, n int) { b.room(n) },
	} {
		for n, fits := range map[int]bool{left: true, left + 1: false, 1 << 20: false} {
			refused := L.CallByParam(lua.P{Protect: true, Fn: L.NewFunction(func(L *lua.LState) int {
				add(&buffer{L: L, b: full}, n)
				return 0
			})})
			if (refused == nil) != fits {
				t.Errorf("%s of %d bytes where there is room for %d: %v", what, n, left, refused)
			}
		}
	}
	for _, n := range []int{maxString, 1 << 62, 1<<63 - 1} {
		if err := L.CallByParam(lua.P{Protect: true, Fn: L.NewFunction(func(L *lua.LState) int {
			(&buffer{L: L, b: full}).room(n)
			return 0
		})}); err == nil || !strings.Contains(err.Error(), "not enough memory") {
			t.Errorf("%d bytes more: %v", n, err)
		}
	}
}
