package lua

import (
	"errors"
	"fmt"

	"github.com/yuin/gopher-lua/ast"
)

// What is changed in a source before it is compiled:
//
//	a .. b .. c        concat(a, b, c)    numbers as Lua prints them, and no string too long
//	x = v              global.x = v       where x is no local: an error (sandbox.go)
//	redis.call(...)    call(...)          where redis is no local: no two lookups at every call
//	                   do(...)            as a statement: no value is made that nobody wants
//
// That is right because a function's globals cannot be replaced: as in Redis there is
// neither setfenv nor getfenv.

// maxLevels is how many levels of expressions and blocks a source may have: what
// walks over it, here and in the compiler, is recursive.
const maxLevels = 2000

var errLevels = errors.New("chunk has too many syntax levels")

// rewrite changes the statements of a source in place.
func rewrite(stmts []ast.Stmt) error {
	r := rewriter{}
	r.block(stmts)
	if r.over > 0 {
		return fmt.Errorf("%d: %w", r.line, errLevels)
	}
	return nil
}

// A rewriter walks over a source.
type rewriter struct {
	scopes [][]string // names of locals, the innermost scope last
	level  int
	over   int // how often maxLevels was hit
	line   int // where
}

// deeper calls f one level down, unless that is too deep.
func (r *rewriter) deeper(at ast.PositionHolder, f func()) {
	if r.level >= maxLevels {
		r.over, r.line = r.over+1, at.Line()
		return
	}
	r.level++
	f()
	r.level--
}

// local reports whether a name is one of a local variable.
func (r *rewriter) local(name string) bool {
	for i := len(r.scopes) - 1; i >= 0; i-- {
		for _, n := range r.scopes[i] {
			if n == name {
				return true
			}
		}
	}
	return false
}

func (r *rewriter) declare(names ...string) {
	last := len(r.scopes) - 1
	r.scopes[last] = append(r.scopes[last], names...)
}

// block walks over statements in a scope of their own, in which names are locals.
func (r *rewriter) block(stmts []ast.Stmt, names ...string) {
	r.open(stmts, names...)
	r.close()
}

func (r *rewriter) open(stmts []ast.Stmt, names ...string) {
	r.scopes = append(r.scopes, names)
	for _, s := range stmts {
		r.deeper(s, func() { r.stmt(s) })
	}
}

func (r *rewriter) close() { r.scopes = r.scopes[:len(r.scopes)-1] }

func (r *rewriter) stmt(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		r.exprs(s.Rhs)
		for i := range s.Lhs {
			s.Lhs[i] = r.target(s.Lhs[i])
		}
	case *ast.LocalAssignStmt:
		if len(s.Names) == 1 && len(s.Exprs) == 1 {
			if _, is := s.Exprs[0].(*ast.FunctionExpr); is { // local function f: it may call itself
				r.declare(s.Names...)
			}
		}
		r.exprs(s.Exprs)
		r.declare(s.Names...)
	case *ast.FuncCallStmt:
		s.Expr = r.expr(s.Expr)
		if call, is := s.Expr.(*ast.FuncCallExpr); is {
			if fn, is := call.Func.(*ast.IdentExpr); is && fn.Value == nameCall {
				fn.Value = nameDo
			}
		}
	case *ast.DoBlockStmt:
		r.block(s.Stmts)
	case *ast.WhileStmt:
		s.Condition = r.expr(s.Condition)
		r.block(s.Stmts)
	case *ast.RepeatStmt:
		r.open(s.Stmts) // the condition sees the block's locals
		s.Condition = r.expr(s.Condition)
		r.close()
	case *ast.IfStmt:
		s.Condition = r.expr(s.Condition)
		r.block(s.Then)
		r.block(s.Else)
	case *ast.NumberForStmt:
		s.Init, s.Limit, s.Step = r.expr(s.Init), r.expr(s.Limit), r.expr(s.Step)
		r.block(s.Stmts, s.Name)
	case *ast.GenericForStmt:
		r.exprs(s.Exprs)
		r.block(s.Stmts, s.Names...)
	case *ast.FuncDefStmt:
		r.funcDef(s)
	case *ast.ReturnStmt:
		r.exprs(s.Exprs)
	}
}

