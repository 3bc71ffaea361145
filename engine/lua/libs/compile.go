package libs

import (
	"errors"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"regent/engine/lua/syntax"
)

// Compile makes a chunk of source into a prototype, for any state. Its error is what
// PUC's Lua calls a syntax error: the chunk's name, the line, and near what.
func Compile(code, name string) (proto *lua.FunctionProto, err error) {
	const bytecode = "\x1b" // of PUC's compiler, or of nobody's
	if strings.HasPrefix(code, bytecode) {
		return nil, fmt.Errorf("%s:1: unexpected symbol near 'char(27)'", name)
	}
	chunk, err := Parse(code, name)
	if err != nil {
		return nil, err
	}
	proto, err = lua.Compile(chunk, name)
	if err != nil {
		return nil, SyntaxError(err, name)
	}
	return proto, nil
}

// Parse reads source. It refuses what PUC's Lua refuses, in its words, before it asks gopher-lua,
// which takes more than that: goto, 1e as a number, a call's bracket on a line of its own.
func Parse(code, name string) ([]ast.Stmt, error) {
	if err := syntax.Check(code, name); err != nil {
		return nil, err
	}
	chunk, err := parse.Parse(strings.NewReader(code), name)
	if err != nil {
		return nil, SyntaxError(err, name)
	}
	return chunk, nil
}

// SyntaxError words an error of gopher-lua's parser or compiler about a source that PUC's Lua takes
// by its grammar: with the place, as that does.
func SyntaxError(err error, name string) error {
	var unread *parse.Error
	if errors.As(err, &unread) && unread.Pos.Line != parse.EOF {
		return fmt.Errorf("%s:%d: %s near '%s'", name, unread.Pos.Line, unread.Message, unread.Token)
	}
	var wrong *lua.CompileError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%s:%d: %s", name, wrong.Line, wrong.Message)
	}
	return err
}

// maxChunkName is how many bytes of a chunk's name errors show.
const maxChunkName = 60

// ChunkName is how errors call the chunk of a name: what follows '=' or '@' as it is,
// another name, which is the source, shortened to its first line.
func ChunkName(name string) string {
	if strings.HasPrefix(name, "=") || strings.HasPrefix(name, "@") {
		return name[1:]
	}
	line, _, more := strings.Cut(name, "\n")
	const around = len(`[string ""]`) + len("...") + 1
	if len(line) > maxChunkName-around {
		line, more = line[:maxChunkName-around], true
	}
	if more {
		line += "..."
	}
	return `[string "` + line + `"]`
}
