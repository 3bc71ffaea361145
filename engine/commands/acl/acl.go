// Package acl is the ACL commands: who the users are, and what they may do. The rules are
// package engine/acl's; what a session asks before a command is the kernel's
// (engine/users.go).
package acl

import (
	"regent/engine"
	"regent/engine/spec"
	"regent/resp"
)

// Room is the room.
func Room() engine.Room {
	return engine.Room{Group: spec.GroupServer, Commands: commands()}
}

func commands() []engine.Command {
	return []engine.Command{{Sentinel: true, Help: resp.HelpACL, Command: spec.Command{
		Name: "acl", Arity: -2, Since: "6.0.0", Complex: "Depends on subcommand.",
		Summary: "Holds the commands for users and what they may do.",
	}, Subs: append(readers(), changers()...)}}
}

const (
	quiet = spec.NoScript | spec.Loading | spec.Stale
	admin = quiet | spec.Admin
)

// readers are the subcommands that change nothing.
func readers() []engine.Command {
	name := spec.String("username")
	return []engine.Command{
		{Do: doCat, Command: spec.Command{
			Name: "cat", Arity: -2, Flags: quiet, Since: "6.0.0", Complex: "O(1)",
			Summary: "Lists the categories, or the commands of one.", Args: spec.Args{spec.String("categoryname").Opt()},
		}},
		{Do: doDryRun, Command: spec.Command{
			Name: "dryrun", Arity: -4, Flags: admin, Since: "7.0.0", Complex: "O(1).",
			Summary: "Says whether a user may carry out a command, and does not carry it out.",
			Args:    spec.Args{name, spec.String("command"), spec.String("arg").Opt().Many()},
		}},
		{Do: doGetUser, Command: spec.Command{
			Name: "getuser", Arity: 3, Flags: admin, Since: "6.0.0", Complex: "O(N) in the number of the user's rules",
			Summary: "Shows the rules of a user.", Args: spec.Args{name}, Secrets: names,
		}},
		{Do: doGenPass, Command: spec.Command{
			Name: "genpass", Arity: -2, Flags: quiet, Since: "6.0.0", Complex: "O(1)",
			Summary: "Draws a password.", Args: spec.Args{spec.Integer("bits").Opt()},
		}},
		{Do: doList, Command: spec.Command{
			Name: "list", Arity: 2, Flags: admin, Since: "6.0.0", Complex: "O(N) in the number of users",
			Summary: "Shows all users as a file has them.",
		}},
		{Do: doLog, Command: spec.Command{
			Name: "log", Arity: -2, Flags: admin, Since: "6.0.0", Complex: "O(N) in the number of entries shown",
			Summary: "Shows what was denied lately.",
			Args:    spec.Args{spec.OneOf("operation", spec.Integer("count"), spec.Word("reset", "RESET")).Opt()},
		}},
		{Do: doUsers, Command: spec.Command{
			Name: "users", Arity: 2, Flags: admin, Since: "6.0.0", Complex: "O(N) in the number of users",
			Summary: "Lists the names of all users.",
		}},
		{Do: doWhoAmI, Command: spec.Command{
			Name: "whoami", Arity: 2, Flags: quiet, Since: "6.0.0", Complex: "O(1)",
			Summary: "Tells which user the connection is.",
		}},
		engine.HelpCommand(spec.Loading|spec.Stale, "6.0.0"),
	}
}

// changers are those that change users, or their file.
func changers() []engine.Command {
	return []engine.Command{
		{Do: doSetUser, OfUsers: true, Locks: engine.LockAll, Command: spec.Command{
			Name: "setuser", Arity: -3, Flags: admin, Since: "6.0.0", Complex: "O(N) in the number of rules",
			Summary: "Makes a user, or changes its rules.",
			Args:    spec.Args{spec.String("username"), spec.String("rule").Opt().Many()}, Secrets: names,
		}},
		{Do: doDelUser, OfUsers: true, Locks: engine.LockAll, Command: spec.Command{
			Name: "deluser", Arity: -3, Flags: admin, Since: "6.0.0", Complex: "O(1) amortized for a typical user",
			Summary: "Deletes users and ends their connections.", Args: spec.Args{spec.String("username").Many()}, Secrets: names,
		}},
		{Do: doLoad, OfUsers: true, Aside: engine.Always, Command: spec.Command{
			Name: "load", Arity: 2, Flags: admin, Since: "6.0.0", Complex: "O(N) in the number of users",
			Summary: "Reads the users from their file.",
		}},
		{Do: doSave, Aside: engine.Always, Command: spec.Command{
			Name: "save", Arity: 2, Flags: admin, Since: "6.0.0", Complex: "O(N) in the number of users",
			Summary: "Writes the users into their file.",
		}},
	}
}

// names are all arguments behind the subcommand: as in Redis not even names are shown.
func names(_ func(string) bool, args [][]byte) (at []int) {
	for i := 2; i < len(args); i++ {
		at = append(at, i)
	}
	return at
}
