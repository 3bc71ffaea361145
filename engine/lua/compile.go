package lua

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// A Chunk is Lua source that was compiled. It may run in any State.
type Chunk struct {
	proto *lua.FunctionProto
}

// Names of what the source cannot name: the locals of the chunk around it, which
// hold what this package does in the language's place.
const (
	nameConcat = "\x00concat" // a .. b
	nameGlobal = "\x00global" // what is assigned to as a global variable
	nameCall   = "\x00call"   // redis.call
	namePCall  = "\x00pcall"  // redis.pcall
)

// hiddenNames are these names, in the order in which a State gives what they hold.
func hiddenNames() []string { return []string{nameConcat, nameGlobal, nameCall, namePCall} }

// Compile compiles source. name stands in the texts of errors.
//
// What is compiled is not the source itself but a function around it:
//
//	local concat, global, call, pcall = ...
//	return function(...) source end
//
// and the source's parts are replaced as rewrite.go says.
func Compile(name string, source []byte) (*Chunk, error) {
	stmts, err := parse.Parse(bytes.NewReader(source), name)
	if err != nil {
		return nil, syntaxError(name, source, err)
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
		return nil, syntaxError(name, source, err)
	}
	return &Chunk{proto}, nil
}

// Where the parser's and the compiler's errors say what is wrong.
var (
	parserError   = regexp.MustCompile(`(?s)^.* line:(\d+)\(column:\d+\) near '(.*)': +(.*)\n$`)
	parserEnd     = regexp.MustCompile(`(?s)^.* at EOF: +(.*)\n$`)
	compilerError = regexp.MustCompile(`(?s)^compile error near line\((\d+)\) [^:]*: (.*)$`)
)

// syntaxError words such an error as Lua does, as far as it can be told.
func syntaxError(name string, source []byte, err error) error {
	said := map[string]string{"syntax error": "unexpected symbol", "parse error": "'=' expected", "unterminated string": "unfinished string"}
	words := func(text string) string {
		if w := said[text]; w != "" {
			return w
		}
		return text
	}
	text := err.Error()
	if m := parserEnd.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("%s:%d: %s near '<eof>'", name, 1+bytes.Count(source, []byte{'\n'}), words(m[1]))
	}
	if m := parserError.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("%s:%s: %s near '%s'", name, m[1], words(m[3]), m[2])
	}
	if m := compilerError.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("%s:%s: %s", name, m[1], m[2])
	}
	return errors.New(strings.TrimSpace(text))
}
