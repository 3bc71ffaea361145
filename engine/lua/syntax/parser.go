package syntax

import "fmt"

// mostLevels is how deep blocks and expressions may be nested, as in Lua 5.1.
const mostLevels = 200

// A parser goes through a source by Lua 5.1's grammar.
type parser struct {
	scanner
	tok, ahead token // ahead: "" where no token was looked at beforehand
	lastLine   int   // of the token before tok
	levels     int
	fn         function
}

// A function is what is known of the function around a statement.
type function struct {
	varargs bool
	loops   int
}

// Check is nil for a source that is Lua 5.1, or what its compiler says.
func Check(source, name string) (err error) {
	p := &parser{scanner: scanner{name: name, rest: source, line: 1}, lastLine: 1, fn: function{varargs: true}}
	defer func() {
		switch f := recover().(type) {
		case nil:
		case failure:
			err = fmt.Errorf("%s", f.text)
		default:
			panic(f)
		}
	}()
	p.advance()
	p.block()
	p.check(tokEnd)
	return nil
}

// advance goes to the next token.
func (p *parser) advance() {
	p.lastLine = p.line
	if p.ahead != noToken {
		p.tok, p.ahead = p.ahead, noToken
		return
	}
	p.tok = p.next()
}

// wrong says what is wrong at the token.
func (p *parser) wrong(what string) { p.fail(what, p.tok) }

// takes goes over a token, if it is there.
func (p *parser) takes(t token) bool {
	if p.tok != t {
		return false
	}
	p.advance()
	return true
}

func (p *parser) check(t token) {
	if p.tok != t {
		p.wrong(fmt.Sprintf("'%s' expected", t))
	}
}

// take goes over a token that must be there.
func (p *parser) take(t token) {
	p.check(t)
	p.advance()
}

// close goes over what must close something that was opened at a line.
func (p *parser) close(t, opened token, line int) {
	if p.takes(t) {
		return
	}
	if line == p.line {
		p.check(t)
	}
	p.wrong(fmt.Sprintf("'%s' expected (to close '%s' at line %d)", t, opened, line))
}

func (p *parser) enter() {
	if p.levels++; p.levels > mostLevels {
		p.fail("chunk has too many syntax levels", noToken)
	}
}

// ends reports whether the token ends a block.
func (p *parser) ends() bool {
	switch p.tok {
	case "else", "elseif", "end", "until", tokEnd:
		return true
	}
	return false
}

func (p *parser) block() {
	p.enter()
	for last := false; !last && !p.ends(); p.takes(";") {
		last = p.statement()
	}
	p.levels--
}

// loop is the body of a loop.
func (p *parser) loop() {
	p.fn.loops++
	p.block()
	p.fn.loops--
}

// statement reports whether it must be the last of its block.
func (p *parser) statement() (last bool) {
	line := p.line
	switch first := p.tok; first {
	case "if":
		p.ifs(line)
	case "while":
		p.advance()
		p.expr(0)
		p.take("do")
		p.loop()
		p.close("end", first, line)
	case "do":
		p.advance()
		p.block()
		p.close("end", first, line)
	case "for":
		p.fors(line)
	case "repeat":
		p.advance()
		p.loop()
		p.close("until", first, line)
		p.expr(0)
	case "function":
		p.advance()
		p.take(tokName)
		for p.takes(".") {
			p.take(tokName)
		}
		if p.takes(":") {
			p.take(tokName)
		}
		p.body(line)
	case "local":
		p.advance()
		p.local()
	case "return":
		p.advance()
		if !p.ends() && p.tok != ";" {
			p.exprs()
		}
		return true
	case "break":
		p.advance()
		if p.fn.loops == 0 {
			p.wrong("no loop to break")
		}
		return true
	default:
		if is := p.primary(); is != aCall {
			p.assignment(is)
		}
	}
	return false
}

func (p *parser) ifs(line int) {
	for again := true; again; again = p.tok == "elseif" {
		p.advance()
		p.expr(0)
		p.take("then")
		p.block()
	}
	if p.takes("else") {
		p.block()
	}
	p.close("end", "if", line)
}

func (p *parser) fors(line int) {
	p.advance()
	p.take(tokName)
	switch p.tok {
	case "=":
		p.advance()
		p.expr(0)
		p.take(",")
		p.expr(0)
		if p.takes(",") {
			p.expr(0)
		}
	case ",", "in":
		for p.takes(",") {
			p.take(tokName)
		}
		p.take("in")
		p.exprs()
	default:
		p.wrong("'=' or 'in' expected")
	}
	p.take("do")
	p.loop()
	p.close("end", "for", line)
}

