package set

import (
	"hash/maphash"

	"regent/engine/decimal"
)

// A Set is a set of byte strings. What its methods show of a member is valid
// until the next call that changes the Set.
type Set struct {
	seed   maphash.Seed
	lone   []byte // an ints, or the only page of a small hashtable
	table  *table // not nil: the hashtable
	hashed bool   // it is a hashtable, or empty and to be one
	shared bool   // lone may be seen by a clone
}

// setBytes is what a Set takes without its members.
const setBytes = 48

// New returns an empty set of integers, which becomes something else when that
// is added. All sets of a server may share a seed.
func New(seed maphash.Seed) Set { return Set{seed: seed} }

// FromInts returns the set whose members b has in the layout of an intset, which
// is checked and copied.
func FromInts(seed maphash.Seed, b []byte) (Set, error) {
	if err := checkInts(b); err != nil {
		return Set{}, err
	}
	s := New(seed)
	s.lone = append([]byte(nil), b...)
	return s, nil
}

// Ints are the members in the layout of an intset, if the set is one; the bytes
// are its own.
func (s *Set) Ints() ([]byte, bool) {
	if !s.hashed && s.lone == nil {
		return []byte{2, 0, 0, 0, 0, 0, 0, 0}, true
	}
	return s.lone, !s.hashed
}

// Hashed reports whether the set is a hashtable.
func (s *Set) Hashed() bool { return s.hashed }

func (s *Set) ints() ints { return ints(s.lone) }
func (s *Set) page() page { return page(s.lone) }

// Len is the number of members.
func (s *Set) Len() int {
	switch {
	case !s.hashed:
		return s.ints().len()
	case s.table != nil:
		return s.table.n
	}
	return s.page().len()
}

// Bytes is the memory it takes; what clones share is counted in each.
func (s *Set) Bytes() int64 {
	if s.table != nil {
		return setBytes + s.table.bytes()
	}
	return setBytes + int64(cap(s.lone))
}

// Has reports whether b is a member.
func (s *Set) Has(b []byte) bool {
	if s.table != nil {
		return s.table.has(b)
	}
	if s.hashed {
		return s.page().find(tagOf(maphash.Bytes(s.seed, b)), b, nil) >= 0
	}
	n, ok := decimal.Parse(b)
	if ok {
		_, ok = s.ints().find(n)
	}
	return ok
}

// Add makes b, which is copied, a member and reports whether it was none. A set
// of integers that has more than maxInts becomes a hashtable.
func (s *Set) Add(b []byte, maxInts int64) bool {
	if !s.hashed {
		if n, ok := decimal.Parse(b); ok {
			return s.addInt(n, maxInts)
		}
		s.Hash()
	}
	if s.table != nil {
		return s.table.add(b)
	}
	h := maphash.Bytes(s.seed, b)
	p := s.page()
	if p.find(tagOf(h), b, nil) >= 0 {
		return false
	}
	if p.end()+len(b)+(p.len()+1)*slotBytes > pageLoad {
		s.spread()
		return s.table.add(b)
	}
	s.lone = p.add(!s.shared, tagOf(h), b)
	s.shared = false
	return true
}

func (s *Set) addInt(n, maxInts int64) bool {
	at, found := s.ints().find(n)
	if found {
		return false
	}
	s.unshare()
	s.lone = s.ints().insert(at, n)
	s.Limit(maxInts)
	return true
}

// Limit makes a set of more than that many integers a hashtable.
func (s *Set) Limit(maxInts int64) {
	if !s.hashed && int64(s.Len()) > min(maxInts, mostInts) {
		s.Hash()
	}
}

// unshare makes lone the set's own.
func (s *Set) unshare() {
	if s.shared {
		s.lone, s.shared = append([]byte(nil), s.lone...), false
	}
}

// Hash makes it a hashtable.
func (s *Set) Hash() {
	if s.hashed {
		return
	}
	old := s.ints()
	s.lone, s.hashed, s.shared = nil, true, false
	var text decimal.Text
	for i := range old.len() {
		s.Add(text.Of(old.at(i)), 0)
	}
}

// spread makes a small hashtable a table.
func (s *Set) spread() {
	p := s.page()
	s.table, s.lone, s.shared = newTable(s.seed), nil, false
	for i := range p.len() {
		_, b := p.at(i)
		s.table.add(b)
	}
}

// Remove removes b and reports whether it was a member.
func (s *Set) Remove(b []byte) bool {
	if s.table != nil {
		return s.table.remove(b)
	}
	at := -1
	if s.hashed {
		at = s.page().find(tagOf(maphash.Bytes(s.seed, b)), b, nil)
	} else if n, ok := decimal.Parse(b); ok {
		if i, found := s.ints().find(n); found {
			at = i
		}
	}
	if at < 0 {
		return false
	}
	s.removeAt(at)
	return true
}

// removeAt removes what stands in lone at place at.
func (s *Set) removeAt(at int) {
	if s.hashed {
		s.lone = s.page().remove(!s.shared, at)
		s.shared = false
		return
	}
	s.unshare()
	s.lone = s.ints().remove(at)
}

// Each calls f with every member until it returns false: integers in order. f
// may not change the set. The bytes are valid in f alone.
func (s *Set) Each(f func(b []byte) bool) {
	if s.table != nil {
		s.table.each(f)
		return
	}
	var text decimal.Text
	for i := range s.Len() {
		if !f(s.loneAt(i, &text)) {
			return
		}
	}
}

// loneAt is member i of a set without a table.
func (s *Set) loneAt(i int, text *decimal.Text) []byte {
	if s.hashed {
		_, b := s.page().at(i)
		return b
	}
	return text.Of(s.ints().at(i))
}

// Scan calls f with some members and returns the next cursor, 0 at the end. A
// member that is there from the first call, with 0, to the last is shown at
// least once. f may not change the set.
func (s *Set) Scan(cursor uint64, f func(b []byte)) (next uint64) {
	all := func(b []byte) bool { f(b); return true }
	if s.table != nil {
		return s.table.scan(cursor, all)
	}
	s.Each(all)
	return 0
}

// AppendRandom appends a member, each as likely as another, to dst. There must
// be one.
func (s *Set) AppendRandom(dst []byte, rnd func() uint64) []byte {
	if s.table != nil {
		return append(dst, s.table.member(s.table.random(rnd))...)
	}
	var text decimal.Text
	return append(dst, s.loneAt(int(below(rnd(), uint64(s.Len()))), &text)...)
}

// PopRandom is AppendRandom of a member that it removes.
func (s *Set) PopRandom(dst []byte, rnd func() uint64) []byte {
	if s.table != nil {
		i, at := s.table.random(rnd)
		dst = append(dst, s.table.member(i, at)...)
		s.table.removeAt(i, at)
		return dst
	}
	var text decimal.Text
	at := int(below(rnd(), uint64(s.Len())))
	dst = append(dst, s.loneAt(at, &text)...)
	s.removeAt(at)
	return dst
}

// Clone is a set of its own, at the price of a pointer for some thousand
// members: neither sees the other's changes, and they may be used from different
// goroutines at once.
func (s *Set) Clone() Set {
	s.shared = true
	to := *s
	if s.table != nil {
		to.table = s.table.clone()
	}
	return to
}
