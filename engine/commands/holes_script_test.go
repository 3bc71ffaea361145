package commands_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// Holes of the Lua that scripts run in: docs/security.md names the test for each.

// script wants a reply that begins so.
func (p *prober) script(want, code string, args ...string) string {
	p.t.Helper()
	reply := p.Do(append([]string{"EVAL", code, "0"}, args...)...)
	if !strings.HasPrefix(reply, want) {
		p.t.Errorf("%.200s: %.200q, want %q", code, reply, want)
	}
	return reply
}

// TestScriptsStayInside: no bytecode, no files, no packages, no other user's globals.
func TestScriptsStayInside(t *testing.T) {
	p := probe(t)
	for _, code := range []string{
		`return loadstring(string.dump(function() return 1 end))()`, `return loadstring("\27Lua\81\0\1\4\8\4\8\0")()`, `return load(function() return nil end)()()`,
		`return require("os")`, `return package.loadlib("x", "*")`, `return package.path`, `return os.execute("true")`, `return os.getenv("HOME")`, `return io.open("/etc/passwd")`,
		`return io.popen("true")`, `return dofile("/etc/passwd")`, `return loadfile("/etc/passwd")()`, `return debug.getinfo(1)`, `return debug.getregistry()`, `return module("x")`,
		`return newproxy(true)`, `return getfenv(0).x.y`, `setfenv(0, {}) return x.y`, `print("x") return x.y`, `return ffi.C`, `return jit.off()`,
	} {
		reply := p.Do("EVAL", code, "0")
		if strings.Contains(reply, "root:") || !strings.HasPrefix(reply, "-") {
			t.Errorf("%s: %.200q", code, reply)
		}
	}
	p.lives()
}

// TestScriptsShareNothing: what a script does to globals, tables of libraries and the
// metatables of basic types is not there for the next, which may be another user's.
func TestScriptsShareNothing(t *testing.T) {
	p := probe(t)
	for _, code := range []string{
		`x = 1`, `_G.x = 1`, `rawset(_G, "x", 1)`, `redis.call = function() return "mine" end`, `rawset(redis, "call", 1)`, `string.rep = nil`, `rawset(string, "rep", 1)`,
		`table.insert = 1`, `math.floor = 1`, `cjson.encode = 1`, `struct.pack = 1`, `bit.band = 1`, `cmsgpack.pack = 1`,
		`setmetatable(_G, {__index = function() return "mine" end})`, `setmetatable(redis, nil)`, `getmetatable(_G).__newindex = nil`, `getmetatable(redis).__index = 1`, `getmetatable("").__index = function() return "mine" end`,
		`getmetatable("").__add = function() return "mine" end`, `rawset(getmetatable(""), "__concat", 1)`, `setmetatable("", {})`, `getmetatable("").__index.upper = function() return "mine" end`,
		`string.upper = function() return "mine" end`, `_G.string = {}`, `KEYS = nil; _G.ARGV = {"mine"}`, `setfenv(1, {}); y = 1`, `getfenv(1).z = 1`, `redis.sha1hex = nil`,
		`local t = getmetatable(redis); t.x = 1`, `tostring = function() return "mine" end`, `pcall = nil`, `debug.setmetatable(1, {__index = string})`, `getmetatable(1).__index = 1`, `getmetatable(true).__call = 1`,
	} {
		p.Do("EVAL", code, "0")
		p.Do("EVAL", "pcall(function() "+code+" end) return 1", "0")
		q := &prober{p.Server.Client(), t}
		q.script("$2\r\nAB", `return ("ab"):upper()`)
		q.script("$2\r\nab", `return string.rep("ab", 1)`)
		q.script("+PONG", `return redis.call("PING")`)
		q.script("*2\r\n$3\r\nnil\r\n$3\r\nnil", `return {tostring(rawget(_G, "x")), tostring(rawget(_G, "y"))}`)
		q.script("$1\r\na", `return ARGV[1]`, "a")
		q.script(":3", `return math.floor(3.7) + bit.band(0, 1)`)
		q.script("-", `return nosuchglobal`)
		q.script("-", `return (1):upper()`)
		p.Server.EndSession(q.Session)
	}
	p.lives()
}

