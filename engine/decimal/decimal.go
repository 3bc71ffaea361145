// Package decimal tells which texts are integers: those of 64 bits in the one
// form in which they would be printed, as Redis has it (util.c, string2ll). Only
// these may be kept as numbers, for nobody can tell afterwards. float.go has the
// numbers of INCRBYFLOAT, which are C's long doubles, and double.go scores, which are
// its doubles.
package decimal

import (
	"math"
	"strconv"
)

// MaxLen is the length of the longest such text, with its sign.
const MaxLen = 20

// Parse reads b if it is such a text: no plus sign, no leading zeros, no spaces.
func Parse(b []byte) (int64, bool) {
	digits, negative := b, false
	if len(b) > 0 && b[0] == '-' {
		digits, negative = b[1:], true
	}
	if len(digits) == 0 || len(digits) >= MaxLen || digits[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var n uint64 // 19 digits fit
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = n*10 + uint64(d-'0')
	}
	if negative {
		return -int64(n), n <= -math.MinInt64
	}
	return int64(n), n <= math.MaxInt64
}

// A Text is room for an integer as text.
type Text [MaxLen]byte

// Of writes n there. The bytes are the Text's own.
func (t *Text) Of(n int64) []byte { return strconv.AppendInt(t[:0], n, 10) }
