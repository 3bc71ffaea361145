package engine

import (
	"errors"
	"fmt"

	"regent/engine/config"
	"regent/engine/spec"
)

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
	_, err := newTable(rooms).renamed(renames)
	return err
}

// renamed is the index of the names that clients say.
func (t *table) renamed(renames []config.Rename) (spec.Index[*Command], error) {
	names := make(map[string]*Command, len(t.rows))
	for _, cmd := range t.rows {
		names[cmd.Name] = cmd
	}
	for _, r := range renames {
		cmd := names[r.From]
		if cmd == nil {
			return t.names, fmt.Errorf("rename-command %s: %w", r.From, errNoCommand)
		}
		delete(names, r.From)
		if r.To == "" {
			continue
		}
		if names[r.To] != nil {
			return t.names, fmt.Errorf("rename-command %s %s: %w", r.From, r.To, errNameTaken)
		}
		names[r.To] = cmd
	}
	said := make(map[*Command]string, len(names))
	for name, cmd := range names {
		said[cmd] = name
	}
	var rows []*Command
	for _, cmd := range t.rows {
		if _, there := said[cmd]; there {
			rows = append(rows, cmd)
		}
	}
	return spec.NewIndex(rows, func(cmd *Command) string { return said[cmd] }), nil
}

// rename has clients say other names; CheckRenames has been asked whether they
// can.
func (t *table) rename(renames []config.Rename) {
	if said, err := t.renamed(renames); err == nil && len(renames) > 0 {
		t.said, t.renames = said, true
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
