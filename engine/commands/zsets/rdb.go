package zsets

import (
	"hash/maphash"
	"math"

	"regent/engine/config"
	"regent/engine/listpack"
	"regent/engine/rdb"
	"regent/engine/zset"
)

// A zsetCodec is a sorted set in RDB: a listpack, everything else as members
// and scores, the highest first. Before version 8 scores were texts, and before 10 small
// ones ziplists.
type zsetCodec struct {
	cfg  *config.Config
	seed maphash.Seed
}

// lentBytes is up to where an object for a sorted set of an RDB file is lent: far below
// what the keyspace keeps as an object.
const lentBytes = 4 << 10

// Kind is "zset".
func (zsetCodec) Kind() string { return "zset" }

// Types are all that sorted sets were ever written as.
func (zsetCodec) Types() []rdb.Type {
	return []rdb.Type{rdb.TypeZset, rdb.TypeZset2, rdb.TypeZsetZiplist, rdb.TypeZsetListpack}
}

// Pick is Redis 7.0's.
func (zsetCodec) Pick(v any) rdb.Type {
	if v.(*zsetObject).IsSmall() {
		return rdb.TypeZsetListpack
	}
	return rdb.TypeZset2
}

// Encode writes the members and scores.
func (zsetCodec) Encode(e *rdb.Encoder, t rdb.Type, v any) {
	z := v.(*zsetObject)
	if t == rdb.TypeZsetListpack {
		if b, ok := z.ZSet.Packed(); ok {
			e.Made(listpack.Bare(b).Append)
		} else {
			e.String(listpack.New(0))
		}
		return
	}
	n := z.Len()
	e.Length(uint64(n))
	z.Walk(n-1, n, true, func(b []byte, score float64) bool {
		e.String(b)
		e.Double(score)
		return true
	})
}

// Decode reads a sorted set, which may be empty: then it is none.
func (zc zsetCodec) Decode(d *rdb.Decoder, t rdb.Type) (any, error) {
	lim := limitsOf(zc.cfg)
	switch t {
	case rdb.TypeZset, rdb.TypeZset2:
		z := &zsetObject{zset.New(zc.seed)}
		return z, z.decode(d, t, lim)
	}
	b, err := d.String()
	if err != nil {
		return nil, err
	}
	fault := rdb.FaultZsetListpack
	if t == rdb.TypeZsetZiplist {
		fault = rdb.FaultZsetZiplist
		if b, err = listpack.FromZiplist(b); err != nil {
			return nil, fault.Because(err)
		}
	}
	z := rdb.Lent[zsetObject](d)
	z.ZSet = zset.New(zc.seed)
	err = fault.Because(z.Load(d.Room(listpack.StripRoom(len(b))), b, lim))
	if !z.IsSmall() || len(b) > lentBytes { // the keyspace will have more than its bytes
		return &zsetObject{z.ZSet}, err
	}
	return z, err
}

// decode reads members and scores one by one.
func (z *zsetObject) decode(d *rdb.Decoder, t rdb.Type, lim zset.Limits) error {
	n, err := d.Length()
	if err != nil {
		return err
	}
	if n > uint64(max(lim.Entries, 0)) {
		z.Grow()
	}
	read := d.Double
	if t == rdb.TypeZset {
		read = d.DoubleText
	}
	for ; n > 0; n-- {
		b, err := d.String()
		if err != nil {
			return err
		}
		score, err := read()
		if err != nil {
			return err
		}
		if math.IsNaN(score) {
			return rdb.FaultScoreNaN
		}
		at := z.Find(b)
		if at.OK {
			return rdb.FaultZsetTwice
		}
		z.Put(at, b, score, lim)
	}
	return nil
}
