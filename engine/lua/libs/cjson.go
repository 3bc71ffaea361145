package libs

import (
	"fmt"
	"math"
	"slices"

	lua "github.com/yuin/gopher-lua"
)

// jsonSettings is what a script sets of cjson.
type jsonSettings struct {
	sparseConvert int // 1: sparse arrays become objects
	sparseRatio   int // an array is sparse if it has fewer than one value in so many places; 0: never
	sparseSafe    int // up to this index no array is sparse
	encodeDepth   int
	encodeInvalid int // what becomes of inf and nan: 0 an error, 1 they are written, 2 null
	precision     int // digits
	keepBuffer    int // has no effect here
	decodeInvalid int // 1: inf, nan and hexadecimal numbers are read
	decodeDepth   int
	null          *lua.LUserData
}

// Defaults and bounds of cjson's settings.
const (
	jsonSparseRatio = 2
	jsonSparseSafe  = 10
	jsonDepth       = 1000 // nested arrays and objects
	jsonPrecision   = 14   // digits, and their maximum
	maxOption       = math.MaxInt32
)

// jsonNull is what the value of cjson.null's userdata is: C's null pointer.
type jsonNull struct{}

func openJSON(L *lua.LState) {
	null := L.NewUserData()
	null.Value = jsonNull{}
	L.SetGlobal("cjson", newJSON(L, null))
}

// newJSON is a table of cjson with settings of its own. All share null: in C it is a
// pointer, equal to itself everywhere.
func newJSON(L *lua.LState, null *lua.LUserData) *lua.LTable {
	s := &jsonSettings{
		sparseRatio: jsonSparseRatio, sparseSafe: jsonSparseSafe, encodeDepth: jsonDepth, precision: jsonPrecision,
		keepBuffer: 1, decodeInvalid: 1, decodeDepth: jsonDepth, null: null,
	}
	bools := []string{"off", "on"}
	t := L.NewTable()
	L.SetFuncs(t, map[string]lua.LGFunction{
		"encode":                  s.encode,
		"decode":                  s.decode,
		"encode_max_depth":        integerSetting(&s.encodeDepth, 1, maxOption),
		"decode_max_depth":        integerSetting(&s.decodeDepth, 1, maxOption),
		"encode_number_precision": integerSetting(&s.precision, 1, jsonPrecision),
		"encode_keep_buffer":      choiceSetting(&s.keepBuffer, bools),
		"encode_invalid_numbers":  choiceSetting(&s.encodeInvalid, []string{"off", "on", "null"}),
		"decode_invalid_numbers":  choiceSetting(&s.decodeInvalid, bools),
		"encode_sparse_array": func(L *lua.LState) int {
			atMost(L, 3)
			L.SetTop(3)
			choice(L, 1, &s.sparseConvert, bools)
			integer(L, 2, &s.sparseRatio, 0, maxOption)
			integer(L, 3, &s.sparseSafe, 0, maxOption)
			return 3
		},
		"new": func(L *lua.LState) int {
			L.Push(newJSON(L, null))
			return 1
		},
	})
	t.RawSetString("null", null)
	t.RawSetString("_NAME", lua.LString("cjson"))
	t.RawSetString("_VERSION", lua.LString("2.1.0"))
	return t
}

// atMost refuses more than n arguments.
func atMost(L *lua.LState, n int) {
	if L.GetTop() > n {
		argError(L, n+1, "found too many arguments")
	}
}

func integerSetting(setting *int, least, most int) lua.LGFunction {
	return func(L *lua.LState) int {
		atMost(L, 1)
		integer(L, 1, setting, least, most)
		return 1
	}
}

func choiceSetting(setting *int, names []string) lua.LGFunction {
	return func(L *lua.LState) int {
		atMost(L, 1)
		choice(L, 1, setting, names)
		return 1
	}
}

// integer sets an integer from argument n, if there is one, and pushes what it is.
func integer(L *lua.LState, n int, setting *int, least, most int) {
	if L.Get(n) != lua.LNil {
		v := checkInt(L, n)
		if v < least || v > most {
			argError(L, 1, fmt.Sprintf("expected integer between %d and %d", least, most))
		}
		*setting = v
	}
	L.Push(lua.LNumber(*setting))
}

// choice sets one of names from argument n, if there is one, and pushes what it is:
// off and on are booleans as well.
func choice(L *lua.LState, n int, setting *int, names []string) {
	switch v := L.Get(n).(type) {
	case *lua.LNilType:
	case lua.LBool:
		*setting = 0
		if v {
			*setting = 1
		}
	default:
		name := checkString(L, n)
		i := slices.Index(names, name)
		if i < 0 {
			argError(L, n, "invalid option '"+name+"'")
		}
		*setting = i
	}
	if *setting < 2 {
		L.Push(lua.LBool(*setting == 1))
		return
	}
	L.Push(lua.LString(names[*setting]))
}
