package engine

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"regent/engine/dict"
	"regent/resp"
)

// DEBUG DIGEST names data by 40 hex digits: nodes that hold the same show the
// same, in whatever order they hold it. The sums are redis-server's own
// (debug.c), so that a Regent can be compared with a Redis as well.
//
//	key   mix(key) mix(type) mix(value) xor(expires?)
//	data  for each database that is not empty: mix(number), then xor(each key)

// A digest is SHA-1's size. Mixed in, the order matters; xored in, it does not.
type digest [sha1.Size]byte

func (d *digest) xor(p []byte) {
	for i, b := range sha1.Sum(p) {
		d[i] ^= b
	}
}

func (d *digest) mix(p []byte) {
	d.xor(p)
	*d = sha1.Sum(d[:])
}

func (d *digest) mixNumber(n int) {
	d.mix(binary.BigEndian.AppendUint32(nil, uint32(n)))
}

// typeString is the number that Redis gives to strings among its types.
const typeString = 0

// mixValue mixes a value in; false: it is of a type that has no digest.
func (d *digest) mixValue(en Entry) bool {
	v := en.Value()
	if v.Kind == dict.Object {
		return false
	}
	var buf [maxIntDigits]byte
	d.mixNumber(typeString)
	d.mix(text(v, &buf))
	if en.ExpireAt() != 0 {
		d.xor([]byte("!!expire!!"))
	}
	return true
}

func (d *digest) String() string { return hex.EncodeToString(d[:]) }

func debugDigest(c *Ctx) {
	var all digest
	odd := ""
	for db := range c.E.databases() {
		if c.E.dbSize(db) == 0 {
			continue
		}
		all.mixNumber(db)
		c.E.eachKey(db, func(en Entry) bool {
			var one digest
			one.mix(en.Key())
			if !one.mixValue(en) {
				odd = typeName(en.Value())
			}
			all.xor(one[:])
			return odd == ""
		})
	}
	if odd != "" {
		c.Err(fmt.Sprintf(resp.ErrNoDigest, odd))
		return
	}
	c.W.Status(all.String())
}

func debugDigestValue(c *Ctx) {
	keys := c.Args[2:]
	for _, key := range keys {
		if en := c.Peek(key); en.OK() && en.Value().Kind == dict.Object {
			c.Err(fmt.Sprintf(resp.ErrNoDigest, typeName(en.Value())))
			return
		}
	}
	c.W.Array(len(keys))
	for _, key := range keys {
		var d digest
		if en := c.Peek(key); en.OK() {
			d.mixValue(en)
		}
		c.W.Status(d.String())
	}
}
