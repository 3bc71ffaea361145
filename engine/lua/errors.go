package lua

import (
	"fmt"
	"regexp"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"regent/engine/lua/libs"
	"regent/resp"
)

// maxHostLevels is how many functions of Go may have called each other where an error
// was raised.
const maxHostLevels = 8

// handleError is called where an error was raised, before anything is undone: it
// makes a table of what was raised, and notes the place.
func (st *State) handleError(L *lua.LState) int {
	t, is := L.Get(1).(*lua.LTable)
	text := "nil"
	if !is {
		if L.GetTop() > 0 {
			text = translate(toString(L.Get(1)))
		}
		t = &lua.LTable{Metatable: lua.LNil}
	}
	for level := 1; level <= maxHostLevels; level++ {
		dbg, ok := L.GetStack(level)
		if !ok {
			break
		}
		fn, err := L.GetInfo("Slf", dbg, lua.LNil)
		if err != nil {
			break
		}
		if dbg.Source == "" { // Go's: its caller says more
			continue
		}
		t.RawSetString("source", lua.LString("@"+dbg.Source))
		t.RawSetString("line", lua.LNumber(dbg.CurrentLine))
		if fn, isFunction := fn.(*lua.LFunction); isFunction && !is {
			text = st.nameOperand(L, dbg, fn, text)
		}
		break
	}
	if !is {
		t.RawSetString("err", lua.LString("ERR "+text))
	}
	L.Push(t)
	return 1
}

// placed is a text that begins with where it was raised.
var placed = regexp.MustCompile(`^(\w+):(\d+): `)

// writeFailure answers with the error that has ended a script.
func (st *State) writeFailure(name string, err error, out *resp.Writer) (failed string) {
	object := lua.LValue(lua.LString(err.Error()))
	if api, is := err.(*lua.ApiError); is && api.Object != nil {
		object = api.Object
	}
	if text, is := object.(lua.LString); is { // there was no room for the handler
		if m := placed.FindStringSubmatch(string(text)); m != nil {
			t := errorTable(translate(string(text)))
			t.RawSetString("source", lua.LString("@"+m[1]))
			t.RawSetString("line", lua.LString(m[2]))
			object = t
		}
	}
	t, is := object.(*lua.LTable)
	if !is {
		text := "execution failure"
		if lua.LVCanConvToString(object) {
			text = toString(object)
		}
		failed = fmt.Sprintf("ERR Error running script %s, %.100s", name, translate(text))
		out.Error(failed)
		return failed
	}
	text := "ERR unknown error"
	if v := t.RawGetString("err"); lua.LVCanConvToString(v) {
		text = toString(v)
	}
	source, line := t.RawGetString("source"), t.RawGetString("line")
	if lua.LVCanConvToString(source) && lua.LVCanConvToString(line) {
		text += " script: " + name + ", on " + toString(source) + ":" + toString(line) + "."
	}
	out.Error(text)
	if t.RawGetString("ignore_error_stats_update") == lua.LTrue {
		return ""
	}
	return text
}

// translate words an error of the interpreter as Lua does.
func translate(text string) string {
	return string(libs.ErrorValue(&lua.ApiError{Object: lua.LString(text)}).(lua.LString))
}

// toString is tostring of a string or a number, and says what anything else is.
func toString(v lua.LValue) string {
	switch v := v.(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return string(appendNumber(nil, float64(v)))
	}
	return v.String()
}

// appendNumber appends a number as Lua prints it, with C's "%.14g".
func appendNumber(dst []byte, f float64) []byte {
	if i := int64(f); float64(i) == f && i > -1e14 && i < 1e14 && !(i == 0 && 1/f < 0) {
		return strconv.AppendInt(dst, i, 10)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, 'g', 14, 64)
	switch string(dst[from:]) {
	case "+Inf":
		return append(dst[:from], "inf"...)
	case "-Inf":
		return append(dst[:from], "-inf"...)
	case "NaN":
		return append(dst[:from], "-nan"...)
	}
	return dst
}
