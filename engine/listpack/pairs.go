package listpack

import (
	"encoding/binary"
	"errors"
	"hash/maphash"
	"math/bits"

	"regent/engine/decimal"
)

// Listpacks of pairs from outside, whose first halves must be different ones: hashes and
// sorted sets. Each RESTORE, and each small value of an RDB file, is asked that; so they are
// validated, stripped and compared on one way.

// ErrPairs says that a listpack is not pairs, or has the first of a pair twice.
var ErrPairs = errors.New("a packed list has no pair for each name, or one twice")

const (
	// seenOnStack is how many places the table of names has without an allocation.
	seenOnStack = 1024
	// seenShare: a table has more places than so many for each name.
	seenShare = 2
	// fewNames is up to how many are compared each with each, by their sums.
	fewNames = 8
	// shortText is up to how many bytes a text's length and encoding are one byte.
	shortText = 1<<6 - 1
	// runRow is how many bytes a text has at most that run takes, with what stands around it: it
	// reads and copies stripWide of them without a look at how many there are.
	runRow = stripWide + 1
)

// StripPairs is Strip of what must be pairs with different first halves: an integer may be
// written as text, though not by Redis. second, if given, is asked whether a text may be a
// second half. The error is ErrDamaged or ErrPairs.
func StripPairs(dst, lp []byte, seed maphash.Seed, second func(text []byte) bool) (Bare, error) {
	if !framed(lp) {
		return nil, ErrDamaged
	}
	if n := int(binary.LittleEndian.Uint16(lp[4:])); n <= 2*fewNames || n == maxCount {
		return stripFew(dst, lp, seed, second)
	}
	if cap(dst) < StripRoom(len(lp)) {
		dst = make([]byte, StripRoom(len(lp)))
	}
	n := int(binary.LittleEndian.Uint16(lp[4:]))
	var some [seenOnStack]uint32
	names := names{seen: tableFor(n/2, &some), sums: summerOf(seed)}
	return stripPairs(dst[:cap(dst)], lp, n, &names, second)
}

// tableFor is a table for n names, in some if that is large enough.
func tableFor(n int, some *[seenOnStack]uint32) []uint32 {
	if size := 1 << bits.Len(uint(seenShare*n)); size > seenOnStack {
		return make([]uint32, size)
	}
	return some[:] // all of it is zeros anyway
}

// stripFew is StripPairs in two passes: for few, and for so many that lp does not say how
// many.
func stripFew(dst, lp []byte, seed maphash.Seed, second func(text []byte) bool) (Bare, error) {
	b, err := Strip(dst, lp)
	if err != nil {
		return nil, err
	}
	n := b.Len()
	switch {
	case n%2 != 0:
		return nil, ErrPairs
	case n <= 2*fewNames && !distinctFew(b), n > 2*fewNames && !distinct(b, seed, n/2):
		return nil, ErrPairs
	case second == nil:
		return b, nil
	}
	for p := b.First(); p < len(b); p = b.Next(p) {
		if p = b.Next(p); !mayBeSecond(b, p, second) {
			return nil, ErrPairs
		}
	}
	return b, nil
}

// stripPairs goes over the n elements of lp, which is framed; b is room.
func stripPairs(b Bare, lp []byte, n int, names *names, second func(text []byte) bool) (Bare, error) {
	to, end, at := BareOverhead, End(lp), 0
	for p := headerLen; p < end; at++ {
		if second == nil && at%2 == 0 {
			pairs, q, into, ok := names.run(b, lp, p, to, (n-at)/2)
			if !ok {
				return nil, ErrPairs
			}
			if at, p, to = at+2*pairs, q, into; p >= end {
				break
			}
		}
		if at == n { // and so the table is never full
			return nil, ErrDamaged
		}
		from, size := to, int(lp[p])-0x80+1
		if uint(size-1) > shortText {
			back := 1
			if size = 1; lp[p] >= 0x80 || lp[p+1] != 1 {
				var ok bool
				if size, back, ok = checkEntry(lp[p:end]); !ok {
					return nil, ErrDamaged
				}
			}
			to += copy(b[to:], lp[p:p+size])
			p += size + back
			if at%2 == 0 && !names.add(b, from) || at%2 != 0 && !mayBeSecond(b, from, second) {
				return nil, ErrPairs
			}
			continue
		}
		q := p + size
		if q >= end || int(lp[q]) != size {
			return nil, ErrDamaged
		}
		if size <= stripWide && p+stripWide <= len(lp) { // what is too much is written over
			from, into := lp[p:p+stripWide], b[to:to+stripWide]
			binary.LittleEndian.PutUint64(into, binary.LittleEndian.Uint64(from))
			binary.LittleEndian.PutUint64(into[8:], binary.LittleEndian.Uint64(from[8:]))
		} else {
			copy(b[to:], lp[p:q])
		}
		to += size
		text := lp[p+1 : q] // not the copy: it would have to leave the store buffer first
		p = q + 1
		switch {
		case at%2 == 0:
			if !names.addText(b, from, text) {
				return nil, ErrPairs
			}
		case second != nil && !second(text):
			return nil, ErrPairs
		}
	}
	switch {
	case !counted(lp, at):
		return nil, ErrDamaged
	case at%2 != 0:
		return nil, ErrPairs
	}
	b = b[:to]
	b.setLen(at)
	return b, nil
}

