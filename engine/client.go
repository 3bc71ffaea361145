package engine

// CLIENT. This file: its literals; client_attrs.go: what a client says about
// itself and wants; client_list.go: LIST and INFO; client_kill.go: KILL, PAUSE
// and UNBLOCK, which reach into other sessions.

// Flags of CLIENT's subcommands: those about the own connection, and those
// about others.
const (
	clientOwn   = NoScript | Loading | Stale
	clientAdmin = Admin | clientOwn
)

func clientCommands() []Command {
	return []Command{{
		Name: "client", Arity: -2, Group: GroupConnection, Since: "2.4.0", Complex: "See the subcommands.",
		Summary: "Looks at connections and changes them.",
		Subs:    append(clientOwnCommands(), clientAdminCommands()...),
	}}
}

func clientOwnCommands() []Command {
	return []Command{
		{
			Name: "id", Arity: 2, Flags: clientOwn, Cats: CatConnection, Since: "5.0.0", Complex: "O(1)",
			Summary: "Returns the connection's ID.",
			Do:      func(c *Ctx) { c.W.Int(c.S.ID) },
		},
		{
			Name: "info", Arity: 2, Flags: clientOwn, Cats: CatConnection, Since: "6.2.0", Complex: "O(1)",
			Summary: "Describes the connection.",
			Tips:    []string{"nondeterministic_output"},
			Do:      doClientInfo,
		},
		{
			Name: "getname", Arity: 2, Flags: clientOwn, Cats: CatConnection, Since: "2.6.9", Complex: "O(1)",
			Summary: "Returns the connection's name.",
			Do:      doClientGetname,
		},
		{
			Name: "setname", Arity: 3, Flags: clientOwn, Cats: CatConnection, Since: "2.6.9", Complex: "O(1)",
			Summary: "Gives the connection a name.",
			Args:    []Arg{arg("connection-name", "string")},
			Do:      doClientSetname,
		},
		{
			// Redis 7.2's, and what clients send first whatever the version.
			Name: "setinfo", Arity: 4, Flags: clientOwn, Cats: CatConnection, Since: "7.2.0", Complex: "O(1)",
			Summary: "Notes the name or the version of the client's library.",
			Args: []Arg{argOneOf("attr",
				arg("libname", "string").token("LIB-NAME"), arg("libver", "string").token("LIB-VER"))},
			Do: doClientSetinfo,
		},
		{
			Name: "reply", Arity: 3, Flags: clientOwn, Cats: CatConnection, Since: "3.2.0", Complex: "O(1)",
			Summary: "Turns the replies of the connection on or off, or skips one.",
			Args:    []Arg{argOneOf("on_off_skip", argWord("on", "ON"), argWord("off", "OFF"), argWord("skip", "SKIP"))},
			Do:      doClientReply,
		},
		{
			Name: "getredir", Arity: 2, Flags: clientOwn, Cats: CatConnection, Since: "6.0.0", Complex: "O(1)",
			Summary: "Returns the ID of the connection that gets this one's invalidations: -1, there are none.",
			Do:      func(c *Ctx) { c.W.Int(noRedirect) },
		},
		{
			Name: "trackinginfo", Arity: 2, Flags: clientOwn, Cats: CatConnection, Since: "6.2.0", Complex: "O(1)",
			Summary: "Returns whether the keys read are tracked: they are not.",
			Do:      doClientTrackinginfo,
		},
		{
			// Redis 7.2's.
			Name: "no-touch", Arity: 3, Flags: clientOwn, Cats: CatConnection, Since: "7.2.0", Complex: "O(1)",
			Summary: "Makes the connection's reads leave no trace in the keys' access times.",
			Args:    []Arg{argOneOf("enabled", argWord("on", "ON"), argWord("off", "OFF"))},
			Do:      doClientNotouch,
		},
		helpCommand(Loading|Stale, CatConnection, "5.0.0"),
	}
}

func clientAdminCommands() []Command {
	return []Command{
		{
			Name: "list", Arity: -2, Flags: clientAdmin, Cats: CatConnection, Since: "2.4.0", Complex: "O(N) in the number of connections",
			Summary: "Describes connections.",
			Tips:    []string{"nondeterministic_output"},
			Args: []Arg{
				argOneOf("normal_master_replica_pubsub", argWord("normal", "NORMAL"), argWord("master", "MASTER"),
					argWord("replica", "REPLICA"), argWord("pubsub", "PUBSUB")).token("TYPE").since("5.0.0").optional(),
				argBlock("id", arg("client-id", "integer").many()).token("ID").since("6.2.0").optional(),
			},
			Do: doClientList,
		},
		{
			Name: "kill", Arity: -3, Flags: clientAdmin, Cats: CatConnection, Since: "2.4.0", Complex: "O(N) in the number of connections",
			Summary: "Ends connections.",
			Args:    []Arg{clientKillFilter()},
			Do:      doClientKill,
		},
		{
			Name: "no-evict", Arity: 3, Flags: clientAdmin, Cats: CatConnection, Since: "7.0.0", Complex: "O(1)",
			Summary: "Marks the connection as one that must not be dropped for memory.",
			Args:    []Arg{argOneOf("enabled", argWord("on", "ON"), argWord("off", "OFF"))},
			Do:      doClientNoevict,
		},
		{
			Name: "pause", Arity: -3, Flags: clientAdmin, Cats: CatConnection, Since: "2.9.50", Complex: "O(1)",
			Summary: "Holds commands, or writes alone, for some milliseconds.",
			Args: []Arg{arg("timeout", "integer"),
				argOneOf("mode", argWord("write", "WRITE"), argWord("all", "ALL")).since("6.2.0").optional()},
			Do: doClientPause,
		},
		{
			Name: "unpause", Arity: 2, Flags: clientAdmin, Cats: CatConnection, Since: "6.2.0", Complex: "O(N) in the number of connections held",
			Summary: "Ends a pause.",
			Do:      doClientUnpause,
		},
		{
			Name: "unblock", Arity: -3, Flags: clientAdmin, Cats: CatConnection, Since: "5.0.0", Complex: "O(1)",
			Summary: "Ends the wait of another connection.",
			Args: []Arg{arg("client-id", "integer"),
				argOneOf("timeout_error", argWord("timeout", "TIMEOUT"), argWord("error", "ERROR")).optional()},
			Do: doClientUnblock,
		},
	}
}

// clientKillFilter describes CLIENT KILL's arguments, which are an address or
// conditions that must all hold.
func clientKillFilter() Arg {
	old := arg("ip:port", "string")
	old.DeprecatedSince = "2.8.12"
	return argOneOf("filter", old, argOneOf("new-format",
		arg("client-id", "integer").token("ID").since("2.8.12").optional(),
		argOneOf("normal_master_slave_pubsub", argWord("normal", "NORMAL"), argWord("master", "MASTER").since("3.2.0"),
			argWord("slave", "SLAVE"), argWord("replica", "REPLICA").since("5.0.0"),
			argWord("pubsub", "PUBSUB")).token("TYPE").since("2.8.12").optional(),
		arg("username", "string").token("USER").optional(),
		arg("ip:port", "string").token("ADDR").optional(),
		arg("ip:port", "string").token("LADDR").since("6.2.0").optional(),
		arg("yes/no", "string").token("SKIPME").optional(),
	).many())
}
