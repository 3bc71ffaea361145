package engine

import (
	"fmt"
	"strings"

	"regent/engine/spec"
	"regent/resp"
)

// CLIENT. This file: its literals, and what a client says about itself and wants;
// client_list.go: LIST, INFO, KILL, PAUSE and UNBLOCK, which reach into other sessions.

// Flags of CLIENT's subcommands: those about the own connection, and those
// about others.
const (
	clientOwn   = spec.NoScript | spec.Loading | spec.Stale
	clientAdmin = spec.Admin | clientOwn
)

func clientCommands() []Command {
	return []Command{{Sentinel: true, Help: resp.HelpClient, Command: spec.Command{
		Name: "client", Arity: -2, Since: "2.4.0", Complex: "See the subcommands.",
		Summary: "Looks at connections and changes them.",
	}, Subs: append(clientOwnCommands(), clientAdminCommands()...)}}
}

func clientOwnCommands() []Command {
	return []Command{
		{Do: func(c *Ctx) { c.W.Int(c.s.ID) }, Command: spec.Command{
			Name: "id", Arity: 2, Flags: clientOwn, Since: "5.0.0", Complex: "O(1)",
			Summary: "Returns the connection's ID.",
		}},
		{Do: doClientInfo, Command: spec.Command{
			Name: "info", Arity: 2, Flags: clientOwn, Since: "6.2.0", Complex: "O(1)",
			Summary: "Describes the connection.",
			Tips:    []string{"nondeterministic_output"},
		}},
		{Do: doClientGetname, Command: spec.Command{
			Name: "getname", Arity: 2, Flags: clientOwn, Since: "2.6.9", Complex: "O(1)",
			Summary: "Returns the connection's name.",
		}},
		{Do: doClientSetname, Command: spec.Command{
			Name: "setname", Arity: 3, Flags: clientOwn, Since: "2.6.9", Complex: "O(1)",
			Summary: "Gives the connection a name.",
			Args:    spec.Args{spec.String("connection-name")},
		}},
		{Do: doClientSetinfo, Command: spec.Command{
			// Redis 7.2's, and what clients send first whatever the version.
			Name: "setinfo", Arity: 4, Flags: clientOwn, Since: "7.2.0", Complex: "O(1)",
			Summary: "Notes the name or the version of the client's library.",
			Args: spec.Args{spec.OneOf("attr",
				spec.String("libname").With("LIB-NAME"), spec.String("libver").With("LIB-VER"))},
		}},
		{Do: doClientReply, atLeader: true, Command: spec.Command{ // a session without replies cannot be carried
			Name: "reply", Arity: 3, Flags: clientOwn, Since: "3.2.0", Complex: "O(1)",
			Summary: "Turns the replies of the connection on or off, or skips one.",
			Args:    spec.Args{spec.OneOf("on_off_skip", spec.Word("on", "ON"), spec.Word("off", "OFF"), spec.Word("skip", "SKIP"))},
		}},
		{Do: doClientCapa, Command: spec.Command{
			// Valkey 8's.
			Name: "capa", Arity: -3, Flags: clientOwn, Since: "8.0.0", Complex: "O(1)",
			Summary: "Says what the client understands: REDIRECT.",
			Args:    spec.Args{spec.String("capability").Many()},
		}},
		{Do: doClientTracking, atLeader: true, Command: spec.Command{
			Name: "tracking", Arity: -3, Flags: clientOwn, Since: "6.0.0", Complex: "O(1). Some options may introduce additional complexity.",
			Summary: "Has the connection told of changes of the keys that it has read, or that have one of its prefixes.",
			Args: spec.Args{
				spec.OneOf("status", spec.Word("on", "ON"), spec.Word("off", "OFF")), spec.Integer("client-id").With("REDIRECT").Opt(),
				spec.String("prefix").With("PREFIX").Many().Repeated().Opt(), spec.Word("bcast", "BCAST").Opt(), spec.Word("optin", "OPTIN").Opt(),
				spec.Word("optout", "OPTOUT").Opt(), spec.Word("noloop", "NOLOOP").Opt(),
			},
		}},
		{Do: doClientCaching, atLeader: true, Command: spec.Command{
			Name: "caching", Arity: 3, Flags: clientOwn, Since: "6.0.0", Complex: "O(1)",
			Summary: "Says whether the keys of the next command are tracked.",
			Args:    spec.Args{spec.OneOf("mode", spec.Word("yes", "YES"), spec.Word("no", "NO"))},
		}},
		{Do: func(c *Ctx) { c.W.Int(c.s.redirection()) }, Command: spec.Command{
			Name: "getredir", Arity: 2, Flags: clientOwn, Since: "6.0.0", Complex: "O(1)",
			Summary: "Returns the ID of the connection that gets this one's invalidations: 0 for itself, -1 without tracking.",
		}},
		{Do: doClientTrackinginfo, Command: spec.Command{
			Name: "trackinginfo", Arity: 2, Flags: clientOwn, Since: "6.2.0", Complex: "O(1)",
			Summary: "Returns how the connection tracks keys.",
		}},
		{Do: doClientNotouch, Command: spec.Command{
			// Redis 7.2's.
			Name: "no-touch", Arity: 3, Flags: clientOwn, Since: "7.2.0", Complex: "O(1)",
			Summary: "Makes the connection's reads leave no trace in the keys' access times.",
			Args:    spec.Args{spec.OneOf("enabled", spec.Word("on", "ON"), spec.Word("off", "OFF"))},
		}},
		HelpCommand(spec.Loading|spec.Stale, "5.0.0"),
	}
}

