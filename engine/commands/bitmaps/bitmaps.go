// Package bitmaps holds the commands that look at a string as at a row of bits, the
// first of which is the highest of the first byte:
//
//	byte        0                   1
//	bit   0 1 2 3 4 5 6 7   8 9 10 11 12 13 14 15
//	      └─────┬─────┘
//	      BITFIELD's u5 at 2: bits 2 to 6, the highest first
//
// A string is what it is for every other command; there is no type of bitmaps. What
// stands beyond its end is zeros, and writing there makes it longer.
//
// The files: bits.go has the commands on single bits and on ranges of them, op.go
// BITOP, field.go BITFIELD, words.go what they are made of: pure functions that work on
// eight bytes at a time: of 1 MiB BITCOUNT takes 0.2 ns a byte, and BITOP of two such
// strings 0.9 ns, most of which is for the new string's memory (BenchmarkBits, two cores
// that were busy with other work).
//
// What changes nothing leaves nothing: a SETBIT of what was there is not in the log, and
// WATCH does not see it, though the string becomes raw, as in Redis.
package bitmaps

import (
	"slices"

	"regent/engine"
	"regent/engine/spec"
)

// Room is what this package brings to an engine.
func Room() engine.Room {
	return engine.Room{
		Group: spec.GroupBitmap, Cats: spec.CatBitmap,
		Commands: slices.Concat(bitCommands(), rangeCommands(), opCommands(), fieldCommands()),
	}
}
