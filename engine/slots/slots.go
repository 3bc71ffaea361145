// Package slots maps keys to the 16384 hash slots of Redis Cluster
// (https://redis.io/docs/reference/cluster-spec, "Key distribution model"):
// CRC16-XMODEM of the key, or of what stands between its first braces, modulo
// 16384. It imports nothing but the standard library.
package slots

import "bytes"

// Count is the number of slots.
const Count = 16384

// poly is CRC16-XMODEM's polynomial.
const poly = 0x1021

// lanes is how many bytes are taken in one step: a key costs as much as the
// dependent loads in it.
const lanes = 8

// tables[n][b] is the CRC of byte b followed by n zero bytes; computed once, a
// value, never written again.
var tables = makeTables()

func makeTables() (t [lanes][256]uint16) {
	for i := range t[0] {
		crc := uint16(i) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ poly
			} else {
				crc <<= 1
			}
		}
		t[0][i] = crc
	}
	for n := 1; n < lanes; n++ {
		for i := range t[n] {
			crc := t[n-1][i]
			t[n][i] = crc<<8 ^ t[0][crc>>8]
		}
	}
	return t
}

// Of returns key's slot.
func Of(key []byte) uint16 {
	if tag := hashTag(key); tag != nil {
		key = tag
	}
	var crc uint16
	for ; len(key) >= lanes; key = key[lanes:] {
		crc = tables[7][key[0]^byte(crc>>8)] ^ tables[6][key[1]^byte(crc)] ^
			tables[5][key[2]] ^ tables[4][key[3]] ^ tables[3][key[4]] ^
			tables[2][key[5]] ^ tables[1][key[6]] ^ tables[0][key[7]]
	}
	for _, b := range key {
		crc = crc<<8 ^ tables[0][byte(crc>>8)^b]
	}
	return crc % Count
}

// hashTag returns what stands between the first '{' and the first '}' after
// it, or nil when there is no such pair or nothing in it.
func hashTag(key []byte) []byte {
	open := bytes.IndexByte(key, '{')
	if open < 0 {
		return nil
	}
	tag := key[open+1:]
	if end := bytes.IndexByte(tag, '}'); end > 0 {
		return tag[:end]
	}
	return nil
}
