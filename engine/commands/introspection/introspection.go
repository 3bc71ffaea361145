package introspection

import (
	"regent/engine"
	"regent/engine/spec"
	"regent/resp"
)

// COMMAND: the command table as clients see it. This file: its literals;
// info.go: INFO, COUNT and LIST; docs.go: DOCS; getkeys.go: GETKEYS. Whatever they answer is derived from the literals,
// and a test compares it with redis-server field by field.

// Room is what this package brings to an engine.
func Room() engine.Room {
	return engine.Room{
		Group: spec.GroupServer, Cats: spec.CatConnection,
		Commands: append(commands(), lolwutCommands()...),
	}
}

func commands() []engine.Command {
	return []engine.Command{{Do: doCommand, Sentinel: true, Help: resp.HelpCommand, Command: spec.Command{
		Name: "command", Arity: -1, Flags: spec.Loading | spec.Stale,
		Since: "2.8.13", Complex: "O(N) in the number of commands",
		Summary: "Returns the details of all commands.",
		Tips:    []string{"nondeterministic_output_order"},
	}, Subs: commandSubcommands()}}
}

func commandSubcommands() []engine.Command {
	unordered := []string{"nondeterministic_output_order"}
	names := spec.Args{spec.String("command-name").Opt().Many()}
	return []engine.Command{
		{Do: func(c *engine.Ctx) { c.W.Int(int64(len(c.Told().Commands()))) }, Command: spec.Command{
			Name: "count", Arity: 2, Flags: spec.Loading | spec.Stale, Since: "2.8.13", Complex: "O(1)",
			Summary: "Returns the number of commands.",
		}},
		{Do: doCommandDocs, Command: spec.Command{
			Name: "docs", Arity: -2, Flags: spec.Loading | spec.Stale, Since: "7.0.0", Complex: "O(N) in the number of commands asked for",
			Summary: "Returns the documentation of commands.",
			Tips:    unordered, Args: names,
		}},
		{Do: func(c *engine.Ctx) { getKeys(c, false) }, Command: spec.Command{
			Name: "getkeys", Arity: -4, Flags: spec.Loading | spec.Stale, Since: "2.8.13", Complex: "O(N) in the number of arguments",
			Summary: "Returns the keys among the arguments of a command.",
		}},
		{Do: func(c *engine.Ctx) { getKeys(c, true) }, Command: spec.Command{
			Name: "getkeysandflags", Arity: -4, Flags: spec.Loading | spec.Stale, Since: "7.0.0", Complex: "O(N) in the number of arguments",
			Summary: "Returns the keys among the arguments of a command, and what it does with them.",
		}},
		engine.HelpCommand(spec.Loading|spec.Stale, "5.0.0"),
		{Do: doCommandInfo, Command: spec.Command{
			Name: "info", Arity: -2, Flags: spec.Loading | spec.Stale, Since: "2.8.13", Complex: "O(N) in the number of commands asked for",
			Summary: "Returns the details of commands.",
			Tips:    unordered, Args: names,
		}},
		{Do: doCommandList, Command: spec.Command{
			Name: "list", Arity: -2, Flags: spec.Loading | spec.Stale, Since: "7.0.0", Complex: "O(N) in the number of commands",
			Summary: "Returns the names of commands.",
			Tips:    unordered,
			Args: spec.Args{spec.OneOf("filterby", spec.String("module-name").With("MODULE"),
				spec.String("category").With("ACLCAT"), spec.Pattern("pattern").With("PATTERN")).With("FILTERBY").Opt()},
		}},
	}
}
