package engine

import (
	"fmt"
	"math"
	"strconv"

	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/resp"
)

// What literals and handlers of several groups share: constructors for the
// argument descriptions of COMMAND DOCS, and the parsing of options that more
// than one command takes.
//
//	SET key value [NX|XX] [GET] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]
//	GETEX key                   [EX s|PX ms|EXAT s|PXAT ms|PERSIST]
//	EXPIRE key n [NX|XX|GT|LT]

// IntArg reads an integer argument; false: an error was written.
func (c *Ctx) IntArg(raw []byte) (int64, bool) {
	n, ok := decimal.Parse(raw)
	if !ok {
		c.Err(resp.ErrNotInteger)
	}
	return n, ok
}

// int32Arg reads an argument that Redis keeps in an int; false: an error was
// written.
func (c *Ctx) int32Arg(raw []byte) (int, bool) {
	n, ok := c.IntArg(raw)
	if !ok {
		return 0, false
	}
	if n < math.MinInt32 || n > math.MaxInt32 {
		c.Err(fmt.Sprintf(resp.ErrBetween, math.MinInt32, math.MaxInt32))
		return 0, false
	}
	return int(n), true
}

// DBArg reads a database number; false: an error was written.
func (c *Ctx) DBArg(raw []byte) (int, bool) {
	db, ok := c.int32Arg(raw)
	if !ok {
		return 0, false
	}
	if db < 0 || db >= c.e.databases() {
		c.Err(resp.ErrDBRange)
		return 0, false
	}
	return db, true
}

// When keys expire, for all commands that set it: SET, GETEX, EXPIRE and their kin.

// A TimeUnit says how an expiry argument is meant.
type TimeUnit struct {
	Seconds  bool // else milliseconds
	Absolute bool // since 1970, else from now
}

// LifeEnd turns the expiry argument of SET and its kin into wall ms; false:
// an error was written. Only positive arguments make sense there.
func (c *Ctx) LifeEnd(raw []byte, u TimeUnit) (at int64, ok bool) {
	n, ok := c.IntArg(raw)
	if !ok {
		return 0, false
	}
	if n <= 0 {
		c.errExpireTime()
		return 0, false
	}
	return c.TimeOf(n, u)
}

// TimeOf turns n in unit u into wall ms; false: it is out of range, and an
// error was written.
func (c *Ctx) TimeOf(n int64, u TimeUnit) (at int64, ok bool) {
	if u.Seconds {
		if n > math.MaxInt64/1000 || n < math.MinInt64/1000 {
			c.errExpireTime()
			return 0, false
		}
		n *= 1000
	}
	if u.Absolute {
		return n, true
	}
	if n > math.MaxInt64-c.Now {
		c.errExpireTime()
		return 0, false
	}
	return n + c.Now, true
}

func (c *Ctx) errExpireTime() { c.Err(fmt.Sprintf(resp.ErrExpireTime, c.Cmd.FullName())) }

// ExpireAt makes en, the entry of key, expire at the wall ms at, and
// propagates it. What is already over is deleted, except when a log is
// carried out: there the deletion is a record of its own.
func (c *Ctx) ExpireAt(key []byte, en Entry, at int64) {
	if c.Over(at) {
		c.Remove(key)
		c.Notify(EventGeneric, "del", key)
		c.Propagate([]byte("DEL"), key)
		return
	}
	c.setExpire(en, max(at, 1)) // 0 stands for never
	c.Notify(EventGeneric, "expire", key)
	var ms [decimal.MaxLen]byte
	c.Propagate([]byte("PEXPIREAT"), key, strconv.AppendInt(ms[:0], at, 10))
}

// Over reports whether a key that expires at the wall ms at is not to come to be any more.
// When a log is carried out its deletion is a record of its own.
func (c *Ctx) Over(at int64) bool { return at <= c.Now && !c.applying }

// Persist makes en live for ever and reports whether it did not before.
func (c *Ctx) Persist(key []byte, en Entry) bool {
	if en.ExpireAt() == 0 {
		return false
	}
	c.setExpire(en, 0)
	c.Notify(EventGeneric, "persist", key)
	c.Propagate([]byte("PERSIST"), key)
	return true
}

// What LMPOP, ZMPOP and their blocking kin have in common: they take elements from the
// first of several keys that is there.
//
//	[timeout] numkeys key [key ...] LEFT|RIGHT or MIN|MAX [COUNT count]

// PopArgs reads their arguments from numkeys on, which is argument at; where reads the end
// from which is taken, and writes the error if it is none. false: an error was written.
func (c *Ctx) PopArgs(at int, where func(word []byte) bool) (keys [][]byte, count int64, ok bool) {
	n, isInt := decimal.Parse(c.Args[at])
	if !isInt || n < 1 {
		c.Err(resp.ErrNumKeys)
		return nil, 0, false
	}
	rest := c.Args[at+1:]
	if n >= int64(len(rest)) {
		c.Err(resp.ErrSyntax)
		return nil, 0, false
	}
	keys, rest = rest[:n], rest[n:]
	if !where(rest[0]) {
		return nil, 0, false
	}
	for rest = rest[1:]; len(rest) > 0; rest = rest[2:] {
		if count != 0 || len(rest) == 1 || !spec.EqualFold(rest[0], "count") {
			c.Err(resp.ErrSyntax)
			return nil, 0, false
		}
		if count, isInt = decimal.Parse(rest[1]); !isInt || count < 1 {
			c.Err(resp.ErrCountPositive)
			return nil, 0, false
		}
	}
	return keys, max(count, 1), true
}

// FirstOf calls take with the first of the keys that is there; false: there is none, and
// nothing was written. A key of another type is an error.
func FirstOf[O interface {
	comparable
	Object
}](c *Ctx, keys [][]byte, take func(key []byte, en Entry, o O)) bool {
	var none O
	for _, key := range keys {
		en, o, ok := WriteObject[O](c, key)
		if !ok {
			return true
		}
		if o != none {
			take(key, en, o)
			return true
		}
	}
	return false
}

// IsA reports whether an object is of a type: what a Waiter wants mostly.
func IsA[O Object](_ []byte, o Object) bool {
	_, ok := o.(O)
	return ok
}
