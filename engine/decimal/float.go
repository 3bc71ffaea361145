package decimal

import (
	"bytes"
	"math/big"
)

// Redis calculates INCRBYFLOAT in C's long double: on the machines it mostly
// runs on a 64-bit mantissa with a 15-bit exponent. big.Float with 64 bits of
// mantissa rounds the same way, so results agree digit for digit.

const (
	longMantissa = 64     // bits
	longMaxBits  = 16384  // binary exponent of the largest number
	longMinBits  = -16444 // and of the smallest
	longDigits   = 17     // after the point, when printed
	longMaxText  = 5119   // bytes of a number's text
	// longMaxExp bounds the exponent as written, and so the work of reading
	// it: beyond, longMaxText digits cannot make up for it.
	longMaxExp = 40000
)

// NewFloat is zero, as wide as a long double.
func NewFloat() *big.Float { return new(big.Float).SetPrec(longMantissa) }

// ParseFloat reads b as strtold does, all of it: decimal or hexadecimal, or
// an infinity; not a number, and what is too large or too small, is refused.
func ParseFloat(b []byte) (*big.Float, bool) {
	if len(b) == 0 || len(b) > longMaxText {
		return nil, false
	}
	digits, neg := b, b[0] == '-'
	if neg || b[0] == '+' {
		digits = b[1:]
	}
	if bytes.EqualFold(digits, []byte("inf")) || bytes.EqualFold(digits, []byte("infinity")) {
		return NewFloat().SetInf(neg), true
	}
	base, mark := 10, byte('e')
	if len(digits) > 2 && digits[0] == '0' && digits[1]|0x20 == 'x' {
		base, mark, digits = 16, 'p', digits[2:]
	}
	f, ok := parseMagnitude(digits, base, mark)
	if !ok {
		return nil, false
	}
	if neg {
		f.Neg(f)
	}
	return f, true
}

// parseMagnitude reads digits of the base with at most one point, and an
// exponent after the letter mark.
func parseMagnitude(b []byte, base int, mark byte) (*big.Float, bool) {
	mant, exp, marked := bytes.Cut(bytes.ToLower(b), []byte{mark})
	if marked && !isExponent(exp) {
		return nil, false
	}
	points, zero := 0, true
	for _, c := range mant {
		if c == '.' {
			points++
		} else if bytes.IndexByte([]byte("0123456789abcdef")[:base], c) < 0 {
			return nil, false
		}
		zero = zero && (c == '.' || c == '0')
	}
	if points > 1 || len(mant) == points {
		return nil, false
	}
	if zero {
		return NewFloat(), true
	}
	if tooFar(exp) {
		return nil, false
	}
	prefix := ""
	if base == 16 {
		prefix, base = "0x", 0
	}
	f, _, err := big.ParseFloat(prefix+string(b), base, longMantissa, big.ToNearestEven)
	if err != nil || f.IsInf() || f.Sign() == 0 {
		return nil, false
	}
	bits := f.MantExp(nil)
	return f, bits <= longMaxBits && bits >= longMinBits
}

func isExponent(b []byte) bool {
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		b = b[1:]
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// tooFar reports an exponent beyond longMaxExp.
func tooFar(exp []byte) bool {
	n := 0
	for _, c := range exp {
		if c >= '0' && c <= '9' {
			n = n*10 + int(c-'0')
		}
		if n > longMaxExp {
			return true
		}
	}
	return false
}

// AddFloats adds; false when the sum is infinite or not a number.
func AddFloats(a, b *big.Float) (*big.Float, bool) {
	if a.IsInf() || b.IsInf() {
		return nil, false
	}
	sum := NewFloat().Add(a, b)
	return sum, sum.MantExp(nil) <= longMaxBits
}

// AppendFloat prints f with up to longDigits digits after the point and no
// zeros at the end.
func AppendFloat(dst []byte, f *big.Float) []byte {
	start := len(dst)
	dst = f.Append(dst, 'f', longDigits)
	dst = bytes.TrimRight(dst, "0")
	dst = bytes.TrimSuffix(dst, []byte("."))
	if string(dst[start:]) == "-0" {
		return append(dst[:start], '0')
	}
	return dst
}
