package spec

import (
	"encoding/binary"
	"math/bits"
)

// usualLen is the length in bytes up to which a word is looked for without taking memory. No
// command's own name is longer; one that rename-command has given may be.
const usualLen = 32

// An Index finds things by the names of commands, in any ASCII case. It is made
// once, and then only read.
//
// Most names are short: up to sixteen bytes, of which a number is made without a loop. Those stand
// in a table in which no two share a place: the multiplier that spreads them is looked
// for when the index is made. So each is found with one multiplication and one
// look, whichever names there are and in whatever order they came. Longer ones are
// found in a map, at several times the price.
type Index[C any] struct {
	byName map[string]C
	most   int            // bytes of the longest name: longer words are unknown without a look
	short  []shortName[C] // a power of two of them
	mul    uint64
	shift  uint
}

// A shortName is what has a name with that key, 0: it is an empty place. exact: no other word of its
// length has that key, but by the case of letters.
type shortName[C any] struct {
	key   uint64
	name  string
	exact bool
	is    C
}

const (
	// shortLen is how many bytes a short name has at most, and exactLen up to how many all of
	// them are in its key.
	shortLen, exactLen = 16, 8
	// minShortBits is the binary logarithm of the smallest table of short names,
	// and maxShortBits of the largest.
	minShortBits, maxShortBits = 10, 18
	// mulTries is how many multipliers are tried before the table doubles.
	mulTries = 64
)

// NewIndex makes an index of all, each under the name, in lower case, that nameOf
// gives it. It panics if two have one name.
func NewIndex[C any](all []C, nameOf func(C) string) Index[C] {
	ix := Index[C]{byName: make(map[string]C, len(all))}
	var short []shortName[C]
	for _, c := range all {
		name := nameOf(c)
		if _, dup := ix.byName[name]; dup {
			panic("spec: command " + name + " is in the table twice")
		}
		ix.byName[name], ix.most = c, max(ix.most, len(name))
		if key := shortKey([]byte(name)); key != 0 {
			short = append(short, shortName[C]{key, name, len(name) <= exactLen && allLetters(name), c})
		}
	}
	ix.spread(short)
	return ix
}

// spread looks for a table in which every short name has a place of its own.
func (ix *Index[C]) spread(short []shortName[C]) {
	mul := uint64(0x9e3779b97f4a7c15) // the golden ratio's bits (Knuth)
	for b := max(minShortBits, bits.Len(uint(len(short)))); b <= maxShortBits; b++ {
		ix.short, ix.shift = make([]shortName[C], 1<<b), uint(64-b)
		for range mulTries {
			if ix.mul = mul | 1; ix.place(short) {
				return
			}
			clear(ix.short)
			mul = mul*6364136223846793005 + 1442695040888963407 // Knuth's MMIX
		}
	}
	// Two names have one key, which is a matter of chance. All names are found in the map then.
	ix.short, ix.shift = make([]shortName[C], 1), 63
}

// place puts every short name into its place; false: two share one.
func (ix *Index[C]) place(short []shortName[C]) bool {
	for _, sn := range short {
		at := &ix.short[sn.key*ix.mul>>ix.shift]
		if at.key != 0 {
			return false
		}
		*at = sn
	}
	return true
}

// Find finds what has the name, in any case.
func (ix *Index[C]) Find(name []byte) (c C, ok bool) {
	if key := shortKey(name); key != 0 {
		if at := key * ix.mul >> ix.shift; at < uint64(len(ix.short)) {
			if sn := &ix.short[at]; sn.key == key && len(sn.name) == len(name) && (sn.exact || SameName(name, sn.name)) {
				return sn.is, true
			}
		}
	}
	return ix.findLong(name)
}

func (ix *Index[C]) findLong(name []byte) (c C, ok bool) {
	var low [usualLen]byte
	switch {
	case len(name) > ix.most:
		return c, false
	case len(name) > len(low):
		c, ok = ix.byName[Lower(string(name))]
		return c, ok
	}
	for i, b := range name {
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		low[i] = b
	}
	c, ok = ix.byName[string(low[:len(name)])]
	return c, ok
}

// shortKey makes a number of a name, 0 when it is too long. It takes every byte for a letter, in lower
// case: a caller that finds something compares once more, but for names of exactLen letters at most, where
// two of one length have one key only if they are the same. Loads overlap in place of a loop.
func shortKey(name []byte) (key uint64) {
	const lowerCase, golden = 0x2020_2020_2020_2020, 0x9e3779b97f4a7c15
	switch n := len(name); {
	case n == 0 || n > shortLen:
		return 0
	case n > exactLen:
		first, last := binary.LittleEndian.Uint64(name), binary.LittleEndian.Uint64(name[n-8:])
		key = (first|lowerCase)*golden ^ (last | lowerCase)
	case n >= 4:
		key = uint64(binary.LittleEndian.Uint32(name)) | uint64(binary.LittleEndian.Uint32(name[n-4:]))<<32 | lowerCase
	default:
		key = uint64(name[0]) | uint64(name[n/2])<<8 | uint64(name[n-1])<<16 | lowerCase
	}
	return key + uint64(len(name))*golden
}

// allLetters reports whether a name has letters alone: a byte that is one in lower case by shortKey is
// one.
func allLetters(name string) bool {
	for _, c := range []byte(name) {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}
