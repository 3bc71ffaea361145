package spec

import "math/bits"

// usualLen is the length in bytes up to which a word is looked for without taking memory. No
// command's own name is longer; one that rename-command has given may be.
const usualLen = 32

// An Index finds things by the names of commands, in any ASCII case. It is made
// once, and then only read.
//
// Most names are short: up to eight bytes, which fit into a number. Those stand in
// a table in which no two share a place: the multiplier that spreads them is looked
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

// A shortName is what has a name of up to eight bytes, which are its key: in lower
// case, as a number. 0 is an empty place.
type shortName[C any] struct {
	key  uint64
	name string
	is   C
}

const (
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
			short = append(short, shortName[C]{key, name, c})
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
	// Two names with one key: there are none among letters, which alone differ by
	// case. Such names are found in the map.
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
			if sn := &ix.short[at]; sn.key == key && SameName(name, sn.name) {
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

// shortKey packs a name into a number, 0 when it is too long. It takes every
// byte for a letter: a caller that finds something compares once more.
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