// TestLuaLibrariesStayInBounds: struct, cmsgpack, cjson and bit with sizes that overflow, and
// what nests too deeply.
func TestLuaLibrariesStayInBounds(t *testing.T) {
	p := probe(t)
	for _, code := range []string{
		`return struct.pack("i2147483647", 1)`, `return struct.pack(">I2147483648", 1)`, `return struct.unpack("c2147483647", "x")`, `return struct.unpack("c4294967295", "xyz")`,
		`return struct.unpack("i4294967297", "xxxxxxxx")`, `return struct.unpack("!2147483648i", "xxxx")`, `return struct.size("c2147483647c2147483647")`, `return struct.pack("!4294967296i", 1)`,
		`return struct.unpack("c0", "x")`, `return struct.unpack("I4", "xxxx", 4294967296)`, `return struct.unpack("i", "xxxx", 2147483647)`, `return struct.pack("99999999999999999999i", 1)`,
		`return cmsgpack.unpack(string.rep("\145", 100000))`, `return cmsgpack.unpack("\221\255\255\255\255")`, `return cmsgpack.unpack("\223\255\255\255\255")`, `return cmsgpack.unpack("\219\255\255\255\255x")`,
		`return cmsgpack.unpack_limit("\1\2", 4294967296, 4294967296)`, `return cmsgpack.unpack_one("\1", -1)`,
		`return cjson.decode(string.rep("[", 100000))`, `return cjson.decode("[1e99999")`, `local t = {} for i = 1, 2000 do t = {t} end return cjson.encode(t)`, `local t = {} t.t = t return cjson.encode(t)`,
		`return cjson.decode("\"\\ud800\"")`, `cjson.encode_max_depth(2147483648)`, `cjson.encode_keep_buffer("x")`, `return bit.tohex(1, 2147483648 * 4, 1, 1).x.y`,
		`return unpack({}, 1, 2147483647)`, `return unpack({}, 0, 2147483647)`, `return unpack({}, -2147483648, 2147483647)`, `return {unpack({}, 1, 1e8)}`, `return unpack({1}, 1, 1e300)`,
		`return table.concat({}, "x", 1, 2147483647)`, `return string.rep("x", 2147483647)`, `return string.rep("xx", 1e18)`, `return ("x"):rep(1e308)`, `return string.format("%2147483647d", 1)`, `return string.format("%99999s", "x")`,
		`return string.char(256)`, `return select(-2147483648)`, `return string.byte(string.rep("x", 1000000), 1, -1)`, `return ("a"):find(string.rep("(", 100))`, `return string.rep("a", 300000):find(string.rep("a?", 300000) .. "b").x`,
		`return string.gsub("x", "x", "%9")`,
	} {
		if reply := p.Do("EVAL", code, "0"); !strings.HasPrefix(reply, "-") && !strings.HasPrefix(reply, "$-1") && len(reply) > 100 {
			t.Errorf("%s: %.100q", code, reply)
		}
	}
	for want, code := range map[string]string{
		"$8\r\n00000001": `return bit.tohex(1, 2147483647)`, "$8\r\nFFFFFFFF": `return bit.tohex(-1, -2147483648)`, "$1\r\n1": `return bit.tohex(1, 1)`, "$0\r\n": `return bit.tohex(1, 0)`,
	} {
		p.script(want, code)
	}
	p.lives()
}

