package engine

import (
	"strconv"

	"regent/engine/decimal"
)

// maxIntDigits is the length of the longest 64-bit integer with its sign.
const maxIntDigits = decimal.MaxLen

// parseInt reads b as Redis does (util.c, string2ll).
func parseInt(b []byte) (int64, bool) { return decimal.Parse(b) }

// appendInt appends n in decimal.
func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
