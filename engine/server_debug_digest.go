package engine

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"

	"regent/engine/decimal"
)

// DEBUG DIGEST names data by 40 hex digits: nodes that hold the same show the
// same, in whatever order they hold it. The sums are redis-server's own
// (debug.c), so that a Regent can be compared with a Redis as well.
//
//	key   mix(key) mix(type) mix(value) xor(expires?)
//	data  for each database that is not empty: mix(number), then xor(each key)

// A Digest is SHA-1's size. Mixed in, the order matters; xored in, it does not.
type Digest [sha1.Size]byte

// Xor takes p in as one of several in any order.
func (d *Digest) Xor(p []byte) {
	for i, b := range sha1.Sum(p) {
		d[i] ^= b
	}
}

// Mix takes p in as the next of a sequence.
func (d *Digest) Mix(p []byte) {
	d.Xor(p)
	*d = sha1.Sum(d[:])
}

// MixNumber is Mix for a number: of a database, or of a type.
func (d *Digest) MixNumber(n int) {
	d.Mix(binary.BigEndian.AppendUint32(nil, uint32(n)))
}

// The numbers that Redis gives to types.
const (
	typeString = 0
	TypeList   = 1
	TypeSet    = 2
	TypeZset   = 3
	TypeHash   = 4
)

// mixValue mixes a value in.
func (d *Digest) mixValue(c *Ctx, en Entry) {
	if o := c.object(en); o != nil {
		o.Digest(d)
	} else {
		var buf [decimal.MaxLen]byte
		d.MixNumber(typeString)
		d.Mix(Text(en.Value(), &buf))
	}
	if en.ExpireAt() != 0 {
		d.Xor([]byte("!!expire!!"))
	}
}

func (d *Digest) String() string { return hex.EncodeToString(d[:]) }

func debugDigest(c *Ctx) {
	var all Digest
	for db := range c.e.databases() {
		if c.e.dbSize(db) == 0 {
			continue
		}
		all.MixNumber(db)
		c.e.eachKey(db, func(en Entry) bool {
			var one Digest
			one.Mix(en.Key())
			one.mixValue(c, en)
			all.Xor(one[:])
			return true
		})
	}
	c.W.Status(all.String())
}

func debugDigestValue(c *Ctx) {
	keys := c.Args[2:]
	c.W.Array(len(keys))
	for _, key := range keys {
		var d Digest
		if en := c.Peek(key); en.OK() {
			d.mixValue(c, en)
		}
		c.W.Status(d.String())
	}
}
