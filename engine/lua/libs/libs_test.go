package libs_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"regent/engine/enginetest"
	"regent/engine/lua/libs"

	lua "github.com/yuin/gopher-lua"
)

// show is around each snippet, in the same line: what it returns becomes one text.
const show = `local show = function(...) local out = {} for i = 1, select('#', ...) do local v = select(i, ...) local t = type(v) ` +
	`if t == 'table' or t == 'function' then v = t elseif t == 'userdata' then v = v == cjson.null and 'null' or t else v = t .. ':' .. tostring(v) end ` +
	`out[i] = v end return table.concat(out, ' | ') end return show(pcall(function() %s end))`

// newState is a state with the libraries.
func newState(t testing.TB) *lua.LState {
	t.Helper()
	L := lua.NewState(lua.Options{RegistryMaxSize: 1 << 20, CallStackSize: 200, RegistrySize: 1 << 10})
	t.Cleanup(L.Close)
	libs.Open(L)
	return L
}

// run runs a chunk, and returns the text that it returns.
func run(t testing.TB, L *lua.LState, code string) string {
	t.Helper()
	proto, err := libs.Compile(code, "user_script")
	if err != nil {
		return "compile: " + err.Error()
	}
	L.Push(L.NewFunctionFromProto(proto))
	if err := L.PCall(0, 1, nil); err != nil {
		return "run: " + libs.ErrorValue(err).String()
	}
	v := L.Get(-1)
	L.Pop(1)
	return v.String()
}

// named is how PUC's Lua names a variable in an error; gopher-lua does not know it.
var named = regexp.MustCompile(`(?:local|global|field|upvalue|method) '[^']*' \((a \w+ value)\)`)

// waived are snippets whose results differ, and why.
var waived = map[string]string{
	"return {} .. 'a'": "the operand that gopher-lua names",
}

// TestSnippets runs every line of testdata/snippets.txt here and in redis-server.
func TestSnippets(t *testing.T) {
	redis := enginetest.StartRedis(t).Client(t)
	L := newState(t)
	file, err := os.ReadFile("testdata/snippets.txt")
	if err != nil {
		t.Fatal(err)
	}
	section := ""
	for line := range strings.Lines(string(file)) {
		line = strings.TrimRight(line, "\n")
		if name, ok := strings.CutPrefix(line, "# "); ok {
			section = name
			continue
		}
		code := fmt.Sprintf(show, line)
		want := enginetest.Parsed(t, redis.Do("EVAL", code, "0")).Text
		want = named.ReplaceAllString(want, "$1")
		if got := run(t, L, code); got != want && waived[line] == "" {
			t.Errorf("%s: %s\n  got  %q\n  want %q", section, line, got, want)
		}
	}
}