// mayBeSecond asks second, if given, whether the element at p may be a second half.
func mayBeSecond(b Bare, p int, second func(text []byte) bool) bool {
	if second == nil || b[p] < 0x80 { // a small integer, as many are
		return true
	}
	v := b.Get(p)
	return v.IsInt || second(v.Str)
}

// names are the first halves so far. It holds no Bare, so that it may stay on the stack
// where one is returned.
type names struct {
	sums summer
	seen []uint32 // where names are in a Bare, by their sums; 0: free
}

// run strips as many pairs of short texts as stand at p, most at most, to b from to on, and returns how
// many, and where the two go on; false: a name is there already. Whatever is anything else is left
// to the caller.
func (s *names) run(b Bare, lp []byte, p, to, most int) (pairs, q, into int, ok bool) {
	for pairs < most && p+2*runRow <= len(lp) && to+2*stripWide <= len(b) {
		size := int(lp[p]) - 0x80 + 1
		if uint(size-1) >= stripWide || int(lp[p+size]) != size {
			break
		}
		q := p + size + 1
		more := int(lp[q]) - 0x80 + 1
		if uint(more-1) >= stripWide || int(lp[q+more]) != more {
			break
		}
		from, as := lp[p:p+stripWide], b[to:to+stripWide]
		x, y := binary.LittleEndian.Uint64(from), binary.LittleEndian.Uint64(from[8:])
		binary.LittleEndian.PutUint64(as, x)
		binary.LittleEndian.PutUint64(as[8:], y)
		if size <= 8 {
			x, y = x&(^uint64(0)>>(64-8*size)), 0
		} else {
			y &= ^uint64(0) >> (128 - 8*size)
		}
		i := int(s.sums.words(x, y)) & (len(s.seen) - 1)
		if s.seen[i] != 0 {
			if !s.addAt(b, to, lp[p+1:p+size], i) {
				return pairs, p, to, false
			}
		} else {
			s.seen[i] = uint32(to)
		}
		to += size
		from, as = lp[q:q+stripWide], b[to:to+stripWide]
		binary.LittleEndian.PutUint64(as, binary.LittleEndian.Uint64(from))
		binary.LittleEndian.PutUint64(as[8:], binary.LittleEndian.Uint64(from[8:]))
		to += more
		p = q + more + 1
		pairs++
	}
	return pairs, p, to, true
}

// add notes that the element at p is a name; false: it is one already.
func (s *names) add(b Bare, p int) bool {
	var text decimal.Text
	return s.addText(b, p, textAt(b, p, &text))
}

// addText is add where the element's text is known.
func (s *names) addText(b Bare, p int, text []byte) bool {
	return s.addAt(b, p, text, int(s.sums.of(text))&(len(s.seen)-1))
}

// addAt is addText where it is known at which place of the table to begin.
func (s *names) addAt(b Bare, p int, text []byte, i int) bool {
	for ; s.seen[i] != 0; i = (i + 1) & (len(s.seen) - 1) {
		var other decimal.Text
		if string(textAt(b, int(s.seen[i]), &other)) == string(text) {
			return false
		}
	}
	s.seen[i] = uint32(p)
	return true
}

// distinct reports whether no two of the n names are equal.
func distinct(b Bare, seed maphash.Seed, n int) bool {
	var some [seenOnStack]uint32
	names := names{sums: summerOf(seed), seen: tableFor(n, &some)}
	for p := b.First(); p < len(b); p = b.Next(b.Next(p)) {
		if !names.add(b, p) {
			return false
		}
	}
	return true
}

// distinctFew is distinct for a few names, whose sums need no key: what collides is
// compared, and that is soon over.
func distinctFew(b Bare) bool {
	var (
		sums   [fewNames]uint64
		at     [fewNames]int
		ta, tb decimal.Text
		n      int
	)
	for p := b.First(); p < len(b); p = b.Next(b.Next(p)) {
		name := textAt(b, p, &ta)
		sum := uint64(len(name))
		for i := 0; ; i += 8 {
			if rest := name[i:]; len(rest) < 8 {
				for _, c := range rest {
					sum = sum<<8 ^ sum>>56 ^ uint64(c)
				}
				break
			}
			sum = (sum ^ binary.LittleEndian.Uint64(name[i:])) * mixer
		}
		for i := range n {
			if sums[i] == sum && string(textAt(b, at[i], &tb)) == string(name) {
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

// textAt is the element at p, which is written into text if need be.
func textAt(b Bare, p int, text *decimal.Text) []byte {
	if n := int(b[p]) - 0x80; uint(n) <= shortText { // as most are
		return b[p+1 : p+1+n]
	}
	v := b.Get(p)
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

// of is the sum of a text. A short one is two words as it stands in a listpack, where run reads
// them.
func (s *summer) of(text []byte) uint64 {
	if len(text) >= stripWide {
		return maphash.Bytes(s.seed, text)
	}
	var entry [stripWide]byte
	entry[0] = 0x80 | byte(len(text))
	copy(entry[1:], text)
	return s.words(binary.LittleEndian.Uint64(entry[:]), binary.LittleEndian.Uint64(entry[8:]))
}

func (s *summer) words(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x^s.a, y^s.b)
	return hi ^ lo
}
