package engine

import (
	"regent/engine/spec"
	"regent/resp"
)

// Commands of redis-server whose thing does not exist here: modules, and a node that
// somebody has to tell whom to follow. Each is in the table, so that a client or a tool that
// asks gets an error that says what is there instead.

func absentCommands() []Command {
	return append(moduleCommands(), replicaofCommands()...)
}

// refusing is a handler that answers with one error.
func refusing(text string) func(c *Ctx) { return func(c *Ctx) { c.Err(text) } }

func moduleCommands() []Command {
	const flags = spec.Admin | spec.NoScript
	noModules := refusing(resp.ErrNoModules)
	path := spec.String("path")
	return []Command{{Help: resp.HelpModule, Command: spec.Command{
		Name: "module", Arity: -2, Since: "4.0.0", Complex: "Depends on subcommand.",
		Summary: "Says that there are no modules.",
	}, Subs: []Command{
		HelpCommand(spec.Loading|spec.Stale, "5.0.0"),
		{Do: func(c *Ctx) { c.W.Array(0) }, Command: spec.Command{
			Name: "list", Arity: 2, Flags: flags, Since: "4.0.0", Complex: "O(1)",
			Summary: "Returns the modules: none.", Tips: []string{"nondeterministic_output_order"},
		}},
		{Do: noModules, Command: spec.Command{
			Name: "load", Arity: -3, Flags: flags | spec.NoAsyncLoading, Since: "4.0.0", Complex: "O(1)",
			Summary: "Is refused: modules are libraries of redis-server's own.",
			Args:    spec.Args{path, spec.String("arg").Opt().Many()},
		}},
		{Do: noModules, Command: spec.Command{
			Name: "loadex", Arity: -3, Flags: flags | spec.NoAsyncLoading, Since: "7.0.0", Complex: "O(1)",
			Summary: "Is refused: modules are libraries of redis-server's own.",
			Args: spec.Args{path,
				spec.Block("configs", spec.String("name"), spec.String("value")).With("CONFIG").Opt().Many().Repeated(),
				spec.Block("args", spec.String("arg")).With("ARGS").Opt().Many()},
		}},
		{Do: noModules, Command: spec.Command{
			Name: "unload", Arity: 3, Flags: flags | spec.NoAsyncLoading, Since: "4.0.0", Complex: "O(1)",
			Summary: "Is refused: there is no module.",
			Args:    spec.Args{spec.String("name")},
		}},
	}}}
}

// replicaofCommands: nodes find their leader by themselves, and get its log over the
// peers' channel.
func replicaofCommands() []Command {
	const flags = spec.Admin | spec.NoScript | spec.NoAsyncLoading
	target := spec.Args{spec.OneOf("args",
		spec.Block("host-port", spec.String("host"), spec.Integer("port")),
		spec.Block("no-one", spec.Word("no", "NO"), spec.Word("one", "ONE")))}
	return []Command{
		{Do: doReplicaof, refuses: noReplicaof, Command: spec.Command{
			Name: "replicaof", Arity: 3, Flags: flags | spec.Stale, Since: "5.0.0", Complex: "O(1)",
			Summary: "Is refused: the election says who follows whom.", Args: target,
		}},
		{Do: doReplicaof, refuses: noReplicaof, Command: spec.Command{
			Name: "slaveof", Arity: 3, Flags: flags | spec.Stale, Since: "1.0.0", Complex: "O(1)",
			Summary: "Is refused: the election says who follows whom.", Args: target,
			DeprecatedSince: "5.0.0", ReplacedBy: "`REPLICAOF`",
		}},
	}
}

// noReplicaof is why REPLICAOF does nothing. Where there are peers, NO ONE is refused too:
// a Sentinel of redis-server's says it in a transaction that goes on to end the node's
// clients, and what is refused ends that.
func noReplicaof(c *Ctx) string {
	switch noOne := spec.EqualFold(c.Args[1], "no") && spec.EqualFold(c.Args[2], "one"); {
	case c.ClusterFace():
		return resp.ErrReplicaofCluster
	case noOne && !c.View().Clustered:
		return ""
	}
	return resp.ErrNoReplicaof
}

func doReplicaof(c *Ctx) {
	if msg := noReplicaof(c); msg != "" {
		c.Err(msg)
		return
	}
	c.W.OK()
}
