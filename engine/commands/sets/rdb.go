package sets

import (
	"hash/maphash"

	"regent/engine/config"
	"regent/engine/listpack"
	"regent/engine/rdb"
	"regent/engine/set"
)

// A setCodec is a set in RDB: an intset as it is, everything else as the list of
// its members.
type setCodec struct {
	cfg  *config.Config
	seed maphash.Seed
}

// A small set begins with room for so many bytes a member, so that it does not grow with
// each, and so many in all.
const (
	memberRoom = 16
	maxRoom    = 1 << 10
)

// lentBytes is up to where an object for a set of an RDB file is lent: far below what the
// keyspace keeps as an object.
const lentBytes = 4 << 10

// A sieve tells most members that are new from those that may have been there: a bit for
// each that has been, by its bytes.
type sieve [sieveWords]uint64

// sieveWords: eight bits for each member that a small set may have.
const sieveWords = 8

// fresh reports whether b has not been there for certain, and notes it.
func (v *sieve) fresh(b []byte) bool {
	sum := uint32(len(b))
	for _, c := range b[:min(len(b), sieveBytes)] {
		sum = (sum ^ uint32(c)) * 0x01000193
	}
	for _, c := range b[max(len(b)-sieveBytes, 0):] {
		sum = (sum ^ uint32(c)) * 0x01000193
	}
	word, bit := &v[sum>>29], uint64(1)<<(sum>>23&63)
	had := *word&bit != 0
	*word |= bit
	return !had
}

// sieveBytes is how many of a member's first and last bytes count.
const sieveBytes = 8

// Kind is "set".
func (setCodec) Kind() string { return "set" }

// Types are all that sets were ever written as.
func (setCodec) Types() []rdb.Type {
	return []rdb.Type{rdb.TypeSet, rdb.TypeSetIntset, rdb.TypeSetListpack}
}

// Pick is Redis 7.0's.
func (setCodec) Pick(v any) rdb.Type {
	if v.(*setObject).Hashed() {
		return rdb.TypeSet
	}
	return rdb.TypeSetIntset
}

// Encode writes the members.
func (setCodec) Encode(e *rdb.Encoder, t rdb.Type, v any) {
	s := v.(*setObject)
	if t == rdb.TypeSetIntset {
		b, _ := s.Ints()
		e.String(b)
		return
	}
	e.Length(uint64(s.Len()))
	s.Each(func(b []byte) bool { e.String(b); return true })
}

// Decode reads a set, which may be empty: then it is none.
func (sc setCodec) Decode(d *rdb.Decoder, t rdb.Type) (any, error) {
	s, err := sc.decode(d, t)
	if b, _, ok := s.Packed(); !ok || len(b) > lentBytes { // the keyspace will have more than its bytes
		return &setObject{s}, err
	}
	o := rdb.Lent[setObject](d)
	o.Set = s
	return o, err
}

func (sc setCodec) decode(d *rdb.Decoder, t rdb.Type) (s set.Set, err error) {
	limit := sc.cfg.SetMaxIntsetEntries.Get()
	s = set.New(sc.seed)
	switch t {
	case rdb.TypeSetIntset:
		var b []byte
		if b, err = d.String(); err != nil {
			return s, err
		}
		if s, err = set.FromInts(sc.seed, b); err == nil {
			s.Limit(limit)
		}
		return s, rdb.FaultIntset.Because(err)
	case rdb.TypeSetListpack:
		var b []byte
		if b, err = d.String(); err != nil {
			return s, err
		}
		return s, addPacked(&s, b, limit)
	}
	n, err := d.Length()
	if err != nil {
		return s, err
	}
	switch {
	case n > uint64(limit):
		s.Hash()
	case n > 1:
		s.View(d.Room(int(min(n*memberRoom, maxRoom)))[:0], false)
	}
	var seen sieve
	for ; n > 0; n-- {
		b, err := d.String()
		if err != nil {
			return s, err
		}
		if seen.fresh(b) {
			s.AddNew(b, limit)
		} else if !s.Add(b, limit) {
			return s, rdb.FaultSetTwice
		}
	}
	return s, nil
}

// addPacked adds the elements of a listpack, which Redis 7.2 has small sets in.
func addPacked(s *set.Set, lp []byte, limit int64) error {
	if _, err := listpack.Validate(lp); err != nil {
		return rdb.FaultSetListpack.Because(err)
	}
	var buf []byte
	for p := listpack.First(lp); p < listpack.End(lp); p = listpack.Next(lp, p) {
		buf = listpack.Get(lp, p).AppendText(buf[:0])
		if !s.Add(buf, limit) {
			return rdb.FaultSetTwice
		}
	}
	return nil
}
