package libs

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"regent/engine/decimal"

	lua "github.com/yuin/gopher-lua"
)

// A jsonKind is what a token is, and what errors call it.
type jsonKind string

const (
	jsonObject    jsonKind = "T_OBJ_BEGIN"
	jsonObjectEnd jsonKind = "T_OBJ_END"
	jsonArray     jsonKind = "T_ARR_BEGIN"
	jsonArrayEnd  jsonKind = "T_ARR_END"
	jsonString    jsonKind = "T_STRING"
	jsonNumber    jsonKind = "T_NUMBER"
	jsonBool      jsonKind = "T_BOOLEAN"
	jsonNil       jsonKind = "T_NULL"
	jsonColon     jsonKind = "T_COLON"
	jsonComma     jsonKind = "T_COMMA"
	jsonEnd       jsonKind = "T_END"
	jsonError     jsonKind = "T_ERROR"
)

// A jsonToken is a token, with its value if it has one.
type jsonToken struct {
	kind  jsonKind
	at    int // where it begins, or where it is wrong
	wrong string
	value lua.LValue
}

// A jsonDecoder is one call of cjson.decode.
type jsonDecoder struct {
	*jsonSettings
	L     *lua.LState
	s     string
	pos   int
	depth int
}

func (s *jsonSettings) decode(L *lua.LState) int {
	if L.GetTop() != 1 {
		argError(L, 1, "expected 1 argument")
	}
	d := &jsonDecoder{jsonSettings: s, L: L, s: checkString(L, 1)}
	if len(d.s) >= 2 && (d.s[0] == 0 || d.s[1] == 0) {
		raise(L, "JSON parser does not support UTF-16 or UTF-32")
	}
	v := d.value(d.next(), 1)
	if t := d.next(); t.kind != jsonEnd {
		d.expected("the end", t)
	}
	L.Push(v)
	return 1
}

// expected says that another token should stand there.
func (d *jsonDecoder) expected(what string, t jsonToken) {
	found := string(t.kind)
	if t.kind == jsonError {
		found = t.wrong
	}
	raise(d.L, "Expected %s but found %s at character %d", what, found, t.at+1)
}

// value is the value that begins with a token. used is how many slots the stack of C
// would have by now.
func (d *jsonDecoder) value(t jsonToken, used int) lua.LValue {
	switch t.kind {
	case jsonString, jsonNumber, jsonBool, jsonNil:
		return t.value
	case jsonObject:
		return d.object(used)
	case jsonArray:
		return d.array(used)
	}
	d.expected("value", t)
	return lua.LNil
}

// descend counts a table that begins, for which C asks for so many slots.
func (d *jsonDecoder) descend(used, wanted int) {
	d.depth++
	if d.depth > d.decodeDepth || used+wanted > maxSlots {
		raise(d.L, "Found too many nested data structures (%d) at character %d", d.depth, d.pos)
	}
}

func (d *jsonDecoder) object(used int) lua.LValue {
	d.descend(used, 3)
	defer func() { d.depth-- }()
	table := d.L.NewTable()
	t := d.next()
	if t.kind == jsonObjectEnd {
		return table
	}
	for {
		if t.kind != jsonString {
			d.expected("object key string", t)
		}
		key := t.value
		if t = d.next(); t.kind != jsonColon {
			d.expected("colon", t)
		}
		table.RawSet(key, d.value(d.next(), used+2))
		switch t = d.next(); t.kind {
		case jsonObjectEnd:
			return table
		case jsonComma:
		default:
			d.expected("comma or object end", t)
		}
		t = d.next()
	}
}

func (d *jsonDecoder) array(used int) lua.LValue {
	d.descend(used, 2)
	defer func() { d.depth-- }()
	table := d.L.NewTable()
	t := d.next()
	if t.kind == jsonArrayEnd {
		return table
	}
	for {
		table.Append(d.value(t, used+1))
		switch t = d.next(); t.kind {
		case jsonArrayEnd:
			return table
		case jsonComma:
		default:
			d.expected("comma or array end", t)
		}
		t = d.next()
	}
}

// byteAt is a byte of the text, 0 beyond its end.
func (d *jsonDecoder) byteAt(i int) byte {
	if i < len(d.s) {
		return d.s[i]
	}
	return 0
}

func (d *jsonDecoder) wrong(what string) jsonToken {
	return jsonToken{kind: jsonError, at: d.pos, wrong: what}
}

// took is a token of so many bytes.
func (d *jsonDecoder) took(n int, kind jsonKind, value lua.LValue) jsonToken {
	t := jsonToken{kind: kind, at: d.pos, value: value}
	d.pos += n
	return t
}