func (r *rewriter) funcDef(s *ast.FuncDefStmt) {
	if s.Name.Func != nil {
		s.Name.Func = r.target(s.Name.Func)
	}
	s.Name.Receiver = r.expr(s.Name.Receiver)
	r.expr(s.Func)
}

// target is what is assigned to in place of e.
func (r *rewriter) target(e ast.Expr) ast.Expr {
	if attr, is := e.(*ast.AttrGetExpr); is { // redis.call = x is no call's shortcut
		attr.Object, attr.Key = r.expr(attr.Object), r.expr(attr.Key)
		return attr
	}
	id, is := e.(*ast.IdentExpr)
	if !is {
		return r.expr(e)
	}
	if r.local(id.Value) {
		return e
	}
	object, key := &ast.IdentExpr{Value: nameGlobal}, &ast.StringExpr{Value: id.Value}
	at(object, e)
	at(key, e)
	attr := &ast.AttrGetExpr{Object: object, Key: key}
	at(attr, e)
	return attr
}

// at puts a node where another is.
func at(n, where ast.PositionHolder) {
	n.SetLine(where.Line())
	n.SetLastLine(where.LastLine())
}

func (r *rewriter) exprs(list []ast.Expr) {
	for i := range list {
		list[i] = r.expr(list[i])
	}
}

// expr walks over an expression and returns what is in its place.
func (r *rewriter) expr(e ast.Expr) (in ast.Expr) {
	if e == nil {
		return nil
	}
	in = e
	r.deeper(e, func() { in = r.inPlace(e) })
	return in
}

func (r *rewriter) inPlace(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.AttrGetExpr:
		return r.attr(e)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			f.Key, f.Value = r.expr(f.Key), r.expr(f.Value)
		}
	case *ast.FuncCallExpr:
		e.Func, e.Receiver = r.expr(e.Func), r.expr(e.Receiver)
		r.exprs(e.Args)
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = r.expr(e.Lhs), r.expr(e.Rhs)
	case *ast.RelationalOpExpr:
		e.Lhs, e.Rhs = r.expr(e.Lhs), r.expr(e.Rhs)
	case *ast.StringConcatOpExpr:
		return r.concat(e)
	case *ast.ArithmeticOpExpr:
		e.Lhs, e.Rhs = r.expr(e.Lhs), r.expr(e.Rhs)
	case *ast.UnaryMinusOpExpr:
		e.Expr = r.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		e.Expr = r.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		e.Expr = r.expr(e.Expr)
	case *ast.FunctionExpr:
		r.block(e.Stmts, e.ParList.Names...)
	}
	return e
}

// attr is redis.call's and redis.pcall's shortcut.
func (r *rewriter) attr(e *ast.AttrGetExpr) ast.Expr {
	object, is := e.Object.(*ast.IdentExpr)
	key, named := e.Key.(*ast.StringExpr)
	if is && named && object.Value == "redis" && !r.local("redis") {
		name := map[string]string{"call": nameCall, "pcall": namePCall}[key.Value]
		if name != "" {
			id := &ast.IdentExpr{Value: name}
			at(id, e)
			return id
		}
	}
	e.Object, e.Key = r.expr(e.Object), r.expr(e.Key)
	return e
}

// maxConcat is how many values one call of concat gets: they are all in registers.
const maxConcat = 50

// concat makes a call of a chain of concatenations, which lean to the right.
func (r *rewriter) concat(e *ast.StringConcatOpExpr) ast.Expr {
	fn := &ast.IdentExpr{Value: nameConcat}
	at(fn, e)
	call := &ast.FuncCallExpr{Func: fn, AdjustRet: true} // one value, and no tail call
	at(call, e)
	var rest ast.Expr = e
	for len(call.Args) < maxConcat-1 {
		next, is := rest.(*ast.StringConcatOpExpr)
		if !is {
			break
		}
		call.Args = append(call.Args, r.expr(next.Lhs))
		rest = next.Rhs
	}
	last := r.expr(rest)
	switch l := last.(type) { // one value of the last as well
	case *ast.FuncCallExpr:
		l.AdjustRet = true
	case *ast.Comma3Expr:
		l.AdjustRet = true
	}
	call.Args = append(call.Args, last)
	return call
}
