package syntax

import (
	"bytes"
	"fmt"
	"strings"
)

// A token is what it is called in errors. Those that have a text of their own are shown
// by that.
type token string

const (
	tokEnd    token = "<eof>"
	tokName   token = "<name>"
	tokNumber token = "<number>"
	tokString token = "<string>"
	noToken   token = ""
)

// endOfSource is behind the last byte.
const endOfSource = -1

// A scanner makes tokens. Lua shows in errors the line and the text at which its scanner
// is, so these are kept for the last token alone.
type scanner struct {
	name, rest string
	line       int
	text       []byte // of the last token
}

// A failure ends a parse; Check catches it.
type failure struct{ text string }

// fail says what is wrong near a token.
func (s *scanner) fail(what string, near token) {
	text := fmt.Sprintf("%s:%d: %s", s.name, s.line, what)
	switch near {
	case noToken:
	case tokName, tokNumber, tokString:
		shown, _, _ := bytes.Cut(s.text, []byte{0})
		text += fmt.Sprintf(" near '%s'", shown)
	default:
		text += fmt.Sprintf(" near '%s'", near)
	}
	panic(failure{text})
}

// at is the byte that comes next.
func (s *scanner) at() int {
	if s.rest == "" {
		return endOfSource
	}
	return int(s.rest[0])
}

// skip goes on by a byte.
func (s *scanner) skip() {
	if s.rest != "" {
		s.rest = s.rest[1:]
	}
}

// keep goes on by a byte that belongs to the token's text.
func (s *scanner) keep() {
	if s.rest != "" {
		s.text = append(s.text, s.rest[0])
	}
	s.skip()
}

// keepOneOf is keep for one of some bytes. A NUL counts as one of them, as C's strchr
// has it.
func (s *scanner) keepOneOf(set string) bool {
	if c := s.at(); c == endOfSource || c != 0 && strings.IndexByte(set, byte(c)) < 0 {
		return false
	}
	s.keep()
	return true
}

func isNewline(c int) bool { return c == '\n' || c == '\r' }
func isDigit(c int) bool   { return '0' <= c && c <= '9' }
func isLetter(c int) bool  { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }
func isBlank(c int) bool   { return c == ' ' || '\t' <= c && c <= '\r' }

// newline goes over the end of a line, which two bytes may be.
func (s *scanner) newline() {
	first := s.at()
	s.skip()
	if c := s.at(); isNewline(c) && c != first {
		s.skip()
	}
	s.line++
}

// level reads the brackets around a long string: how many = stand between them; below
// zero: these are none.
func (s *scanner) level() int {
	bracket, n := s.at(), 0
	s.keep()
	for s.at() == '=' {
		s.keep()
		n++
	}
	if s.at() == bracket {
		return n
	}
	return -n - 1
}

// next is the next token.
func (s *scanner) next() token {
	s.text = s.text[:0]
	for {
		switch c := s.at(); {
		case c == endOfSource:
			return tokEnd
		case isNewline(c):
			s.newline()
		case isBlank(c):
			s.skip()
		case c == '-':
			s.skip()
			if s.at() != '-' {
				return "-"
			}
			s.skip()
			s.comment()
		case c == '[':
			if n := s.level(); n >= 0 {
				s.long(n, "string")
				return tokString
			} else if n != -1 {
				s.fail("invalid long string delimiter", tokString)
			}
			return "["
		case c == '=' || c == '<' || c == '>' || c == '~':
			s.skip()
			if s.at() != '=' {
				return token(rune(c))
			}
			s.skip()
			return token(rune(c)) + "="
		case c == '"' || c == '\'':
			s.short(c)
			return tokString
		case c == '.':
			return s.dots()
		case isDigit(c):
			s.number()
			return tokNumber
		case isLetter(c):
			return s.word()
		case c < ' ' || c == 0x7f:
			s.skip()
			return token(fmt.Sprintf("char(%d)", c))
		default:
			s.skip()
			return token([]byte{byte(c)})
		}
	}
}

