package decimal

import (
	"bytes"
	"math"
	"strconv"
)

// Doubles as C prints and reads them, which is how redis-server has scores: printed by
// "%.17g", read by strtod.
//
//	ParseScore  ZADD, ZINCRBY, WEIGHTS: all of the text, no blanks before it, and
//	            neither nan nor what is too large or too small
//	ParseBound  ZRANGEBYSCORE and its kin: up to a zero byte; blanks before it, no
//	            text at all and what is too large or small (inf and 0) are welcome
//	ParseFloat  INCRBYFLOAT and timeouts, which are long doubles (float.go)

// DoubleLen is the longest text of a double: "-1.7976931348623157e+308".
const DoubleLen = 24

// exactInts is up to where every integer is a double of its own.
const exactInts = 1 << 53

// AppendDouble prints f as C's "%.17g" does, and nan always without a sign.
func AppendDouble(dst []byte, f float64) []byte {
	if n := int64(f); float64(n) == f && n > -exactInts && n < exactInts && (n != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(dst, n, 10)
	}
	switch {
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case math.IsNaN(f):
		return append(dst, "nan"...)
	}
	const digits = 17
	return strconv.AppendFloat(dst, f, 'g', digits, 64)
}

// WholeDouble is f as an integer, if it is one that redis-server packs as such
// (util.c, double2ll): -0 is 0.
func WholeDouble(f float64) (int64, bool) {
	const most = 1 << 62
	if !(f >= -most && f <= most) {
		return 0, false
	}
	n := int64(f)
	return n, float64(n) == f
}

// ParseScore reads b as redis-server's string2d does.
func ParseScore(b []byte) (float64, bool) {
	if f, ok := plain(b); ok { // what most are
		return f, true
	}
	f, n, fits := strtod(b)
	return f, n == len(b) && n > 0 && fits && !math.IsNaN(f)
}

// ParseBound reads b as C's strtod does, up to a zero byte. Not a number is refused.
func ParseBound(b []byte) (float64, bool) {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	t := bytes.TrimLeft(b, " \t\n\v\f\r")
	f, n, _ := strtod(t)
	if n == 0 { // then it was nothing, blanks included
		return 0, len(b) == 0
	}
	return f, n == len(t) && !math.IsNaN(f)
}

// powers are those of ten up to the digits after the point that plain takes.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17}

// plain reads what has digits, a sign and a point alone, and few digits: number and power
// of ten are doubles then, so that their quotient is the nearest (Clinger, PLDI 1990).
// false: it is something else.
func plain(b []byte) (float64, bool) {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > len(powers) {
		return 0, false
	}
	n, point := uint64(0), -1
	for i, c := range b {
		switch {
		case c >= '0' && c <= '9':
			n = n*10 + uint64(c-'0')
		case c == '.' && point < 0 && len(b) > 1:
			point = i
		default:
			return 0, false
		}
	}
	if n > exactInts || n == 0 && neg {
		return 0, false
	}
	f := float64(n)
	if point >= 0 {
		f /= powers[len(b)-1-point]
	}
	if neg {
		f = -f
	}
	return f, true
}

// ParseWeight reads a number as SORT does: with blanks before it, up to a zero byte, and
// nothing is 0. False: it is none, NaN, or out of range.
func ParseWeight(b []byte) (float64, bool) {
	if n, ok := Parse(b); ok && -exactInts <= n && n <= exactInts { // as most are
		return float64(n), true
	}
	b, _, _ = bytes.Cut(b, []byte{0})
	if len(b) == 0 {
		return 0, true
	}
	b = bytes.TrimLeft(b, " \t\n\v\f\r")
	if len(b) == 0 {
		return 0, false
	}
	f, n, fits := strtod(b)
	return f, n == len(b) && fits && f == f
}

// strtod reads a number at the beginning of b, and returns how many bytes it takes: 0
// if there is none. What is too large comes out as an infinity, what is too small as
// zero; fits is false then. There are no blanks before it.
func strtod(b []byte) (f float64, n int, fits bool) {
	sign := 0
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		sign = 1
	}
	neg := sign == 1 && b[0] == '-'
	rest := b[sign:]
	f, n, fits = magnitude(rest)
	if n == 0 {
		return 0, 0, true
	}
	if neg {
		f = -f
	}
	return f, sign + n, fits
}

// magnitude is strtod of what has no sign.
func magnitude(b []byte) (f float64, n int, fits bool) {
	switch {
	case hasFold(b, "infinity"):
		return math.Inf(1), len("infinity"), true
	case hasFold(b, "inf"):
		return math.Inf(1), len("inf"), true
	case hasFold(b, "nan"):
		return math.NaN(), len("nan"), true // what may follow in brackets is refused either way
	}
	if len(b) > 2 && b[0] == '0' && b[1]|0x20 == 'x' {
		if n, zero, exp := numeral(b[2:], "0123456789abcdef", 'p'); n > 0 {
			text := "0x" + string(b[2:2+n])
			if !exp {
				text += "p0"
			}
			f, fits = convert(text, zero)
			return f, 2 + n, fits
		}
	}
	n, zero, _ := numeral(b, "0123456789", 'e')
	if n == 0 {
		return 0, 0, true
	}
	f, fits = convert(string(b[:n]), zero)
	return f, n, fits
}

// convert is the value of a numeral; zero: none of its digits is another.
func convert(text string, zero bool) (f float64, fits bool) {
	if zero {
		return 0, true
	}
	f, _ = strconv.ParseFloat(text, 64) // an infinity if it is out of range, as in C
	return f, f != 0 && !math.IsInf(f, 0)
}

// numeral is how many bytes of b are digits with at most one point, and an exponent
// after the letter mark if there is a whole one; 0 without digits.
func numeral(b []byte, digits string, mark byte) (n int, zero, exp bool) {
	seen, point := false, false
	for zero = true; n < len(b); n++ {
		c := b[n]
		if c >= 'A' && c <= 'F' {
			c |= 0x20
		}
		if c == '.' && !point {
			point = true
		} else if indexByte(digits, c) {
			seen, zero = true, zero && c == '0'
		} else {
			break
		}
	}
	if !seen {
		return 0, true, false
	}
	if n < len(b) && b[n]|0x20 == mark {
		i := n + 1
		if i < len(b) && (b[i] == '-' || b[i] == '+') {
			i++
		}
		for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
			n, exp = i+1, true
		}
	}
	return n, zero, exp
}

func indexByte(s string, c byte) bool {
	for i := range len(s) {
		if s[i] == c {
			return true
		}
	}
	return false
}

// hasFold reports whether b begins with a word in any case.
func hasFold(b []byte, word string) bool {
	return len(b) >= len(word) && bytes.EqualFold(b[:len(word)], []byte(word))
}

// Prefix reads the number that b begins with as C's strtod does, blanks before it apart,
// and returns how many bytes it takes: 0 if there is none.
func Prefix(b []byte) (f float64, n int) {
	f, n, _ = strtod(b)
	return f, n
}
