package engine

import "sort"

// maxNameLen bounds a command name that can be in the table; longer words
// are unknown without a look.
const maxNameLen = 32

// A Table is the command table: the literals of the groups' files, indexed.
type Table struct {
	byName map[string]*Command
	short  [shortSlots]shortName // most names, at a fraction of the map's price
	sorted []*Command
	count  int // with subcommands
}

// literals is the one list of all groups; a group is added here and nowhere
// else.
func literals() [][]Command {
	return [][]Command{
		connectionCommands(),
		stringCommands(),
		listCommands(),
		setCommands(),
		genericCommands(),
		serverCommands(),
		introspectionCommands(),
		clusterCommands(), failoverCommands(),
		regentCommands(),
	}
}

// NewTable builds the command table. Servers have one of their own; the client
// uses one to know what may be sent twice.
func NewTable() *Table {
	t := &Table{byName: map[string]*Command{}}
	for _, group := range literals() {
		for i := range group {
			t.add(&group[i])
		}
	}
	sort.Slice(t.sorted, func(i, j int) bool { return t.sorted[i].Name < t.sorted[j].Name })
	return t
}

func (t *Table) add(cmd *Command) {
	if _, dup := t.byName[cmd.Name]; dup {
		panic("engine: command " + cmd.Name + " is in the table twice")
	}
	t.derive(cmd, nil)
	t.byName[cmd.Name] = cmd
	if key := shortKey([]byte(cmd.Name)); key != 0 && t.short[shortSlot(key)].key == 0 {
		t.short[shortSlot(key)] = shortName{key, cmd}
	}
	t.sorted = append(t.sorted, cmd)
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
	cmd.shape = shapeOf(cmd)
	cmd.quick = cmd.Has(Fast) || cmd.Group == GroupString
	cmd.index = t.count
	t.count++
	cmd.Cats |= impliedCategories(cmd.Flags)
	if cmd.movable() {
		cmd.Flags |= MovableKeys
	}
	for i := range cmd.Subs {
		t.derive(&cmd.Subs[i], cmd)
	}
}

func impliedCategories(f Flags) Categories {
	var c Categories
	if f&Write != 0 {
		c |= CatWrite
	}
	if f&ReadOnly != 0 {
		c |= CatRead
	}
	if f&Admin != 0 {
		c |= CatAdmin | CatDangerous
	}
	if f&PubSub != 0 {
		c |= CatPubSub
	}
	if f&Blocking != 0 {
		c |= CatBlocking
	}
	if f&Fast != 0 {
		return c | CatFast
	}
	return c | CatSlow
}

// size is the number of commands and subcommands.
func (t *Table) size() int { return t.count }

// Commands are the top-level commands by name.
func (t *Table) Commands() []*Command { return t.sorted }

// Lookup finds a command by name in any case, and its subcommand when args
// has one. It returns the container when the subcommand is unknown, with
// known false.
func (t *Table) Lookup(args [][]byte) (cmd *Command, known bool) {
	cmd = t.find(args[0])
	if cmd == nil {
		return nil, false
	}
	if len(cmd.Subs) == 0 || len(args) == 1 {
		return cmd, true
	}
	for i := range cmd.Subs {
		if equalFold(args[1], cmd.Subs[i].Name) {
			return &cmd.Subs[i], true
		}
	}
	return cmd, false
}

func (t *Table) find(name []byte) *Command {
	if key := shortKey(name); key != 0 {
		if sn := &t.short[shortSlot(key)]; sn.key == key && equalFold(name, sn.cmd.Name) {
			return sn.cmd
		}
	}
	var low [maxNameLen]byte
	if len(name) > maxNameLen {
		return nil
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		low[i] = c
	}
	return t.byName[string(low[:len(name)])]
}

// equalFold reports whether word is lower, ignoring ASCII case.
func equalFold(word []byte, lower string) bool {
	if len(word) != len(lower) {
		return false
	}
	for i, c := range word {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// A shortName is a command under a name of up to eight bytes, which are its
// key: in lower case, as a number. Names that fall on the same slot are found
// in the map.
type shortName struct {
	key uint64
	cmd *Command
}

const (
	shortBits  = 10
	shortSlots = 1 << shortBits
)

// shortKey packs a name into a number, 0 when it is too long. It takes every
// byte for a letter: whoever finds something compares once more.
func shortKey(name []byte) (key uint64) {
	const lowerCase = 0x20
	if len(name) > 8 {
		return 0
	}
	for _, c := range name {
		key = key<<8 | uint64(c|lowerCase)
	}
	return key
}

// shortSlot spreads keys by their upper bits after a multiplication (Knuth's
// golden ratio).
func shortSlot(key uint64) uint64 { return key * 0x9e3779b97f4a7c15 >> (64 - shortBits) }
