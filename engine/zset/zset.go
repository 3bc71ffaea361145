package zset

import (
	"bytes"
	"hash/maphash"
	"slices"

	"regent/engine/decimal"
	"regent/engine/listpack"
)

// A ZSet is a sorted set: byte strings, each with a score, in the order of scores and
// among equal ones of bytes. No score is NaN. What its methods show of a member is
// valid until the next call that changes the ZSet.
type ZSet struct {
	seed     maphash.Seed
	lp       small
	tree     *tree        // not nil: the large form
	shared   bool         // lp may be seen by a clone
	borrowed bool         // lp is View's
	text     decimal.Text // of a member that is shown
}

// zsetBytes is what a ZSet takes without its elements.
const zsetBytes = 80

// Limits are those of the small form: elements, and bytes of a member. A limit of no
// elements allows none.
type Limits struct{ Entries, Value int64 }

// maxSmall is the most bytes of a listpack (listpack.h, LISTPACK_MAX_SAFETY_LIMIT).
const maxSmall = 1 << 30

// fits reports whether a set of n elements may be small whose longest member is of
// that many bytes, and a member of size is about to come to so many bytes.
func (l Limits) fits(n, longest, have, size int) bool {
	return int64(n) <= l.Entries && int64(longest) <= l.Value && have+size < maxSmall
}

// New returns an empty sorted set of the small form. All of a server may share a seed.
func New(seed maphash.Seed) ZSet { return ZSet{seed: seed} }

// Load makes z the sorted set of a listpack from outside, which it validates: members, none
// of them twice, and scores. It is a view of what is made of lp in the memory of room, if that
// has listpack.StripRoom for it. That they stand in order is not looked at, as in Redis.
func (z *ZSet) Load(room, lp []byte, lim Limits) error {
	z.View(nil)
	b, err := listpack.StripPairs(room, lp, z.seed, isScore)
	if err != nil {
		return err
	}
	if b.Len() > 0 {
		z.View(b)
	}
	if int64(z.Len()) > lim.Entries {
		z.Grow()
	}
	return nil
}

// View makes z the sorted set that b, a listpack.Bare, holds, without copying it: as long as
// it can be changed there, it is. An empty b is an empty set, which may use b's
// capacity.
func (z *ZSet) View(b []byte) { *z = ZSet{seed: z.seed, lp: b, borrowed: b != nil} }

// Packed is the listpack.Bare of a small sorted set that has elements; the bytes are its
// own, or those of View.
func (z *ZSet) Packed() ([]byte, bool) { return z.lp, len(z.lp) > 0 }

// IsSmall reports whether it has the small form.
func (z *ZSet) IsSmall() bool { return z.tree == nil }

// Own takes what View has shown into memory of the set's own.
func (z *ZSet) Own() {
	if z.borrowed {
		z.lp, z.borrowed = slices.Clone(z.lp), false
	}
}

// Growth is by how many bytes a small sorted set grows when the member b, which is at
// the place, gets the score; of a large one it is 0.
func (z *ZSet) Growth(at Place, b []byte, score float64) int {
	switch {
	case z.tree != nil:
		return 0
	case at.OK:
		return max(scoreSize(score)-scoreSize(at.Score), 0)
	}
	return pairSize(b, score)
}

// Len is the number of elements.
func (z *ZSet) Len() int {
	if z.tree != nil {
		return z.tree.n
	}
	return z.lp.len()
}

// Bytes is the memory it takes; what clones share is counted in each.
func (z *ZSet) Bytes() int64 {
	if z.tree != nil {
		return zsetBytes + z.tree.bytes()
	}
	return zsetBytes + int64(cap(z.lp))
}

// Grow gives it the large form.
func (z *ZSet) Grow() {
	if z.tree != nil {
		return
	}
	old := z.lp
	z.tree, z.lp, z.shared, z.borrowed = newTree(z.seed), nil, false, false
	if n := old.len(); n > 0 {
		old.walk(&z.text, 0, n, false, func(b []byte, score float64) bool {
			if at := z.Find(b); !at.OK { // damaged data may have it twice
				z.tree.insert(at.hash, score, b)
			}
			return true
		})
	}
}

// Shrink gives it the small form if it fits the limits.
func (z *ZSet) Shrink(lim Limits) {
	if z.tree == nil || int64(z.Len()) > lim.Entries {
		return
	}
	longest, size := 0, 0
	z.Each(func(b []byte, _ float64) bool {
		longest, size = max(longest, len(b)), size+len(b)
		return true
	})
	if !lim.fits(z.Len(), longest, 0, size) {
		return
	}
	var lp small
	z.Each(func(b []byte, score float64) bool {
		lp = lp.insert(b, score)
		return true
	})
	z.lp, z.tree, z.shared, z.borrowed = slices.Clip(lp), nil, false, false
}

// A Place is where a member is, or is not. It is valid until the next change.
type Place struct {
	OK    bool
	Score float64 // if OK

	hash   uint64
	leaf   uint32
	at     int
	before int // where the one before it stands, in the small form
}

// Find is where the member b is.
func (z *ZSet) Find(b []byte) (at Place) {
	if z.tree == nil {
		if at.at, at.before = z.lp.find(b); at.at >= 0 {
			at.OK, at.Score = true, z.lp.score(at.at)
		}
		return at
	}
	at.hash = z.tree.hash(b)
	if at.leaf, at.at, at.OK = z.tree.locate(at.hash, b); at.OK {
		at.Score = z.tree.peek(at.leaf).scores[at.at]
	}
	return at
}

