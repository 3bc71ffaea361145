package rdb

import (
	"encoding/binary"
	"io"
	"math"
	"strconv"
)

// A cursor walks over bytes: all of them at hand, or arriving from a feed.
//
//	         keep              i              len(buf)
//	|---------|----------------|---------------|. . . .
//	complete   the item that    not looked at   to come
//	items      is being read    yet
//
// Positions that must outlive a call that reads are taken relative to keep:
// a feed lets go of what stands before it.
type cursor struct {
	buf  []byte
	i    int
	keep int
	base int64 // offset in the file of buf[0]
	feed feed  // nil: buf is all there is
}

// A feed adds at least one byte to c.buf, or returns an error. It may move
// what stands from c.keep on to the beginning of another buffer.
type feed interface {
	more(c *cursor) error
}

// need makes sure that n more bytes are at hand.
func (c *cursor) need(n int) error {
	for len(c.buf)-c.i < n {
		if c.feed == nil {
			return io.ErrUnexpectedEOF
		}
		if err := c.feed.more(c); err != nil {
			return err
		}
	}
	return nil
}

// skip passes over n bytes.
func (c *cursor) skip(n uint64) error {
	if n <= uint64(len(c.buf)-c.i) {
		c.i += int(n)
		return nil
	}
	return c.skipFar(n)
}

func (c *cursor) skipFar(n uint64) error {
	for {
		n -= uint64(len(c.buf) - c.i)
		c.i = len(c.buf)
		if err := c.need(1); err != nil {
			return err
		}
		if n <= uint64(len(c.buf)-c.i) {
			c.i += int(n)
			return nil
		}
	}
}

func (c *cursor) byte() (byte, error) {
	if err := c.need(1); err != nil {
		return 0, err
	}
	c.i++
	return c.buf[c.i-1], nil
}

// take returns the next n bytes, valid until the next call that reads.
func (c *cursor) take(n int) ([]byte, error) {
	if err := c.need(n); err != nil {
		return nil, err
	}
	c.i += n
	return c.buf[c.i-n : c.i : c.i], nil
}

// length reads a length, or the form of a string that is not plain.
func (c *cursor) length() (n uint64, form byte, err error) {
	b, err := c.byte()
	if err != nil {
		return 0, 0, err
	}
	switch {
	case b&lenForm == len6:
		return uint64(b), 0, nil
	case b&lenForm == len14:
		low, err := c.byte()
		return uint64(b&lenLow)<<8 | uint64(low), 0, err
	case b == len32:
		p, err := c.take(4)
		if err != nil {
			return 0, 0, err
		}
		return uint64(binary.BigEndian.Uint32(p)), 0, nil
	case b == len64:
		p, err := c.take(8)
		if err != nil {
			return 0, 0, err
		}
		return binary.BigEndian.Uint64(p), 0, nil
	case b >= encInt8 && b <= encLZF:
		return 0, b, nil
	case b > encLZF:
		return 0, 0, formError(b)
	}
	return 0, 0, FaultLength
}

// count reads a length that is a number.
func (c *cursor) count() (uint64, error) {
	n, form, err := c.length()
	if err == nil && form != 0 {
		err = errLength
	}
	return n, err
}

// skipCounts passes over n numbers.
func (c *cursor) skipCounts(n int) error {
	for range n {
		if _, err := c.count(); err != nil {
			return err
		}
	}
	return nil
}

// skipString passes over a string in any encoding.
func (c *cursor) skipString() error {
	if c.i < len(c.buf) { // most strings are short and at hand
		if b := int(c.buf[c.i]); b < len14 && b < len(c.buf)-c.i {
			c.i += 1 + b
			return nil
		}
	}
	n, form, err := c.length()
	if err != nil {
		return err
	}
	switch form {
	case encInt8, encInt16, encInt32:
		n = 1 << (form - encInt8)
	case encLZF:
		if n, _, err = c.packed(); err != nil {
			return err
		}
	}
	if n > maxString {
		return errTooLong
	}
	return c.skip(n)
}

// packed reads the two lengths of a compressed string.
func (c *cursor) packed() (packed, whole uint64, err error) {
	if packed, err = c.count(); err != nil {
		return 0, 0, err
	}
	if whole, err = c.count(); err != nil {
		return 0, 0, err
	}
	if packed > maxString || whole > maxString {
		return 0, 0, errTooLong
	}
	if whole > packed*lzfMaxGain {
		return 0, 0, FaultLZF
	}
	return packed, whole, nil
}

// A text is a string as it stood in the file: bytes or an integer.
type text struct {
	bytes []byte
	n     int64
	isInt bool
}

// An arena is room for strings that do not stand in the file as they are.
// What it gave stays valid when it grows.
type arena struct {
	room []byte
	used int // bytes given since reset, in this room and those before it
}

const (
	// arenaBytes is up to where an arena doubles: a payload by itself needs no more than
	// what it holds, a file much of it.
	arenaBytes = 64 << 10
	// maxKeptArena is how much room is kept for the next batch.
	maxKeptArena = 8 * batchBytes
)

func (a *arena) alloc(n int) []byte {
	if cap(a.room)-len(a.room) < n {
		a.room = make([]byte, 0, max(n, min(a.used, arenaBytes)))
	}
	a.used += n
	at := len(a.room)
	a.room = a.room[:at+n]
	return a.room[at : at+n : at+n]
}

// reset takes back all that was given, and makes one room that would have
// sufficed.
func (a *arena) reset() {
	if want := min(a.used, maxKeptArena); cap(a.room) < want || cap(a.room) > maxKeptArena {
		a.room = make([]byte, 0, want+want/4)
	}
	a.room, a.used = a.room[:0], 0
}

// text reads a string. Its bytes are valid as long as the arena and the buffer,
// whose feed moves it: a cursor with a feed must copy them at once.
func (c *cursor) text(a *arena) (text, error) {
	n, form, err := c.length()
	if err != nil {
		return text{}, err
	}
	switch form {
	case encInt8, encInt16, encInt32:
		p, err := c.take(1 << (form - encInt8))
		if err != nil {
			return text{}, err
		}
		return text{n: signed(p), isInt: true}, nil
	case encLZF:
		packed, whole, err := c.packed()
		if err != nil {
			return text{}, err
		}
		src, err := c.take(int(packed))
		if err != nil {
			return text{}, err
		}
		b, err := unpack(a.alloc(unpackRoom(int(whole))), src, int(whole))
		return text{bytes: b}, err
	}
	if n > maxString {
		return text{}, errTooLong
	}
	p, err := c.take(int(n))
	return text{bytes: p}, err
}

// str reads a string as bytes, also if it stands there as an integer.
func (c *cursor) str(a *arena) ([]byte, error) {
	t, err := c.text(a)
	if err != nil || !t.isInt {
		return t.bytes, err
	}
	p := strconv.AppendInt(a.alloc(maxIntText)[:0], t.n, 10)
	return p[:len(p):len(p)], nil
}

func signed(p []byte) int64 {
	switch len(p) {
	case 1:
		return int64(int8(p[0]))
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(p)))
	}
	return int64(int32(binary.LittleEndian.Uint32(p)))
}

// double reads a number of 8 bytes.
func (c *cursor) double() (float64, error) {
	p, err := c.take(8)
	if err != nil {
		return 0, err
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(p)), nil
}