// TestSourcesStayInBounds: texts of scripts that parsers have stumbled over, while garbage is
// collected, too.
func TestSourcesStayInBounds(t *testing.T) {
	p := probe(t)
	deep := func(open, end string, n int) string { return strings.Repeat(open, n) + end }
	for _, code := range []string{
		"return [" + strings.Repeat("=", 100000) + "[", "return [" + strings.Repeat("=", 100000), "return [=[ x ]==]", "--[" + strings.Repeat("=", 70000) + "[", "return [==", "[", "[=",
		deep("return (", "", 50000), deep("if x then ", "", 20000), deep("function f() ", "", 20000), "return " + deep("{", "", 50000), "return " + deep("-", "1", 100000), "return " + deep("not ", "1", 50000),
		"return " + deep("'x'..", "'x'", 20000), "return 1" + strings.Repeat("+1", 100000), "return f" + strings.Repeat("()", 50000), "local " + strings.Repeat("a,", 300) + "a = 1",
		"return function(" + strings.Repeat("a,", 300) + "a) end", strings.Repeat("do ", 30000), strings.Repeat("local function f() ", 300) + "return a", "return '" + strings.Repeat("\\", 9999), "\x00", "return \x00", "return '\xff\xfe'", "goto x ::x::",
		"return 0x", "return 1e", "return '\\999'", "x = " + strings.Repeat("9", 100000) + "e99999 .. {}",
		`local f = loadstring(string.rep("a=", 10000)) collectgarbage() return f`, `for i = 1, 20 do collectgarbage() loadstring("return {" .. string.rep("'" .. i .. "',", 200) .. "}") end return 1`,
		`local t = setmetatable({}, {__gc = function() redis.call("SET", "k", "v") end}) t = nil collectgarbage() return 1`, `local t = setmetatable({}, {__mode = "kv"}) for i = 1, 1000 do t[i] = {} end collectgarbage() return #t`,
	} {
		reply := p.Do("EVAL", code, "0")
		if len(reply) == 0 {
			t.Fatalf("%.60q gives no reply", code)
		}
		p.Do("SCRIPT", "LOAD", code)
		p.Do("FUNCTION", "LOAD", "#!lua name=x\n"+code)
	}
	p.lives()
}

// TestScriptsEndByThemselves: recursion without end, in Lua, through its libraries and
// through metamethods, is an error and no end of the process.
func TestScriptsEndByThemselves(t *testing.T) {
	p := probe(t)
	for _, code := range []string{
		`local function f() return 1 + f() end return f()`, `local function f() pcall(f) end f() return 1`, `local function f() f() end f()`,
		`local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x`,

		`table.sort({1, 2, 3, 4, 5, 6, 7, 8, 9}, function() return true end) return 1`,
		`local t = {} t[1] = t return t`, `local t = {} for i = 1, 10000 do t = {t} end return t`,
		`local co = coroutine and coroutine.wrap(function() error("x") end) return co()`, `error(setmetatable({}, {__tostring = function() error("again") end}))`, `error(nil)`, `error({})`, `error()`, `return redis.error_reply()`,
		`error(setmetatable({}, {__index = function() error("again") end}))`, `return setmetatable({}, {__index = function() error("again") end})`, `return {err = setmetatable({}, {__index = function() error("again") end})}`,
		`return cjson.encode(setmetatable({}, {__index = function() error("again") end}))`, `error({err = {}})`, `return redis.error_reply({})`, `return setmetatable({1}, {__len = function() return 1e9 end})`,
		`return redis.call()`, `return redis.call({})`, `return redis.call("GET", {})`, `return redis.pcall(nil)`, `return redis.setresp(4)`, `return redis.log()`, `return redis.status_reply(1, 2)`, `return redis.set_repl(9)`, `return redis.acl_check_cmd()`, `return {err = 1}`,
		`return {ok = {}}`, `return {err = "x", ok = "y", double = "z"}`, `return {map = 1}`, `return {big_number = {}}`, `return {verbatim_string = {format = "x"}}`,
	} {
		if reply := p.Do("EVAL", code, "0"); reply == "" {
			t.Fatalf("%s: no reply", code)
		}
	}
	p.says("-", "SCRIPT DEBUG YES")
	p.lives()
}

