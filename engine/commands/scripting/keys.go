package scripting

import (
	"regent/engine"
	"regent/engine/lua"
)

// Which scripts touch no keys but those that they are called with (engine.Pace.Course): those
// whose every command has its keys at places that do not depend on other arguments, and KEYS[...]
// at each of these (Ctx.KeysDeclared).

// keysAlone reports whether a chunk's commands are all of that kind.
func keysAlone(c *engine.Ctx, chunk *lua.Chunk) bool {
	calls, traced := chunk.Calls()
	for i := range calls {
		traced = traced && callsKeys(c, &calls[i])
	}
	return traced
}

// callsKeys reports whether a call is.
func callsKeys(c *engine.Ctx, call *lua.Call) bool {
	args, declared, ok := call.Words()
	return ok && c.KeysDeclared(args, declared, call.Open)
}
