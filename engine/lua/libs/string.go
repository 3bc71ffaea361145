package libs

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func openString(L *lua.LState) {
	t := library(L, "string", map[string]lua.LGFunction{
		"byte": stringByte, "char": stringChar, "dump": stringDump, "find": stringFind, "format": stringFormat,
		"gfind": stringGmatch, "gmatch": stringGmatch, "gsub": stringGsub, "len": stringLen, "lower": stringLower,
		"match": stringMatch, "rep": stringRep, "reverse": stringReverse, "sub": stringSub, "upper": stringUpper,
	})
	t.RawSetString("__index", lua.LNil) // gopher-lua has the library as its own metatable
	meta := L.NewTable()
	meta.RawSetString("__index", t)
	openArithmetic(L, meta)
	meta.RawSetString("__call", L.NewFunction(func(L *lua.LState) int {
		raise(L, "attempt to call a string value")
		return 0
	}))
	L.SetMetatable(lua.LString(""), meta)
}

// position is a place in a string of so many bytes; negative ones count from its end.
func position(pos int64, length int) int64 {
	if pos < 0 {
		pos += int64(length) + 1
	}
	return max(pos, 0)
}

func stringByte(L *lua.LState) int {
	s := checkString(L, 1)
	from := position(optInteger(L, 2, 1), len(s))
	to := min(position(optInteger(L, 3, from), len(s)), int64(len(s)))
	from = max(from, 1)
	if from > to {
		return 0
	}
	slots(L, int(to-from+1), "string slice too long")
	for i := from; i <= to; i++ {
		L.Push(lua.LNumber(s[i-1]))
	}
	return int(to - from + 1)
}

func stringChar(L *lua.LState) int {
	b := make([]byte, 0, L.GetTop())
	for i := 1; i <= L.GetTop(); i++ {
		c := checkInt(L, i)
		if c != int(byte(c)) {
			argError(L, i, "invalid value")
		}
		b = append(b, byte(c))
	}
	L.Push(lua.LString(b))
	return 1
}

// stringDump is refused: a function of gopher-lua has no bytecode of PUC's.
func stringDump(L *lua.LState) int {
	checkFunction(L, 1)
	raise(L, "unable to dump given function")
	return 0
}

func stringLen(L *lua.LState) int {
	L.Push(lua.LNumber(len(checkString(L, 1))))
	return 1
}

// eachByte is a string with another byte for each.
func eachByte(L *lua.LState, least, most byte, distance int) int {
	b := []byte(checkString(L, 1))
	for i, c := range b {
		if c >= least && c <= most {
			b[i] = byte(int(c) + distance)
		}
	}
	L.Push(lua.LString(b))
	return 1
}

func stringLower(L *lua.LState) int { return eachByte(L, 'A', 'Z', 'a'-'A') }

func stringUpper(L *lua.LState) int { return eachByte(L, 'a', 'z', 'A'-'a') }

func stringRep(L *lua.LState) int {
	s, n := checkString(L, 1), checkInt(L, 2)
	if n <= 0 || s == "" {
		L.Push(lua.LString(""))
		return 1
	}
	if n > maxString/len(s) {
		raise(L, "not enough memory")
	}
	L.Push(lua.LString(strings.Repeat(s, n)))
	return 1
}

func stringReverse(L *lua.LState) int {
	s := checkString(L, 1)
	b := make([]byte, len(s))
	for i := range len(s) {
		b[len(s)-1-i] = s[i]
	}
	L.Push(lua.LString(b))
	return 1
}

func stringSub(L *lua.LState) int {
	s := checkString(L, 1)
	from := max(position(checkInteger(L, 2), len(s)), 1)
	to := min(position(optInteger(L, 3, -1), len(s)), int64(len(s)))
	if from > to {
		L.Push(lua.LString(""))
		return 1
	}
	L.Push(lua.LString(s[from-1 : to]))
	return 1
}

func stringFind(L *lua.LState) int { return search(L, true) }

func stringMatch(L *lua.LState) int { return search(L, false) }

