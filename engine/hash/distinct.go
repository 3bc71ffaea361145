package hash

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"

	"regent/engine/decimal"
	"regent/engine/listpack"
)

// Whether a listpack from outside names a field twice: each RESTORE, and each small hash
// of an RDB file, is asked that.

const (
	// seenOnStack is how many places the table of fields has without an allocation.
	seenOnStack = 1024
	// seenShare: a table has more places than so many for each field, and twice as many if
	// they are on the stack.
	seenShare = 2
	// fewFields is up to how many are compared each with each, by their sums.
	fewFields = 8
)

// distinct reports whether no two of the n fields are equal. An integer may be written as
// text, though not by Redis.
func (h *Hash) distinct(lp listpack.Bare, n int) bool {
	switch {
	case n < 2:
		return true
	case n <= fewFields:
		return distinctFew(lp)
	}
	size := 1 << bits.Len(uint(seenShare*n))
	if size <= seenOnStack/2 {
		size *= 2
	}
	var some [seenOnStack]uint32 // where fields are, by their sums; 0: free
	seen := some[:min(size, seenOnStack)]
	if size > seenOnStack {
		seen = make([]uint32, size)
	}
	var a, b decimal.Text
	sums := summerOf(h.seed)
	for p := lp.First(); p < len(lp); p = lp.Next(lp.Next(p)) {
		field := textAt(lp, p, &a)
		i := int(sums.of(field)) & (len(seen) - 1)
		for ; seen[i] != 0; i = (i + 1) & (len(seen) - 1) {
			if string(textAt(lp, int(seen[i]), &b)) == string(field) {
				return false
			}
		}
		seen[i] = uint32(p)
	}
	return true
}

// distinctFew is distinct for a few fields, whose sums need no key: what collides is
// compared, and that is soon over.
func distinctFew(lp listpack.Bare) bool {
	var (
		sums [fewFields]uint64
		at   [fewFields]int
		a, b decimal.Text
		n    int
	)
	for p := lp.First(); p < len(lp); p = lp.Next(lp.Next(p)) {
		field := textAt(lp, p, &a)
		sum := uint64(len(field))
		for i := 0; ; i += 8 {
			if rest := field[i:]; len(rest) < 8 {
				for _, c := range rest {
					sum = sum<<8 ^ sum>>56 ^ uint64(c)
				}
				break
			}
			sum = (sum ^ binary.LittleEndian.Uint64(field[i:])) * mixer
		}
		for i := range n {
			if sums[i] == sum && string(textAt(lp, at[i], &b)) == string(field) {
				return false
			}
		}
		sums[n], at[n] = sum, p
		n++
	}
	return true
}

// mixer spreads a sum's bits: an odd number without a pattern.
const mixer = 0x9E3779B97F4A7C15

// textAt is the element of a listpack at p, which is written into text if need be.
func textAt(lp listpack.Bare, p int, text *decimal.Text) []byte {
	if n := int(lp[p]) - 0x80; uint(n) < 1<<6 { // a short string, as most are
		return lp[p+1 : p+1+n]
	}
	v := lp.Get(p)
	if v.IsInt {
		return text.Of(v.Int)
	}
	return v.Str
}

// A summer hashes short texts in fewer steps than maphash, by keys that nobody knows.
type summer struct {
	seed maphash.Seed
	a, b uint64
}

func summerOf(seed maphash.Seed) summer {
	return summer{seed, maphash.Bytes(seed, []byte{'a'}), maphash.Bytes(seed, []byte{'b'})}
}

// of multiplies the first and the last bytes, which are the same ones in part, and the
// length.
func (s *summer) of(text []byte) uint64 {
	var x, y uint64
	switch n := len(text); {
	case n > 16:
		return maphash.Bytes(s.seed, text)
	case n >= 8:
		x, y = binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[n-8:])
	case n >= 4:
		x, y = uint64(binary.LittleEndian.Uint32(text)), uint64(binary.LittleEndian.Uint32(text[n-4:]))
	case n > 0:
		x, y = uint64(text[0])|uint64(text[n-1])<<8, uint64(text[n/2])
	}
	hi, lo := bits.Mul64(x^s.a, y^s.b^uint64(len(text)))
	return hi ^ lo
}