// dots reads what begins with a point.
func (s *scanner) dots() token {
	s.keep()
	switch {
	case s.keepOneOf("."):
		if s.keepOneOf(".") {
			return "..."
		}
		return ".."
	case !isDigit(s.at()):
		return "."
	}
	s.number()
	return tokNumber
}

// comment reads what follows two dashes.
func (s *scanner) comment() {
	if s.at() == '[' {
		n := s.level()
		s.text = s.text[:0]
		if n >= 0 {
			s.long(n, "comment")
			s.text = s.text[:0]
			return
		}
	}
	for c := s.at(); !isNewline(c) && c != endOfSource; c = s.at() {
		s.skip()
	}
}

// long reads a string or comment in long brackets.
func (s *scanner) long(level int, what string) {
	s.keep()
	if isNewline(s.at()) {
		s.newline()
	}
	for {
		switch c := s.at(); {
		case c == endOfSource:
			s.fail("unfinished long "+what, tokEnd)
		case c == ']':
			if s.level() == level {
				s.keep()
				return
			}
		case isNewline(c):
			s.text = append(s.text, '\n')
			s.newline()
		default:
			s.keep()
		}
	}
}

// short reads a string in quotation marks.
func (s *scanner) short(mark int) {
	s.keep()
	for s.at() != mark {
		switch c := s.at(); {
		case c == endOfSource:
			s.fail("unfinished string", tokEnd)
		case isNewline(c):
			s.fail("unfinished string", tokString)
		case c == '\\':
			s.skip()
			s.escape()
		default:
			s.keep()
		}
	}
	s.keep()
}

// escape reads what follows a backslash.
func (s *scanner) escape() {
	c := s.at()
	switch {
	case c == endOfSource: // short will see it
	case isNewline(c):
		s.text = append(s.text, '\n')
		s.newline()
	case isDigit(c):
		const most = 3 // digits
		n := 0
		for i := 0; i < most && isDigit(s.at()); i++ {
			n = 10*n + s.at() - '0'
			s.skip()
		}
		if n > 255 {
			s.fail("escape sequence too large", tokString)
		}
		s.text = append(s.text, byte(n))
	default:
		const names, meant = "abfnrtv", "\a\b\f\n\r\t\v"
		if i := strings.IndexByte(names, byte(c)); i >= 0 {
			s.text = append(s.text, meant[i])
			s.skip()
			return
		}
		s.keep()
	}
}

// number reads a number, of which the point may have been read.
func (s *scanner) number() {
	for isDigit(s.at()) || s.at() == '.' {
		s.keep()
	}
	if s.keepOneOf("Ee") {
		s.keepOneOf("+-")
	}
	for isLetter(s.at()) || isDigit(s.at()) {
		s.keep()
	}
	if text, _, _ := strings.Cut(string(s.text), "\x00"); !isNumber(text) {
		s.fail("malformed number", tokNumber)
	}
}

// isNumber reports whether C's strtod or strtoul takes all of text, which begins with a
// digit or a point.
func isNumber(text string) bool {
	digits, mark := "0123456789", "eE"
	if len(text) > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') {
		text, digits, mark = text[2:], "0123456789abcdefABCDEF", "pP"
	}
	whole := strings.TrimLeft(text, digits)
	n := len(text) - len(whole)
	if strings.HasPrefix(whole, ".") {
		rest := strings.TrimLeft(whole[1:], digits)
		n += len(whole) - 1 - len(rest)
		whole = rest
	}
	if n == 0 || whole == "" {
		return n > 0
	}
	if strings.IndexByte(mark, whole[0]) < 0 {
		return false
	}
	whole = whole[1:]
	if whole != "" && (whole[0] == '+' || whole[0] == '-') {
		whole = whole[1:]
	}
	return whole != "" && strings.TrimLeft(whole, "0123456789") == ""
}

// word reads a name or a word of the language.
func (s *scanner) word() token {
	for isLetter(s.at()) || isDigit(s.at()) {
		s.keep()
	}
	switch t := token(s.text); t {
	case "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in",
		"local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while":
		return t
	}
	return tokName
}
