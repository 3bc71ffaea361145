package hashtable

import "encoding/binary"

// A form is what a member's bytes are:
//
//	keysOnly   the key
//	pairs      length of the key (uvarint), key, value
type form bool

const (
	keysOnly form = false
	pairs    form = true
)

// size is the bytes of a member.
func (f form) size(key, value int) int {
	if f == keysOnly {
		return key
	}
	return uvarintLen(key) + key + value
}

func uvarintLen(n int) int {
	size := 1
	for ; n >= 1<<7; n >>= 7 {
		size++
	}
	return size
}

// put writes a member, of the size given.
func (f form) put(dst, key, value []byte) {
	if f == pairs {
		dst = dst[binary.PutUvarint(dst, uint64(len(key))):]
	}
	copy(dst[copy(dst, key):], value)
}

// split is a member's key and value.
func (f form) split(b []byte) (key, value []byte) {
	if f == keysOnly {
		return b, nil
	}
	n, at := int(b[0]), 1
	if n >= 1<<7 {
		long, size := binary.Uvarint(b)
		n, at = int(long), size
	}
	end := at + n
	return b[at:end:end], b[end:len(b):len(b)]
}

// key is a member's key.
func (f form) key(b []byte) []byte {
	key, _ := f.split(b)
	return key
}
