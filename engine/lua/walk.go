package lua

import "github.com/yuin/gopher-lua/ast"

// A walker goes over a source: what it looks at itself it sees to, the rest is walked over here, in
// the order in which it is carried out.
type walker interface {
	expr(e ast.Expr) // which may be nil
	block(stmts []ast.Stmt, names ...string)
}

func walkAll(w walker, list ...ast.Expr) {
	for _, e := range list {
		w.expr(e)
	}
}

// walkStmt walks over a statement that declares no locals behind it and assigns nothing.
func walkStmt(w walker, s ast.Stmt) {
	switch s := s.(type) {
	case *ast.FuncCallStmt:
		w.expr(s.Expr)
	case *ast.DoBlockStmt:
		w.block(s.Stmts)
	case *ast.WhileStmt:
		w.expr(s.Condition)
		w.block(s.Stmts)
	case *ast.IfStmt:
		w.expr(s.Condition)
		w.block(s.Then)
		w.block(s.Else)
	case *ast.NumberForStmt:
		walkAll(w, s.Init, s.Limit, s.Step)
		w.block(s.Stmts, s.Name)
	case *ast.ReturnStmt:
		walkAll(w, s.Exprs...)
	}
}

// walkExpr walks over the operands of an operator.
func walkExpr(w walker, e ast.Expr) {
	switch e := e.(type) {
	case *ast.LogicalOpExpr:
		walkAll(w, e.Lhs, e.Rhs)
	case *ast.RelationalOpExpr:
		walkAll(w, e.Lhs, e.Rhs)
	case *ast.StringConcatOpExpr:
		walkAll(w, e.Lhs, e.Rhs)
	case *ast.ArithmeticOpExpr:
		walkAll(w, e.Lhs, e.Rhs)
	case *ast.UnaryMinusOpExpr:
		w.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		w.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		w.expr(e.Expr)
	}
}
