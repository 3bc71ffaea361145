// Package libs is what a script of redis-server finds in its Lua beside the
// language and the redis table: cjson, cmsgpack, struct, bit, and the functions of
// base, string, table and math where gopher-lua's answer differently from those of
// PUC's Lua 5.1 as redis-server has it.
//
// It runs no script, knows no command and holds no limit on time or memory of a
// script as a whole: package lua does.
//
//	Open ─ base     tostring, tonumber, error, pcall, unpack, select, load, ...
//	     ├ string   format ─ number.go, find, gsub, ... ─ pattern.go, rep, byte, ...
//	     ├ table    concat, sort, insert, remove, ...
//	     ├ math     huge, random (drand48, as redis-server's), min, max, ...
//	     ├ cjson    encode.go, decode.go, settings.go
//	     ├ cmsgpack pack.go, unpack.go
//	     ├ struct   struct.go
//	     └ bit      bit.go
//
// # What holds
//
//   - Nothing here panics but with the errors of Lua, whatever the bytes it is given:
//     the decoders have fuzz targets.
//   - A string that is built here has at most maxString bytes; nesting is bounded by
//     the slots that PUC's stack would have for it (maxSlots), so that Go's stack is
//     bounded, too, and the errors come at the same depth.
//   - A pattern that takes long asks the state's context now and then, so that a script
//     can be stopped inside of string.find.
//   - What a function keeps between calls (cjson's settings, the random sequence) is kept
//     for each state: no state sees another's.
//
// # What stays different
//
// The virtual machine is gopher-lua's. The names of variables do not stand in its
// errors ("attempt to index a nil value" without "local 'x'"). What is Lua, and what
// is said of what is not, engine/lua/syntax decides. The order of pairs is that of insertion.
//
// Sources: the reference manual of Lua 5.1, the manuals of lua-cjson 2.1 and of
// Lua BitOp, the description of the format of MessagePack, and redis-server 7.0.15
// beside it (libs_test.go).
package libs
