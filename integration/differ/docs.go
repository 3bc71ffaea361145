package main

import (
	"fmt"
	"slices"
	"strings"
)

// An arg is one argument as COMMAND DOCS describes it.
type arg struct {
	name, kind, token  string
	optional, multiple bool
	eachToken          bool // the token stands before every repetition
	args               []arg
}

// A command is a command or subcommand that can be drawn.
type command struct {
	name  string // xgroup|create
	words []string
	group string
	args  []arg
}

// dataGroups are COMMAND DOCS' groups of commands that work on data.
func dataGroups() []string {
	return []string{
		"string", "bitmap", "hyperloglog", "list", "set", "hash", "sorted-set", "stream", "geo", "generic", "transactions",
	}
}

// readDocs takes COMMAND DOCS' reply apart: the commands of the data groups, by name.
func readDocs(v value) []command {
	var all []command
	for name, doc := range pairs(v) {
		fields := map[string]value{}
		for key, val := range pairs(doc) {
			fields[key] = val
		}
		group := fields["group"].text
		if !slices.Contains(dataGroups(), group) {
			continue
		}
		if subs, ok := fields["subcommands"]; ok {
			for sub, d := range pairs(subs) {
				c := command{name: sub, words: strings.Split(sub, "|"), group: group}
				for key, val := range pairs(d) {
					if key == "arguments" {
						c.args = readArgs(val)
					}
				}
				all = append(all, c)
			}
			continue
		}
		all = append(all, command{name: name, words: []string{name}, group: group, args: readArgs(fields["arguments"])})
	}
	slices.SortFunc(all, func(a, b command) int { return strings.Compare(a.name, b.name) })
	return all
}

func readArgs(v value) (args []arg) {
	for _, el := range v.elems {
		var a arg
		for key, val := range pairs(el) {
			switch key {
			case "name":
				a.name = val.text
			case "type":
				a.kind = val.text
			case "token":
				a.token = val.text
			case "arguments":
				a.args = readArgs(val)
			case "flags":
				for _, f := range val.elems {
					a.optional = a.optional || f.text == "optional"
					a.multiple = a.multiple || f.text == "multiple"
					a.eachToken = a.eachToken || f.text == "multiple_token"
				}
			}
		}
		args = append(args, a)
	}
	return args
}

// pairs walks a map, of RESP2 or RESP3.
func pairs(v value) func(func(string, value) bool) {
	return func(yield func(string, value) bool) {
		for p := range slices.Chunk(v.elems, 2) {
			if len(p) == 2 && !yield(p[0].text, p[1]) {
				return
			}
		}
	}
}

// label names a choice for the count of what was reached.
func (a *arg) label() string {
	if a.token != "" && a.token != `""` {
		return a.token
	}
	return a.name
}

// choices are the labels of everything optional in args, and of alternatives.
func choices(args []arg, alternative bool, found []string) []string {
	for i := range args {
		a := &args[i]
		if a.optional || alternative {
			found = append(found, a.label())
		}
		found = choices(a.args, a.kind == "oneof", found)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// A coverage counts what was drawn, and what of it was answered by something other
// than an error.
type coverage struct {
	sent, done map[string]int            // by command
	options    map[string]map[string]int // by command, by label: answered by something other than an error
}

func newCoverage() *coverage {
	return &coverage{map[string]int{}, map[string]int{}, map[string]map[string]int{}}
}

// note counts a reply.
func (c *coverage) note(s *step, failed bool) {
	if s.name == "" {
		return
	}
	c.sent[s.name]++
	if failed {
		return
	}
	c.done[s.name]++
	if c.options[s.name] == nil {
		c.options[s.name] = map[string]int{}
	}
	for _, o := range s.options {
		c.options[s.name][o]++
	}
}

// report says how many of the commands and options have been answered by something
// other than an error, and names the rest.
func (c *coverage) report(cmds []command) string {
	var reached, options, optionsReached int
	var missing []string
	for i := range cmds {
		cmd := &cmds[i]
		if c.done[cmd.name] > 0 {
			reached++
		} else {
			missing = append(missing, cmd.name)
		}
		for _, o := range choices(cmd.args, false, nil) {
			options++
			if c.options[cmd.name][o] > 0 {
				optionsReached++
			} else {
				missing = append(missing, cmd.name+" "+o)
			}
		}
	}
	return fmt.Sprintf("commands that did something: %d of %d; options: %d of %d; never: %s",
		reached, len(cmds), optionsReached, options, strings.Join(missing, ", "))
}