// next reads a token. A zero byte is the end.
func (d *jsonDecoder) next() jsonToken {
	for d.pos < len(d.s) && strings.IndexByte(" \t\n\r", d.s[d.pos]) >= 0 {
		d.pos++
	}
	c, rest := d.byteAt(d.pos), d.s[min(d.pos, len(d.s)):]
	switch c {
	case 0:
		return jsonToken{kind: jsonEnd, at: d.pos}
	case '{':
		return d.took(1, jsonObject, nil)
	case '}':
		return d.took(1, jsonObjectEnd, nil)
	case '[':
		return d.took(1, jsonArray, nil)
	case ']':
		return d.took(1, jsonArrayEnd, nil)
	case ',':
		return d.took(1, jsonComma, nil)
	case ':':
		return d.took(1, jsonColon, nil)
	case '"':
		return d.text()
	}
	switch {
	case c == '-' || isDigit(c):
		if d.decodeInvalid == 0 && unusual(rest) {
			return d.wrong("invalid number")
		}
		return d.number(rest)
	case strings.HasPrefix(rest, "true"):
		return d.took(len("true"), jsonBool, lua.LTrue)
	case strings.HasPrefix(rest, "false"):
		return d.took(len("false"), jsonBool, lua.LFalse)
	case strings.HasPrefix(rest, "null"):
		return d.took(len("null"), jsonNil, d.null)
	case strings.IndexByte("+iInN", c) >= 0 && d.decodeInvalid != 0 && unusual(rest):
		return d.number(rest)
	}
	return d.wrong("invalid token")
}

func (d *jsonDecoder) number(rest string) jsonToken {
	end := strings.IndexFunc(rest, func(r rune) bool { return !numeric(r) })
	if end < 0 {
		end = len(rest)
	}
	f, n := decimal.Prefix([]byte(rest[:end]))
	if n == 0 {
		return d.wrong("invalid number")
	}
	return d.took(n, jsonNumber, lua.LNumber(f))
}

// numeric reports whether a number may hold r, words like infinity included.
func numeric(r rune) bool {
	return r >= '0' && r <= '9' || r == '-' || r == '+' || r == '.' || r|0x20 >= 'a' && r|0x20 <= 'y'
}

// unusual reports whether a number begins in a way that C takes and JSON does not.
func unusual(s string) bool {
	if s[0] == '+' {
		return true
	}
	s = strings.TrimPrefix(s, "-")
	if s == "" {
		return false
	}
	if s[0] == '0' {
		return len(s) > 1 && (s[1]|0x20 == 'x' || isDigit(s[1]))
	}
	const word = 3
	return len(s) >= word && (strings.EqualFold(s[:word], "inf") || strings.EqualFold(s[:word], "nan"))
}

// text reads a string.
func (d *jsonDecoder) text() jsonToken {
	t := jsonToken{kind: jsonString, at: d.pos}
	d.pos++
	from := d.pos
	var b []byte // what is before from, once there was an escape
	for {
		switch c := d.byteAt(d.pos); c {
		case '"':
			t.value = lua.LString(append(b, d.s[from:d.pos]...))
			d.pos++
			return t
		case 0:
			return d.wrong("unexpected end of string")
		case '\\':
			b = append(b, d.s[from:d.pos]...)
			if d.byteAt(d.pos+1) == 'u' {
				r, n := d.unicode()
				if n == 0 {
					return d.wrong("invalid unicode escape code")
				}
				b = utf8.AppendRune(b, r)
				d.pos += n
			} else {
				i := strings.IndexByte(`"\/btnfr`, d.byteAt(d.pos+1))
				if i < 0 {
					return d.wrong("invalid escape code")
				}
				b = append(b, "\"\\/\b\t\n\f\r"[i])
				d.pos += len(`\n`)
			}
			from = d.pos
		default:
			d.pos++
		}
	}
}

// Surrogates of UTF-16.
const (
	highSurrogate = 0xd800
	lowSurrogate  = 0xdc00
	surrogateMask = 0xfc00
	surrogateBits = 10
	beyondBMP     = 0x10000
)

// unicode reads \uXXXX, or two of them that are a pair, and returns how many bytes they
// take; 0: they are wrong.
func (d *jsonDecoder) unicode() (r rune, n int) {
	const escape = len(`\uXXXX`)
	r, ok := d.hex(d.pos + len(`\u`))
	if !ok || r&surrogateMask == lowSurrogate {
		return 0, 0
	}
	if r&surrogateMask != highSurrogate {
		return r, escape
	}
	if d.byteAt(d.pos+escape) != '\\' || d.byteAt(d.pos+escape+1) != 'u' {
		return 0, 0
	}
	low, ok := d.hex(d.pos + escape + len(`\u`))
	if !ok || low&surrogateMask != lowSurrogate {
		return 0, 0
	}
	return (r&^surrogateMask)<<surrogateBits + low&^surrogateMask + beyondBMP, 2 * escape
}

func (d *jsonDecoder) hex(at int) (rune, bool) {
	const digits = 4
	if at+digits > len(d.s) {
		return 0, false
	}
	n, err := strconv.ParseUint(d.s[at:at+digits], 16, 16)
	return rune(n), err == nil
}
