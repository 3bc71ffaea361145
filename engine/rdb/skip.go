package rdb

import "errors"

// Where a value ends is known for every type, also for those that nothing here
// can decode: most are a string, or a count and as many strings.

// errNoLayout says that a value's end cannot be known.
var errNoLayout = errors.New("a module value of version 1 has no layout that can be known")

// skipValue passes over a value of type t.
func (c *cursor) skipValue(t Type) error {
	switch t {
	case TypeString, TypeHashZipmap, TypeListZiplist, TypeSetIntset, TypeZsetZiplist, TypeHashZiplist,
		TypeHashListpack, TypeZsetListpack, TypeSetListpack, TypeHashListpackRC:
		return c.skipString()
	case TypeList, TypeSet, TypeListQuicklist:
		return c.skipEach(c.skipString)
	case TypeHash:
		return c.skipEach(func() error { return c.skipStrings(2) })
	case TypeZset:
		return c.skipEach(func() error { return c.skipScored(c.skipScoreText) })
	case TypeZset2:
		return c.skipEach(func() error { return c.skipScored(func() error { return c.skip(8) }) })
	case TypeListQuicklist2: // each node: plain or packed, and its bytes
		return c.skipEach(func() error { return c.skipCountAnd(c.skipString) })
	case TypeStream, TypeStream2, TypeStream3:
		return c.skipStream(t)
	case TypeModule2:
		return c.skipModule()
	case TypeHashFieldsRC, TypeHashFields, TypeHashListpackTTL:
		return c.skipFieldTTL(t)
	}
	return errNoLayout
}

// skipEach reads a count and calls one that often. Each call takes a byte at
// least, so a count that is a lie ends with the bytes.
func (c *cursor) skipEach(one func() error) error {
	n, err := c.count()
	for ; err == nil && n > 0; n-- {
		err = one()
	}
	return err
}

func (c *cursor) skipStrings(n int) error {
	for range n {
		if err := c.skipString(); err != nil {
			return err
		}
	}
	return nil
}

func (c *cursor) skipCountAnd(then func() error) error {
	if _, err := c.count(); err != nil {
		return err
	}
	return then()
}

func (c *cursor) skipScored(score func() error) error {
	if err := c.skipString(); err != nil {
		return err
	}
	return score()
}

// skipScoreText passes over a score as text: its length in one byte, or one of
// three bytes that stand for NaN and the infinities.
func (c *cursor) skipScoreText() error {
	n, err := c.byte()
	if err != nil || n >= scoreNaN {
		return err
	}
	return c.skip(uint64(n))
}

const (
	scoreNaN    = 253
	scorePosInf = 254
	scoreNegInf = 255
)

// skipFieldTTL: a hash whose fields have expiries (version 12).
//
//	24  earliest (8 bytes)  count  (ttl field value)...
//	22                      count  (expiry field value)...
//	25  earliest (8 bytes)  listpack
func (c *cursor) skipFieldTTL(t Type) error {
	if t != TypeHashFieldsRC {
		if err := c.skip(8); err != nil {
			return err
		}
	}
	if t == TypeHashListpackTTL {
		return c.skipString()
	}
	return c.skipEach(func() error { return c.skipCountAnd(func() error { return c.skipStrings(2) }) })
}

const (
	streamIDBytes = 16 // as it stands in keys and lists of pending entries
	timeBytes     = 8
)

// skipStream: 15, 19 and 21 differ by what was added to them.
//
//	count (id, listpack)...    entries
//	length  last id            counts; ids are two of them
//	first id  greatest deleted id  added      19, 21
//	count groups...
func (c *cursor) skipStream(t Type) error {
	if err := c.skipEach(func() error { return c.skipStrings(2) }); err != nil {
		return err
	}
	counts := 3
	if t >= TypeStream2 {
		counts += 5
	}
	if err := c.skipCounts(counts); err != nil {
		return err
	}
	return c.skipEach(func() error { return c.skipGroup(t) })
}

// skipGroup: a consumer group.
//
//	name  last id  entries read (19, 21)
//	count (id, time of delivery, deliveries)...      pending entries
//	count (name, seen, active (21), count id...)...  consumers
func (c *cursor) skipGroup(t Type) error {
	if err := c.skipString(); err != nil {
		return err
	}
	counts := 2
	if t >= TypeStream2 {
		counts++
	}
	if err := c.skipCounts(counts); err != nil {
		return err
	}
	pending := func() error {
		if err := c.skip(streamIDBytes + timeBytes); err != nil {
			return err
		}
		return c.skipCounts(1)
	}
	if err := c.skipEach(pending); err != nil {
		return err
	}
	return c.skipEach(func() error { return c.skipConsumer(t) })
}

func (c *cursor) skipConsumer(t Type) error {
	if err := c.skipString(); err != nil {
		return err
	}
	times := uint64(timeBytes)
	if t >= TypeStream3 {
		times += timeBytes
	}
	if err := c.skip(times); err != nil {
		return err
	}
	return c.skipEach(func() error { return c.skip(streamIDBytes) })
}

// What a module's value consists of: each piece is preceded by one of these.
const (
	moduleEOF    = 0
	moduleSigned = 1
	moduleCount  = 2
	moduleFloat  = 3
	moduleDouble = 4
	moduleString = 5
)

// skipModule: the module's id and pieces up to moduleEOF.
func (c *cursor) skipModule() error {
	if err := c.skipCounts(1); err != nil {
		return err
	}
	return c.skipPieces()
}

// skipModuleAux: id, when it was saved (as a piece), pieces.
func (c *cursor) skipModuleAux() error {
	if err := c.skipCounts(3); err != nil {
		return err
	}
	return c.skipPieces()
}

func (c *cursor) skipPieces() error {
	for {
		piece, err := c.count()
		if err != nil {
			return err
		}
		switch piece {
		case moduleEOF:
			return nil
		case moduleSigned, moduleCount:
			err = c.skipCounts(1)
		case moduleFloat:
			err = c.skip(4)
		case moduleDouble:
			err = c.skip(8)
		case moduleString:
			err = c.skipString()
		default:
			err = errModule
		}
		if err != nil {
			return err
		}
	}
}
