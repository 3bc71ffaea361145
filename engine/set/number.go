package set

import (
	"math"
	"strconv"
)

// maxDigits is the length of the longest 64-bit integer with its sign.
const maxDigits = 20

// integer reads b if it is a 64-bit integer as it would be printed.
func integer(b []byte) (int64, bool) {
	digits, negative := b, false
	if len(b) > 0 && b[0] == '-' {
		digits, negative = b[1:], true
	}
	if len(digits) == 0 || len(digits) >= maxDigits || digits[0] == '0' && len(b) > 1 {
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

// A digits is room for an integer as text.
type digits [maxDigits]byte

func (d *digits) of(n int64) []byte { return strconv.AppendInt(d[:0], n, 10) }
