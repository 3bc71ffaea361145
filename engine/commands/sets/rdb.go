package sets

import (
	"errors"
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

// errMember is a member that stands in an RDB file twice.
var errMember = errors.New("a member of a set stands there twice")

// A small set begins with room for so many bytes a member, so that it does not grow with
// each, and so many in all.
const (
	memberRoom = 16
	maxRoom    = 1 << 10
)

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
	return &setObject{s}, err
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
		return s, err
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
		s.View(make([]byte, 0, min(n*memberRoom, maxRoom)), false)
	}
	for ; n > 0; n-- {
		b, err := d.String()
		if err != nil {
			return s, err
		}
		if !s.Add(b, limit) {
			return s, errMember
		}
	}
	return s, nil
}

// addPacked adds the elements of a listpack, which Redis 7.2 has small sets in.
func addPacked(s *set.Set, lp []byte, limit int64) error {
	if _, err := listpack.Validate(lp); err != nil {
		return err
	}
	var buf []byte
	for p := listpack.First(lp); p < listpack.End(lp); p = listpack.Next(lp, p) {
		buf = listpack.Get(lp, p).AppendText(buf[:0])
		if !s.Add(buf, limit) {
			return errMember
		}
	}
	return nil
}
