package hashes

import (
	"errors"
	"hash/maphash"
	"strconv"

	"regent/engine/config"
	"regent/engine/hash"
	"regent/engine/listpack"
	"regent/engine/rdb"
)

// A hashCodec is a hash in RDB: a listpack, a hashtable as fields and values
// one after the other. What earlier versions of Redis wrote is read, too: ziplists,
// and the zipmaps of 2.4.
type hashCodec struct {
	cfg  *config.Config
	seed maphash.Seed
}

// lentBytes is up to where an object for a hash of an RDB file is lent: far below what
// the keyspace keeps as an object.
const lentBytes = 4 << 10

// What is wrong with a zipmap.
var (
	errZipmap      = errors.New("it is none")
	errZipmapCount = errors.New("it has more or fewer fields than it says")
)

// Kind is "hash".
func (hashCodec) Kind() string { return "hash" }

// Types are all that hashes were written as up to Redis 7.2.
func (hashCodec) Types() []rdb.Type {
	return []rdb.Type{rdb.TypeHash, rdb.TypeHashZipmap, rdb.TypeHashZiplist, rdb.TypeHashListpack}
}

// Pick is Redis 7.0's.
func (hashCodec) Pick(v any) rdb.Type {
	if v.(*hashObject).Hashed() {
		return rdb.TypeHash
	}
	return rdb.TypeHashListpack
}

// Encode writes the fields.
func (hashCodec) Encode(e *rdb.Encoder, t rdb.Type, v any) {
	h := v.(*hashObject)
	if t == rdb.TypeHashListpack {
		if b, ok := h.Hash.Packed(); ok {
			e.Made(listpack.Bare(b).Append)
		} else {
			e.String(listpack.New(0))
		}
		return
	}
	e.Length(uint64(h.Len()))
	h.Each(func(field, value listpack.Value) bool {
		e.String(field.Str)
		e.String(value.Str)
		return true
	})
}

// Decode reads a hash, which may be empty: then it is none.
func (hc hashCodec) Decode(d *rdb.Decoder, t rdb.Type) (any, error) {
	if t == rdb.TypeHash {
		h := &hashObject{hash.New(hc.seed)}
		return h, hc.fields(h, d)
	}
	b, err := d.String()
	if err != nil {
		return nil, err
	}
	h := rdb.Lent[hashObject](d)
	h.Hash = hash.New(hc.seed)
	switch t {
	case rdb.TypeHashListpack:
		err = rdb.FaultHashListpack.Because(hc.packed(h, d, b))
	case rdb.TypeHashZiplist:
		err = rdb.FaultHashZiplist.Because(hc.ziplist(h, d, b))
	default:
		err = hc.zipmap(h, b)
	}
	if h.Hashed() || len(b) > lentBytes { // the keyspace will have more than its bytes
		return &hashObject{h.Hash}, err
	}
	return h, err
}

func (hc hashCodec) fields(h *hashObject, d *rdb.Decoder) error {
	lim := limits(hc.cfg)
	n, err := d.Length()
	if err != nil {
		return err
	}
	if n > uint64(lim.Entries) {
		h.Spread()
	}
	for ; n > 0; n-- {
		field, err := d.String()
		if err != nil {
			return err
		}
		value, err := d.String()
		if err != nil {
			return err
		}
		if !h.Set(field, value, lim) {
			if h.Hashed() {
				return rdb.FaultFieldTwice
			}
			return rdb.FaultHashTwice
		}
	}
	return nil
}

func (hc hashCodec) packed(h *hashObject, d *rdb.Decoder, lp []byte) error {
	return h.Load(d.Room(listpack.StripRoom(len(lp))), lp, limits(hc.cfg))
}

// ziplist reads a hash of Redis up to 6.2. As in Redis the number of fields decides
// what becomes of it, and not their lengths.
func (hc hashCodec) ziplist(h *hashObject, d *rdb.Decoder, b []byte) error {
	lp, err := listpack.FromZiplist(b)
	if err != nil {
		return err
	}
	return hc.packed(h, d, lp)
}

// Zipmaps (Redis 2.4 and earlier, zipmap.c):
//
//	count 1 | length | field | length | free 1 | value | free bytes | ... | 0xFF
//	          '- 1 byte below 254, or 254 and 4 bytes, low byte first
const (
	zipmapLong = 254
	zipmapEnd  = 255
)

func (hc hashCodec) zipmap(h *hashObject, b []byte) error {
	lim := limits(hc.cfg)
	if len(b) < 2 {
		return rdb.FaultZipmap.Because(errZipmap)
	}
	said := int(b[0])
	for b = b[1:]; len(b) > 0 && b[0] != zipmapEnd; {
		field, rest, ok := zipmapText(b, 0)
		if !ok {
			return rdb.FaultZipmap.Because(errZipmap)
		}
		value, rest, ok := zipmapText(rest, 1)
		if !ok {
			return rdb.FaultZipmap.Because(errZipmap)
		}
		if !h.Set(field, value, lim) {
			return rdb.FaultZipmapTwice.Because(errField{len(field)})
		}
		b = rest
	}
	if len(b) != 1 {
		return rdb.FaultZipmap.Because(errZipmap)
	}
	if n := h.Len(); n > 0 && said != zipmapLong && said != n {
		return rdb.FaultZipmap.Because(errZipmapCount)
	}
	return nil
}

// An errField is the length of a field that a zipmap has twice.
type errField struct{ length int }

func (e errField) Error() string { return strconv.Itoa(e.length) }

// zipmapText is the text that b begins with, between whose length and bytes there is
// a byte that tells how many follow it unused, if free is 1.
func zipmapText(b []byte, free int) (text, rest []byte, ok bool) {
	if len(b) == 0 || b[0] == zipmapEnd {
		return nil, nil, false
	}
	n, at := uint64(b[0]), 1
	if b[0] == zipmapLong {
		if len(b) < 5 {
			return nil, nil, false
		}
		n, at = uint64(b[1])|uint64(b[2])<<8|uint64(b[3])<<16|uint64(b[4])<<24, 5
	}
	unused := uint64(0)
	if free == 1 {
		if len(b) <= at {
			return nil, nil, false
		}
		unused, at = uint64(b[at]), at+1
	}
	if uint64(len(b)-at) < n+unused {
		return nil, nil, false
	}
	b = b[at:]
	return b[:n], b[n+unused:], true
}
