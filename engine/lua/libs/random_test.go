package libs_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// shown is around each random snippet, in one line: what it returns becomes one text, tables with what
// they hold, and bytes and numbers to the last bit.
const shown = `local function q(v, d) local t = type(v) ` +
	`if t == 'table' then if d > 20 then return 'deep' end local all = {} for k, e in pairs(v) do all[#all + 1] = q(k, d + 1) .. '=' .. q(e, d + 1) end table.sort(all) return '{' .. table.concat(all, ',') .. '}' ` +
	`elseif t == 'string' then return (v:gsub('[^%%w .:,\'()]', function(c) return ('%%%%%%02x'):format(c:byte()) end)) ` +
	`elseif t == 'number' then return ('%%.17g'):format(v) elseif t == 'userdata' then return v == cjson.null and 'null' or t ` +
	`elseif t == 'function' then return t end return tostring(v) end ` +
	`local show = function(...) local out = {} for i = 1, select('#', ...) do out[i] = q((select(i, ...)), 0) end return table.concat(out, ' | ') end ` +
	`return show(pcall(function() %s end))`

// A drawer draws snippets.
type drawer struct{ *rand.Rand }

func (d drawer) of(words ...string) string { return words[d.IntN(len(words))] }

// list is up to n of what draw draws, separated by commas.
func (d drawer) list(n int, draw func() string) string {
	var all []string
	for range d.IntN(n + 1) {
		all = append(all, draw())
	}
	return strings.Join(all, ", ")
}

func (d drawer) number() string {
	if d.IntN(5) == 0 {
		return fmt.Sprintf("%g", (d.Float64()-0.5)*float64(uint64(1)<<d.IntN(64)))
	}
	// Of -0 and 0 in one function PUC's Lua makes one constant.
	return d.of("0", "1", "-1", "2", "3.5", "0/0", "-(0/0)", "1/0", "-1/0", "1e14", "1e15", "1e100", "1e-7", "123456789012345", "2^31", "2^31-1", "-2^31",
		"2^32", "2^32-1", "2^33+5", "2^53", "2^53+1", "2^63", "-2^63", "2^64", "1e308", "5e-324", "0.1", "1/3", "31", "32", "33", "-31", "64", "127", "128", "255", "256",
		"-128", "-129", "65535", "65536", "-32769", "2147483648.5", "4294967295.5", "-0.5", "16777217", "3.4e38", "1e39", "'10'", "'0x10'", "'1e2'", "' 7 '", "'abc'")
}

func (d drawer) text() string {
	return d.of("''", "'a'", "'abc'", `'\0\1\255'`, `'"\\/'`, "'%d'", "('x'):rep(40)", "('x'):rep(300)", "('y'):rep(70000)", `'\n\t\127'`, "'12'", "'null'")
}

// value is any value; depth is how deep it is.
func (d drawer) value(depth int) string {
	switch n := d.IntN(20); {
	case n < 7:
		return d.number()
	case n < 11:
		return d.text()
	case n < 13:
		return d.of("true", "false", "nil", "cjson.null", "tostring")
	case depth > 3:
		return "{}"
	case n < 17:
		return "{" + d.list(5, func() string { return d.value(depth + 1) }) + "}"
	}
	key := d.of("1", "2", "5", "11", "12", "30", "1.5", "0", "-1", "true", "'k'", "''", "'1'", "2^53", "1e300", "{}") // one: several have no order
	return "{[" + key + "] = " + d.value(depth+1) + ", " + d.list(2, func() string { return d.value(depth + 1) }) + "}"
}

func (d drawer) json() string {
	one := func() string {
		return d.of("1", "-0", "1.5e3", "0x10", "007", `"a"`, `"\\u00e9"`, `"\\ud83d\\ude00"`, `"\\ud83d"`, `"\\udc00x"`, `"\\u0000"`, "null", "true", "tru", "nan", "-inf", "Infinity",
			"[]", "{}", "[1,2", "[1 2]", `{"a":1}`, `{"a" 1}`, "{a:1}", "[,]", "[1,]", `"\1"`, `"\\x"`, `"`, "1e400", "-", "- 1", " [ 1 , 2 ]", "", "[[[[1]]]]", `{"a":{"b":[1,{"c":null}]}}`,
			`\255`, "/*x*/1", ".5", "1.", "1e", "+1", "0x", "[1e5,-1e-5]", `{"1":2}`, `{"":0}`, `"\\/\\b\\f\\n\\r\\t"`, "12345678901234567890", "0.1e-400", "-nan", "NaN", "nullx", "[true,false,null]")
	}
	text := one()
	for range d.IntN(3) {
		text = d.of("["+text+","+one()+"]", `{"k":`+text+"}", text+one(), "  "+text+" ")
	}
	return "'" + text + "'"
}

func (d drawer) setting() string {
	name := d.of("encode_sparse_array", "encode_max_depth", "decode_max_depth", "encode_number_precision", "encode_keep_buffer", "encode_invalid_numbers", "decode_invalid_numbers")
	return "c." + name + "(" + d.list(3, func() string {
		return d.of("true", "false", "'null'", "'on'", "'off'", "'x'", "0", "1", "2", "3", "5", "14", "15", "-1", "1.5", "nil", "{}", "'3'")
	}) + ")"
}

