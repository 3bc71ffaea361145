package engine

import (
	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/resp"
)

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
