package set

import (
	"hash/maphash"
	"math/bits"

	"regent/engine/decimal"
	"regent/engine/hashtable"
	"regent/engine/listpack"
)

// A Set is a set of byte strings. What its methods show of a member is valid
// until the next call that changes the Set.
type Set struct {
	seed     maphash.Seed
	lone     []byte           // an ints, or the listpack of a small hashtable; none: it is empty
	table    *hashtable.Table // not nil: the hashtable
	hashed   bool             // it is a hashtable, or empty and to be one
	shared   bool             // lone may be seen by a clone
	borrowed bool             // lone is View's
}

const (
	// setBytes is what a Set takes without its members.
	setBytes = 48
	// listMax bounds a listpack of members, in bytes.
	listMax = 512
)

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

// View makes s the set that b holds, in Redis's layout of an intset, or if it is
// hashed as a listpack, without copying it: as long as it can be changed there, it
// is. An empty b is an empty set, which may use b's capacity.
func (s *Set) View(b []byte, hashed bool) {
	*s = Set{seed: s.seed, lone: b, hashed: hashed, borrowed: b != nil}
}

// Packed is what View wants of a set that is not empty; false: it is too large.
func (s *Set) Packed() (b []byte, hashed, ok bool) { return s.lone, s.hashed, len(s.lone) > 0 }

// Own takes what View has shown into memory of the set's own.
func (s *Set) Own() {
	if s.borrowed {
		s.lone, s.borrowed = append([]byte(nil), s.lone...), false
	}
}

// Ints are the members in the layout of an intset, if the set is one; the bytes
// are its own.
func (s *Set) Ints() ([]byte, bool) {
	if !s.hashed && len(s.lone) == 0 {
		return []byte{2, 0, 0, 0, 0, 0, 0, 0}, true
	}
	return s.lone, !s.hashed
}

// Hashed reports whether the set is a hashtable.
func (s *Set) Hashed() bool { return s.hashed }

func (s *Set) ints() ints { return ints(s.lone) }

// Len is the number of members.
func (s *Set) Len() int {
	switch {
	case s.table != nil:
		return s.table.Len()
	case !s.hashed:
		return s.ints().len()
	case len(s.lone) == 0:
		return 0
	}
	return listpack.Len(s.lone)
}

// Bytes is the memory it takes; what clones share is counted in each.
func (s *Set) Bytes() int64 {
	if s.table != nil {
		return setBytes + s.table.Bytes()
	}
	return setBytes + int64(cap(s.lone))
}

// Has reports whether b is a member.
func (s *Set) Has(b []byte) bool {
	if s.table != nil {
		return s.table.Has(b)
	}
	_, found := s.place(b)
	return found
}

// place is where in lone b stands: the index of an integer, the position in a
// listpack.
func (s *Set) place(b []byte) (at int, found bool) {
	if !s.hashed {
		n, ok := decimal.Parse(b)
		if ok {
			at, ok = s.ints().find(n)
		}
		return at, ok
	}
	if len(s.lone) == 0 {
		return 0, false
	}
	e := listpack.ElementOf(b)
	at = listpack.Find(s.lone, listpack.First(s.lone), 1, &e)
	return at, at < listpack.End(s.lone)
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
		return s.table.Add(b)
	}
	e := listpack.ElementOf(b)
	switch {
	case len(s.lone) == 0:
		if e.Size()+listpack.Overhead > listMax {
			s.spread()
			return s.table.Add(b)
		}
		if cap(s.lone) < listpack.Overhead {
			s.became(listpack.New(e.Size()))
		} else {
			s.lone = listpack.Init(s.lone)
		}
	case listpack.Find(s.lone, listpack.First(s.lone), 1, &e) < listpack.End(s.lone):
		return false
	case len(s.lone)+e.Size() > listMax:
		s.spread()
		return s.table.Add(b)
	}
	s.unshare()
	s.became(listpack.Insert(s.lone, listpack.End(s.lone), &e))
	return true
}

// AddNew is Add of what is known to be no member yet.
func (s *Set) AddNew(b []byte, maxInts int64) {
	e := listpack.ElementOf(b)
	if !s.hashed || s.table != nil || len(s.lone) == 0 || len(s.lone)+e.Size() > listMax {
		s.Add(b, maxInts)
		return
	}
	s.unshare()
	s.became(listpack.Insert(s.lone, listpack.End(s.lone), &e))
}

func (s *Set) addInt(n, maxInts int64) bool {
	at, found := s.ints().find(n)
	if found {
		return false
	}
	s.unshare()
	s.became(s.ints().insert(at, n))
	s.Limit(maxInts)
	return true
}

// became takes what a change has made of lone, in its place or elsewhere.
func (s *Set) became(now []byte) {
	if cap(s.lone) == 0 || &s.lone[:1][0] != &now[0] {
		s.borrowed = false
	}
	s.lone = now
}

