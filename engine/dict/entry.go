package dict

import "encoding/binary"

// An entry's bytes, see doc.go. Two lengths fit into the header of most; a wide
// entry has them behind it.
const (
	kindMask   = 0x07 | 0x07<<formShift
	flagExpire = 0x08 // 8 bytes before the key
	flagWide   = 0x10 // lengths of 4 bytes behind the header
	formShift  = 5    // of a Packed value's form

	headerLen = 8
	wideLen   = 8
	expireLen = 8
	intLen    = 8
	objLen    = 4

	maxKeyLen   = 1<<8 - 1  // of an entry that is not wide, in bytes
	maxValueLen = 1<<16 - 1 // likewise
	// MaxLen bounds a key or a value in bytes.
	MaxLen = 1<<32 - 1
)

// An entry is the bytes of one, from its first.
type entry []byte

func (e entry) kind() Kind         { return Kind(e[0] & kindMask) }
func (e entry) expires() bool      { return e[0]&flagExpire != 0 }
func (e entry) wide() bool         { return e[0]&flagWide != 0 }
func (e entry) stamp() byte        { return e[1] }
func (e entry) setStamp(s byte)    { e[1] = s }
func (e entry) access() uint32     { return uint32(e[2]) | uint32(e[3])<<8 | uint32(e[4])<<16 }
func (e entry) setAccess(a uint32) { e[2], e[3], e[4] = byte(a), byte(a>>8), byte(a>>16) }

// lens are the lengths of key and value, and where the key begins.
func (e entry) lens() (key, value, from int) {
	from = headerLen + int(e[0]&flagExpire) // which is expireLen
	if e.wide() {
		return int(binary.LittleEndian.Uint32(e[headerLen:])), int(binary.LittleEndian.Uint32(e[headerLen+4:])), from + wideLen
	}
	return int(e[5]), int(binary.LittleEndian.Uint16(e[6:])), from
}

// setLens sets them; whether the entry is wide does not change.
func (e entry) setLens(key, value int) {
	if e.wide() {
		binary.LittleEndian.PutUint32(e[headerLen:], uint32(key))
		binary.LittleEndian.PutUint32(e[headerLen+4:], uint32(value))
		return
	}
	e[5] = byte(key)
	binary.LittleEndian.PutUint16(e[6:], uint16(value))
}

func (e entry) key() []byte {
	k, _, from := e.lens()
	return e[from : from+k : from+k]
}

func (e entry) value() []byte {
	k, v, from := e.lens()
	return e[from+k : from+k+v : from+k+v]
}

func (e entry) expireAt() int64 {
	if !e.expires() {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(e[e.expireFrom():]))
}

// expireFrom is where the expiry of an entry that has one begins.
func (e entry) expireFrom() int {
	if e.wide() {
		return headerLen + wideLen
	}
	return headerLen
}

// A shape is what decides an entry's size.
type shape struct {
	key, value int
	expires    bool
}

func (s shape) wide() bool { return s.key > maxKeyLen || s.value > maxValueLen }

func (s shape) size() int {
	n := headerLen + s.key + s.value
	if s.wide() {
		n += wideLen
	}
	if s.expires {
		n += expireLen
	}
	return n
}

// begin writes a header for the shape; the rest is the caller's.
func (e entry) begin(s shape, k Kind, stamp byte, access uint32) {
	e[0] = byte(k)
	if s.expires {
		e[0] |= flagExpire
	}
	if s.wide() {
		e[0] |= flagWide
	}
	e.setStamp(stamp)
	e.setAccess(access)
	e.setLens(s.key, s.value)
}

// setExpireAt writes the expiry of an entry that has one.
func (e entry) setExpireAt(at int64) {
	binary.LittleEndian.PutUint64(e[e.expireFrom():], uint64(at))
}

// valueLen is the bytes that v takes.
func (v *Value) valueLen() int {
	switch v.Kind {
	case Int:
		return intLen
	case Object:
		return objLen
	}
	return len(v.Bytes)
}
