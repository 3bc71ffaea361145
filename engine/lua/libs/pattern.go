package libs

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Bounds of matching.
const (
	maxCaptures   = 32
	maxMatchDepth = 10_000  // calls of match within one another; one for each item of a pattern that repeats or captures
	matchTurn     = 1 << 16 // steps after which the context is asked whether the script has ended
)

// What the length of a capture says that has none.
const (
	captureOpen     = -1
	capturePosition = -2
)

// A matcher matches a pattern of Lua against a subject.
type matcher struct {
	L        *lua.LState
	s, p     string // subject and pattern; a pattern ends at a zero byte
	captures [maxCaptures]struct{ at, n int }
	level    int // captures, the open ones included
	depth    int
	steps    int
}

func newMatcher(L *lua.LState, s, p string) *matcher {
	p, _, _ = strings.Cut(p, "\x00")
	return &matcher{L: L, s: s, p: p}
}

// anchored takes '^' off the pattern.
func (m *matcher) anchored() bool {
	p, ok := strings.CutPrefix(m.p, "^")
	m.p = p
	return ok
}

// at is a byte of the pattern, 0 at its end.
func (m *matcher) at(p int) byte {
	if p < len(m.p) {
		return m.p[p]
	}
	return 0
}

// step counts, and ends the script if it was told to end.
func (m *matcher) step(n int) {
	if m.steps += n; m.steps < matchTurn {
		return
	}
	m.steps = 0
	ctx := m.L.Context()
	if ctx == nil {
		return
	}
	select {
	case <-ctx.Done(): // to be asked may be what ends it (lua.State)
		raise(m.L, "%v", ctx.Err())
	default:
	}
}

// match matches the pattern from p on at s, and returns where the match ends, -1 for none.
func (m *matcher) match(s, p int) int {
	if m.depth++; m.depth > maxMatchDepth {
		raise(m.L, "pattern too complex")
	}
	r := m.items(s, p)
	m.depth--
	return r
}

// items is match, item after item: only what repeats or captures calls match again.
func (m *matcher) items(s, p int) int {
	for {
		m.step(1)
		switch c := m.at(p); {
		case p >= len(m.p):
			return s
		case c == '(' && m.at(p+1) == ')':
			return m.open(s, p+2, capturePosition)
		case c == '(':
			return m.open(s, p+1, captureOpen)
		case c == ')':
			return m.close(s, p+1)
		case c == '$' && p+1 == len(m.p):
			if s == len(m.s) {
				return s
			}
			return -1
		case c == '%' && m.at(p+1) == 'b':
			if s = m.balance(s, p+2); s < 0 {
				return -1
			}
			p += 4
		case c == '%' && m.at(p+1) == 'f':
			end, ok := m.frontier(s, p+2)
			if !ok {
				return -1
			}
			p = end
		case c == '%' && isDigit(m.at(p+1)):
			if s = m.again(s, m.at(p+1)); s < 0 {
				return -1
			}
			p += 2
		default:
			end := m.classEnd(p)
			one := s < len(m.s) && m.single(m.s[s], p, end)
			switch m.at(end) {
			case '?':
				if one {
					if r := m.match(s+1, end+1); r >= 0 {
						return r
					}
				}
				p = end + 1
			case '*':
				return m.most(s, p, end)
			case '+':
				if !one {
					return -1
				}
				return m.most(s+1, p, end)
			case '-':
				return m.least(s, p, end)
			default:
				if !one {
					return -1
				}
				s, p = s+1, end
			}
		}
	}
}

// most repeats an item as often as it goes.
func (m *matcher) most(s, p, end int) int {
	n := 0
	for s+n < len(m.s) && m.single(m.s[s+n], p, end) {
		n++
	}
	for m.step(n); n >= 0; n-- {
		if r := m.match(s+n, end+1); r >= 0 {
			return r
		}
	}
	return -1
}

// least repeats an item as seldom as it goes.
func (m *matcher) least(s, p, end int) int {
	for {
		if r := m.match(s, end+1); r >= 0 {
			return r
		}
		if s >= len(m.s) || !m.single(m.s[s], p, end) {
			return -1
		}
		s++
	}
}

func (m *matcher) open(s, p, kind int) int {
	if m.level >= maxCaptures {
		raise(m.L, "too many captures")
	}
	m.captures[m.level].at, m.captures[m.level].n = s, kind
	m.level++
	r := m.match(s, p)
	if r < 0 {
		m.level--
	}
	return r
}

func (m *matcher) close(s, p int) int {
	i := m.level - 1
	for i >= 0 && m.captures[i].n != captureOpen {
		i--
	}
	if i < 0 {
		raise(m.L, "invalid pattern capture")
	}
	m.captures[i].n = s - m.captures[i].at
	r := m.match(s, p)
	if r < 0 {
		m.captures[i].n = captureOpen
	}
	return r
}

