package engine

import (
	"math"
	"strconv"
)

// maxIntDigits is the length of the longest 64-bit integer with its sign.
const maxIntDigits = 20

// parseInt reads b as Redis does (util.c, string2ll): a 64-bit integer in its
// one canonical form, no plus sign, no leading zeros, no spaces.
func parseInt(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > maxIntDigits {
		return 0, false
	}
	digits, neg := b, false
	if b[0] == '-' {
		neg, digits = true, b[1:]
	}
	if len(digits) == 0 || (digits[0] == '0' && len(b) > 1) {
		return 0, false
	}
	var n uint64
	for _, c := range digits {
		if c < '0' || c > '9' || n > math.MaxUint64/10 {
			return 0, false
		}
		d := uint64(c - '0')
		if n*10 > math.MaxUint64-d {
			return 0, false
		}
		n = n*10 + d
	}
	if neg {
		if n > -math.MinInt64 {
			return 0, false
		}
		return -int64(n), true
	}
	if n > math.MaxInt64 {
		return 0, false
	}
	return int64(n), true
}

// appendInt appends n in decimal.
func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