// Put gives the member b, which Find has found at the place, or not found, a score that
// is another one. b is copied.
func (z *ZSet) Put(at Place, b []byte, score float64, lim Limits) {
	switch {
	case z.tree == nil && !at.OK && !lim.fits(z.Len()+1, len(b), len(z.lp), len(b)):
		z.Grow()
		z.tree.insert(z.tree.hash(b), score, b)
	case z.tree == nil:
		z.unshare()
		if at.OK {
			z.became(z.lp.setScore(at.at, at.before, b, score))
		} else {
			z.became(z.lp.insert(b, score))
		}
	case at.OK:
		z.tree.setScore(at.hash, at.leaf, at.at, score, b)
	default:
		z.tree.insert(at.hash, score, b)
	}
}

// became takes what a change has made of the listpack, in its place or elsewhere.
func (z *ZSet) became(lp small) {
	if cap(z.lp) == 0 || &z.lp[:1][0] != &lp[0] {
		z.borrowed = false
	} else if !z.borrowed && len(lp) < cap(lp)/2 {
		lp = slices.Clone(lp)
	}
	z.lp = lp
}

// removeSmall takes n elements out of the listpack, from position p on.
func (z *ZSet) removeSmall(p, n int) {
	z.unshare()
	if lp := z.lp.remove(p, n); len(lp) == 0 {
		z.lp = lp
	} else {
		z.became(lp)
	}
}

// unshare makes the listpack the set's own.
func (z *ZSet) unshare() {
	if z.shared {
		z.lp, z.shared = slices.Clone(z.lp), false
	}
}

// Remove removes the member b and reports whether it was there.
func (z *ZSet) Remove(b []byte) bool {
	at := z.Find(b)
	switch {
	case !at.OK:
		return false
	case z.tree != nil:
		z.tree.remove(at.Score, b)
	default:
		z.removeSmall(at.at, 1)
	}
	return true
}

// RemoveRange removes n elements, which are there, from rank r on.
func (z *ZSet) RemoveRange(r, n int) {
	switch {
	case n == 0:
		return
	case z.tree == nil:
		z.removeSmall(z.lp.at(r), n)
		return
	case n == z.Len():
		z.tree = newTree(z.seed)
		return
	}
	z.tree.removeRange(r, n)
}

// Rank is how many elements come before the member b with that score, which is there.
func (z *ZSet) Rank(b []byte, score float64) int {
	return z.before(&bound{member: b, score: score})
}

func (z *ZSet) before(b *bound) int {
	if z.tree != nil {
		return z.tree.before(b)
	}
	return z.lp.before(b)
}

// Below is how many elements have a lower score, or with same one that is not higher.
func (z *ZSet) Below(score float64, same bool) int {
	return z.before(&bound{score: score, top: same})
}

// A LexBound is an end of a range of members: at Member, which is left out with Open,
// or beyond all others where Inf is not 0.
type LexBound struct {
	Member []byte
	Open   bool
	Inf    int // -1: before all, 1: after all
}

// compare compares the bound with a member.
func (l *LexBound) compare(b []byte) int {
	if l.Inf != 0 {
		return l.Inf
	}
	return bytes.Compare(l.Member, b)
}

// from and upTo report whether a member is in the range that begins, or ends, at l.
func (l *LexBound) from(b []byte) bool {
	c := l.compare(b)
	return c < 0 || c == 0 && !l.Open
}

func (l *LexBound) upTo(b []byte) bool {
	c := l.compare(b)
	return c > 0 || c == 0 && !l.Open
}

// LexRange is the rank of the first element from lo to hi, and how many there are. All
// elements are meant to have one score; of others it finds those of some range.
func (z *ZSet) LexRange(lo, hi *LexBound) (r, n int) {
	if z.tree == nil {
		return z.lp.lexRange(lo, hi)
	}
	r, end := z.tree.lexBefore(lo, false), z.tree.lexBefore(hi, true)
	return r, max(end-r, 0)
}

// lexBefore is how many elements come before the bound: the begin or the end of a
// range.
func (t *tree) lexBefore(l *LexBound, end bool) int {
	switch {
	case l.Inf < 0:
		return 0
	case l.Inf > 0:
		return t.n
	}
	return t.before(&bound{member: l.Member, lex: true, top: l.Open != end})
}

// Walk calls f with n elements, which are there, from rank r on, or with reverse back
// from it, until it returns false. f may not change the set; the bytes are valid in f
// alone.
func (z *ZSet) Walk(r, n int, reverse bool, f func(member []byte, score float64) bool) {
	switch {
	case n == 0:
		return
	case z.tree == nil:
		z.lp.walk(&z.text, r, n, reverse, f)
		return
	}
	var w walk
	for w.seek(z.tree, r); f(w.l.member(w.at), w.l.scores[w.at]) && n > 1; n-- {
		w.step(reverse)
	}
}

// Each is Walk over all.
func (z *ZSet) Each(f func(member []byte, score float64) bool) { z.Walk(0, z.Len(), false, f) }

// Scan calls f with some elements and returns the next cursor, 0 at the end. An element
// that is there from the first call, with 0, to the last is shown at least once. f may
// not change the set.
func (z *ZSet) Scan(cursor uint64, f func(member []byte, score float64)) (next uint64) {
	if z.tree != nil {
		return z.tree.scan(cursor, f)
	}
	z.Each(func(b []byte, score float64) bool { f(b, score); return true })
	return 0
}

// Clone is a sorted set of its own, at the price of a pointer for some thousand
// elements: neither sees the other's changes, and they may be used from different
// goroutines at once.
func (z *ZSet) Clone() ZSet {
	to := *z
	switch {
	case z.tree != nil:
		to.tree = z.tree.clone()
	case z.borrowed:
		to.Own()
	default:
		z.shared, to.shared = true, true
	}
	return to
}