// Growth is how many bytes more a packed set takes with the members given; for an
// unpacked one it is 0.
func (s *Set) Growth(members [][]byte) (n int) {
	if s.table != nil {
		return 0
	}
	for _, b := range members {
		switch _, found := s.place(b); {
		case found:
		case s.hashed:
			e := listpack.ElementOf(b)
			n += e.Size()
		default:
			n += s.ints().width()
		}
	}
	return n
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
	n := old.len()
	s.hashed, s.shared = true, false
	if s.borrowed && n == 0 {
		s.lone = s.lone[:0] // there may be room
	} else {
		s.lone, s.borrowed = nil, false
	}
	var text decimal.Text
	for i := range n {
		s.Add(text.Of(old.at(i)), 0)
	}
}

// spread makes a small hashtable a table.
func (s *Set) spread() {
	t := hashtable.NewSet(s.seed)
	s.Each(func(b []byte) bool { t.Add(b); return true })
	s.table, s.lone, s.shared, s.borrowed = t, nil, false, false
}

// Remove removes b and reports whether it was a member.
func (s *Set) Remove(b []byte) bool {
	if s.table != nil {
		return s.table.Remove(b)
	}
	at, found := s.place(b)
	if found {
		s.removeAt(at)
	}
	return found
}

// removeAt removes what stands in lone at a place.
func (s *Set) removeAt(at int) {
	s.unshare()
	switch {
	case !s.hashed:
		s.became(s.ints().remove(at, s.borrowed))
	case listpack.Len(s.lone) == 1:
		s.lone = s.lone[:0]
	default:
		s.became(listpack.Delete(s.lone, at, listpack.Next(s.lone, at), 1))
	}
}

// Each calls f with every member until it returns false: integers in order. f
// may not change the set. The bytes are valid in f alone.
func (s *Set) Each(f func(b []byte) bool) {
	var text decimal.Text
	switch {
	case s.table != nil:
		s.table.Each(func(b, _ []byte) bool { return f(b) })
	case len(s.lone) == 0:
	case s.hashed:
		for p := listpack.First(s.lone); p < listpack.End(s.lone) && f(textAt(s.lone, p, &text)); p = listpack.Next(s.lone, p) {
		}
	default:
		for i := range s.Len() {
			if !f(text.Of(s.ints().at(i))) {
				return
			}
		}
	}
}

// textAt is the member of a listpack at p, which is written into text if need be.
func textAt(lp []byte, p int, text *decimal.Text) []byte {
	v := listpack.Get(lp, p)
	if v.IsInt {
		return text.Of(v.Int)
	}
	return v.Str
}

// Scan calls f with some members and returns the next cursor, 0 at the end. A
// member that is there from the first call, with 0, to the last is shown at
// least once. f may not change the set.
func (s *Set) Scan(cursor uint64, f func(b []byte)) (next uint64) {
	if s.table != nil {
		return s.table.Scan(cursor, func(b, _ []byte) { f(b) })
	}
	s.Each(func(b []byte) bool { f(b); return true })
	return 0
}

// AppendRandom appends a member, each as likely as another, to dst. There must
// be one.
func (s *Set) AppendRandom(dst []byte, rnd func() uint64) []byte {
	if s.table != nil {
		b, _ := s.table.Random(rnd)
		return append(dst, b...)
	}
	dst, _ = s.draw(dst, rnd)
	return dst
}

// draw is AppendRandom in lone, and where the member stands.
func (s *Set) draw(dst []byte, rnd func() uint64) (out []byte, at int) {
	var text decimal.Text
	i := int(below(rnd(), uint64(s.Len())))
	if !s.hashed {
		return append(dst, text.Of(s.ints().at(i))...), i
	}
	p := listpack.Nth(s.lone, i)
	return append(dst, textAt(s.lone, p, &text)...), p
}

// below makes 64 random bits a number below n.
func below(random, n uint64) uint64 {
	high, _ := bits.Mul64(random, n)
	return high
}

// PopRandom is AppendRandom of a member that it removes.
func (s *Set) PopRandom(dst []byte, rnd func() uint64) []byte {
	if s.table != nil {
		return s.table.PopRandom(dst, rnd)
	}
	dst, at := s.draw(dst, rnd)
	s.removeAt(at)
	return dst
}

// Clone is a set of its own, at the price of a pointer for some thousand
// members: neither sees the other's changes, and they may be used from different
// goroutines at once.
func (s *Set) Clone() Set {
	to := *s
	switch {
	case s.table != nil:
		to.table = s.table.Clone()
	case s.borrowed:
		to.Own()
	default:
		s.shared, to.shared = true, true
	}
	return to
}
