package engine

import "bytes"

// REGENT: what Redis has no command for. REGENT PEER opens the peers' channel
// on the client port; it authenticates by itself (cluster/peer), so it needs
// no AUTH. REGENT BACKUP sends a copy of the data.

func regentCommands() []Command {
	return []Command{{
		Name: "regent", Arity: -2, Group: GroupServer, Since: "7.0.0", Complex: "Depends on subcommand.",
		Summary: "Regent's own commands.",
		Subs: []Command{
			{
				Name: "peer", Arity: -3, Flags: Admin | NoScript | NoAuth | Loading | Stale | NoMulti, Since: "7.0.0", Complex: "O(1)",
				Summary: "Opens the channel between two nodes.",
				Args:    []Arg{arg("handshake", "string").many()},
				Do:      doHandOver,
			},
			{
				Name: "backup", Arity: 2, Flags: Admin | NoScript | NoMulti, Since: "7.0.0", Complex: "O(N) in the number of keys in all databases",
				Summary: "Sends a copy of the data, as an RDB file of one moment.",
				Do:      doHandOver,
			},
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