func clientAdminCommands() []Command {
	return []Command{
		{Do: doClientList, Command: spec.Command{
			Name: "list", Arity: -2, Flags: clientAdmin, Since: "2.4.0", Complex: "O(N) in the number of connections",
			Summary: "Describes connections.",
			Tips:    []string{"nondeterministic_output"},
			Args: spec.Args{
				spec.OneOf("normal_master_replica_pubsub", spec.Word("normal", "NORMAL"), spec.Word("master", "MASTER"),
					spec.Word("replica", "REPLICA"), spec.Word("pubsub", "PUBSUB")).With("TYPE").Added("5.0.0").Opt(),
				spec.Block("id", spec.Integer("client-id").Many()).With("ID").Added("6.2.0").Opt(),
			},
		}},
		{Do: doClientKill, Command: spec.Command{
			Name: "kill", Arity: -3, Flags: clientAdmin, Since: "2.4.0", Complex: "O(N) in the number of connections",
			Summary: "Ends connections.",
			Args:    spec.Args{clientKillFilter()},
		}},
		{Do: doClientNoevict, Command: spec.Command{
			Name: "no-evict", Arity: 3, Flags: clientAdmin, Since: "7.0.0", Complex: "O(1)",
			Summary: "Marks the connection as one that must not be dropped for memory.",
			Args:    spec.Args{spec.OneOf("enabled", spec.Word("on", "ON"), spec.Word("off", "OFF"))},
		}},
		{Do: doClientPause, Command: spec.Command{
			Name: "pause", Arity: -3, Flags: clientAdmin, Since: "2.9.50", Complex: "O(1)",
			Summary: "Holds commands, or writes alone, for some milliseconds.",
			Args: spec.Args{spec.Integer("timeout"),
				spec.OneOf("mode", spec.Word("write", "WRITE"), spec.Word("all", "ALL")).Added("6.2.0").Opt()},
		}},
		{Do: doClientUnpause, Command: spec.Command{
			Name: "unpause", Arity: 2, Flags: clientAdmin, Since: "6.2.0", Complex: "O(N) in the number of connections held",
			Summary: "Ends a pause.",
		}},
		{Do: doClientUnblock, Command: spec.Command{
			Name: "unblock", Arity: -3, Flags: clientAdmin, Since: "5.0.0", Complex: "O(1)",
			Summary: "Ends the wait of another connection.",
			Args: spec.Args{spec.Integer("client-id"),
				spec.OneOf("timeout_error", spec.Word("timeout", "TIMEOUT"), spec.Word("error", "ERROR")).Opt()},
		}},
	}
}

