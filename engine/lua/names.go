package lua

import (
	"regexp"
	"strconv"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// What Lua calls the variable that an error is about: "attempt to call field 'f' (a nil value)".
// Lua finds that in its instructions. gopher-lua tells the line alone, so here the source is
// looked at: the line's operands of that kind, and which of them have such a value where the
// error was raised. Where that is not clear there is no name.

// An operand is a part of a source that an operation fails with if it has the wrong type.
type operand struct {
	line int
	op   string // as in the error: "attempt to <op> a nil value"
	expr ast.Expr
	kind string // global, local, upvalue, field or method
	name string
}

// Of a chunk of more than maxNamed bytes no names are known, which would keep all of its source's
// tree, and of others those of maxOperands operands.
const (
	maxNamed    = 32 << 10
	maxOperands = 4096
)

// Operations, in Lua's words.
const (
	opCall   = "call"
	opIndex  = "index"
	opArith  = "perform arithmetic on"
	opConcat = "concatenate"
	opLength = "get length of"
)

// typeError is an error that names no variable.
var typeError = regexp.MustCompile(`^((?:\w+:\d+: )?attempt to (` + opCall + `|` + opIndex + `|` + opArith + `|` + opConcat + `|` + opLength + `) )a (\w+) value$`)

// nameOperand puts the name of what an error is about into its text. dbg is where it was raised.
func (st *State) nameOperand(L *lua.LState, dbg *lua.Debug, fn *lua.LFunction, text string) string {
	m := typeError.FindStringSubmatch(text)
	if m == nil || st.source == nil || st.source.proto.SourceName != dbg.Source {
		return text
	}
	at := place{st: st, L: L, dbg: dbg, fn: fn}
	var found *operand
	unclear := false // of several it may be any
	for i := range st.source.operands {
		o := &st.source.operands[i]
		if o.line != dbg.CurrentLine || o.op != m[2] {
			continue
		}
		v, known := at.value(o.expr)
		if known && v.Type().String() == m[3] {
			found, unclear = o, false
			break
		}
		if !known {
			unclear = unclear || found != nil && (found.kind != o.kind || found.name != o.name)
			found = o
		}
	}
	if found == nil || unclear || found.kind == "" {
		return text
	}
	return m[1] + found.kind + " '" + found.name + "' (a " + m[3] + " value)"
}

// A place is where a script is.
type place struct {
	st  *State
	L   *lua.LState
	dbg *lua.Debug
	fn  *lua.LFunction
}

// value is what an expression has there, if looking at it tells.
func (p place) value(e ast.Expr) (v lua.LValue, known bool) {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return p.variable(e.Value)
	case *ast.StringExpr:
		return lua.LString(e.Value), true
	case *ast.NumberExpr:
		n, err := strconv.ParseFloat(e.Value, 64)
		return lua.LNumber(n), err == nil
	case *ast.NilExpr:
		return lua.LNil, true
	case *ast.TrueExpr:
		return lua.LTrue, true
	case *ast.FalseExpr:
		return lua.LFalse, true
	case *ast.TableExpr, *ast.FunctionExpr:
		return &lua.LTable{}, true // nobody asks which: it is not what fails
	case *ast.AttrGetExpr:
		object, known := p.value(e.Object)
		t, is := object.(*lua.LTable)
		key, knownKey := p.value(e.Key)
		if !known || !is || !knownKey {
			return nil, false
		}
		return p.st.shown(t).RawGet(key), true
	}
	return nil, false
}

// variable is what a name stands for. gopher-lua does not show a local in the instruction behind
// the one that makes it.
func (p place) variable(name string) (v lua.LValue, known bool) {
	for n := 1; ; n++ {
		local, value := p.L.GetLocal(p.dbg, n)
		if local == "" {
			break
		}
		if local == name {
			v = value // the innermost is the last
		}
	}
	if v != nil {
		return v, true
	}
	for n := 1; n <= len(p.fn.Upvalues); n++ {
		if upvalue, value := p.L.GetUpvalue(p.fn, n); upvalue == name {
			return value, true
		}
	}
	v = p.st.globals.RawGetString(name)
	return v, v != lua.LNil
}

// A namer gathers a source's operands, in the order in which they are carried out.
type namer struct {
	found  []operand
	scopes [][]string // of locals; an empty name begins a function's
}

