package scripting

import (
	"regent/engine"
	"regent/engine/lua"
	"regent/engine/spec"
)

// Which scripts touch no keys but those that they are called with (engine.CourseKeys): those
// whose every command has its keys at places that do not depend on other arguments, and KEYS[...]
// at each of these.

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
	if len(call.Args) == 0 || !call.Args[0].Known {
		return false
	}
	args := make([][]byte, len(call.Args))
	for i := range args {
		args[i] = []byte(call.Args[i].Text)
	}
	cmd, known := c.Asked(args)
	switch {
	case cmd == nil || !known || cmd.Do == nil || cmd.Has(spec.NoScript) || cmd.Scripts != 0:
		return false
	case cmd.Locks != 0 || cmd.Wide != nil || cmd.GetKeys != nil:
		return false
	case cmd.Subs != nil:
		return false
	case len(cmd.Keys) == 0:
		return cmd.Has(spec.Fast) // it looks at no data
	}
	fixed := len(args)
	if call.Open {
		fixed--
	}
	for i := range cmd.Keys {
		k := &cmd.Keys[i]
		switch {
		case !k.IsRange():
			return false
		case !call.Open:
		case k.LastKey < 0 || k.Index+k.LastKey >= fixed: // then all that may be a key must be one
			if !allDeclared(call.Args[min(k.Index, fixed):]) {
				return false
			}
			continue
		}
		first, last, step, ok := k.Bounds(args)
		for at := first; ok && at <= last; at += step {
			if at >= len(args) || !call.Args[at].Declared {
				return false
			}
		}
	}
	return true
}

func allDeclared(args []lua.Arg) bool {
	for i := range args {
		if !args[i].Declared {
			return false
		}
	}
	return true
}
