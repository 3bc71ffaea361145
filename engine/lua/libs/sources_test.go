package libs_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"regent/engine/enginetest"
	"regent/engine/lua/libs"
)

// A speaker draws the tokens of a source that is Lua.
type speaker struct {
	drawer
	tokens []string
}

func (s *speaker) add(words ...string) { s.tokens = append(s.tokens, words...) }

func (s *speaker) name() string { return s.of("a", "b", "c", "t", "x", "_1") }

func (s *speaker) number() string {
	return s.of("0", "1", "12.5", ".5", "3.", "1e5", "1E-3", "1e+3", "0x1F", "0XaB", "1e", "1e+", "0x", "1..2", "1x", "0x1g", "08", "1.e2", "3e2.5", "9_", "1.2.3")
}

func (s *speaker) text() string {
	return s.of("''", "'a'", `"b\n"`, `'\65\z'`, "[[x]]", "[==[ ]] ]==]", `'\300'`, "'a", "\"b\\\n\"", "[[ [[ ]]", "[=x", "[[a\nb]]", "'\\")
}

// list is one or more, separated by commas.
func (s *speaker) list(one func()) {
	for one(); s.IntN(3) == 0; one() {
		s.add(",")
	}
}

func (s *speaker) exprs(depth int) { s.list(func() { s.expr(depth) }) }

func (s *speaker) names() { s.list(func() { s.add(s.name()) }) }

func (s *speaker) body(depth int) {
	s.add("(")
	if s.IntN(2) == 0 {
		s.names()
		if s.IntN(4) == 0 {
			s.add(",", "...")
		}
	}
	s.add(")")
	s.block(depth)
	s.add("end")
}

func (s *speaker) table(depth int) {
	s.add("{")
	for s.IntN(2) == 0 {
		switch s.IntN(3) {
		case 0:
			s.add("[")
			s.expr(depth)
			s.add("]", "=")
		case 1:
			s.add(s.name(), "=")
		}
		s.expr(depth)
		s.add(s.of(",", ";"))
	}
	s.add("}")
}

func (s *speaker) prefix(depth int) {
	if s.IntN(5) == 0 {
		s.add("(")
		s.expr(depth)
		s.add(")")
	} else {
		s.add(s.name())
	}
	for s.IntN(3) == 0 {
		switch s.IntN(4) {
		case 0:
			s.add(".", s.name())
		case 1:
			s.add("[")
			s.expr(depth)
			s.add("]")
		case 2:
			s.add(":", s.name())
			s.args(depth)
		default:
			s.args(depth)
		}
	}
}

func (s *speaker) args(depth int) {
	switch s.IntN(4) {
	case 0:
		s.add(s.text())
	case 1:
		s.table(depth)
	default:
		s.add("(")
		if s.IntN(2) == 0 {
			s.exprs(depth)
		}
		s.add(")")
	}
}

func (s *speaker) expr(depth int) {
	if depth++; depth > 6 {
		s.add("1")
		return
	}
	switch s.IntN(12) {
	case 0:
		s.add(s.number())
	case 1:
		s.add(s.text())
	case 2:
		s.add(s.of("nil", "true", "false", "..."))
	case 3:
		s.add("function")
		s.body(depth)
	case 4:
		s.table(depth)
	case 5:
		s.add(s.of("-", "not", "#"))
		s.expr(depth)
	case 6, 7:
		s.expr(depth)
		s.add(s.of("+", "-", "*", "/", "%", "^", "..", "==", "~=", "<", "<=", ">", ">=", "and", "or"))
		s.expr(depth)
	default:
		s.prefix(depth)
	}
}

func (s *speaker) statement(depth int) {
	switch s.IntN(10) {
	case 0:
		s.add("local")
		s.names()
		if s.IntN(2) == 0 {
			s.add("=")
			s.exprs(depth)
		}
	case 1:
		s.add("local", "function", s.name())
		s.body(depth)
	case 2:
		s.add("function", s.name())
		if s.IntN(2) == 0 {
			s.add(s.of(".", ":"), s.name())
		}
		s.body(depth)
	case 3, 4, 5:
		s.compound(depth)
	case 6:
		s.add(s.name(), s.of("", "."+s.name()))
		s.args(depth)
	default:
		s.add(s.name(), s.of("", "."+s.name()), "=")
		s.exprs(depth)
	}
}

