package decimal

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// slowSum is AppendSum as long doubles of math/big make it.
func slowSum(a, b string) (string, bool) {
	x, ok := ParseFloat([]byte(a))
	if !ok {
		return "", false
	}
	y, ok := ParseFloat([]byte(b))
	if !ok {
		return "", false
	}
	sum, ok := AddFloats(x, y)
	if !ok {
		return "", false
	}
	return string(AppendFloat(nil, sum)), true
}

// drawShort is a decimal of up to 20 digits with a point somewhere.
func drawShort(rnd *rand.Rand) string {
	digits := strconv.FormatUint(rnd.Uint64()>>rnd.IntN(64), 10)
	if rnd.IntN(8) == 0 {
		digits += strings.Repeat("0", rnd.IntN(4))
	}
	if rnd.IntN(4) != 0 {
		places := rnd.IntN(len(digits) + 4)
		if places >= len(digits) {
			digits = strings.Repeat("0", places-len(digits)+1) + digits
		}
		if places > 0 {
			digits = digits[:len(digits)-places] + "." + digits[len(digits)-places:]
		}
	}
	if rnd.IntN(2) == 0 {
		return "-" + digits
	}
	return digits
}

// TestSums: a sum in two words is that of long doubles, to the last digit.
func TestSums(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	quick := 0
	for range 300_000 {
		a, b := drawShort(rnd), drawShort(rnd)
		if rnd.IntN(4) == 0 { // nearly opposite
			b = "-" + a + strconv.Itoa(rnd.IntN(10))
			b = strings.ReplaceAll(b, "--", "")
		}
		got, ok := AppendSum([]byte("x"), []byte(a), []byte(b))
		if !ok {
			continue
		}
		quick++
		if want, ok := slowSum(a, b); !ok || string(got) != "x"+want {
			t.Fatalf("%s + %s: %s, want %s, %t", a, b, got[1:], want, ok)
		}
	}
	if quick < 150_000 {
		t.Errorf("%d sums were short", quick)
	}
	for _, s := range []string{"", "-", ".", ".5", "5.", "1e3", "+1", "inf", "0x1", " 1", "1 ", "1.2.3", "1234567890123456789"} {
		if _, ok := AppendSum(nil, []byte("1"), []byte(s)); ok {
			t.Errorf("%q is taken for a short decimal", s)
		}
	}
}

func BenchmarkSum(b *testing.B) {
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = AppendSum(buf[:0], []byte("123.4"), []byte("0.1"))
	}
}