func search(L *lua.LState, find bool) int {
	s, p := checkString(L, 1), checkString(L, 2)
	from := int(min(max(position(optInteger(L, 3, 1), len(s))-1, 0), int64(len(s))))
	head, _, _ := strings.Cut(p, "\x00")
	if find && (L.ToBool(4) || !strings.ContainsAny(head, "^$*+?.([%-")) {
		i := strings.Index(s[from:], p)
		if i < 0 {
			L.Push(lua.LNil)
			return 1
		}
		L.Push(lua.LNumber(from + i + 1))
		L.Push(lua.LNumber(from + i + len(p)))
		return 2
	}
	m := newMatcher(L, s, p)
	anchor := m.anchored()
	for ; from <= len(s); from++ {
		m.level = 0
		if end := m.match(from, 0); end >= 0 {
			if !find {
				return m.push(from, end, true)
			}
			L.Push(lua.LNumber(from + 1))
			L.Push(lua.LNumber(end))
			return 2 + m.push(from, end, false)
		}
		if anchor {
			break
		}
	}
	L.Push(lua.LNil)
	return 1
}

// stringGmatch gives a function that gives match after match. There are no anchors.
func stringGmatch(L *lua.LState) int {
	s, p := checkString(L, 1), checkString(L, 2)
	from := 0
	L.Push(L.NewFunction(func(L *lua.LState) int {
		m := newMatcher(L, s, p)
		for ; from <= len(s); from++ {
			m.level = 0
			start := from
			end := m.match(start, 0)
			if end < 0 {
				continue
			}
			from = end
			if end == start {
				from++
			}
			return m.push(start, end, true)
		}
		return 0
	}))
	return 1
}

func stringGsub(L *lua.LState) int {
	s, p := checkString(L, 1), checkString(L, 2)
	most := optInt(L, 4, len(s)+1)
	repl := L.Get(3)
	switch repl.(type) {
	case lua.LString, lua.LNumber, *lua.LFunction, *lua.LTable:
	default:
		argError(L, 3, "string/function/table expected")
	}
	m := newMatcher(L, s, p)
	anchor := m.anchored()
	out := &buffer{L: L}
	at, n := 0, 0
	for n < most {
		m.level = 0
		end := m.match(at, 0)
		if end >= 0 {
			n++
			m.replace(out, repl, at, end)
		}
		if end > at {
			at = end
		} else if at < len(s) {
			out.byte(s[at])
			at++
		} else {
			break
		}
		if anchor {
			break
		}
	}
	out.string(s[min(at, len(s)):])
	out.push()
	L.Push(lua.LNumber(n))
	return 2
}

// replace appends what stands for the match from s to e.
func (m *matcher) replace(out *buffer, repl lua.LValue, s, e int) {
	var v lua.LValue
	switch r := repl.(type) {
	case *lua.LFunction:
		m.L.Push(r)
		m.L.Call(m.push(s, e, true), 1)
		v = m.L.Get(-1)
		m.L.Pop(1)
	case *lua.LTable:
		v = m.L.GetTable(r, m.capture(0, s, e))
	default:
		template, _ := text(repl)
		m.expand(out, template, s, e)
		return
	}
	if t, ok := text(v); ok {
		out.string(t)
	} else if lua.LVIsFalse(v) {
		out.string(m.s[s:e])
	} else {
		raise(m.L, "invalid replacement value (a %s)", v.Type())
	}
}

// expand appends a template with the captures in it.
func (m *matcher) expand(out *buffer, template string, s, e int) {
	for i := 0; i < len(template); i++ {
		if template[i] != '%' {
			out.byte(template[i])
			continue
		}
		var c byte // the template's end is C's
		if i++; i < len(template) {
			c = template[i]
		}
		switch {
		case !isDigit(c):
			out.byte(c)
		case c == '0':
			out.string(m.s[s:e])
		default:
			t, _ := text(m.capture(int(c-'1'), s, e))
			out.string(t)
		}
	}
}