func (p *parser) local() {
	if p.takes("function") {
		p.take(tokName)
		p.body(p.line)
		return
	}
	for again := true; again; again = p.takes(",") {
		p.take(tokName)
	}
	if p.takes("=") {
		p.exprs()
	}
}

// body is a function from its parameters on.
func (p *parser) body(line int) {
	around := p.fn
	p.fn = function{}
	p.take("(")
	for again := p.tok != ")"; again; again = !p.fn.varargs && p.takes(",") {
		switch p.tok {
		case tokName:
		case "...":
			p.fn.varargs = true
		default:
			p.wrong("<name> or '...' expected")
		}
		p.advance()
	}
	p.take(")")
	p.block()
	p.close("end", "function", line)
	p.fn = around
}

// A form is what an expression is for a statement.
type form int

const (
	aValue form = iota
	aVariable
	aCall
)

func (p *parser) assignment(is form) {
	for again := true; again; {
		if is != aVariable {
			p.wrong("syntax error")
		}
		if again = p.takes(","); again {
			is = p.primary()
		}
	}
	p.take("=")
	p.exprs()
}

// primary is a name or something in brackets, with what follows.
func (p *parser) primary() (is form) {
	switch p.tok {
	case tokName:
		p.advance()
		is = aVariable
	case "(":
		line := p.line
		p.advance()
		p.expr(0)
		p.close(")", "(", line)
	default:
		p.wrong("unexpected symbol")
	}
	for {
		switch p.tok {
		case ".":
			p.advance()
			p.take(tokName)
			is = aVariable
		case "[":
			p.index()
			is = aVariable
		case ":":
			p.advance()
			p.take(tokName)
			p.args()
			is = aCall
		case "(", tokString, "{":
			p.args()
			is = aCall
		default:
			return is
		}
	}
}

func (p *parser) index() {
	p.advance()
	p.expr(0)
	p.take("]")
}

// args are a call's.
func (p *parser) args() {
	line := p.line
	switch p.tok {
	case "(":
		if line != p.lastLine {
			p.wrong("ambiguous syntax (function call x new statement)")
		}
		p.advance()
		if p.tok != ")" {
			p.exprs()
		}
		p.close(")", "(", line)
	case "{":
		p.table()
	case tokString:
		p.advance()
	default:
		p.wrong("function arguments expected")
	}
}

func (p *parser) table() {
	line := p.line
	p.take("{")
	for again := true; again && p.tok != "}"; again = p.takes(",") || p.takes(";") {
		switch {
		case p.tok == "[":
			p.index()
			p.take("=")
		case p.tok == tokName && p.peek() == "=":
			p.advance()
			p.take("=")
		}
		p.expr(0)
	}
	p.close("}", "{", line)
}

// peek is the token after this one.
func (p *parser) peek() token {
	p.ahead = p.next()
	return p.ahead
}

// exprs are one expression or more.
func (p *parser) exprs() {
	for again := true; again; again = p.takes(",") {
		p.expr(0)
	}
}

// unary is how tightly an operator before its operand binds.
const unary = 8

// binds says how tightly an operator binds to the left and to the right, 0: it is none.
func binds(t token) (left, right int) {
	switch t {
	case "+", "-":
		return 6, 6
	case "*", "/", "%":
		return 7, 7
	case "^":
		return 10, 9
	case "..":
		return 5, 4
	case "==", "~=", "<", "<=", ">", ">=":
		return 3, 3
	case "and":
		return 2, 2
	case "or":
		return 1, 1
	}
	return 0, 0
}

// expr is an expression whose operators bind tighter than limit.
func (p *parser) expr(limit int) {
	p.enter()
	switch p.tok {
	case "not", "-", "#":
		p.advance()
		p.expr(unary)
	default:
		p.simple()
	}
	for left, right := binds(p.tok); left > limit; left, right = binds(p.tok) {
		p.advance()
		p.expr(right)
	}
	p.levels--
}

func (p *parser) simple() {
	switch p.tok {
	case tokNumber, tokString, "nil", "true", "false":
		p.advance()
	case "...":
		if !p.fn.varargs {
			p.wrong("cannot use '...' outside a vararg function")
		}
		p.advance()
	case "{":
		p.table()
	case "function":
		p.advance()
		p.body(p.line)
	default:
		p.primary()
	}
}
