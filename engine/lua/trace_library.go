package lua

import "github.com/yuin/gopher-lua/ast"

// What the functions of a library do, as far as its source tells. A function is traced as a script
// is, with its parameters in the place of KEYS and ARGV, if calls leave nothing behind in the
// library: then it does not matter in which interpreter it runs. That is certain of a library that
// is nothing but
//
//	local name = 'text', 5, true or nil
//	local function name(…) … end
//	redis.register_function('name', function(keys, args) … end)
//	redis.register_function{function_name = 'name', callback = name, …}
//
// whose functions assign to none of these names. Nothing else of what they see can be changed
// (sandbox.go). A function that such a function names is traced with it.

// traceLibrary finds what is registered, nil: the source is no such library.
func traceLibrary(stmts []ast.Stmt) map[string]*traced {
	l := libraryTracer{callbacks: map[string]ast.Expr{}, assigned: map[string]bool{}}
	for _, s := range stmts {
		if !l.stmt(s) {
			return nil
		}
	}
	found := map[string]*traced{}
	for name, callback := range l.callbacks {
		f := l.function(callback)
		if f == nil {
			return nil
		}
		found[name] = f
	}
	for _, v := range l.locals {
		if l.assigned[v.name] {
			return nil
		}
	}
	return found
}

// A libraryTracer walks over a library.
type libraryTracer struct {
	locals    []tracedLocal
	callbacks map[string]ast.Expr
	assigned  map[string]bool // in any function
}

// stmt is one of the library's own; false: of no kind that is looked at.
func (l *libraryTracer) stmt(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.LocalAssignStmt:
		if len(s.Names) != len(s.Exprs) {
			return false
		}
		for i, name := range s.Names {
			fn, is := s.Exprs[i].(*ast.FunctionExpr)
			if !is && !isConstant(s.Exprs[i]) || l.local(name) != nil {
				return false
			}
			l.locals = append(l.locals, tracedLocal{name: name, fn: fn})
		}
		return true
	case *ast.FuncCallStmt:
		call, is := s.Expr.(*ast.FuncCallExpr)
		return is && l.register(call)
	}
	return false
}

func (l *libraryTracer) local(name string) *tracedLocal {
	for i := range l.locals {
		if l.locals[i].name == name {
			return &l.locals[i]
		}
	}
	return nil
}

// register is redis.register_function.
func (l *libraryTracer) register(call *ast.FuncCallExpr) bool {
	attr, is := call.Func.(*ast.AttrGetExpr)
	if !is || call.Receiver != nil || l.local(globalRedis) != nil {
		return false
	}
	object, is := attr.Object.(*ast.IdentExpr)
	key, named := attr.Key.(*ast.StringExpr)
	if !is || !named || object.Value != globalRedis || key.Value != "register_function" {
		return false
	}
	var name, callback ast.Expr
	switch len(call.Args) {
	case 1:
		table, is := call.Args[0].(*ast.TableExpr)
		if !is {
			return false
		}
		for _, f := range table.Fields {
			switch key, _ := f.Key.(*ast.StringExpr); {
			case key == nil:
				return false
			case key.Value == "function_name":
				name = f.Value
			case key.Value == "callback":
				callback = f.Value
			}
		}
	case 2:
		name, callback = call.Args[0], call.Args[1]
	}
	text, is := name.(*ast.StringExpr)
	if !is || l.callbacks[text.Value] != nil {
		return false
	}
	l.callbacks[text.Value] = callback
	return true
}

// function traces one that was registered.
func (l *libraryTracer) function(callback ast.Expr) *traced {
	t := tracer{assigned: map[string]bool{}, scopes: [][]tracedLocal{l.locals}, used: map[string]bool{}}
	fn, is := callback.(*ast.FunctionExpr)
	if id, named := callback.(*ast.IdentExpr); named {
		if v := l.local(id.Value); v != nil && v.fn != nil {
			fn, is = v.fn, true
			t.used[v.name] = true
			t.endless.making = []string{v.name}
		}
	}
	if !is || fn.ParList.HasVargs {
		return nil
	}
	params := fn.ParList.Names
	if len(params) > 1 {
		t.argsName = params[1]
		params = append([]string{params[0]}, params[2:]...)
	}
	if len(params) > 0 {
		t.keysName, params = params[0], params[1:]
	}
	if t.keysName == t.argsName {
		t.keysName = ""
	}
	for _, v := range l.locals {
		t.lost = t.lost || t.special(v.name)
	}
	t.block(fn.Stmts, params...)
	for len(t.pending) > 0 {
		v := t.pending[0]
		t.pending = t.pending[1:]
		t.endless.making = []string{v.name}
		t.expr(v.fn)
	}
	for name := range t.assigned {
		l.assigned[name] = true
	}
	found := t.found()
	return &found
}

// isConstant reports whether e is a value that cannot be changed.
func isConstant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.StringExpr, *ast.NumberExpr, *ast.TrueExpr, *ast.FalseExpr, *ast.NilExpr:
		return true
	case *ast.UnaryMinusOpExpr:
		_, is := e.Expr.(*ast.NumberExpr)
		return is
	}
	return false
}
