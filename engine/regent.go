package engine

import (
	"bytes"
	"fmt"

	"regent/resp"
)

// REGENT: what Redis has no command for. REGENT PEER opens the peers' channel
// on the client port; it authenticates by itself (cluster/peer), so it needs
// no AUTH. REGENT ACKS is write-acks for one connection. REGENT BACKUP sends a copy of the data.
// REGENT NODE: nodes.go.

func regentCommands() []Command {
	return []Command{{
		Name: "regent", Arity: -2, Group: GroupServer, Since: "7.0.0", Complex: "Depends on subcommand.",
		Summary: "Regent's own commands.",
		Subs: []Command{
			{
				Name: "peer", Arity: -3, Flags: Admin | NoScript | NoAuth | Loading | Stale | NoMulti, Since: "7.0.0", Complex: "O(1)",
				Summary: "Opens the channel between two nodes.",
				Args:    []Arg{arg("handshake", "string").many()},
				Do:      doHandOver, OpensChannel: true,
			},
			{
				Name: "backup", Arity: 2, Flags: Admin | NoScript | NoMulti, Since: "7.0.0", Complex: "O(N) in the number of keys in all databases",
				Summary: "Sends a copy of the data, as an RDB file of one moment.",
				Do:      doHandOver,
			},
			{
				Name: "acks", Arity: 3, Flags: NoScript | Loading | Stale | Fast, Cats: CatConnection, Since: "7.0.0", Complex: "O(1)",
				Summary: "Sets how many nodes must hold the writes of this connection before they are answered.",
				Args: []Arg{argOneOf("acks", argWord("leader", "LEADER"), argWord("quorum", "QUORUM"),
					argWord("all", "ALL"), argWord("default", "DEFAULT"))},
				Do: doRegentAcks,
			},
			{
				Name: "force-leader", Arity: 2, Flags: Admin | NoScript | Stale, Since: "7.0.0", Complex: "O(1)",
				Summary: "Lets this node be elected although nodes that may hold later writes do not answer: those writes are given up.",
				Do:      doForceLeader,
			},
			regentNode(),
			helpCommand(Loading|Stale, 0, "7.0.0"),
		},
	}}
}

// doHandOver hands the connection over; whoever takes it answers.
func doHandOver(c *Ctx) {
	words := make([][]byte, len(c.Args))
	for i, a := range c.Args {
		words[i] = bytes.Clone(a)
	}
	c.S.Hijack = words
}

// doRegentAcks sets what write-acks says for everybody for one connection.
func doRegentAcks(c *Ctx) {
	for a, word := range [...]string{AcksDefault: "default", AcksLeader: "leader", AcksQuorum: "quorum", AcksAll: "all"} {
		if equalFold(c.Args[2], word) {
			c.S.Acks = Acks(a)
			c.W.OK()
			return
		}
	}
	c.Err(resp.ErrSyntax)
}

func doForceLeader(c *Ctx) {
	if err := c.E.cluster.ForceLeader(); err != nil {
		c.Err(fmt.Sprintf(resp.ErrForceLeader, err))
		return
	}
	c.W.OK()
}
