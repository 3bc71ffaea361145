package cluster

import (
	"slices"

	"regent/engine"
	"regent/engine/spec"
	"regent/resp"
)

// Subcommands that build a Redis Cluster by hand: slots are given to nodes, nodes meet
// and are told which epoch it is. Here the nodes hold all slots together and elect by
// themselves, so each answers with what is there instead.

// refused is a handler that answers with one error.
func refused(text string) func(c *engine.Ctx) {
	return func(c *engine.Ctx) {
		if hasFace(c) {
			c.Err(text)
		}
	}
}

func fixedSlotCommands() []engine.Command {
	const summary = "Is refused: the nodes hold all slots together."
	do := refused(resp.ErrSlotsFixed)
	list := spec.Args{spec.Integer("slot").Many()}
	ranges := spec.Args{spec.Block("start-slot_end-slot", spec.Integer("start-slot"), spec.Integer("end-slot")).Many()}
	node := spec.String("node-id")
	return []engine.Command{
		fixed("addslots", -3, "3.0.0", summary, do, list...),
		fixed("addslotsrange", -4, "7.0.0", summary, do, ranges...),
		fixed("delslots", -3, "3.0.0", summary, do, list...),
		fixed("delslotsrange", -4, "7.0.0", summary, do, ranges...),
		fixed("flushslots", 2, "3.0.0", summary, do),
		fixed("setslot", -4, "3.0.0", summary, do, spec.Integer("slot"), spec.OneOf("subcommand",
			node.With("IMPORTING"), node.With("MIGRATING"), node.With("NODE"), spec.Word("stable", "STABLE"))),
	}
}

func fixedNodeCommands() []engine.Command {
	const electionsCount = "Is refused: epochs come from elections alone."
	node := spec.String("node-id")
	epoch := refused(resp.ErrEpochFixed)
	reset := fixed("reset", -2, "3.0.0", "Is refused: a node that leaves is removed by the others.", refused(resp.ErrNoReset),
		spec.OneOf("hard_soft", spec.Word("hard", "HARD"), spec.Word("soft", "SOFT")).Opt())
	reset.Flags = spec.Admin | spec.Stale | spec.NoScript
	bump := fixed("bumpepoch", 2, "3.0.0", electionsCount, epoch)
	bump.Tips = []string{"nondeterministic_output"}
	return []engine.Command{
		bump, reset,
		fixed("forget", 3, "3.0.0", "Is refused: REGENT NODE REMOVE takes a node out.", refused(resp.ErrNoForget), node),
		fixed("meet", -4, "3.0.0", "Is refused: REGENT NODE ADD takes a node in.", refused(resp.ErrNoMeet),
			spec.String("ip"), spec.Integer("port"), spec.Integer("cluster_bus_port").Opt().Added("4.0.0")),
		fixed("replicate", 3, "3.0.0", "Is refused: every node follows the leader by itself.", refused(resp.ErrNoReplicate), node),
		fixed("saveconfig", 2, "3.0.0", "Is accepted: what the node has promised is on disk at any time.", func(c *engine.Ctx) {
			if hasFace(c) {
				c.W.OK()
			}
		}),
		fixed("set-config-epoch", 3, "3.0.0", electionsCount, epoch, spec.Integer("config-epoch")),
	}
}

// fixed is one of them.
func fixed(name string, arity int, since, summary string, do func(c *engine.Ctx), args ...spec.Arg) engine.Command {
	return engine.Command{Do: do, Command: spec.Command{
		Name: name, Arity: arity, Flags: spec.Admin | spec.Stale | spec.NoAsyncLoading, Since: since, Complex: "O(1)",
		Summary: summary, Args: slices.Clip(args),
	}}
}
