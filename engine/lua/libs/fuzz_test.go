package libs_test

import (
	"context"
	"strings"
	"testing"

	"regent/engine/lua/libs"

	lua "github.com/yuin/gopher-lua"
)

// call calls a function of a library with strings. An error of Lua is a result; a panic of
// Go's, which gopher-lua turns into one of its own kind, is none.
func call(t testing.TB, L *lua.LState, library, name string, args ...string) (ok bool) {
	t.Helper()
	L.SetTop(0)
	L.Push(L.GetField(L.GetGlobal(library), name))
	for _, a := range args {
		L.Push(lua.LString(a))
	}
	err := L.PCall(len(args), lua.MultRet, nil)
	if api, is := err.(*lua.ApiError); is && api.Type == lua.ApiErrorPanic {
		t.Fatalf("%s.%s(%q): %v", library, name, args, err)
	}
	return err == nil
}

// again encodes what a decoder returned, and decodes that: the first result survives.
func again(t testing.TB, L *lua.LState, library, encode, decode string) {
	t.Helper()
	if L.GetTop() == 0 {
		return
	}
	v := L.Get(1)
	L.SetTop(0)
	L.Push(L.GetField(L.GetGlobal(library), encode))
	L.Push(v)
	if err := L.PCall(1, 1, nil); err != nil {
		return // a key that cannot be written, inf, or what is too deep
	}
	text := L.Get(1).String()
	if !call(t, L, library, decode, text) {
		t.Fatalf("%s.%s makes %q, which %s refuses", library, encode, text, decode)
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,true,null,"\u00e9\ud83d\ude00"]}`, `[[[[`, `"\u12`, `-`, `nan`, "1\x00", `{"a":1,}`, `0x1p-3`, `+inf`} {
		f.Add(s)
	}
	L := newState(f)
	f.Fuzz(func(t *testing.T, s string) {
		if call(t, L, "cjson", "decode", s) {
			again(t, L, "cjson", "encode", "decode")
		}
	})
}

// packDepth is how many tables within one another cmsgpack.pack writes.
const packDepth = 16

// depth is how many tables are within one another, in values and keys.
func depth(v lua.LValue) int {
	t, is := v.(*lua.LTable)
	if !is {
		return 0
	}
	most := 0
	t.ForEach(func(k, v lua.LValue) { most = max(most, depth(k), depth(v)) })
	return 1 + most
}

func FuzzUnpackMsgpack(f *testing.F) {
	for _, s := range []string{"\x93\x01\xa1a\xc0", "\xdf\xff\xff\xff\xff", "\x81\xcd\xff\xff\x01", "\xdb\x00\x00\x00\x03abc", "\xcb\x7f\xf8", "\x81\xc0\x01", strings.Repeat("\x91", 5000), "\x81\xce\x03\xff\xff\xff\x01"} {
		f.Add(s)
	}
	L := newState(f)
	f.Fuzz(func(t *testing.T, s string) {
		// What lies deeper than pack goes is written as nil, a key too, which unpack refuses.
		if call(t, L, "cmsgpack", "unpack", s) && L.GetTop() > 0 && depth(L.Get(1)) < packDepth {
			again(t, L, "cmsgpack", "pack", "unpack")
		}
	})
}

func FuzzUnpackStruct(f *testing.F) {
	f.Add("bBhHlLTiI", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz")
	f.Add(">i3!8d c0s", "\x01\x02\x03abcdefgh\x00")
	f.Add("i32i0c4294967296", "")
	f.Add("!1073741824ib", "abcdefgh")
	L := newState(f)
	f.Fuzz(func(t *testing.T, format, data string) {
		call(t, L, "struct", "unpack", format, data)
		call(t, L, "struct", "size", format)
		call(t, L, "struct", "pack", format, data, "5", data, "7")
	})
}

func FuzzPattern(f *testing.F) {
	f.Add("hello world", "(%w+) (%w+)", "%2 %1")
	f.Add("a(b(c)d)e", "%b()", "%0")
	f.Add("xx", "%f[%a]()", "%")
	f.Add("aaaaaaaaaaaaaaaaaaaa", "(a*)*b", "")
	L := newState(f)
	f.Fuzz(func(t *testing.T, s, pattern, repl string) {
		if len(s)*len(pattern) > 1<<10 {
			return // exponential ones take their time
		}
		call(t, L, "string", "find", s, pattern)
		call(t, L, "string", "gsub", s, pattern, repl)
	})
}

func FuzzFormat(f *testing.F) {
	f.Add("%5.3d %s %q", "12", "x")
	f.Add("%-+ #0.99g%c", "1e300", "65")
	L := newState(f)
	f.Fuzz(func(t *testing.T, format, a, b string) { call(t, L, "string", "format", format, a, b, a, b) })
}

// TestWhatIsTooLong is refused before the memory is taken.
func TestWhatIsTooLong(t *testing.T) {
	L := newState(t)
	for _, code := range []string{
		`return string.rep("x", 600 * 1024 * 1024)`,
		`local s = string.rep("x", 300 * 1024 * 1024) return table.concat({s, s})`,
		`return cmsgpack.unpack("\129\206\3\255\255\255\1")`,
	} {
		if got := run(t, L, code); got != "run: user_script:1: not enough memory" {
			t.Errorf("%s: %.80q", code, got)
		}
	}
}

// TestSlowPattern: a pattern that would take for ever ends with the script.
func TestSlowPattern(t *testing.T) {
	L := newState(t)
	ctx, cancel := context.WithCancel(context.Background())
	stop := L.NewFunction(func(*lua.LState) int {
		cancel()
		return 0
	})
	L.SetGlobal("stop", stop)
	L.SetContext(ctx)
	proto, err := libs.Compile(`stop() return string.find(string.rep("a", 200), string.rep("a?", 100) .. string.rep("a", 300))`, "user_script")
	if err != nil {
		t.Fatal(err)
	}
	L.Push(L.NewFunctionFromProto(proto))
	if err := L.PCall(0, 1, nil); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Fatalf("it ends with %v", err)
	}
}
