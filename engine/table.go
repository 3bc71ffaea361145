package engine

import (
	"slices"

	"regent/engine/config"
	"regent/engine/rdb"
	"regent/engine/spec"
)

// A Room is commands that belong together, and the types of values that they work
// on: what a package of commands brings to an engine (engine/commands).
type Room struct {
	// Group is that of every command which names none.
	Group spec.Group
	// Cats are the categories of every command that names none and can be carried
	// out: a container that only holds others has none of its own.
	Cats     spec.Categories
	Commands []Command
	// Codecs are for the values in RDB files; nil: the room has no type. What they
	// decode is an Object, built as cfg's limits say.
	Codecs func(cfg *config.Config) []rdb.Codec
	// Small makes the objects for views of the forms that the room's values have
	// while they are small (form.go).
	Small map[Form]MakeSmall
}

// rows are the room's commands for one table, which changes them.
func (r *Room) rows() []Command { return r.filled(r.Commands) }

func (r *Room) filled(commands []Command) []Command {
	rows := slices.Clone(commands)
	for i := range rows {
		cmd := &rows[i]
		if do := cmd.Administer; do != nil {
			cmd.Do = func(c *Ctx) { do(c, c.e.cluster) }
		}
		if cmd.Cats == 0 && cmd.Do != nil {
			cmd.Cats = r.Cats
		}
		cmd.Subs = r.filled(cmd.Subs)
	}
	return rows
}

// kernelRooms are the commands of the kernel itself: sessions and the server.
func kernelRooms() []Room {
	return []Room{
		{Group: spec.GroupConnection, Cats: spec.CatConnection, Commands: connectionCommands()},
		{Group: spec.GroupGeneric, Cats: spec.CatConnection, Commands: waitCommands()},
		{Group: spec.GroupTransaction, Cats: spec.CatTransaction, Commands: transactionCommands()},
		{Group: spec.GroupPubSub, Commands: pubsubCommands()},
		{Group: spec.GroupServer, Commands: serverCommands()},
	}
}

// NewTable is what is known of all commands of an engine with those rooms.
func NewTable(rooms ...Room) *spec.Table { return newTable(rooms).spec }

// A table is the command table of an engine.
type table struct {
	rows  []*Command
	names spec.Index[*Command]
	// said are the names that clients say: rename-command changes them.
	said    spec.Index[*Command]
	renames bool // said differs from names
	spec    *spec.Table
}

func newTable(rooms []Room) *table {
	var rows []*Command
	var specs []*spec.Command
	for _, r := range slices.Concat(kernelRooms(), rooms) {
		commands := r.rows()
		for i := range commands {
			cmd := &commands[i]
			if cmd.Group == "" {
				cmd.Group = r.Group
			}
			cmd.hold()
			rows, specs = append(rows, cmd), append(specs, &cmd.Command)
		}
	}
	t := &table{rows: rows, spec: spec.NewTable(specs)}
	t.names = spec.NewIndex(rows, func(cmd *Command) string { return cmd.Name })
	t.said = t.names
	for _, cmd := range rows {
		cmd.derive()
	}
	return t
}

// hold makes a container known to those it holds. It panics if one of them, or cmd,
// cannot be carried out.
func (cmd *Command) hold() {
	if cmd.Do == nil && len(cmd.Subs) == 0 {
		panic("engine: command " + cmd.Name + " has neither a handler nor subcommands")
	}
	for i := range cmd.Subs {
		sub := &cmd.Subs[i]
		sub.parent = cmd
		cmd.Contain(&sub.Command)
		sub.hold()
	}
}

// derive fills in what follows from the literal.
func (cmd *Command) derive() {
	cmd.shape = shapeOf(cmd)
	cmd.quick = cmd.Has(spec.Fast) || cmd.Group == spec.GroupString
	for i := range cmd.Subs {
		cmd.Subs[i].derive()
	}
}

// Lookup is spec.Table's, for records of the log.
func (t *table) Lookup(args [][]byte) (cmd *Command, known bool) {
	cmd, _ = t.names.Find(args[0])
	return cmd.within(args)
}

// Asked is Lookup for what a client says.
func (t *table) Asked(args [][]byte) (cmd *Command, known bool) {
	return t.find(args[0]).within(args)
}

// within is the subcommand that args name, or cmd itself.
func (cmd *Command) within(args [][]byte) (found *Command, known bool) {
	if cmd == nil {
		return nil, false
	}
	if len(cmd.Subs) == 0 || len(args) == 1 {
		return cmd, true
	}
	for i := range cmd.Subs {
		if spec.EqualFold(args[1], cmd.Subs[i].Name) {
			return &cmd.Subs[i], true
		}
	}
	return cmd, false
}

// find finds a command by the name that clients say, in any case, nil for none.
func (t *table) find(name []byte) *Command {
	cmd, _ := t.said.Find(name)
	return cmd
}