func (d drawer) bytes() string {
	var b strings.Builder
	for range d.IntN(14) {
		n := d.IntN(256)
		if d.IntN(2) == 0 {
			n = 192 + d.IntN(32) // the types of msgpack that have a length
		}
		fmt.Fprintf(&b, "\\%03d", n)
	}
	return "'" + b.String() + "'"
}

func (d drawer) layout() string {
	var b strings.Builder
	for range 1 + d.IntN(5) {
		kind := d.of("<", ">", "!", "=", "x", "b", "B", "h", "H", "l", "L", "T", "i", "I", "f", "d", "s", "c", " ", "z")
		b.WriteString(kind)
		if strings.Contains("iIcxsb!", kind) && d.IntN(2) == 0 {
			b.WriteString(d.of("0", "1", "2", "3", "4", "5", "7", "8", "9", "16", "32", "33", "100", "99999999999"))
		}
	}
	return "'" + b.String() + "'"
}

func (d drawer) directive() string {
	var b strings.Builder
	b.WriteByte('%')
	for range d.of("", "", "x", "xx", "xxxxxx") {
		b.WriteString(d.of("-", "+", " ", "#", "0"))
	}
	b.WriteString(d.of("", "", "5", "12", "99", "100") + d.of("", "", ".", ".0", ".3", ".20", ".99", ".100"))
	return b.String() + d.of("d", "i", "o", "u", "x", "X", "e", "E", "f", "g", "G", "c", "s", "q", "a", "p", "n", "%")
}

// snippet draws one, of what scripts find in their Lua.
func (d drawer) snippet() string {
	value, number := func() string { return d.value(0) }, d.number
	either := func() string { return d.of(d.number(), d.number(), d.text()) }
	switch d.IntN(13) {
	case 0:
		return "local c = cjson.new() " + d.of("", d.setting()) + " return c.encode(" + value() + ")"
	case 1:
		return "local c = cjson.new() " + d.of("", d.setting()) + " return c.decode(" + d.json() + ")"
	case 2:
		return "local c = cjson.new() return " + d.setting() + ", " + d.setting()
	case 3:
		return "return cmsgpack.pack(" + d.list(3, value) + ")"
	case 4:
		return "return cmsgpack." + d.of("unpack", "unpack_one", "unpack_limit") + "(" + d.of(d.bytes(), "cmsgpack.pack("+value()+", "+value()+")", "cmsgpack.pack("+value()+"):sub(1, -2)") + d.of("", "", ", 0", ", 1", ", 2, 1", ", -1", ", 100") + ")"
	case 5:
		return "return struct.pack(" + d.layout() + ", " + d.of(either(), either()+", "+either(), either()+", "+either()+", "+either()) + ")"
	case 6:
		return "return struct.unpack(" + d.layout() + ", " + d.of(d.bytes(), d.text()) + d.of("", ", 1", ", 2", ", 0", ", -1", ", 100") + ")"
	case 7:
		return "return struct.size(" + d.layout() + ")"
	case 8:
		return "return bit." + d.of("tobit", "tohex", "bnot", "bor", "band", "bxor", "lshift", "rshift", "arshift", "rol", "ror", "bswap") + "(" + d.list(3, either) + ")"
	case 9:
		return "math.randomseed(" + number() + ") return math.random(" + d.list(2, number) + "), math.random(), math.random(" + d.of("1", "10", "100") + ")"
	case 10:
		return "return string.format('" + d.directive() + d.of("", "x", d.directive()) + "', " + d.of(either(), either()+", "+either()) + ")"
	case 11:
		return "return tostring(" + number() + "), tonumber(" + either() + "), tonumber(" + d.of("'10'", "'ff'", "'zz'", "'-10'", "'9'", "''", "' 11 '", "'7fffffffffffffffffff'", "10") + ", " + d.of("2", "10", "16", "36", "1", "37", "8") + ")"
	}
	if d.IntN(4) == 0 {
		return "return math." + d.of("pow", "atan2", "ldexp") + "(" + d.of("", "1", "'x', 2", "{}, {}") + ")"
	}
	return "return math." + d.of("fmod", "max", "min", "floor", "ceil", "abs", "sqrt", "modf", "frexp") + "(" + d.list(2, number) + ")" // the others are not exact
}

// TestRandomSnippets runs random snippets here and in redis-server.
func TestRandomSnippets(t *testing.T) {
	const snippets = 1500
	redis := enginetest.StartRedis(t).Client(t)
	L := newState(t)
	d := drawer{rand.New(rand.NewPCG(7, 0))}
	failed := 0
	for range snippets {
		line := d.snippet()
		code := fmt.Sprintf(shown, line)
		want := named.ReplaceAllString(enginetest.Parsed(t, redis.Do("EVAL", code, "0")).Text, "$1")
		if got := run(t, L, code); got != want {
			if t.Errorf("%s\n  got  %.300q\n  want %.300q", line, got, want); failed == 20 {
				t.FailNow()
			}
			failed++
		}
	}
}
