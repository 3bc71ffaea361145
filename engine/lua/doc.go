// Package lua runs Lua scripts as Redis does: what they find there, what they may do,
// and how values come from RESP and go there. It knows nothing of the engine, which it
// reaches through Host; the language itself is github.com/yuin/gopher-lua's (Lua 5.1).
//
//	source ─► Compile ─► Chunk ─┐                          Host: Call, Log, Interrupt …
//	          rewrite.go        ├─► State.Run ─► reply       ▲
//	          trace.go          │      │                     │
//	          State ────────────┘      │                     │
//	          sandbox.go               └─► redis.call ───────┘
//	                                       redis.go, convert.go
//
// # Invariants
//
//   - A State is as new for each script: nothing that scripts share can be changed
//     (sandbox.go). So States are pooled, and functions stay compiled in them.
//   - Whatever a script does ends: before each instruction a counter is looked at, and
//     every lookEvery instructions the Host is asked whether it may go on (brake). What it
//     is ended with cannot be caught for long.
//   - Nothing that one instruction does is without bounds: strings have at most
//     maxString bytes, tables are arrays up to maxArrayIndex, calls go maxCalls deep, a
//     source has maxLevels levels. Concatenation is this package's own for that reason.
//   - A panic of the server's own code inside redis.call is no error of the script's,
//     and goes on.
//
// # What is not as in Redis
//
// Errors name the variable that was nil ("attempt to index local 'x' (a nil value)") where the
// source's line tells which it was (names.go), and not after pcall. There is no bytecode: string.dump fails, and load refuses it. An array of
// more than maxArrayIndex elements has the length maxArrayIndex. Garbage is Go's:
// collectgarbage does nothing. next of a key that a table does not have is nil. An error that leaves
// coroutine.wrap names its place once. math.sin and its kin may differ in the last bit. redis.set_repl does nothing either (engine/script.go).
//
// Sources: Redis 7.0's script_lua.c, script.c and eval.c for what scripts find; the Lua
// 5.1 reference manual.
package lua
