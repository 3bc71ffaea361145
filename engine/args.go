package engine

import (
	"fmt"
	"math"

	"regent/engine/decimal"
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
