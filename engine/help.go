package engine

import (
	"slices"
	"strings"

	"regent/engine/spec"
)

// HELP of every container, from the table: a line for each form of a
// subcommand, and one that says what it does.

// HelpCommand is the literal of a container's HELP.
func HelpCommand(flags spec.Flags, since string) Command {
	return Command{Do: doHelp, Command: spec.Command{
		Name: "help", Arity: 2, Flags: flags, Since: since, Complex: "O(1)",
		Summary: "Prints this help.",
	}}
}

func doHelp(c *Ctx) {
	container := c.Cmd.parent
	c.W.Array(1 + len(container.helpLines()))
	c.W.Status(strings.ToUpper(container.Name) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	for _, line := range container.helpLines() {
		c.W.Status(line)
	}
}

// helpLines describes the subcommands, HELP last.
func (cmd *Command) helpLines() (lines []string) {
	if cmd.Do != nil {
		lines = append(lines, "(no subcommand)", "    "+cmd.Summary)
	}
	subs := slices.Clone(cmd.Subs)
	slices.SortStableFunc(subs, func(a, b Command) int {
		return strings.Compare(helpRank(a.Name), helpRank(b.Name))
	})
	for i := range subs {
		sub := &subs[i]
		lines = append(lines, strings.TrimSpace(strings.ToUpper(sub.Name)+" "+sub.Args.Syntax()), "    "+sub.Summary)
	}
	return lines
}

// helpRank sorts by name, but HELP to the end.
func helpRank(name string) string {
	if name == "help" {
		return "~"
	}
	return name
}