// clientKillFilter describes CLIENT KILL's arguments, which are an address or
// conditions that must all hold.
func clientKillFilter() spec.Arg {
	old := spec.String("ip:port")
	old.DeprecatedSince = "2.8.12"
	return spec.OneOf("filter", old, spec.OneOf("new-format",
		spec.Integer("client-id").With("ID").Added("2.8.12").Opt(),
		spec.OneOf("normal_master_slave_pubsub", spec.Word("normal", "NORMAL"), spec.Word("master", "MASTER").Added("3.2.0"),
			spec.Word("slave", "SLAVE"), spec.Word("replica", "REPLICA").Added("5.0.0"),
			spec.Word("pubsub", "PUBSUB")).With("TYPE").Added("2.8.12").Opt(),
		spec.String("username").With("USER").Opt(),
		spec.String("ip:port").With("ADDR").Opt(),
		spec.String("ip:port").With("LADDR").Added("6.2.0").Opt(),
		spec.String("yes/no").With("SKIPME").Opt(),
	).Many())
}

// printable reports whether b can stand in a line of CLIENT LIST: no spaces,
// newlines or control characters.
func printable(b []byte) bool {
	for _, c := range b {
		if c < '!' || c > '~' {
			return false
		}
	}
	return true
}

func doClientGetname(c *Ctx) {
	name := c.s.Shared.attributes().name
	if name == "" {
		c.W.Null()
		return
	}
	c.W.BulkString(name)
}

func doClientSetname(c *Ctx) {
	if !printable(c.Args[2]) {
		c.Err(resp.ErrClientName)
		return
	}
	c.s.Shared.setAttributes(func(a *clientAttrs) { a.name = string(c.Args[2]) })
	c.W.OK()
}

func doClientSetinfo(c *Ctx) {
	attr, value := c.Args[2], c.Args[3]
	name, version := spec.EqualFold(attr, "lib-name"), spec.EqualFold(attr, "lib-ver")
	switch {
	case !name && !version:
		c.Err(fmt.Sprintf(resp.ErrClientOption, Clip(attr, 128)))
		return
	case !printable(value):
		c.Err(fmt.Sprintf(resp.ErrClientInfo, strings.ToLower(string(attr))))
		return
	}
	c.s.Shared.setAttributes(func(a *clientAttrs) {
		if name {
			a.libName = string(value)
		} else {
			a.libVer = string(value)
		}
	})
	c.W.OK()
}

func doClientReply(c *Ctx) {
	s := c.s
	switch mode := c.Args[2]; {
	case spec.EqualFold(mode, "on"):
		s.ReplyMode = ReplyOn
		c.W.OK()
	case spec.EqualFold(mode, "off"):
		s.ReplyMode = replyOff
	case spec.EqualFold(mode, "skip"):
		if s.ReplyMode != replyOff {
			s.ReplyMode = replySkipNext
		}
	default:
		c.Err(resp.ErrSyntax)
	}
}

func doClientNotouch(c *Ctx) {
	if on, ok := c.onOff(c.Args[2]); ok {
		c.s.setNoTouch(on)
		c.W.OK()
	}
}

func doClientNoevict(c *Ctx) {
	if on, ok := c.onOff(c.Args[2]); ok {
		c.s.Shared.setFlag(clientNoEvict, on)
		c.W.OK()
	}
}

// onOff reads ON or OFF; !ok: an error was written.
func (c *Ctx) onOff(word []byte) (on, ok bool) {
	on = spec.EqualFold(word, "on")
	if !on && !spec.EqualFold(word, "off") {
		c.Err(resp.ErrSyntax)
		return false, false
	}
	return on, true
}
