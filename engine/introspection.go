package engine

// COMMAND: the command table as clients see it. This file: its literals;
// command_info.go: INFO, COUNT and LIST; command_docs.go: DOCS;
// command_keys.go: GETKEYS. Whatever they answer is derived from the literals,
// and a test compares it with redis-server field by field.

func introspectionCommands() []Command {
	return []Command{{
		Name: "command", Arity: -1, Flags: Loading | Stale, Cats: CatConnection, Group: GroupServer,
		Since: "2.8.13", Complex: "O(N) in the number of commands",
		Summary: "Returns the details of all commands.",
		Tips:    []string{"nondeterministic_output_order"},
		Subs:    commandSubcommands(),
		Do:      doCommand,
	}}
}

func commandSubcommands() []Command {
	unordered := []string{"nondeterministic_output_order"}
	names := []Arg{arg("command-name", "string").optional().many()}
	return []Command{
		{
			Name: "count", Arity: 2, Flags: Loading | Stale, Cats: CatConnection, Since: "2.8.13", Complex: "O(1)",
			Summary: "Returns the number of commands.",
			Do:      func(c *Ctx) { c.W.Int(int64(len(c.E.table.sorted))) },
		},
		{
			Name: "docs", Arity: -2, Flags: Loading | Stale, Cats: CatConnection, Since: "7.0.0", Complex: "O(N) in the number of commands asked for",
			Summary: "Returns the documentation of commands.",
			Tips:    unordered, Args: names,
			Do: doCommandDocs,
		},
		{
			Name: "getkeys", Arity: -4, Flags: Loading | Stale, Cats: CatConnection, Since: "2.8.13", Complex: "O(N) in the number of arguments",
			Summary: "Returns the keys among the arguments of a command.",
			Do:      func(c *Ctx) { c.getKeys(false) },
		},
		{
			Name: "getkeysandflags", Arity: -4, Flags: Loading | Stale, Cats: CatConnection, Since: "7.0.0", Complex: "O(N) in the number of arguments",
			Summary: "Returns the keys among the arguments of a command, and what it does with them.",
			Do:      func(c *Ctx) { c.getKeys(true) },
		},
		helpCommand(Loading|Stale, CatConnection, "5.0.0"),
		{
			Name: "info", Arity: -2, Flags: Loading | Stale, Cats: CatConnection, Since: "2.8.13", Complex: "O(N) in the number of commands asked for",
			Summary: "Returns the details of commands.",
			Tips:    unordered, Args: names,
			Do: doCommandInfo,
		},
		{
			Name: "list", Arity: -2, Flags: Loading | Stale, Cats: CatConnection, Since: "7.0.0", Complex: "O(N) in the number of commands",
			Summary: "Returns the names of commands.",
			Tips:    unordered,
			Args: []Arg{argOneOf("filterby", arg("module-name", "string").token("MODULE"),
				arg("category", "string").token("ACLCAT"), arg("pattern", "pattern").token("PATTERN")).token("FILTERBY").optional()},
			Do: doCommandList,
		},
	}
}
