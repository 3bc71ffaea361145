package syntax_test

import (
	"strings"
	"testing"

	"regent/engine/lua/syntax"
)

// TestCheck: what redis-server 7.0 says of these sources; what is "" compiles there. The
// scripts of engine/commands/scripting compare more of them.
func TestCheck(t *testing.T) {
	for source, want := range map[string]string{
		"return 1": "", "": "", "a = 1; b = 2": "", "local function f(...) return ... end": "",
		"f{1,2;x=3,[4]=5}": "", "a.b:c('x').d = -2^-3 .. 'y'": "", "repeat break until not a and #b < 1 or {} ~= nil": "",
		"for i=1,2 do end for k,v in pairs{} do break end": "", "if a then elseif b then else end": "",
		"x = [==[ ]] ]=] ]==] --[[ c ]] --[=[ d ]=]\n-- e": "", "return 0x1F, .5, 3e-2, 5.": "", "local goto = 1": "",
		"x = [[ [[ ]] --[[ [[ ]]": "", "return '\\065\\z\\\n'": "", "function a.b.c:d() return end": "", "return ('x'):f'y'\"z\"": "",

		"$": "1: unexpected symbol near '$'", "a = 1 $": "1: unexpected symbol near '$'", "f(1 $": "1: ')' expected near '$'",
		"if a ~ b then end": "1: 'then' expected near '~'", "return 'a\nb'": "1: unfinished string near ''a'",
		"local a = 1\nreturn \"a\\tc\nd": "2: unfinished string near '\"a\tc'", "return 'a": "1: unfinished string near '<eof>'",
		"return [[a": "1: unfinished long string near '<eof>'", "--[[ a\n": "2: unfinished long comment near '<eof>'",
		"return [=a":     "1: invalid long string delimiter near '[='",
		"return '\\300'": "1: escape sequence too large near '''",
		"local function": "1: '<name>' expected near '<eof>'", "for i=1 do end": "1: ',' expected near 'do'",
		"for i do end": "1: '=' or 'in' expected near 'do'", "return 1 1": "1: '<eof>' expected near '1'",
		"f(1 2)": "1: ')' expected near '2'", "goto x": "1: '=' expected near 'x'", "local 1 = 2": "1: '<name>' expected near '1'",
		"return {1,2": "1: '}' expected near '<eof>'", "return {1,\n2": "2: '}' expected (to close '{' at line 1) near '<eof>'",
		"end": "1: '<eof>' expected near 'end'", "if true then": "1: 'end' expected near '<eof>'",
		"if true then\n\nx()": "3: 'end' expected (to close 'if' at line 1) near '<eof>'", "break": "1: no loop to break near '<eof>'",
		"while a do f(function() break end) end": "1: no loop to break near 'end'",
		"return function":                        "1: '(' expected near '<eof>'", "return function(1": "1: <name> or '...' expected near '1'",
		"a:b": "1: function arguments expected near '<eof>'", "return 0x": "1: malformed number near '0x'",
		"return 1e": "1: malformed number near '1e'", "return 3..2": "1: malformed number near '3..2'",
		"function f() return ... end": "1: cannot use '...' outside a vararg function near '...'",
		"f() = 1":                     "1: unexpected symbol near '='", "(a) = 1": "1: syntax error near '='", "a, f() = 1": "1: syntax error near '='",
		"x": "1: '=' expected near '<eof>'", "x =": "1: unexpected symbol near '<eof>'",
		"f\n()": "2: ambiguous syntax (function call x new statement) near '('", "\x01": "1: unexpected symbol near 'char(1)'",
		strings.Repeat("(", 300): "1: chunk has too many syntax levels",
	} {
		got := ""
		if err := syntax.Check(source, "s"); err != nil {
			got = err.Error()
		}
		if want != "" {
			want = "s:" + want
		}
		if got != want {
			t.Errorf("%.60q: %q, want %q", source, got, want)
		}
	}
}

// FuzzCheck: nothing makes it panic or go on for ever.
func FuzzCheck(f *testing.F) {
	f.Add("local a = {1,x=2} for i=1,2 do f'x' end")
	f.Add("return [[ --[=[ '\\12")
	f.Fuzz(func(_ *testing.T, source string) { _ = syntax.Check(source, "s") })
}
