// Package syntax says why a source is not Lua 5.1, in the words of Lua 5.1's own
// compiler: with the line, what was expected, and near what. gopher-lua, which compiles
// sources, words it otherwise, and takes more: goto, 1e as a number, a call whose bracket
// stands on the next line.
//
// It is asked about every source before that is compiled. It makes no code, and so knows no limits (local variables, constants) but
// that of nesting.
//
//	lexer.go   bytes to tokens
//	parser.go  tokens to blocks, statements, expressions
package syntax
