package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"

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
	// Face, unless it is FacePort, is the one face where the room's commands are there, in
	// the place of others of the same names.
	Face Face
	// Info is a section of INFO at that face.
	Info func(c *Ctx) InfoSection
	// Seen is called when what clients are told of the cluster may have changed, one call at
	// a time: for what is published at the room's face.
	Seen func(s *Sight)
	// Small makes the objects for views of the forms that the room's values have
	// while they are small (form.go).
	Small map[Form]MakeSmall
	// Deep says that its values are objects that fetch their parts, by a method Fetch (foresee.go).
	Deep bool
	// Libraries are what the room holds outside keys; nil: nothing. One room of a server
	// has them.
	Libraries Libraries
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
		cmd.deep = r.Deep
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

// rowsOf are the commands of rooms, each made known to those it holds.
func rowsOf(rooms []Room) (rows []*Command) {
	for _, r := range rooms {
		commands := r.rows()
		for i := range commands {
			cmd := &commands[i]
			if cmd.Group == "" {
				cmd.Group = r.Group
			}
			cmd.hold()
			rows = append(rows, cmd)
		}
	}
	return rows
}

// everywhere are the kernel's rooms, and those of rooms that are not for one face alone.
func everywhere(rooms []Room) []Room {
	return slices.DeleteFunc(slices.Concat(kernelRooms(), rooms), func(r Room) bool { return r.Face != FacePort })
}

// A table is the command table of an engine.
type table struct {
	rows  []*Command
	names spec.Index[*Command]
	// said are the names that clients say: rename-command changes them.
	said    spec.Index[*Command]
	renames bool // said differs from names
	spec    *spec.Table
	told    *spec.Table // as clients know it: spec, with the names that they say
}

func newTable(rooms []Room) *table { return tableOf(rowsOf(everywhere(rooms)), nil) }

// newSentinelTable is that of the Sentinel face: what its rooms bring, and what else is
// there. Its commands are numbered after those of main.
func newSentinelTable(rooms []Room, main *table) *table {
	own := rowsOf(slices.DeleteFunc(slices.Clone(rooms), func(r Room) bool { return r.Face != FaceSentinel }))
	rows := slices.Clone(own)
	for _, cmd := range rowsOf(everywhere(rooms)) {
		if cmd.Sentinel && !slices.ContainsFunc(own, func(o *Command) bool { return o.Name == cmd.Name }) {
			rows = append(rows, cmd)
		}
	}
	return tableOf(rows, main.spec)
}

func tableOf(rows []*Command, before *spec.Table) *table {
	specs := make([]*spec.Command, len(rows))
	for i, cmd := range rows {
		specs[i] = &cmd.Command
	}
	t := &table{rows: rows, spec: spec.NewTableAfter(before, specs)}
	t.told = t.spec
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
	if cmd.lead = cmd.Flags; cmd.reads {
		cmd.lead |= spec.ReadOnly
	}
	if cmd.Scripts != noScripts {
		cmd.Locks = LockAll
	}
	if cmd.Scripts == ScriptsWrite {
		cmd.lead |= spec.Write
	}
	if cmd.shape = shapeOf(cmd); cmd.shape == shapeSingle {
		cmd.first = cmd.Keys[0].Index
	}
	cmd.quick = cmd.Has(spec.Fast) || cmd.Group == spec.GroupString || cmd.Group == spec.GroupBitmap || cmd.Weighs
	cmd.sized = cmd.Sized || !cmd.quick && cmd.readsCollections()
	cmd.quick = cmd.quick || cmd.sized
	for i := range cmd.Subs {
		cmd.Subs[i].derive()
	}
}

// readsCollections reports whether what a command does is to look at the collections at its keys.
func (cmd *Command) readsCollections() bool {
	switch cmd.Group {
	case spec.GroupList, spec.GroupSet, spec.GroupHash, spec.GroupSortedSet, spec.GroupStream, spec.GroupHyperLogLog, spec.GroupGeo:
		return cmd.Has(spec.ReadOnly) && !cmd.Has(spec.Blocking) && cmd.Scripts == noScripts
	}
	return false
}

