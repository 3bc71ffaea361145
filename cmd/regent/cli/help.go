package cli

import (
	"fmt"
	"strings"

	"regent/engine/spec"
)

// What the command table knows, for people: help, completion and hints.

// prefer reads ":set hints" and ":set nohints".
func (c *client) prefer(words []string) {
	switch strings.ToLower(strings.Join(words, " ")) {
	case ":set hints":
		c.noHints = false
	case ":set nohints":
		c.noHints = true
	default:
		fmt.Fprintf(c.out, "unknown redis-cli internal command '%s'\n", words[0])
	}
}

// help prints what is asked for: a command with its subcommands, a group
// ("@list"), or how to ask.
func (c *client) help(words []string) {
	if len(words) == 0 {
		fmt.Fprintf(c.out, generalHelp, c.t.Version)
		return
	}
	fmt.Fprint(c.out, "\r\n")
	group, isGroup := strings.CutPrefix(words[0], "@")
	asked := strings.ToLower(strings.Join(words, " "))
	for _, cmd := range c.s.table.Commands() {
		each(cmd, func(cmd *spec.Command) {
			name := strings.ReplaceAll(cmd.FullName(), "|", " ")
			switch {
			case isGroup && strings.EqualFold(group, string(cmd.Group)):
				c.describe(name, cmd, false)
			case !isGroup && (name == asked || strings.HasPrefix(name, asked+" ")):
				c.describe(name, cmd, true)
			}
		})
	}
}

func (c *client) describe(name string, cmd *spec.Command, group bool) {
	fmt.Fprintf(c.out, "  \x1b[1m%s\x1b[0m \x1b[90m%s\x1b[0m\r\n", strings.ToUpper(name), usageOf(cmd.Args))
	fmt.Fprintf(c.out, "  \x1b[33msummary:\x1b[0m %s\r\n", cmd.Summary)
	fmt.Fprintf(c.out, "  \x1b[33msince:\x1b[0m %s\r\n", cmd.Since)
	if group {
		fmt.Fprintf(c.out, "  \x1b[33mgroup:\x1b[0m %s\r\n", cmd.Group)
	}
	fmt.Fprint(c.out, "\r\n")
}

const generalHelp = `regent cli %s
To get help about Redis commands type:
      "help @<group>" to get a list of commands in <group>
      "help <command>" for help on <command>
      "help <tab>" to get a list of possible help topics
      "quit" to exit

To set preferences:
      ":set hints" enable online hints
      ":set nohints" disable online hints
`

// each calls f for a command and its subcommands.
func each(cmd *spec.Command, f func(*spec.Command)) {
	f(cmd)
	for _, sub := range cmd.Subcommands() {
		f(sub)
	}
}

// usageOf writes arguments as documentation does: key value [NX|XX] [GET].
func usageOf(args spec.Args) string {
	var words []string
	for _, a := range args {
		words = append(words, usageOfOne(a))
	}
	return strings.Join(words, " ")
}

func usageOfOne(a spec.Arg) string {
	value := a.Name
	switch a.Type {
	case "pure-token":
		value = ""
	case "block":
		value = usageOf(a.Args)
	case "oneof":
		var choices []string
		for _, choice := range a.Args {
			choices = append(choices, usageOfOne(choice))
		}
		value = strings.Join(choices, "|")
	}
	token := a.Token
	if token == "" && a.Type == "pure-token" {
		token = `""`
	}
	text := strings.TrimSpace(token + " " + value)
	if a.Multiple {
		again := value
		if a.MultiTok {
			again = text
		}
		text += " [" + again + " ...]"
	}
	if a.Optional {
		text = "[" + text + "]"
	}
	return text
}

// hint is what may follow what was typed, "" for nothing.
func (c *client) hint(line string) string {
	words, err := splitLine(line)
	if err != nil || len(words) == 0 || c.noHints {
		return ""
	}
	cmd, known := c.s.lookup(words)
	if !known {
		return ""
	}
	typed := len(words) - len(strings.Split(cmd.FullName(), "|"))
	if !strings.HasSuffix(line, " ") {
		if len(words) > 1 && typed == 0 && strings.Contains(cmd.FullName(), "|") || len(words) == 1 {
			return pad(usageOf(cmd.Args))
		}
		return pad(without(usageOf(cmd.Args), typed))
	}
	return without(usageOf(cmd.Args), typed)
}

func pad(hint string) string {
	if hint == "" {
		return ""
	}
	return " " + hint
}

// without drops as many words from the beginning of a usage as were typed; the
// optional ones at its end stay.
func without(usage string, typed int) string {
	for ; typed > 0 && usage != "" && usage[0] != '['; typed-- {
		_, usage, _ = strings.Cut(usage, " ")
	}
	return usage
}

// completions are the commands and help topics that begin with what was typed.
func (c *client) completions(line string) (found []string) {
	start := ""
	if rest, ok := strings.CutPrefix(strings.ToLower(line), "help "); ok {
		start, line = line[:len("help ")], rest
		for _, group := range c.groups() {
			if strings.HasPrefix("@"+group, line) {
				found = append(found, start+"@"+group)
			}
		}
	}
	for _, cmd := range c.s.table.Commands() {
		each(cmd, func(cmd *spec.Command) {
			name := strings.ReplaceAll(cmd.FullName(), "|", " ")
			if strings.HasPrefix(name, strings.ToLower(line)) && (strings.Contains(line, " ") || !strings.Contains(name, " ")) {
				found = append(found, start+strings.ToUpper(name))
			}
		})
	}
	return found
}

func (c *client) groups() (names []string) {
	seen := map[spec.Group]bool{}
	for _, cmd := range c.s.table.Commands() {
		if !seen[cmd.Group] {
			seen[cmd.Group] = true
			names = append(names, string(cmd.Group))
		}
	}
	return names
}
