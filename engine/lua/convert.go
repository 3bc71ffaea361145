package lua

import (
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"regent/resp"
)

// Between RESP and Lua (script_lua.c):
//
//	integer, double     number, {double=}      nil of RESP2     false
//	bulk string         string                 null of RESP3    nil
//	status, error       {ok=}, {err=}          boolean          boolean
//	array               table from 1 on        map, set         {map=}, {set=}
//	big number          {big_number=}          verbatim string  {verbatim_string={format=, string=}}

// maxReplyDepth is how many tables within each other a reply may be made of.
const maxReplyDepth = 1000

// A replyReader turns a reply of the engine, which is well formed, into a value.
type replyReader struct {
	st   *State
	b    []byte
	fail bool // the reply as a whole is an error
}

// line takes a line without its end.
func (r *replyReader) line() []byte {
	for i := 1; i < len(r.b); i++ {
		if r.b[i] == '\r' && r.b[i+1] == '\n' {
			l := r.b[1:i]
			r.b = r.b[i+2:]
			return l
		}
	}
	panic("lua: a reply without an end")
}

func (r *replyReader) number() int {
	l := r.line()
	n, neg := 0, false
	for i, c := range l {
		if i == 0 && c == '-' {
			neg = true
			continue
		}
		n = n*10 + int(c-'0')
	}
	if neg {
		return -n
	}
	return n
}

// value takes a value.
func (r *replyReader) value() lua.LValue {
	switch kind := r.b[0]; kind {
	case '$', '=':
		n := r.number()
		if n < 0 {
			return lua.LFalse
		}
		text := string(r.b[:n])
		r.b = r.b[n+2:]
		if kind == '=' {
			v, t := r.st.record(), r.st.record()
			v.RawSetString("format", lua.LString(text[:3]))
			v.RawSetString("string", lua.LString(text[4:]))
			t.RawSetString("verbatim_string", v)
			return t
		}
		return lua.LString(text)
	case ':':
		return lua.LNumber(r.number())
	case '+':
		t := r.st.record()
		t.RawSetString("ok", lua.LString(r.line()))
		return t
	case '-':
		t := errorTable("-" + string(r.line()))
		t.RawSetString("ignore_error_stats_update", lua.LTrue)
		r.fail = true
		return t
	case '_':
		r.line()
		return lua.LNil
	case '#':
		return lua.LBool(r.line()[0] == 't')
	case ',':
		f, _ := strconv.ParseFloat(string(r.line()), 64)
		t := r.st.record()
		t.RawSetString("double", lua.LNumber(f))
		return t
	case '(':
		t := r.st.record()
		t.RawSetString("big_number", lua.LString(r.line()))
		return t
	}
	return r.aggregate()
}

// aggregate takes a value that is made of others.
func (r *replyReader) aggregate() lua.LValue {
	kind := r.b[0]
	n := r.number()
	if n < 0 {
		return lua.LFalse
	}
	switch kind {
	case '%':
		of, t := r.st.record(), r.st.record()
		for range n {
			k := r.value()
			set(of, k, r.value())
		}
		t.RawSetString("map", of)
		return t
	case '~':
		of, t := r.st.record(), r.st.record()
		for range n {
			set(of, r.value(), lua.LTrue)
		}
		t.RawSetString("set", of)
		return t
	case '|':
		for range 2 * n {
			r.value()
		}
		return r.value()
	}
	t := r.st.L.CreateTable(n, 0)
	for i := range n {
		v := r.value()
		r.fail = false // an error inside is one value of many
		t.RawSetInt(i+1, v)
	}
	return t
}

// set is t[k] = v where k may be no key.
func set(t *lua.LTable, k, v lua.LValue) {
	if n, is := k.(lua.LNumber); k != lua.LNil && !(is && math.IsNaN(float64(n))) {
		t.RawSet(k, v)
	}
}

// record is a table for a few names.
func (st *State) record() *lua.LTable { return st.L.CreateTable(0, 1) }

// errorTable is what Redis raises and what its commands' errors become: text is
// "-CODE words", or words alone, which get the code ERR.
func errorTable(text string) *lua.LTable {
	t := &lua.LTable{Metatable: lua.LNil}
	t.RawSetString("err", lua.LString(errorText(text)))
	return t
}

// errorText is text with a code and without what begins and ends an error in RESP.
func errorText(text string) string {
	code, words := "ERR", text
	if rest, is := strings.CutPrefix(text, "-"); is {
		words = rest
		if c, w, has := strings.Cut(rest, " "); has {
			code, words = c, w
		}
	}
	return code + " " + strings.Trim(words, "\r\n")
}

// A replyWriter turns values into a reply.
type replyWriter struct {
	st     *State
	out    *resp.Writer
	script int    // the script's protocol
	failed string // an error was written that nobody has counted
}

// value writes v, which is depth tables deep.
func (w *replyWriter) value(v lua.LValue, depth int) {
	switch v := v.(type) {
	case lua.LString:
		w.out.BulkString(string(v))
	case lua.LNumber:
		w.out.Int(toInt(float64(v)))
	case lua.LBool:
		switch {
		case w.script == resp.RESP3:
			w.out.Bool(bool(v))
		case bool(v):
			w.out.Int(1)
		default:
			w.out.Null()
		}
	case *lua.LTable:
		if depth >= maxReplyDepth {
			w.out.Error("ERR reached lua stack limit")
			return
		}
		w.table(w.st.shown(v), depth)
	default:
		w.out.Null()
	}
}

// toInt is C's conversion on the usual machines: what does not fit is the least number.
func toInt(f float64) int64 {
	if f >= -(1<<63) && f < 1<<63 {
		return int64(f)
	}
	return math.MinInt64
}

func (w *replyWriter) table(t *lua.LTable, depth int) {
	if text, is := t.RawGetString("err").(lua.LString); is {
		if t.RawGetString("ignore_error_stats_update") != lua.LTrue {
			w.failed = string(text)
		}
		w.out.Error(string(text))
		return
	}
	if text, is := t.RawGetString("ok").(lua.LString); is {
		w.out.Status(oneLine(cString(string(text))))
		return
	}
	if f, is := t.RawGetString("double").(lua.LNumber); is {
		w.out.Double(float64(f))
		return
	}
	if text, is := t.RawGetString("big_number").(lua.LString); is {
		w.out.BigNumber(oneLine(string(text)))
		return
	}
	if v, is := t.RawGetString("verbatim_string").(*lua.LTable); is {
		format, named := v.RawGetString("format").(lua.LString)
		text, there := v.RawGetString("string").(lua.LString)
		if named && there {
			w.out.Verbatim(threeLetters(string(format)), string(text))
			return
		}
	}
	if m, is := t.RawGetString("map").(*lua.LTable); is {
		at, n := w.out.Mark(), 0
		m.ForEach(func(k, v lua.LValue) {
			w.value(k, depth+1)
			w.value(v, depth+1)
			n++
		})
		w.out.MapAt(at, n)
		return
	}
	if s, is := t.RawGetString("set").(*lua.LTable); is {
		at, n := w.out.Mark(), 0
		s.ForEach(func(k, _ lua.LValue) {
			w.value(k, depth+1)
			n++
		})
		w.out.SetAt(at, n)
		return
	}
	n := 0
	for t.RawGetInt(n+1) != lua.LNil {
		n++
	}
	w.out.Array(n)
	for i := 1; i <= n && !w.out.Overflowed(); i++ {
		w.value(t.RawGetInt(i), depth+1)
	}
}

func oneLine(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }

// cString is s up to a NUL.
func cString(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

func threeLetters(s string) string { return (s + "   ")[:3] }