// lead has users changed by the leader alone.
func (t *table) lead() {
	var mark func(cmd *Command)
	mark = func(cmd *Command) {
		if cmd.OfUsers {
			cmd.lead |= spec.Write
		}
		for i := range cmd.Subs {
			mark(&cmd.Subs[i])
		}
	}
	for _, cmd := range t.rows {
		mark(cmd)
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
		if spec.SameName(args[1], cmd.Subs[i].Name) {
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

// rename-command: clients know a command by another name, or not at all. The
// log and the stream go on with Redis's names, so that nodes, and later starts,
// may be configured otherwise.

var (
	errNoCommand = errors.New("no such command")
	errNameTaken = errors.New("the target name is another command's already")
)

// CheckRenames says which of the renames cannot be, for an engine with those
// rooms.
func CheckRenames(renames []config.Rename, rooms ...Room) error {
	if len(renames) == 0 {
		return nil
	}
	_, _, err := newTable(rooms).renamed(renames)
	return err
}

// renamed are the names that clients say, and their index.
func (t *table) renamed(renames []config.Rename) (index spec.Index[*Command], said map[*spec.Command]string, err error) {
	names := make(map[string]*Command, len(t.rows))
	for _, cmd := range t.rows {
		names[cmd.Name] = cmd
	}
	for _, r := range renames {
		cmd := names[r.From]
		if cmd == nil {
			return t.names, nil, fmt.Errorf("rename-command %s: %w", r.From, errNoCommand)
		}
		delete(names, r.From)
		if r.To == "" {
			continue
		}
		if names[r.To] != nil {
			return t.names, nil, fmt.Errorf("rename-command %s %s: %w", r.From, r.To, errNameTaken)
		}
		names[r.To] = cmd
	}
	said = make(map[*spec.Command]string, len(names))
	for name, cmd := range names {
		said[&cmd.Command] = name
	}
	var rows []*Command
	for _, cmd := range t.rows {
		if _, there := said[&cmd.Command]; there {
			rows = append(rows, cmd)
		}
	}
	return spec.NewIndex(rows, func(cmd *Command) string { return said[&cmd.Command] }), said, nil
}

// rename has clients say other names; CheckRenames has been asked whether they
// can.
func (t *table) rename(renames []config.Rename) {
	if index, said, err := t.renamed(renames); err == nil && len(renames) > 0 {
		t.said, t.renames = index, true
		t.told = t.spec.Said(said)
	}
}

// nameIn is the first word of a record for what a client has asked for as word.
func (t *table) nameIn(word []byte, cmd *Command) []byte {
	if cmd.parent != nil {
		cmd = cmd.parent
	}
	if spec.EqualFold(word, cmd.Name) {
		return word
	}
	return []byte(cmd.Name)
}

// HELP of every container, from the table: a line for each form of a
// subcommand, and one that says what it does.

// HelpCommand is the literal of a container's HELP.
func HelpCommand(flags spec.Flags, since string) Command {
	return Command{Do: doHelp, Command: spec.Command{
		Name: "help", Arity: 2, Flags: flags, Since: since, Complex: "O(1)",
		Summary: "Prints this help.",
	}}
}

func doHelp(c *Ctx) { c.writeHelp(c.Cmd.parent.helpLines()) }

// writeHelp answers HELP, said to c's command or to the container that it is in.
func (c *Ctx) writeHelp(lines []string) {
	c.W.Array(1 + len(lines))
	c.W.Status(c.Spoken() + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	for _, line := range lines {
		c.W.Status(line)
	}
}

// Spoken is the name of c's command, or of the container that it is in, in upper case, as the
// client knows it.
func (c *Ctx) Spoken() string {
	name := c.Cmd.Name
	if c.Cmd.parent != nil {
		name = c.Cmd.parent.Name
	}
	if len(c.said) > 0 && !c.nested { // it is renamed
		name = string(c.said)
	}
	return strings.ToUpper(name)
}

// helpLines describes the subcommands: as the text does those that are there, then the others of
// the table unless they are of former times, HELP last.
func (cmd *Command) helpLines() (lines []string) {
	lines, named := helped(cmd.Help, cmd.helps)
	if cmd.Do != nil && !named["(no"] {
		lines = append(lines, "(no subcommand)", "    "+cmd.Summary)
	}
	subs := slices.Clone(cmd.Subs)
	slices.SortStableFunc(subs, func(a, b Command) int {
		return strings.Compare(helpRank(a.Name), helpRank(b.Name))
	})
	for i := range subs {
		if sub := &subs[i]; !named[sub.Name] && sub.DeprecatedSince == "" {
			lines = append(lines, strings.TrimSpace(strings.ToUpper(sub.Name)+" "+sub.Args.Syntax()), "    "+sub.Summary)
		}
	}
	return lines
}

// helps reports whether HELP may describe a subcommand of that name.
func (cmd *Command) helps(name string) bool {
	return name == "(no" && cmd.Do != nil || slices.ContainsFunc(cmd.Subs, func(sub Command) bool { return sub.Name == name })
}

// helped is the lines of a help text on the subcommands for which has is true, and their names: a
// line that begins with no space begins with one.
func helped(text string, has func(name string) bool) (lines []string, named map[string]bool) {
	named = map[string]bool{}
	shown := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, " ") {
			name, _, _ := strings.Cut(line, " ")
			name = spec.Lower(name)
			if shown = has(name); shown {
				named[name] = true
			}
		}
		if shown {
			lines = append(lines, line)
		}
	}
	return lines, named
}

// helpRank sorts by name, but HELP to the end.
func helpRank(name string) string {
	if name == "help" {
		return "~"
	}
	return name
}
