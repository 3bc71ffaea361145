package cluster

import (
	"fmt"

	"regent/engine"
	"regent/engine/spec"
	"regent/resp"
)

// REGENT: what Redis has no command for. REGENT PEER opens the peers' channel
// on the client port; it authenticates by itself (cluster/peer), so it needs
// no AUTH. REGENT ACKS is write-acks for one connection. REGENT BACKUP sends a copy of the data.
// REGENT NODE: nodes.go.

func regentCommands() []engine.Command {
	return []engine.Command{{Command: spec.Command{
		Name: "regent", Arity: -2, Group: spec.GroupServer, Since: "7.0.0", Complex: "Depends on subcommand.",
		Summary: "Regent's own commands.",
	}, Subs: []engine.Command{
		{Do: (*engine.Ctx).HandOver, OpensChannel: true, Command: spec.Command{
			Name: "peer", Arity: -3, Flags: spec.Admin | spec.NoScript | spec.NoAuth | spec.Loading | spec.Stale | spec.NoMulti, Since: "7.0.0", Complex: "O(1)",
			Summary: "Opens the channel between two nodes.",
			Args:    spec.Args{spec.String("handshake").Many()},
		}},
		{Do: (*engine.Ctx).HandOver, Command: spec.Command{
			Name: "backup", Arity: 2, Flags: spec.Admin | spec.NoScript | spec.NoMulti, Since: "7.0.0", Complex: "O(N) in the number of keys in all databases",
			Summary: "Sends a copy of the data, as an RDB file of one moment.",
		}},
		{Do: doRegentAcks, Command: spec.Command{
			Name: "acks", Arity: 3, Flags: spec.NoScript | spec.Loading | spec.Stale | spec.Fast, Cats: spec.CatConnection, Since: "7.0.0", Complex: "O(1)",
			Summary: "Sets how many nodes must hold the writes of this connection before they are answered.",
			Args: spec.Args{spec.OneOf("acks", spec.Word("leader", "LEADER"), spec.Word("quorum", "QUORUM"),
				spec.Word("all", "ALL"), spec.Word("default", "DEFAULT"))},
		}},
		{Administer: doForceLeader, Command: spec.Command{
			Name: "force-leader", Arity: 2, Flags: spec.Admin | spec.NoScript | spec.Stale, Since: "7.0.0", Complex: "O(1)",
			Summary: "Lets this node be elected although nodes that may hold later writes do not answer: those writes are given up.",
		}},
		regentNode(),
		engine.HelpCommand(spec.Loading|spec.Stale, "7.0.0"),
	}}}
}

// doRegentAcks sets what write-acks says for everybody for one connection.
func doRegentAcks(c *engine.Ctx) {
	for a, word := range [...]string{engine.AcksDefault: "default", engine.AcksLeader: "leader", engine.AcksQuorum: "quorum", engine.AcksAll: "all"} {
		if spec.EqualFold(c.Args[2], word) {
			c.SetAcks(engine.Acks(a))
			c.W.OK()
			return
		}
	}
	c.Err(resp.ErrSyntax)
}

func doForceLeader(c *engine.Ctx, a engine.Administration) {
	if err := a.ForceLeader(); err != nil {
		c.Err(fmt.Sprintf(resp.ErrForceLeader, err))
		return
	}
	c.W.OK()
}