// compound is a statement with a block in it.
func (s *speaker) compound(depth int) {
	switch s.IntN(5) {
	case 0:
		s.add("if")
		s.expr(depth)
		s.add("then")
		s.block(depth)
		if s.IntN(3) == 0 {
			s.add("elseif")
			s.expr(depth)
			s.add("then")
			s.block(depth)
		}
		if s.IntN(3) == 0 {
			s.add("else")
			s.block(depth)
		}
	case 1:
		s.add("repeat")
		s.block(depth)
		s.add("until")
		s.expr(depth)
		return
	case 2:
		s.add("for", s.name(), "=")
		s.expr(depth)
		s.add(",")
		s.expr(depth)
		s.loop(depth)
	case 3:
		s.add("for")
		s.names()
		s.add("in")
		s.expr(depth)
		s.loop(depth)
	default:
		if s.IntN(2) == 0 {
			s.add("while")
			s.expr(depth)
		}
		s.loop(depth)
	}
	s.add("end")
}

func (s *speaker) loop(depth int) {
	s.add("do")
	s.block(depth)
	s.add(s.of("", "", "break", "break ;"))
}

func (s *speaker) block(depth int) {
	if depth++; depth > 4 {
		return
	}
	for s.IntN(3) > 0 {
		s.statement(depth)
		s.add(s.of("", "", ";", "\n", "--c\n", "--[[c\n]]"))
	}
	if s.IntN(6) == 0 {
		s.add("return", s.of("", "1", "a"), s.of("", ";"))
	}
}

// source draws the tokens of a source that is Lua but for some of them.
func (d drawer) source() []string {
	s := speaker{drawer: d}
	s.block(0)
	tokens := s.tokens
	for range d.of("", "", "x", "xx") {
		if len(tokens) == 0 {
			break
		}
		odd := d.of("::", "end", "(", ")", "\n", "break", "return", "=", "...", "function", "local", "{", "}", "~", "$", "//", "&", "\r\n", "\x01", "\x80", "nil", "until", "1e", "'", "..", "[", "]", ",", "then", "do", "else", "in", "!", "--", "a.b")
		switch at := d.IntN(len(tokens)); d.IntN(4) {
		case 0:
			tokens = slices.Delete(tokens, at, at+1)
		case 1:
			tokens = slices.Insert(tokens, at, odd)
		case 2:
			tokens[at] = odd
		default:
			tokens = tokens[:at]
		}
	}
	return tokens
}

// TestRandomSources: what redis-server compiles compiles here, and of what it does not the same is
// said. Sources are Lua but for some tokens. Left out is what gopher-lua refuses: variables named goto, numbers
// such as 0x1p4, form feeds.
func TestRandomSources(t *testing.T) {
	const sources = 4000
	redis := enginetest.StartRedis(t).Client(t)
	d := drawer{rand.New(rand.NewPCG(11, 0))}
	failed, compiled := 0, 0
	for range sources {
		source := strings.Join(d.source(), d.of(" ", " ", " ", "\n", " \n", ""))
		want, got := enginetest.Parsed(t, redis.Do("SCRIPT", "LOAD", source)).Text, ""
		if _, err := libs.Compile(source, "user_script"); err != nil {
			got = "ERR Error compiling script (new function): " + strings.NewReplacer("\r", " ", "\n", " ").Replace(err.Error())
		}
		if !strings.HasPrefix(want, "ERR ") {
			want = ""
			compiled++
		}
		if got != want {
			if t.Errorf("%q\n  got  %q\n  want %q", source, got, want); failed == 20 {
				t.FailNow()
			}
			failed++
		}
	}
	if compiled < sources/8 || compiled > sources*7/8 {
		t.Errorf("%d of %d sources compile", compiled, sources)
	}
}
