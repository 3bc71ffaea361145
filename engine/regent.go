package engine

import "bytes"

// REGENT: what Redis has no command for. REGENT PEER opens the peers' channel
// on the client port; it authenticates by itself (cluster/peer), so it needs
// no AUTH.

func regentCommands() []Command {
	return []Command{{
		Name: "regent", Arity: -2, Group: GroupServer, Since: "7.0.0", Complex: "Depends on subcommand.",
		Summary: "Regent's own commands.",
		Subs: []Command{
			{
				Name: "peer", Arity: -3, Flags: Admin | NoScript | NoAuth | Loading | Stale | NoMulti, Since: "7.0.0", Complex: "O(1)",
				Summary: "Opens the channel between two nodes.",
				Args:    []Arg{arg("handshake", "string").many()},
				Do:      doRegentPeer,
			},
			helpCommand(Loading|Stale, 0, "7.0.0"),
		},
	}}
}

// doRegentPeer hands the connection over; whoever takes it answers.
func doRegentPeer(c *Ctx) {
	words := make([][]byte, len(c.Args))
	for i, a := range c.Args {
		words[i] = bytes.Clone(a)
	}
	c.S.Hijack = words
}