// TestScriptErrorsAreOneLine: no text that a script makes an error or a status of can be read
// as another reply.
func TestScriptErrorsAreOneLine(t *testing.T) {
	p := probe(t)
	evil := []string{`x\r\n+OK\r\n`, `x\n:1`, `x\r+OK`, `x\0\r\n$-1\r\n`, `\r\n`, `ERR x\r\n*1\r\n$1\r\nx\r\n`, `-x\r\n`}
	for _, text := range evil {
		for _, form := range []string{`return redis.error_reply("%s")`, `return redis.status_reply("%s")`, `error("%s")`, `return {err = "%s"}`, `return {ok = "%s"}`, `error({err = "%s"})`, `return redis.call("%s")`,
			`local e = redis.pcall("%s") return e`, `return redis.call("CONFIG", "%s", "x")`, `return redis.call("XGROUP", "%s")`, `return redis.call("OBJECT", "%s", "y")`} {
			code := fmt.Sprintf(form, text)
			for _, proto := range []string{"2", "3"} {
				p.Do("HELLO", proto)
				reply := p.Do("EVAL", code, "0")
				if _, rest, err := enginetest.Parse([]byte(reply)); err != nil || len(rest) > 0 || strings.Count(reply, "\r\n") != 1 || strings.Contains(strings.TrimSuffix(reply, "\r\n"), "\n") {
					t.Errorf("RESP%s %s: %q", proto, code, reply)
				}
			}
		}
		p.Do("HELLO", "2")
		for _, words := range [][]string{{"x\r\n+OK"}, {"CONFIG", "x\r\n+OK"}, {"CONFIG", "SET", "x\r\n+OK", "y"}, {"SET", "k", "v", "x\r\n"}, {"ACL", "SETUSER", "u", "x\r\n+OK"}, {"CLIENT", "KILL", "x\r\n+OK"}, {"HELLO", "3", "x\r\n+OK"},
			{"CLIENT", "SETNAME", "x\r\n+OK"}, {"SELECT", "x\r\n+OK"}, {"OBJECT", "x\r\n+OK", "k"}, {"DEBUG", "x\r\n+OK"}, {"FUNCTION", "LOAD", "#!x\r\n+OK name=y\n"}, {"FCALL", "x\r\n+OK", "0"}, {"EVALSHA", "x\r\n+OK", "0"}} {
			if reply := p.Do(words...); strings.Count(reply, "\n") != 1 {
				t.Errorf("%q: %q", words, reply)
			}
		}
	}
	p.lives()
}

// TestErrorsTakeLittle: what an error takes that a script catches does not depend on how many
// calls came before it, tail calls least of all, of which there may be any number.
func TestErrorsTakeLittle(t *testing.T) {
	p := probe(t)
	took := func(want, end string) uint64 {
		const calls = 300_000
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p.script(want, fmt.Sprintf(`local function f(n) if n == 0 then %s end return f(n - 1) end return tostring(pcall(f, %d))`, end, calls))
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	const slack = 4 << 20 // bytes; a trace of the calls would be four times as large
	if without, with := took("$4\r\ntrue", "return 1"), took("$5\r\nfalse", "error('x')"); with > without+slack {
		t.Errorf("%d bytes without an error, %d with one", without, with)
	}
	p.script("*2\r\n$5\r\nfalse\r\n$15\r\nuser_script:1: ", `return {tostring(pcall(function() error("") end)), select(2, pcall(function() error("") end))}`)
	p.script("*3\r\n:1\r\n:2\r\n:3", `return {select(2, pcall(function(...) return ... end, 1, 2, 3))}`)
	p.script("$1\r\nx", `local ok, e = pcall(function() local ok, e = pcall(error, {v = "x"}) error(e) end) return e.v`)
	p.lives()
}
