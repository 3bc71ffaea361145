package decimal

import (
	"bytes"
	"math/bits"
)

// Sums of short decimals, which INCRBYFLOAT's mostly are, in two words of 64 bits: a
// long double's mantissa is one, and what stands below it one more. They are what
// ParseFloat, AddFloats and AppendFloat make of them, at a fifth of the work.

// mostPlaces is how many digits a short decimal has in all: they are below 1<<63.
const mostPlaces = 18

// powersOfTen are those that a word holds.
var powersOfTen = [...]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
}

// A long is a long double: man*2^exp, the mantissa's highest bit set unless it is zero.
type long struct {
	neg bool
	man uint64
	exp int
}

// AppendSum appends the sum of two decimals as INCRBYFLOAT answers it. false: one is not
// short, or none at all, and the sum is to be had from ParseFloat and AddFloats.
func AppendSum(dst, a, b []byte) (sum []byte, ok bool) {
	x, ok := short(a)
	if !ok {
		return dst, false
	}
	y, ok := short(b)
	if !ok {
		return dst, false
	}
	return x.plus(y).appendText(dst)
}

// short reads digits with at most one point between them and a sign before.
func short(b []byte) (long, bool) {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	var m uint64
	places, point := 0, -1
	for i, c := range b {
		switch {
		case c >= '0' && c <= '9':
			m = 10*m + uint64(c-'0')
			places++
		case c == '.' && point < 0 && i > 0 && i < len(b)-1:
			point = places
		default:
			return long{}, false
		}
	}
	if places == 0 || places > mostPlaces {
		return long{}, false
	}
	if point < 0 {
		point = places
	}
	return quotient(neg, m, powersOfTen[places-point]), true
}

// quotient is m/d, rounded to the nearest long, of two such the even one.
func quotient(neg bool, m, d uint64) long {
	if m == 0 {
		return long{neg: neg}
	}
	up, down := bits.LeadingZeros64(m), bits.LeadingZeros64(d)
	m, d = m<<up, d<<down
	q, rest := bits.Div64(m>>1, m<<63, d) // of m * 2^63: q is 2^62 at least
	exp := down - up - 63
	if q < 1<<63 {
		more := rest >= d-rest // 2*rest >= d
		if rest <<= 1; more {
			rest -= d
		}
		if q <<= 1; more {
			q |= 1
		}
		exp--
	}
	twice := rest << 1
	above := rest >= 1<<63 || twice > d
	if above || twice == d && q&1 != 0 {
		q++
	}
	if q == 0 {
		q, exp = 1<<63, exp+1
	}
	return long{neg, q, exp}
}

// plus is the sum, rounded as by quotient.
func (x long) plus(y long) long {
	if x.man == 0 {
		x, y = y, x
	}
	if y.man == 0 {
		return x
	}
	if x.exp < y.exp || x.exp == y.exp && x.man < y.man {
		x, y = y, x
	}
	hi, lo := shifted(y.man, x.exp-y.exp)
	exp := x.exp
	if x.neg == y.neg {
		var carry uint64
		if hi, carry = bits.Add64(x.man, hi, 0); carry != 0 {
			lo = lo>>1 | hi<<63 | lo&1
			hi, exp = hi>>1|1<<63, exp+1
		}
	} else {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(x.man, hi, borrow)
		if hi == 0 {
			hi, lo, exp = lo, 0, exp-64
		}
		if hi == 0 {
			return long{}
		}
		n := bits.LeadingZeros64(hi)
		hi, lo, exp = hi<<n|lo>>(64-n), lo<<n, exp-n
	}
	if lo > 1<<63 || lo == 1<<63 && hi&1 != 0 {
		if hi++; hi == 0 {
			hi, exp = 1<<63, exp+1
		}
	}
	return long{x.neg, hi, exp}
}

// shifted is m, as the upper word of two, shifted to the right; what falls out at the end
// is told by the lowest bit.
func shifted(m uint64, by int) (hi, lo uint64) {
	switch {
	case by == 0:
		return m, 0
	case by < 64:
		return m >> by, m << (64 - by)
	case by == 64:
		return 0, m
	case by < 128:
		if lo = m >> (by - 64); m<<(128-by) != 0 {
			lo |= 1
		}
		return 0, lo
	}
	return 0, 1
}

// appendText is AppendFloat for what is below 1<<64.
func (x long) appendText(dst []byte) ([]byte, bool) {
	below := -x.exp // bits behind the point
	if below < 0 {
		return dst, false
	}
	whole, part := uint64(0), x.man
	if below < 64 {
		whole, part = x.man>>below, x.man&(1<<below-1)
	}
	digits := scaled(part, below)
	if digits == powersOfTen[longDigits] {
		whole, digits = whole+1, 0
	}
	if x.neg && (whole != 0 || digits != 0) {
		dst = append(dst, '-')
	}
	dst = appendUint(dst, whole, 1)
	if digits != 0 {
		dst = bytes.TrimRight(appendUint(append(dst, '.'), digits, longDigits), "0")
	}
	return dst, true
}

// scaled is part*10^longDigits/2^below, rounded as by quotient; part is below 2^below.
func scaled(part uint64, below int) uint64 {
	hi, lo := bits.Mul64(part, powersOfTen[longDigits]) // less than 2^121
	var q, over, half uint64                            // over: what is cut off, as the upper bits of a word and a mark
	half = 1 << 63
	switch {
	case below == 0:
		return lo
	case below < 64:
		q, over = hi<<(64-below)|lo>>below, lo<<(64-below)
	case below == 64:
		q, over = hi, lo
	case below < 128:
		q, over = hi>>(below-64), hi<<(128-below)|lo>>(below-64)
		if lo<<(128-below) != 0 {
			over |= 1
		}
	default:
		return 0
	}
	if over > half || over == half && q&1 != 0 {
		q++
	}
	return q
}

// appendUint appends n with so many digits at least.
func appendUint(dst []byte, n uint64, digits int) []byte {
	var text [20]byte
	i := len(text)
	for ; n != 0 || digits > 0; digits-- {
		i--
		text[i] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, text[i:]...)
}
