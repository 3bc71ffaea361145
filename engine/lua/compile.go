package lua

import (
	"bytes"
	"fmt"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"regent/engine/lua/libs"
)

// A Chunk is Lua source that was compiled. It may run in any State.
type Chunk struct {
	proto    *lua.FunctionProto
	traced   traced
	library  map[string]*traced // the functions that it registers, see traceLibrary
	operands []operand          // for the names in errors
}

// Names of what the source cannot name: the locals of the chunk around it, which
// hold what this package does in the language's place.
const (
	nameConcat = "\x00concat" // a .. b
	nameGlobal = "\x00global" // what is assigned to as a global variable
	nameCall   = "\x00call"   // redis.call
	namePCall  = "\x00pcall"  // redis.pcall
	nameDo     = "\x00do"     // redis.call whose value nobody wants
)

// bytecode is what begins what C's compiler makes.
const bytecode = 0x1b

// hiddenNames are these names, in the order in which a State gives what they hold.
func hiddenNames() []string { return []string{nameConcat, nameGlobal, nameCall, namePCall, nameDo} }

// Compile compiles source. name stands in the texts of errors.
//
// What is compiled is not the source itself but a function around it:
//
//	local concat, global, call, pcall, do = ...
//	return function(...) source end
//
// and the source's parts are replaced as rewrite.go says.
func Compile(name string, source []byte) (*Chunk, error) {
	if len(source) > 0 && source[0] == bytecode {
		return nil, fmt.Errorf("%s:1: unexpected symbol near 'char(27)'", name)
	}
	stmts, err := libs.Parse(string(source), name)
	if err != nil {
		return nil, err
	}
	if err := rewrite(stmts); err != nil {
		return nil, fmt.Errorf("%s:%w", name, err)
	}
	body := &ast.FunctionExpr{ParList: &ast.ParList{HasVargs: true}, Stmts: stmts}
	last := 1 + bytes.Count(source, []byte{'\n'})
	body.SetLine(1)
	body.SetLastLine(last)
	hide := &ast.LocalAssignStmt{Names: hiddenNames(), Exprs: []ast.Expr{&ast.Comma3Expr{}}}
	hide.SetLine(1)
	ret := &ast.ReturnStmt{Exprs: []ast.Expr{body}}
	ret.SetLine(last)
	proto, err := lua.Compile([]ast.Stmt{hide, ret}, name)
	if err != nil {
		return nil, libs.SyntaxError(err, name)
	}
	// A chunk has "..." but no table "arg", as in Lua 5.1: making one took half a script's memory.
	proto.FunctionPrototypes[0].IsVarArg &^= lua.VarArgNeedsArg
	c := &Chunk{proto: proto, traced: trace(stmts), library: traceLibrary(stmts)}
	if len(source) <= maxNamed {
		c.operands = operandsOf(stmts)
	}
	return c, nil
}
