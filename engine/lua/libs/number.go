package libs

import (
	"math"
	"strconv"
	"strings"

	"regent/engine/decimal"
)

// numberDigits is how many digits a number has as a string (LUAI_NUMFFORMAT).
const numberDigits = 14

// formatNumber is tostring of a number: C's "%.14g".
func formatNumber(f float64) string {
	const exact = 100_000_000_000_000 // below, an integer has no more digits than are printed
	if n := int64(f); float64(n) == f && n > -exact && n < exact && (n != 0 || !math.Signbit(f)) {
		return strconv.FormatInt(n, 10)
	}
	return string(appendG(nil, f, numberDigits))
}

// appendG prints f as C's "%.<digits>g".
func appendG(dst []byte, f float64, digits int) []byte {
	if s, ok := special(f); ok {
		return append(dst, s...)
	}
	return strconv.AppendFloat(dst, f, 'g', digits, 64)
}

// special is what C prints for a value that has no digits.
func special(f float64) (string, bool) {
	switch {
	case math.IsInf(f, 1):
		return "inf", true
	case math.IsInf(f, -1):
		return "-inf", true
	case math.IsNaN(f) && math.Signbit(f):
		return "-nan", true
	case math.IsNaN(f):
		return "nan", true
	}
	return "", false
}

// blanks is what C's isspace takes.
const blanks = " \t\n\v\f\r"

// parseNumber is a string as a number, blanks around it allowed: luaO_str2d. It ends
// at a zero byte.
func parseNumber(s string) (float64, bool) {
	s, _, _ = strings.Cut(s, "\x00")
	t := strings.TrimLeft(s, blanks)
	f, n := decimal.Prefix([]byte(t))
	if n == 0 {
		return 0, false
	}
	return f, strings.TrimLeft(t[n:], blanks) == ""
}

// toInt64 is a double as an integer, as amd64 converts: what does not fit is the least.
func toInt64(f float64) int64 {
	if !(f >= -(1<<63) && f < 1<<63) {
		return math.MinInt64
	}
	return int64(f)
}

// toUint64 is a double as an unsigned integer, as amd64's compilers convert.
func toUint64(f float64) uint64 {
	if f >= 1<<63 {
		return uint64(toInt64(f-(1<<63))) ^ 1<<63
	}
	return uint64(toInt64(f))
}

// toInt32 is a double as an int of C.
func toInt32(f float64) int32 {
	if !(f > -(1<<31)-1 && f < 1<<31) {
		return math.MinInt32
	}
	return int32(f)
}