// balance is %bxy: from x to the y that belongs to it.
func (m *matcher) balance(s, p int) int {
	if p+1 >= len(m.p) {
		raise(m.L, "unbalanced pattern")
	}
	if s >= len(m.s) || m.s[s] != m.p[p] {
		return -1
	}
	open := 1
	for i := s + 1; i < len(m.s); i++ {
		switch m.s[i] {
		case m.p[p+1]:
			if open--; open == 0 {
				return i + 1
			}
		case m.p[p]:
			open++
		}
	}
	m.step(len(m.s) - s)
	return -1
}

// frontier is %f[set]: the byte before s is none of the set, and the one at s is.
func (m *matcher) frontier(s, p int) (end int, ok bool) {
	if m.at(p) != '[' {
		raise(m.L, "missing '[' after '%%f' in pattern")
	}
	end = m.classEnd(p)
	var before, here byte
	if s > 0 {
		before = m.s[s-1]
	}
	if s < len(m.s) {
		here = m.s[s]
	}
	return end, !m.inSet(before, p, end-1) && m.inSet(here, p, end-1)
}

// again is %1: what a capture took.
func (m *matcher) again(s int, digit byte) int {
	i := int(digit) - '1'
	if i < 0 || i >= m.level || m.captures[i].n == captureOpen {
		raise(m.L, "invalid capture index")
	}
	c := m.captures[i]
	if c.n < 0 || len(m.s)-s < c.n || m.s[c.at:c.at+c.n] != m.s[s:s+c.n] {
		return -1
	}
	m.step(c.n)
	return s + c.n
}

// classEnd is where the item ends that begins at p.
func (m *matcher) classEnd(p int) int {
	c := m.at(p)
	p++
	switch c {
	case '%':
		if p >= len(m.p) {
			raise(m.L, "malformed pattern (ends with '%%')")
		}
		return p + 1
	case '[':
		if m.at(p) == '^' {
			p++
		}
		for first := true; first || m.at(p) != ']'; first = false {
			if p >= len(m.p) {
				raise(m.L, "malformed pattern (missing ']')")
			}
			p++
			if m.p[p-1] == '%' && p < len(m.p) {
				p++
			}
		}
		return p + 1
	}
	return p
}

// single reports whether a byte is what the item from p to end stands for.
func (m *matcher) single(c byte, p, end int) bool {
	switch m.p[p] {
	case '.':
		return true
	case '%':
		return inClass(c, m.p[p+1])
	case '[':
		return m.inSet(c, p, end-1)
	}
	return m.p[p] == c
}

// inSet reports whether a byte is in the set from '[' at p to ']' at end.
func (m *matcher) inSet(c byte, p, end int) bool {
	found := true
	if m.p[p+1] == '^' {
		found = false
		p++
	}
	for p++; p < end; p++ {
		switch {
		case m.p[p] == '%':
			p++
			if inClass(c, m.p[p]) {
				return found
			}
		case m.at(p+1) == '-' && p+2 < end:
			p += 2
			if m.p[p-2] <= c && c <= m.p[p] {
				return found
			}
		case m.p[p] == c:
			return found
		}
	}
	return !found
}

// inClass reports whether a byte is of a class, in C's locale.
func inClass(c, class byte) bool {
	var in bool
	switch class | 0x20 {
	case 'a':
		in = isLetter(c)
	case 'c':
		in = c < ' ' || c == 0x7f
	case 'd':
		in = isDigit(c)
	case 'l':
		in = c >= 'a' && c <= 'z'
	case 'p':
		in = c > ' ' && c < 0x7f && !isAlnum(c)
	case 's':
		in = strings.IndexByte(blanks, c) >= 0
	case 'u':
		in = c >= 'A' && c <= 'Z'
	case 'w':
		in = isAlnum(c)
	case 'x':
		in = isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f'
	case 'z':
		in = c == 0
	default:
		return class == c
	}
	if !isLetter(class) {
		return class == c
	}
	return in == (class >= 'a')
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// capture is the value of a capture of the match from s to e.
func (m *matcher) capture(i, s, e int) lua.LValue {
	if i >= m.level {
		if i != 0 {
			raise(m.L, "invalid capture index")
		}
		return lua.LString(m.s[s:e])
	}
	c := m.captures[i]
	switch c.n {
	case captureOpen:
		raise(m.L, "unfinished capture")
	case capturePosition:
		return lua.LNumber(c.at + 1)
	}
	return lua.LString(m.s[c.at : c.at+c.n])
}

// push pushes the captures of a match; whole: the match itself if there are none.
func (m *matcher) push(s, e int, whole bool) int {
	n := m.level
	if n == 0 && whole {
		n = 1
	}
	for i := range n {
		m.L.Push(m.capture(i, s, e))
	}
	return n
}
