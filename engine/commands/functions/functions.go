// Package functions is FUNCTION, as far as it goes without functions: there are
// none to list and none to flush. Programs and redis-server's test suite flush
// them before they start.
package functions

import (
	"fmt"

	"regent/engine"
	"regent/engine/spec"
	"regent/resp"
)

// Room is the room.
func Room() engine.Room {
	return engine.Room{Group: spec.GroupScripting, Cats: spec.CatScripting, Commands: commands()}
}

func commands() []engine.Command {
	return []engine.Command{{Command: spec.Command{
		Name: "function", Arity: -2, Since: "7.0.0", Complex: "Depends on subcommand.",
		Summary: "Holds the commands for functions.",
	}, Subs: []engine.Command{
		{Do: doFunctionFlush, Command: spec.Command{
			Name: "flush", Arity: -2, Flags: spec.Write | spec.NoScript, Since: "7.0.0", Complex: "O(N) in the number of functions",
			Summary: "Deletes all functions.",
			Tips:    []string{"request_policy:all_shards", "response_policy:all_succeeded"},
			Args:    spec.Args{spec.OneOf("async", spec.Word("async", "ASYNC"), spec.Word("sync", "SYNC")).Opt()},
		}},
		{Do: doFunctionList, Command: spec.Command{
			Name: "list", Arity: -2, Flags: spec.NoScript, Since: "7.0.0", Complex: "O(N) in the number of functions",
			Summary: "Lists the libraries of functions.",
			Tips:    []string{"nondeterministic_output_order"},
			Args: spec.Args{
				spec.String("library-name-pattern").With("LIBRARYNAME").Opt(), spec.Word("withcode", "WITHCODE").Opt(),
			},
		}},
		engine.HelpCommand(spec.Loading|spec.Stale, "7.0.0"),
	}}}
}

func doFunctionFlush(c *engine.Ctx) {
	if len(c.Args) > 3 {
		c.Err(fmt.Sprintf(resp.ErrSubSyntax, engine.Clip(c.Args[1], 128), "FUNCTION"))
		return
	}
	if len(c.Args) == 3 && !spec.EqualFold(c.Args[2], "sync") && !spec.EqualFold(c.Args[2], "async") {
		c.Err(resp.ErrFunctionFlush)
		return
	}
	c.W.OK()
}

func doFunctionList(c *engine.Ctx) {
	named, code := false, false
	for i := 2; i < len(c.Args); i++ {
		switch {
		case !code && spec.EqualFold(c.Args[i], "withcode"):
			code = true
		case !named && spec.EqualFold(c.Args[i], "libraryname"):
			if i++; i == len(c.Args) {
				c.Err(resp.ErrLibraryName)
				return
			}
			named = true
		default:
			c.Err(fmt.Sprintf(resp.ErrUnknownArgument, c.Args[i]))
			return
		}
	}
	c.W.Array(0)
}