// operandsOf are those of a source that was rewritten, which bounds its depth.
func operandsOf(stmts []ast.Stmt) []operand {
	n := namer{}
	n.block(stmts, "")
	return n.found
}

func (n *namer) note(at ast.PositionHolder, op string, e ast.Expr) {
	if len(n.found) < maxOperands {
		kind, name := n.describe(e)
		n.found = append(n.found, operand{at.Line(), op, e, kind, name})
	}
}

// describe is what Lua calls an expression, "": nothing.
func (n *namer) describe(e ast.Expr) (kind, name string) {
	switch e := e.(type) {
	case *ast.IdentExpr:
		if len(e.Value) > 0 && e.Value[0] == 0 { // hidden: a function of the server's
			return "", ""
		}
		return n.scopeOf(e.Value), e.Value
	case *ast.AttrGetExpr:
		if key, is := e.Key.(*ast.StringExpr); is {
			return "field", key.Value
		}
		return "field", "?"
	}
	return "", ""
}

func (n *namer) scopeOf(name string) string {
	kind := "local"
	for i := len(n.scopes) - 1; i >= 0; i-- {
		for j := len(n.scopes[i]) - 1; j >= 0; j-- {
			switch n.scopes[i][j] {
			case name:
				return kind
			case "":
				kind = "upvalue"
			}
		}
	}
	return "global"
}

func (n *namer) declare(names ...string) {
	last := len(n.scopes) - 1
	n.scopes[last] = append(n.scopes[last], names...)
}

func (n *namer) block(stmts []ast.Stmt, names ...string) {
	n.scopes = append(n.scopes, names)
	for _, s := range stmts {
		n.stmt(s)
	}
	n.scopes = n.scopes[:len(n.scopes)-1]
}

func (n *namer) stmt(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		walkAll(n, s.Rhs...)
		for _, e := range s.Lhs {
			if attr, is := e.(*ast.AttrGetExpr); is {
				n.expr(attr)
			}
		}
	case *ast.LocalAssignStmt:
		walkAll(n, s.Exprs...)
		n.declare(s.Names...)
	case *ast.RepeatStmt:
		n.block(s.Stmts)
		n.expr(s.Condition)
	case *ast.GenericForStmt:
		walkAll(n, s.Exprs...)
		n.block(s.Stmts, s.Names...)
	case *ast.FuncDefStmt:
		n.expr(s.Func)
	default:
		walkStmt(n, s)
	}
}

func (n *namer) expr(e ast.Expr) {
	switch e := e.(type) {
	case *ast.AttrGetExpr:
		walkAll(n, e.Object, e.Key)
		n.note(e, opIndex, e.Object)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			walkAll(n, f.Key, f.Value)
		}
	case *ast.FuncCallExpr:
		n.call(e)
	case *ast.ArithmeticOpExpr:
		walkExpr(n, e)
		n.note(e, opArith, e.Lhs)
		n.note(e, opArith, e.Rhs)
	case *ast.UnaryMinusOpExpr:
		walkExpr(n, e)
		n.note(e, opArith, e.Expr)
	case *ast.UnaryLenOpExpr:
		walkExpr(n, e)
		n.note(e, opLength, e.Expr)
	case *ast.FunctionExpr:
		n.block(e.Stmts, append([]string{""}, e.ParList.Names...)...)
	default:
		walkExpr(n, e)
	}
}

// call is a call of a function, of a method, or of what concatenates.
func (n *namer) call(e *ast.FuncCallExpr) {
	walkAll(n, e.Func, e.Receiver)
	walkAll(n, e.Args...)
	fn, is := e.Func.(*ast.IdentExpr)
	switch {
	case e.Receiver != nil:
		n.note(e, opIndex, e.Receiver)
		if len(n.found) < maxOperands {
			method := &ast.AttrGetExpr{Object: e.Receiver, Key: &ast.StringExpr{Value: e.Method}}
			n.found = append(n.found, operand{e.Line(), opCall, method, "method", e.Method})
		}
	case is && fn.Value == nameConcat:
		for i := len(e.Args) - 1; i >= 0; i-- { // from the right
			n.note(e, opConcat, e.Args[i])
		}
	default:
		n.note(e, opCall, e.Func)
	}
}
