package strings

import (
	"slices"

	"regent/engine"
	"regent/engine/spec"
)

// The string commands. A string is held in the encoding Redis shows:
//
//	Int     "12345"       a canonical 64-bit integer that was SET or counted
//	Embstr  up to 44 B    written in one piece
//	Raw     above, or changed in place (APPEND, SETRANGE)
//
// The files: strings_get.go reads, strings_set.go writes whole values,
// strings_edit.go changes them in place, strings_count.go calculates,
// strings_lcs.go compares.

// Room is what this package brings to an engine.
func Room() engine.Room {
	return engine.Room{
		Group: spec.GroupString, Cats: spec.CatString,
		Commands: commands(),
	}
}

func commands() []engine.Command {
	return slices.Concat(stringReads(), stringSwaps(), stringSets(), stringEdits(), counters(), lcsCommands())
}
