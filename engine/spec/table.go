package spec

import "slices"

// A Table is all commands, by name and by number.
type Table struct {
	names  Index[*Command]
	sorted []*Command
	all    []*Command // with subcommands, by Command.Index
	first  int        // Command.Index of the first
}

// NewTable makes a table of commands, and fills in what follows from their
// literals: they belong to it from then on. It panics if two have one name.
func NewTable(commands []*Command) *Table { return NewTableAfter(nil, commands) }

// NewTableAfter is NewTable for a second table beside others, which knows its commands
// by numbers that follow theirs.
func NewTableAfter(before *Table, commands []*Command) *Table {
	t := &Table{sorted: slices.Clone(commands)}
	if before != nil {
		t.first = before.End()
	}
	for _, cmd := range commands {
		t.derive(cmd, nil)
	}
	slices.SortFunc(t.sorted, func(a, b *Command) int { return compare(a.Name, b.Name) })
	t.names = NewIndex(t.sorted, func(cmd *Command) string { return cmd.Name })
	return t
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// derive fills in what follows from the literal.
func (t *Table) derive(cmd, parent *Command) {
	cmd.parent, cmd.full = parent, cmd.Name
	if parent != nil {
		cmd.full = parent.full + "|" + cmd.Name
		if cmd.Group == "" {
			cmd.Group = parent.Group
		}
	}
	cmd.index = t.End()
	t.all = append(t.all, cmd)
	implied := impliedCategories(cmd.Flags)
	if cmd.Cats&CatScripting != 0 {
		implied &^= CatRead // as in Redis: a script that reads is no read
	}
	cmd.Cats |= implied
	cmd.oneKey = len(cmd.Keys) == 1 && cmd.Keys[0].IsRange() && cmd.Keys[0].LastKey == 0 && cmd.GetKeys == nil &&
		cmd.Keys[0].Flags&(KeyNotKey|KeyVariable|KeyIncomplete) == 0
	if cmd.movable() {
		cmd.Flags |= MovableKeys
	}
	for _, sub := range cmd.subs {
		t.derive(sub, cmd)
	}
}

// Said is the table under the names that clients say: it finds commands by them, and does not
// have those that have none.
func (t *Table) Said(names map[*Command]string) *Table {
	said := &Table{all: t.all, first: t.first}
	for _, cmd := range t.sorted {
		if _, there := names[cmd]; there {
			said.sorted = append(said.sorted, cmd)
		}
	}
	said.names = NewIndex(said.sorted, func(cmd *Command) string { return names[cmd] })
	return said
}

// Size is the number of commands and subcommands.
func (t *Table) Size() int { return len(t.all) }

// End is one more than the highest Command.Index.
func (t *Table) End() int { return t.first + len(t.all) }

// Commands are the top-level commands by name.
func (t *Table) Commands() []*Command { return t.sorted }

// All are the commands and subcommands in the order of Command.Index.
func (t *Table) All() []*Command { return t.all }

// Lookup finds a command by name in any case, and its subcommand when args
// has one. It returns the container when the subcommand is unknown, with
// known false.
func (t *Table) Lookup(args [][]byte) (cmd *Command, known bool) {
	cmd, found := t.names.Find(args[0])
	if !found {
		return nil, false
	}
	if len(cmd.subs) == 0 || len(args) == 1 {
		return cmd, true
	}
	for _, sub := range cmd.subs {
		if SameName(args[1], sub.Name) {
			return sub, true
		}
	}
	return cmd, false
}

// Named finds a command by its full name in any case ("CLIENT|list"), nil for
// none.
func (t *Table) Named(full []byte) *Command {
	args := make([][]byte, 1, 2)
	args[0] = full
	for i, b := range full {
		if b == '|' {
			args = append(args[:0], full[:i], full[i+1:])
			break
		}
	}
	cmd, known := t.Lookup(args)
	if !known || len(args) == 2 && cmd.parent == nil {
		return nil
	}
	return cmd
}

// Each calls f with every command, by name, and after it with its subcommands.
func (t *Table) Each(f func(cmd *Command)) {
	for _, cmd := range t.sorted {
		f(cmd)
		for _, sub := range cmd.subs {
			f(sub)
		}
	}
}
