package engine

import (
	"slices"
	"strings"
)

// HELP of every container, from the table: a line for each form of a
// subcommand, and one that says what it does.

// helpCommand is the literal of a container's HELP.
func helpCommand(flags Flags, cats Categories, since string) Command {
	return Command{
		Name: "help", Arity: 2, Flags: flags, Cats: cats, Since: since, Complex: "O(1)",
		Summary: "Prints this help.",
		Do:      doHelp,
	}
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
		lines = append(lines, strings.TrimSpace(strings.ToUpper(sub.Name)+" "+syntax(sub.Args)), "    "+sub.Summary)
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

// syntax is arguments as one writes them down: <needed> [optional] (ONE|TWO).
func syntax(args []Arg) string {
	words := make([]string, len(args))
	for i := range args {
		words[i] = args[i].syntax()
	}
	return strings.Join(words, " ")
}

func (a *Arg) syntax() string {
	s := a.inner()
	switch {
	case a.Token != "" && s != "" && a.Type != "pure-token":
		s = a.Token + " " + s
	case a.Token != "":
		s = a.Token
	}
	if a.Multiple {
		s += " [" + s + " ...]"
	}
	if a.Optional {
		s = "[" + s + "]"
	}
	return s
}

// inner is what stands for the argument's own value.
func (a *Arg) inner() string {
	switch a.Type {
	case "pure-token":
		return ""
	case "block":
		return syntax(a.Args)
	case "oneof":
		words := make([]string, len(a.Args))
		for i := range a.Args {
			words[i] = a.Args[i].syntax()
		}
		return "(" + strings.Join(words, "|") + ")"
	}
	return "<" + a.Name + ">"
}
